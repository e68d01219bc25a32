//! `#[derive(Pod)]`.
//!
//! bytemuck's own derive does the same; it stands on an older syn, which would be a second
//! one in every user's tree.

use crate::derive::{self, Layout, Words};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

const WORDS: Words = Words {
    attribute: "pod",
    not_a_struct: "only structs can be plain old data: not every bit pattern is a value of an enum",
    generic: "plain old data cannot be generic here",
};

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    derive::expand(input, &WORDS, derive)
}

fn derive(layout: Layout) -> syn::Result<TokenStream> {
    let Layout {
        name,
        krate,
        fields,
    } = layout;
    let types: Vec<&syn::Type> = fields.iter().map(|field| &field.ty).collect();
    let checks = types
        .iter()
        .map(|ty| quote_spanned!(ty.span()=> is_pod::<#ty>();));
    let message = format!(
        "`{name}` has padding, whose bytes would be unset: add fields that fill it, or order the fields by size"
    );
    Ok(quote! {
        const _: () = {
            const fn is_pod<T: #krate::bytemuck::Pod>() {}
            const _: fn() = || { #(#checks)* };
            assert!(
                ::core::mem::size_of::<#name>() == 0 #(+ ::core::mem::size_of::<#types>())*,
                #message
            );
        };
        // SAFETY: the layout is fixed by `repr`; every field is plain old data (checked above),
        // and there is no padding between or behind them (asserted above).
        unsafe impl #krate::bytemuck::Zeroable for #name {}
        // SAFETY: as above.
        unsafe impl #krate::bytemuck::Pod for #name {}
    })
}
