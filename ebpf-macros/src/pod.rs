//! `#[derive(Pod)]`.
//!
//! bytemuck's own derive does the same; it stands on an older syn, which would be a second
//! one in every user's tree.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match derive(input) {
        Ok(tokens) => tokens,
        Err(error) => error.into_compile_error(),
    }
}

fn derive(input: TokenStream) -> syn::Result<TokenStream> {
    let input: syn::DeriveInput = syn::parse2(input)?;
    let mut krate: syn::Path = syn::parse_quote!(::ebpf_rt);
    let mut layout = false;
    for attribute in &input.attrs {
        if attribute.path().is_ident("pod") {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("crate") {
                    return Err(meta.error("the only option is `crate = path`"));
                }
                krate = meta.value()?.parse()?;
                Ok(())
            })?;
        } else if attribute.path().is_ident("repr") {
            let list = attribute.meta.require_list()?.tokens.to_string();
            layout |= list
                .split(',')
                .any(|word| matches!(word.trim(), "C" | "transparent"));
        }
    }
    let name = &input.ident;
    let syn::Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(
            name.span(),
            "only structs can be plain old data: not every bit pattern is a value of an enum",
        ));
    };
    if !layout {
        return Err(syn::Error::new(
            name.span(),
            format!("the layout of `{name}` is not fixed\nhelp: write `#[repr(C)]` before it"),
        ));
    }
    if let Some(parameter) = input.generics.params.first() {
        return Err(syn::Error::new(
            parameter.span(),
            "plain old data cannot be generic here",
        ));
    }
    let types: Vec<&syn::Type> = data.fields.iter().map(|field| &field.ty).collect();
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
