//! The signatures of programs and functions.

use crate::emit;
use crate::scope::{FunctionItem, ident};
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Rule};
use proc_macro2::TokenStream;
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
    let parameters = tokens.stream(item.parameters);
    let output = tokens.stream(item.output);
    let output = (!item.output.is_empty()).then(|| quote!(-> #output));
    let ident = ident(tokens, &item.name);
    let signature: syn::Signature = match syn::parse2(quote!(fn #ident(#parameters) #output)) {
        Ok(signature) => signature,
        Err(reason) => {
            let message = format!("the signature of `{name}` cannot be read: {reason}");
            return Signature {
                diagnostic: Some(error(message)),
                ..Signature::default()
            };
        }
    };
    let types: Vec<&syn::Type> = signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            syn::FnArg::Typed(typed) => Some(&*typed.ty),
            syn::FnArg::Receiver(_) => None,
        })
        .collect();
    let example = format!("write `fn {name}(ctx: *mut c_void) -> i32`");
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
    } else if types.len() != 1 {
        let message = format!(
            "the program `{name}` gets one argument from the kernel, a pointer to its context"
        );
        Some(error(message).with_help(example))
    } else if item.output.is_empty() {
        let message = format!("the program `{name}` returns an integer to the kernel");
        Some(Diagnostic::error(Rule::Signature, item.name.span, message).with_help(example))
    } else {
        None
    };
    let cfg = function.attributes.cfg_attribute();
    // Aliases are types, too: whether it is a pointer and an integer, rustc knows.
    let kernel = (function.kind.is_some() && diagnostic.is_none()).then(|| {
        let argument = types.first().map(|ty| {
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
