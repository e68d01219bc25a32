//! What an object asks of the kernel: its symbols and the facts about its types, as constant data.

use crate::emit;
use crate::scope::{KernelSymbol, ident};
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Rule};
use ebpf_asm::link::{Linked, RelocationTarget};
use ebpf_asm::object::KernelConstantKind;
use ebpf_asm::syntax::ast::{KernelConstant, KernelItemKind, TokenRange};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

/// The facts about the kernel's types that programs use, each once.
pub(crate) struct KernelConstants(Vec<KernelConstant>);

impl KernelConstants {
    pub(crate) fn of<'a>(programs: impl Iterator<Item = &'a Linked>) -> Self {
        let relocations = programs.flat_map(|linked| &linked.relocations);
        let constants = relocations.filter_map(|relocation| match &relocation.target {
            RelocationTarget::KernelConstant { constant, .. } => Some(constant.clone()),
            _ => None,
        });
        let mut constants: Vec<KernelConstant> = constants.collect();
        constants.sort();
        constants.dedup();
        Self(constants)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The position of one of them.
    pub(crate) fn position(&self, constant: &KernelConstant) -> u16 {
        let position = self.0.binary_search(constant).unwrap_or_default();
        // An object with more does not compile: see `too_many`.
        u16::try_from(position).unwrap_or(u16::MAX)
    }

    /// The list for the object.
    pub(crate) fn tokens(&self, krate: &TokenStream) -> TokenStream {
        let constants = self.0.iter().map(|KernelConstant { kind, ty, path }| {
            let kind = match kind {
                KernelConstantKind::OffsetOf => quote!(OffsetOf),
                KernelConstantKind::SizeOf => quote!(SizeOf),
                KernelConstantKind::EnumValue => quote!(EnumValue),
                // The enum grows in ebpf-asm; what this crate does not know it cannot have parsed.
                _ => quote!(Exists),
            };
            quote! {
                #krate::object::KernelConstantDef::new(
                    #krate::object::KernelConstantKind::#kind, #ty, #path,
                )
            }
        });
        quote!(&[#(#constants),*])
    }

    pub(crate) fn too_many(&self, place: ebpf_asm::diag::Span) -> Option<Diagnostic> {
        let most = usize::from(u16::MAX);
        (self.0.len() > most).then(|| {
            let message = format!("an object asks the kernel for at most {most} facts");
            Diagnostic::error(Rule::UnknownItem, place, message)
        })
    }
}

/// A symbol of the kernel for the object's list, and what is wrong with its declaration.
pub(crate) fn symbol(
    krate: &TokenStream,
    tokens: &Tokens,
    symbol: &KernelSymbol<'_>,
) -> (TokenStream, Option<Diagnostic>) {
    let item = symbol.item;
    let name = &item.name.text;
    let declaration = declaration(tokens, item.declaration);
    let weak = symbol.weak.then(|| quote!(.weak()));
    let list = |definition: TokenStream| quote!(#krate::object::KernelSymbolDef::#definition #weak);
    match item.kind {
        KernelItemKind::Variable { ty } => {
            let written = tokens.stream(ty);
            let ty = match syn::parse2::<syn::Type>(written) {
                Ok(ty) => ty,
                Err(error) => {
                    return (
                        TokenStream::new(),
                        Some(unreadable(item.name.span, name, &error)),
                    );
                }
            };
            let krate = emit::located(krate, ty.span());
            let kind = quote_spanned! {ty.span()=> {
                #[allow(unused_imports, reason = "only types that are no numbers and no pointers need it")]
                use #krate::__private::AnyKernelType as _;
                #krate::__private::KernelTypeOf::<#ty>::TYPE
            }};
            let kind = named(kind, &ty);
            (list(quote!(variable(#name, #kind, #declaration))), None)
        }
        KernelItemKind::Function { parameters, output } => {
            let ident = ident(tokens, &item.name);
            let parameters = tokens.stream(parameters);
            let written = tokens.stream(output);
            let output = (!output.is_empty()).then(|| quote!(-> #written));
            let signature: syn::Signature =
                match syn::parse2(quote!(fn #ident(#parameters) #output)) {
                    Ok(signature) => signature,
                    Err(error) => {
                        return (
                            TokenStream::new(),
                            Some(unreadable(item.name.span, name, &error)),
                        );
                    }
                };
            let mut types = Vec::new();
            for input in &signature.inputs {
                match input {
                    syn::FnArg::Typed(typed) => types.push(value_type(krate, &typed.ty)),
                    syn::FnArg::Receiver(_) => {
                        let message = "functions of the kernel have no `self`";
                        let diagnostic =
                            Diagnostic::error(Rule::Signature, item.name.span, message);
                        return (TokenStream::new(), Some(diagnostic));
                    }
                }
            }
            let result = match &signature.output {
                syn::ReturnType::Default => quote!(#krate::object::KernelType::Void),
                syn::ReturnType::Type(_, ty) => value_type(krate, ty),
            };
            let definition =
                quote!(function(#name, const { &[#(#types),*] }, #result, #declaration));
            let many = types.len() > ARGUMENT_REGISTERS;
            let diagnostic = many.then(|| {
                let message = format!(
                    "`{name}` has {} parameters, and five registers carry them",
                    types.len()
                );
                Diagnostic::error(Rule::Signature, item.name.span, message)
                    .with_note("programs cannot call such functions of the kernel")
            });
            (list(definition), diagnostic)
        }
    }
}

/// The registers that carry arguments: r1 to r5.
const ARGUMENT_REGISTERS: usize = 5;

fn unreadable(place: ebpf_asm::diag::Span, name: &str, error: &syn::Error) -> Diagnostic {
    let message = format!("the declaration of `{name}` cannot be read: {error}");
    Diagnostic::error(Rule::Signature, place, message)
}

/// The declaration in one line, spaced as Rust is.
fn declaration(tokens: &Tokens, range: TokenRange) -> String {
    let text = tokens.list.render(range.start, range.end);
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        let tight = matches!(character, ',' | ':' | ';' | ')' | '(' | '>' | '<');
        if tight && line.ends_with(' ') && !line.ends_with("-> ") {
            line.pop();
        }
        let no_space = line.ends_with(['(', '*', '<', '&', ' ']) || line.ends_with("::");
        if character == ' ' && no_space {
            continue;
        }
        line.push(character);
    }
    line.replace("->", " -> ").replace("  ", " ")
}

/// The type of a parameter or result, which rustc resolves.
fn value_type(krate: &TokenStream, ty: &syn::Type) -> TokenStream {
    let krate = emit::located(krate, ty.span());
    named(
        quote_spanned!(ty.span()=> <#ty as #krate::__private::KernelValue>::TYPE),
        ty,
    )
}

/// The type with the name that was written, where there is one.
fn named(of: TokenStream, ty: &syn::Type) -> TokenStream {
    let inner = match ty {
        syn::Type::Ptr(pointer) => &*pointer.elem,
        other => other,
    };
    let name = match inner {
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    };
    match name {
        Some(name) => quote!(#of.named(#name)),
        None => of,
    }
}
