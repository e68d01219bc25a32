//! `#[derive(TracepointRecord)]`.

use crate::derive::{self, Layout, Words};
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

const WORDS: Words = Words {
    attribute: "tracepoint_record",
    not_a_struct: "the record of a trace point is a struct",
    generic: "the record of a trace point cannot be generic",
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
    let mut compared = Vec::new();
    for field in &fields {
        let Some(ident) = &field.ident else {
            return Err(syn::Error::new(
                field.span(),
                "the fields of a record have names: those that tracefs shows",
            ));
        };
        let text = ident.unraw().to_string();
        // `_pad`, but not `__syscall_nr`, which is a name of the kernel's.
        if text.starts_with('_') && !text.starts_with("__") {
            continue;
        }
        let ty = &field.ty;
        compared.push(quote! {
            #krate::object::RecordField::new(
                #text,
                ::core::mem::offset_of!(#name, #ident) as u32,
                ::core::mem::size_of::<#ty>() as u32,
            )
        });
    }
    Ok(quote! {
        impl #krate::context::TracepointRecord for #name {
            const FIELDS: &'static [#krate::object::RecordField] = &[#(#compared),*];
        }
    })
}
