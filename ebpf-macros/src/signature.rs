//! The signatures of programs and functions.

use crate::emit;
use crate::scope::{FunctionItem, ident};
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Rule};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

/// The registers that carry arguments: r1 to r5.
const ARGUMENT_REGISTERS: usize = 5;

/// The function's types as a constant, so that rustc checks and resolves them, and what is
/// wrong with the signature as eBPF has them.
pub(crate) fn check(
    krate: &TokenStream,
    tokens: &Tokens,
    function: &FunctionItem<'_>,
) -> (TokenStream, Option<Diagnostic>) {
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
            return (TokenStream::new(), Some(error(message)));
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
    } else if item.output.is_empty()
        && !function
            .kind
            .as_ref()
            .is_some_and(|kind| kind.returns_nothing)
    {
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
    let types = quote! {
        #cfg
        const _: ::core::option::Option<fn(#(#types),*) #output> = ::core::option::Option::None;
        #kernel
    };
    (types, diagnostic)
}
