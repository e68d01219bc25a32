//! `#[derive(Btf)]`, and the signatures of functions as constant data.

use crate::emit;
use crate::scope::FunctionItem;
use crate::signature;
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Rule};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

/// The notes on parameters that the kernel knows, as `arg:NAME`.
const NOTES: &[&str] = &[
    "arena",
    "ctx",
    "nonnull",
    "nullable",
    "trusted",
    "untrusted",
];

/// The longest name that all kernels take.
const LONGEST_NAME: usize = 127;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match derive(input) {
        Ok(tokens) => tokens,
        Err(error) => error.into_compile_error(),
    }
}

/// An expression for a type: what the kernel can be told about it, else its bytes. Pointers to
/// what nothing is known about are pointers to bytes.
pub(crate) fn type_def(krate: &TokenStream, ty: &syn::Type) -> TokenStream {
    let krate = &emit::located(krate, ty.span());
    let def = quote_spanned!(ty.span()=> #krate::object::TypeDef);
    match ty {
        syn::Type::Ptr(syn::TypePtr { elem, .. })
        | syn::Type::Reference(syn::TypeReference { elem, .. }) => {
            let to = match is_unsized(elem) {
                true => quote!(&#def::Void),
                false => type_def(krate, elem),
            };
            quote_spanned!(ty.span()=> const { &#def::Pointer(|| #to) })
        }
        syn::Type::Paren(inner) => type_def(krate, &inner.elem),
        syn::Type::Group(inner) => type_def(krate, &inner.elem),
        syn::Type::FnPtr(function) => {
            let parameters = function.inputs.iter().map(|input| {
                let name = match &input.name {
                    Some((name, _)) => plain_name(name),
                    None => String::new(),
                };
                let ty = type_def(krate, &input.ty);
                quote!(#krate::object::ParameterDef::new(#name, #ty, &[]))
            });
            let result = result_def(krate, &function.output);
            quote_spanned! {ty.span()=>
                const {
                    &#def::FunctionPointer(const {
                        &#krate::object::SignatureDef::new(const { &[#(#parameters),*] }, #result)
                    })
                }
            }
        }
        ty => quote_spanned! {ty.span()=>
            {
                #[allow(unused_imports, reason = "only types that nothing is known about need it")]
                use #krate::__private::TypeOfAny as _;
                #krate::__private::TypeOf::<#ty>::TYPE
            }
        },
    }
}

/// Whether a type has no size that is known: the kernel has no word for it but `void`.
fn is_unsized(ty: &syn::Type) -> bool {
    match ty {
        syn::Type::Slice(_) | syn::Type::TraitObject(_) => true,
        syn::Type::Paren(inner) => is_unsized(&inner.elem),
        syn::Type::Group(inner) => is_unsized(&inner.elem),
        syn::Type::Path(path) => {
            let last = path.path.segments.last();
            last.is_some_and(|last| {
                ["str", "CStr", "OsStr", "Path"].contains(&last.ident.to_string().as_str())
            })
        }
        _ => false,
    }
}

fn result_def(krate: &TokenStream, output: &syn::ReturnType) -> TokenStream {
    match output {
        syn::ReturnType::Default => quote!(&#krate::object::TypeDef::Void),
        syn::ReturnType::Type(_, ty) => type_def(krate, ty),
    }
}

/// A name that the kernel takes; none for what it does not.
fn plain_name(ident: &Ident) -> String {
    let name = ident.to_string();
    match is_name(&name) && name != "_" {
        true => name,
        false => String::new(),
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The signature of a function as an expression, and what is wrong with its notes.
pub(crate) fn signature_def(
    krate: &TokenStream,
    tokens: &Tokens,
    function: &FunctionItem<'_>,
) -> Result<TokenStream, Option<Diagnostic>> {
    let item = function.item;
    // A signature that cannot be read is reported by `signature::check`.
    let signature = signature::read(tokens, item).map_err(|_| None)?;
    let is_global = function.kind.is_none() && !item.visibility.is_empty();
    let mut parameters = Vec::new();
    for input in &signature.inputs {
        let syn::FnArg::Typed(input) = input else {
            return Err(None);
        };
        let notes = notes(&input.attrs).and_then(|notes| match notes.is_empty() || is_global {
            true => Ok(notes),
            false => Err(format!(
                "the kernel looks at notes on parameters of global functions only, and `{}` is \
                 none",
                item.name.text
            )),
        });
        let notes = notes.map_err(|message| {
            Diagnostic::error(Rule::Signature, item.parameters.span, message).with_help(format!(
                "the notes are {}: write `pub fn {}(#[arg(nonnull)] event: *mut Event)`",
                NOTES.join(", "),
                item.name.text
            ))
        })?;
        let name = match &*input.pat {
            syn::Pat::Ident(name) => plain_name(&name.ident),
            _ => String::new(),
        };
        let ty = type_def(krate, &input.ty);
        parameters.push(quote!(#krate::object::ParameterDef::new(#name, #ty, &[#(#notes),*])));
    }
    let result = result_def(krate, &signature.output);
    Ok(quote! {
        &#krate::object::SignatureDef::new(const { &[#(#parameters),*] }, #result)
    })
}

/// `#[arg(ctx)]`, as the kernel has it: `arg:ctx`.
fn notes(attributes: &[syn::Attribute]) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    for attribute in attributes {
        let path = attribute.path().to_token_stream().to_string();
        if path != "arg" {
            return Err(format!("a parameter has no attribute `{path}`"));
        }
        let read = attribute.parse_nested_meta(|meta| {
            let name = meta.path.to_token_stream().to_string();
            match NOTES.contains(&name.as_str()) {
                true => notes.push(format!("arg:{name}")),
                false => return Err(meta.error(format!("the kernel knows no note `{name}`"))),
            }
            Ok(())
        });
        read.map_err(|error| error.to_string())?;
    }
    Ok(notes)
}

/// What `#[btf(…)]` and `#[repr(…)]` say about a type.
struct Options {
    krate: syn::Path,
    name: Option<syn::LitStr>,
    repr: Option<String>,
    transparent: bool,
}

impl Options {
    fn read(attributes: &[syn::Attribute]) -> syn::Result<Self> {
        let mut options = Self {
            krate: syn::parse_quote!(::ebpf_rt),
            name: None,
            repr: None,
            transparent: false,
        };
        for attribute in attributes {
            if attribute.path().is_ident("btf") {
                attribute.parse_nested_meta(|meta| {
                    if meta.path.is_ident("crate") {
                        options.krate = meta.value()?.parse()?;
                    } else if meta.path.is_ident("name") {
                        options.name = Some(meta.value()?.parse()?);
                    } else {
                        return Err(meta.error("the options are `crate = path` and `name = \"…\"`"));
                    }
                    Ok(())
                })?;
            } else if attribute.path().is_ident("repr") {
                let list = attribute.meta.require_list()?.tokens.to_string();
                for word in list.split(',').map(str::trim) {
                    options.transparent |= word == "transparent";
                    if word == "C" || is_integer(word) {
                        options.repr = Some(word.to_owned());
                    }
                }
            }
        }
        Ok(options)
    }
}

fn is_integer(word: &str) -> bool {
    let sizes = ["8", "16", "32", "64", "size"];
    word.strip_prefix(['u', 'i'])
        .is_some_and(|size| sizes.contains(&size))
}

fn derive(input: TokenStream) -> syn::Result<TokenStream> {
    let input: syn::DeriveInput = syn::parse2(input)?;
    let options = Options::read(&input.attrs)?;
    let krate = options.krate.to_token_stream();
    let ident = &input.ident;
    if let Some(parameter) = input.generics.params.first() {
        return Err(syn::Error::new(
            parameter.span(),
            "the kernel knows no generic types",
        ));
    }
    let (name, place) = match &options.name {
        Some(name) => (name.value(), name.span()),
        None => (ident.to_string(), ident.span()),
    };
    check_name(&name, place)?;
    let no_layout = |what: &str| {
        let message = format!(
            "the layout of `{ident}` is not fixed\nhelp: write `#[repr({what})]` before it"
        );
        Err(syn::Error::new(ident.span(), message))
    };
    let def = match &input.data {
        syn::Data::Struct(_) if options.repr.is_none() && !options.transparent => {
            return no_layout("C");
        }
        syn::Data::Union(_) if options.repr.is_none() && !options.transparent => {
            return no_layout("C");
        }
        syn::Data::Struct(data) => composite(&krate, "Struct", &name, &data.fields)?,
        syn::Data::Union(data) => {
            let fields = syn::Fields::Named(data.fields.clone());
            composite(&krate, "Union", &name, &fields)?
        }
        syn::Data::Enum(data) => {
            let Some(repr) = &options.repr else {
                return no_layout("u32");
            };
            enumeration(&krate, &name, data, repr)?
        }
    };
    Ok(quote! {
        impl #krate::object::BtfType for #ident {
            const TYPE: &'static #krate::object::TypeDef = &#def;
        }
    })
}

fn check_name(name: &str, place: Span) -> syn::Result<()> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && is_name(name) {
        return Ok(());
    }
    Err(syn::Error::new(
        place,
        format!(
            "BPF0059: the kernel does not take the name `{name}`\nhelp: names have letters from a \
             to z, digits and underscores, and {LONGEST_NAME} bytes at most"
        ),
    ))
}

fn composite(
    krate: &TokenStream,
    variant: &str,
    name: &str,
    fields: &syn::Fields,
) -> syn::Result<TokenStream> {
    let is_union = variant == "Union";
    let mut members = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let (member, field_name) = match &field.ident {
            Some(ident) => {
                let text = ident.to_string();
                let text = text.trim_start_matches("r#").to_owned();
                check_name(&text, ident.span())?;
                (ident.to_token_stream(), text)
            }
            None => {
                let position = syn::Index::from(index);
                (position.to_token_stream(), format!("_{index}"))
            }
        };
        let ty = type_def(krate, &field.ty);
        let offset = match is_union {
            true => quote!(0),
            false => quote!(::core::mem::offset_of!(Self, #member)),
        };
        let contains = contains(krate, &field.attrs)?;
        members.push(quote!(#krate::object::MemberDef::new(#field_name, #ty, #offset) #contains));
    }
    let variant = Ident::new(variant, Span::call_site());
    Ok(quote! {
        #krate::object::TypeDef::#variant(#krate::object::CompositeDef::new(
            #name,
            ::core::mem::size_of::<Self>(),
            const { &[#(#members),*] },
        ))
    })
}

/// `#[btf(contains(Node, link))]` on the head of a list or root of a tree.
fn contains(krate: &TokenStream, attributes: &[syn::Attribute]) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    for attribute in attributes {
        if !attribute.path().is_ident("btf") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("contains") {
                return Err(meta.error("the only option is `contains(Type, member)`"));
            }
            let content;
            syn::parenthesized!(content in meta.input);
            let ty: syn::Type = content.parse()?;
            content.parse::<syn::Token![,]>()?;
            let member: Ident = content.parse()?;
            let member_name = member.to_string();
            tokens = quote_spanned! {ty.span()=>
                .with_contains(#krate::object::ContainsDef {
                    ty: || {
                        // The member has to be there.
                        const _: usize = ::core::mem::offset_of!(#ty, #member);
                        <#ty as #krate::object::BtfType>::TYPE
                    },
                    member: #member_name,
                })
            };
            Ok(())
        })?;
    }
    Ok(tokens)
}

fn enumeration(
    krate: &TokenStream,
    name: &str,
    data: &syn::DataEnum,
    repr: &str,
) -> syn::Result<TokenStream> {
    let mut values = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, syn::Fields::Unit) {
            let message = "the kernel knows no enums with fields";
            return Err(syn::Error::new(variant.span(), message));
        }
        let ident = &variant.ident;
        let text = ident.to_string();
        check_name(&text, ident.span())?;
        values.push(quote!(#krate::object::EnumValueDef::new(#text, Self::#ident as i128)));
    }
    let signed = !repr.starts_with('u');
    Ok(quote! {
        #krate::object::TypeDef::Enum {
            name: #name,
            size: ::core::mem::size_of::<Self>() as u32,
            signed: #signed,
            values: const { &[#(#values),*] },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(source: &str) -> String {
        let tokens = source.parse().expect("Rust's tokens");
        let error = derive(tokens).expect_err(source);
        error.to_string()
    }

    #[test]
    fn mistakes_in_types() {
        let cases = [
            ("struct A { b: u8 }", "write `#[repr(C)]`"),
            ("union A { b: u8 }", "write `#[repr(C)]`"),
            ("enum A { B }", "write `#[repr(u32)]`"),
            ("#[repr(u8)] enum A { B(u8) }", "no enums with fields"),
            ("#[repr(C)] struct A<T> { b: T }", "no generic types"),
            (
                "#[repr(C)] struct Größe { b: u8 }",
                "does not take the name `Größe`",
            ),
            (
                "#[repr(C)] struct A { größe: u8 }",
                "does not take the name `größe`",
            ),
            (
                "#[repr(C)] #[btf(name = \"a b\")] struct A {}",
                "does not take the name `a b`",
            ),
            (
                "#[repr(C)] #[btf(krate = a)] struct A {}",
                "the options are",
            ),
            (
                "#[repr(C)] struct A { #[btf(holds)] b: u8 }",
                "contains(Type, member)",
            ),
        ];
        for (source, expected) in cases {
            let message = error(source);
            assert!(message.contains(expected), "{source}: {message}");
        }
    }

    #[test]
    fn what_has_no_size_is_void() {
        let def = |ty: &str| {
            let ty: syn::Type = syn::parse_str(ty).expect(ty);
            type_def(&quote!(k), &ty).to_string()
        };
        for ty in [
            "&'static str",
            "*const [u8]",
            "&dyn Send",
            "*const core::ffi::CStr",
            "&(str)",
        ] {
            let text = def(ty);
            assert!(
                text.contains("Pointer (|| & k :: object :: TypeDef :: Void)"),
                "{ty}: {text}"
            );
        }
        assert!(def("*const [u8; 4]").contains("TypeOf :: < [u8 ; 4] >"));
    }

    #[test]
    fn types_become_constant_data() {
        let source = "#[repr(C)] #[btf(crate = a::b, name = \"x\")] struct A(u8, *mut A);";
        let tokens = derive(source.parse().expect("Rust's tokens")).expect(source);
        syn::parse2::<syn::File>(tokens.clone()).expect(source);
        let text = tokens.to_string();
        for part in ["impl a :: b :: object :: BtfType for A", "\"x\"", "\"_1\""] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn notes_are_the_kernels() {
        let notes_of = |source: &str| {
            let function: syn::Signature = syn::parse_str(source).expect(source);
            match &function.inputs[0] {
                syn::FnArg::Typed(input) => notes(&input.attrs),
                syn::FnArg::Receiver(_) => panic!("{source}"),
            }
        };
        let both = notes_of("fn f(#[arg(ctx, nonnull)] a: u8)");
        assert_eq!(
            both,
            Ok(vec!["arg:ctx".to_owned(), "arg:nonnull".to_owned()])
        );
        for (source, expected) in [
            ("fn f(#[arg(null)] a: u8)", "no note `null`"),
            ("fn f(#[note] a: u8)", "no attribute `note`"),
        ] {
            let error = notes_of(source).expect_err(source);
            assert!(error.contains(expected), "{error}");
        }
    }
}
