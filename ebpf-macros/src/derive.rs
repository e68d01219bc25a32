//! What the derives have in common: the options and the layout of a struct.

use proc_macro2::TokenStream;
use syn::spanned::Spanned;

/// What a derive writes, or its error.
pub(crate) fn expand(
    input: TokenStream,
    words: &Words,
    derive: impl Fn(Layout) -> syn::Result<TokenStream>,
) -> TokenStream {
    let layout = syn::parse2(input).and_then(|input| Layout::parse(input, words));
    layout
        .and_then(derive)
        .unwrap_or_else(syn::Error::into_compile_error)
}

/// A struct whose layout is fixed.
pub(crate) struct Layout {
    pub(crate) name: syn::Ident,
    /// The path of the runtime.
    pub(crate) krate: syn::Path,
    pub(crate) fields: syn::Fields,
}

/// The messages that differ.
pub(crate) struct Words {
    /// The attribute with the derive's options: `pod`.
    pub(crate) attribute: &'static str,
    /// Of an enum or union.
    pub(crate) not_a_struct: &'static str,
    /// Of a type with parameters.
    pub(crate) generic: &'static str,
}

impl Layout {
    fn parse(input: syn::DeriveInput, words: &Words) -> syn::Result<Self> {
        let mut krate: syn::Path = syn::parse_quote!(::ebpf_rt);
        let mut fixed = false;
        for attribute in &input.attrs {
            if attribute.path().is_ident(words.attribute) {
                attribute.parse_nested_meta(|meta| {
                    if !meta.path.is_ident("crate") {
                        return Err(meta.error("the only option is `crate = path`"));
                    }
                    krate = meta.value()?.parse()?;
                    Ok(())
                })?;
            } else if attribute.path().is_ident("repr") {
                let list = attribute.meta.require_list()?.tokens.to_string();
                fixed |= list
                    .split(',')
                    .any(|word| matches!(word.trim(), "C" | "transparent"));
            }
        }
        let name = input.ident;
        let syn::Data::Struct(data) = input.data else {
            return Err(syn::Error::new(name.span(), words.not_a_struct));
        };
        if !fixed {
            return Err(syn::Error::new(
                name.span(),
                format!("the layout of `{name}` is not fixed\nhelp: write `#[repr(C)]` before it"),
            ));
        }
        if let Some(parameter) = input.generics.params.first() {
            return Err(syn::Error::new(parameter.span(), words.generic));
        }
        Ok(Self {
            name,
            krate,
            fields: data.fields,
        })
    }
}
