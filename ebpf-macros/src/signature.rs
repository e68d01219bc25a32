//! The signatures of programs and functions.

use crate::emit;
use crate::scope::{FunctionItem, ident};
use crate::tokens::Tokens;
use ebpf_asm::ProgramType;
use ebpf_asm::diag::{Diagnostic, Rule};
use ebpf_asm::helpers;
use ebpf_asm::link::CallbackUse;
use ebpf_asm::syntax::ast::Function;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

/// The registers that carry arguments: r1 to r5.
pub(crate) const ARGUMENT_REGISTERS: usize = 5;

/// What a signature says.
#[derive(Default)]
pub(crate) struct Signature {
    /// The function's types as a constant, so that rustc checks and resolves them.
    pub(crate) types: TokenStream,
    /// The type of a program's context.
    pub(crate) context: Option<TokenStream>,
    /// What is wrong with it as eBPF has them.
    pub(crate) diagnostic: Option<Diagnostic>,
}

/// The signature as Rust reads it.
pub(crate) fn read(tokens: &Tokens, item: &Function) -> syn::Result<syn::Signature> {
    let ident = ident(tokens, &item.name);
    let parameters = tokens.stream(item.parameters);
    let output = tokens.stream(item.output);
    let output = (!item.output.is_empty()).then(|| quote!(-> #output));
    syn::parse2(quote!(fn #ident(#parameters) #output))
}

/// The types of the parameters.
fn types(signature: &syn::Signature) -> Vec<&syn::Type> {
    let inputs = signature.inputs.iter();
    inputs
        .filter_map(|input| match input {
            syn::FnArg::Typed(typed) => Some(&*typed.ty),
            syn::FnArg::Receiver(_) => None,
        })
        .collect()
}

/// What a helper that calls the function demands of its signature: what rustc has to check,
/// and what is wrong already.
pub(crate) fn callback(
    krate: &TokenStream,
    tokens: &Tokens,
    function: &FunctionItem<'_>,
    a_use: &CallbackUse,
) -> (TokenStream, Option<Diagnostic>) {
    let item = function.item;
    let name = &item.name.text;
    let helper = a_use.helper.name;
    // A signature that cannot be read is reported by `check`.
    let (Some(callback), Ok(signature)) = (helpers::callback(a_use.helper), read(tokens, item))
    else {
        return (TokenStream::new(), None);
    };
    let expected: Vec<String> = callback
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, parameter.rust_type))
        .collect();
    let error = |message: String| {
        Diagnostic::error(Rule::Callback, a_use.span, message)
            .with_note_at(
                format!("`{name}` is defined"),
                tokens.located(item.name.span),
            )
            .with_help(format!("write `fn {name}({}) -> i64`", expected.join(", ")))
    };
    let types = types(&signature);
    if types.len() != callback.parameters.len() {
        let message = format!(
            "`{helper}` calls `{name}` with {} arguments, and `{name}` has {} parameters",
            callback.parameters.len(),
            types.len()
        );
        return (TokenStream::new(), Some(error(message)));
    }
    let syn::ReturnType::Type(_, result) = &signature.output else {
        let message =
            format!("`{helper}` wants a number back from `{name}`, which returns nothing");
        return (TokenStream::new(), Some(error(message)));
    };
    let parameters = types
        .iter()
        .zip(callback.parameters)
        .map(|(ty, parameter)| {
            let krate = emit::located(krate, ty.span());
            let check = match parameter.is_pointer {
                true => "require_callback_pointer",
                false => "require_callback_number",
            };
            let check = Ident::new(check, ty.span());
            quote_spanned!(ty.span()=> #krate::__private::#check::<#ty>();)
        });
    let krate = emit::located(krate, result.span());
    let result =
        quote_spanned!(result.span()=> #krate::__private::require_callback_result::<#result>(););
    (
        quote!(const _: fn() = || { #(#parameters)* #result };),
        None,
    )
}

/// The function's types as a constant, so that rustc checks and resolves them, and what is
/// wrong with the signature as eBPF has them.
pub(crate) fn check(
    krate: &TokenStream,
    tokens: &Tokens,
    function: &FunctionItem<'_>,
) -> Signature {
    let item = function.item;
    let name = &item.name.text;
    let place = if item.parameters.is_empty() {
        item.name.span
    } else {
        item.parameters.span
    };
    let error = |message: String| Diagnostic::error(Rule::Signature, place, message);
    let output = tokens.stream(item.output);
    let output = (!item.output.is_empty()).then(|| quote!(-> #output));
    let signature = match read(tokens, item) {
        Ok(signature) => signature,
        Err(reason) => {
            let message = format!("the signature of `{name}` cannot be read: {reason}");
            return Signature {
                diagnostic: Some(error(message)),
                ..Signature::default()
            };
        }
    };
    let types = types(&signature);
    let example = format!("write `fn {name}(ctx: *mut c_void) -> i32`");
    // Its arguments are those of the function that it takes the place of.
    let kind = function.kind.as_ref();
    let replaces = kind.is_some_and(|kind| kind.program_type == Some(ProgramType::Ext));
    let returns_nothing = kind.is_some_and(|kind| kind.returns_nothing);
    let diagnostic = if types.len() < signature.inputs.len() {
        Some(error("eBPF functions have no `self`".into()))
    } else if types.len() > ARGUMENT_REGISTERS {
        let message = format!(
            "`{name}` has {} parameters, and five registers carry them",
            types.len()
        );
        Some(error(message).with_help("pass a pointer to the rest"))
    } else if function.kind.is_none() {
        None
    } else if types.len() != 1 && !replaces {
        let message = format!(
            "the program `{name}` gets one argument from the kernel, a pointer to its context"
        );
        Some(error(message).with_help(example))
    } else if item.output.is_empty() && !returns_nothing {
        let message = format!("the program `{name}` returns an integer to the kernel");
        Some(Diagnostic::error(Rule::Signature, item.name.span, message).with_help(example))
    } else {
        None
    };
    let cfg = function.attributes.cfg_attribute();
    // Aliases are types, too: whether it is a pointer and an integer, rustc knows.
    let kernel = (function.kind.is_some() && diagnostic.is_none()).then(|| {
        let argument = types.first().filter(|_| !replaces).map(|ty| {
            let krate = emit::located(krate, ty.span());
            quote_spanned!(ty.span()=> #krate::__private::require_context::<#ty>();)
        });
        let result = match &signature.output {
            syn::ReturnType::Type(_, ty) => {
                let krate = emit::located(krate, ty.span());
                quote_spanned!(ty.span()=> #krate::__private::require_result::<#ty>();)
            }
            syn::ReturnType::Default => TokenStream::new(),
        };
        quote!(#cfg const _: fn() = || { #argument #result };)
    });
    let context = types.first().map(|ty| quote!(#ty));
    let types = quote! {
        #cfg
        const _: ::core::option::Option<fn(#(#types),*) #output> = ::core::option::Option::None;
        #kernel
    };
    let context = kernel.and(context);
    Signature {
        types,
        context,
        diagnostic,
    }
}
