//! `ebpf_asm! { … }`: one sequence as a constant.

use crate::check;
use crate::editor::{self, Body};
use crate::emit::{self, Values};
use crate::report;
use crate::tokens::Tokens;
use ebpf_asm::link::{Linked, link_sequence};
use ebpf_asm::syntax::{ParseOptions, parse_sequence};
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

/// Takes `[path]` off the start: the path of `ebpf_rt`, which `macro_rules!` put there.
pub(crate) fn split_crate_path(input: TokenStream) -> (TokenStream, TokenStream) {
    let mut trees = input.into_iter();
    match trees.next() {
        Some(TokenTree::Group(group)) => (group.stream(), trees.collect()),
        first => (quote!(::ebpf_rt), first.into_iter().chain(trees).collect()),
    }
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let (krate, input) = split_crate_path(input);
    let tokens = Tokens::new(input);
    let parsed = parse_sequence(&tokens.list, ParseOptions::default());
    let linked = link_sequence(&parsed.tree, true);
    let mut diagnostics = parsed.diagnostics;
    diagnostics.extend(linked.diagnostics.iter().cloned());
    if diagnostics.is_empty() {
        diagnostics.extend(check::sequence(&linked, false));
    }
    let errors = report::errors(&tokens, diagnostics);
    let body = Body {
        name: "block".into(),
        start: 0,
        end: tokens.list.len() - 1,
    };
    let words = match tokens.for_editor() {
        true => editor::shadow(&krate, &tokens, core::slice::from_ref(&body), &[]),
        false => editor::deprecated_helpers(&krate, &tokens, &body, &[], &[]),
    };
    if !errors.is_empty() {
        let operands = emit::operands_only(&tokens, &linked);
        return quote! {{
            #words
            #(#errors;)*
            let _ = #operands;
            #krate::Code::from_static(&[])
        }};
    }
    let slots = emit::slots(&krate, &linked, &Values::RustInline(&tokens), "ebpf_asm!");
    let lints = emit::unused_labels(&tokens, linked.unused_labels.iter().copied(), &[]);
    constant(&krate, &slots, &linked, &quote!(#words #lints))
}

/// An expression of type `Code`, with items beside it. The slots are an inline constant, so
/// that operands may use the generic parameters around the macro.
pub(crate) fn constant(
    krate: &TokenStream,
    slots: &TokenStream,
    linked: &Linked,
    beside: &TokenStream,
) -> TokenStream {
    let labels = emit::labels(krate, linked);
    quote! {{
        #beside
        #krate::Code::from_static_with_labels(const { &#slots }, #labels)
    }}
}
