//! What an attribute says about where its program goes, read by the form of its kind.

use super::forms::{FORMS, Form, Offset};
use darling::FromMeta;
use darling::ast::NestedMeta;
use ebpf_asm::ProgramType;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;

/// What an attribute says about where the program goes.
#[derive(Debug)]
pub(super) struct Place {
    form: &'static Form,
    /// One for each of the form's strings; empty if it was left out.
    strings: Vec<String>,
    offset: Option<u64>,
    sleepable: bool,
    pub(super) span: Span,
}

impl FromMeta for Place {
    fn from_meta(item: &syn::Meta) -> darling::Result<Self> {
        let name = item.path().get_ident().map(ToString::to_string);
        let name = name.unwrap_or_default();
        let Some(form) = FORMS.iter().find(|form| form.attribute == name) else {
            return Err(darling::Error::unknown_field(&name).with_span(item));
        };
        let mut place = Self {
            form,
            strings: vec![String::new(); form.strings.len()],
            offset: None,
            sleepable: false,
            span: item.span(),
        };
        let mut errors = Vec::new();
        for (position, argument) in nested(item)?.iter().enumerate() {
            if let Err(error) = place.argument(position, argument) {
                errors.push(error);
            }
        }
        if errors.is_empty()
            && let Err(error) = place.is_complete()
        {
            errors.push(error);
        }
        match errors.is_empty() {
            true => Ok(place),
            false => Err(darling::Error::multiple(errors).with_span(item)),
        }
    }
}

impl Place {
    /// Takes an argument, which may be given by position or by name.
    fn argument(&mut self, position: usize, argument: &NestedMeta) -> darling::Result<()> {
        let Form { attribute, .. } = self.form;
        let names = self.form.strings.iter().map(|(name, _)| *name);
        let text = match argument {
            NestedMeta::Lit(syn::Lit::Str(text)) => {
                if position >= self.form.strings.len() {
                    return Err(self.too_many().with_span(text));
                }
                return self.string(position, text, argument);
            }
            NestedMeta::Lit(_) | NestedMeta::NameValueInvalidExpr(_) => {
                return Err(match self.form.strings.is_empty() {
                    true => self.too_many().with_span(argument),
                    false => darling::Error::custom("expected a string").with_span(argument),
                });
            }
            NestedMeta::Meta(meta) => {
                let key = meta.path().get_ident().map(ToString::to_string);
                let key = key.unwrap_or_default();
                if key == "offset" && self.form.offset != Offset::No {
                    return self.take_offset(meta);
                }
                if key == "sleepable" && self.form.sleepable {
                    return self.take_sleepable(meta);
                }
                let Some(slot) = names.clone().position(|name| name == key) else {
                    let known = self.form.argument_names();
                    if known.is_empty() {
                        return Err(darling::Error::custom(format!(
                            "`{attribute}` takes no arguments\nhelp: write `{}`",
                            self.form.example()
                        ))
                        .with_span(meta));
                    }
                    return Err(
                        darling::Error::unknown_field_with_alts(&key, &known).with_span(meta)
                    );
                };
                (slot, value(meta))
            }
        };
        match text {
            (slot, Some(syn::Lit::Str(text))) => self.string(slot, text, argument),
            _ => Err(darling::Error::custom("expected a string").with_span(argument)),
        }
    }

    fn too_many(&self) -> darling::Error {
        let Form {
            attribute, strings, ..
        } = self.form;
        if strings.is_empty() {
            return darling::Error::custom(format!(
                "`{attribute}` takes no arguments\nhelp: write `{}`",
                self.form.example()
            ));
        }
        let names: Vec<_> = strings.iter().map(|(name, _)| *name).collect();
        darling::Error::custom(format!(
            "`{attribute}` takes {} string(s): {}",
            names.len(),
            names.join(", ")
        ))
    }

    fn string(
        &mut self,
        slot: usize,
        text: &syn::LitStr,
        argument: &NestedMeta,
    ) -> darling::Result<()> {
        let (name, what) = self.form.strings[slot];
        if !self.strings[slot].is_empty() {
            return Err(darling::Error::duplicate_field(name).with_span(argument));
        }
        let value = text.value();
        if !what.fits(&value) {
            let message = format!("{value:?} is not {}", what.name());
            return Err(darling::Error::custom(message).with_span(text));
        }
        self.strings[slot] = value;
        Ok(())
    }

    fn take_offset(&mut self, meta: &syn::Meta) -> darling::Result<()> {
        if self.offset.is_some() {
            return Err(darling::Error::duplicate_field("offset").with_span(meta));
        }
        let Some(syn::Lit::Int(number)) = value(meta) else {
            let message = "expected a number of bytes: `offset = 4`";
            return Err(darling::Error::custom(message).with_span(meta));
        };
        let offset = number.base10_parse();
        self.offset = Some(offset.map_err(|error| darling::Error::from(error).with_span(number))?);
        Ok(())
    }

    fn take_sleepable(&mut self, meta: &syn::Meta) -> darling::Result<()> {
        if self.sleepable {
            return Err(darling::Error::duplicate_field("sleepable").with_span(meta));
        }
        if !matches!(meta, syn::Meta::Path(_)) {
            let message = "`sleepable` is a word of its own: `sleepable`";
            return Err(darling::Error::custom(message).with_span(meta));
        }
        self.sleepable = true;
        Ok(())
    }

    fn is_complete(&self) -> darling::Result<()> {
        let Form {
            attribute, offset, ..
        } = self.form;
        let said = self.strings.iter().filter(|text| !text.is_empty()).count();
        let all = said == self.strings.len();
        if self.form.optional && said == 0 && self.offset.is_none() {
            return Ok(());
        }
        if *offset == Offset::Instead && all && self.offset.is_some() {
            return Err(darling::Error::custom(format!(
                "`{attribute}` takes a symbol or an offset in the file, not both"
            )));
        }
        let instead = matches!(offset, Offset::Instead | Offset::IntoOrInstead);
        let by_offset = instead && self.offset.is_some() && !self.strings[0].is_empty();
        if all || by_offset {
            return Ok(());
        }
        Err(darling::Error::custom(format!(
            "`{attribute}` needs to know where it goes\nhelp: write `{}`",
            self.form.example()
        )))
    }

    pub(super) fn kind(&self) -> Kind {
        let Form {
            variant,
            handle,
            strings,
            offset,
            sleepable,
            returns_nothing,
            ..
        } = self.form;
        let variant = Ident::new(variant, Span::call_site());
        let handle = Ident::new(handle, Span::call_site());
        let names = strings
            .iter()
            .map(|(name, _)| Ident::new(name, Span::call_site()));
        let texts = &self.strings;
        let offset = (*offset != Offset::No).then(|| {
            let offset = self.offset.unwrap_or(0);
            quote!(offset: #offset)
        });
        let sleepable = sleepable.then(|| {
            let sleepable = self.sleepable;
            quote!(sleepable: #sleepable)
        });
        let value = match strings.is_empty() {
            true => quote!(#variant),
            false => quote!(#variant { #(#names: #texts,)* #offset #sleepable }),
        };
        Kind {
            attribute: self.form.attribute,
            value,
            handle: quote!(#handle),
            returns_nothing: *returns_nothing,
            has_record: self.form.attribute == "tracepoint",
            program_type: self.form.program_type(),
        }
    }
}

/// The literal of `name = literal`.
fn value(meta: &syn::Meta) -> Option<&syn::Lit> {
    match meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            value: syn::Expr::Lit(syn::ExprLit { lit, .. }),
            ..
        }) => Some(lit),
        _ => None,
    }
}

/// What is between the parentheses; nothing if there are none.
fn nested(item: &syn::Meta) -> darling::Result<Vec<NestedMeta>> {
    match item {
        syn::Meta::List(list) => Ok(NestedMeta::parse_meta_list(list.tokens.clone())?),
        syn::Meta::Path(_) => Ok(Vec::new()),
        syn::Meta::NameValue(_) => {
            Err(darling::Error::custom("expected parentheses").with_span(item))
        }
    }
}

/// A kind of program, as the generated code writes it.
pub(crate) struct Kind {
    /// The attribute's name.
    pub(crate) attribute: &'static str,
    /// The value of `ebpf_asm::object::ProgramKind`, behind the path of the enum.
    pub(crate) value: TokenStream,
    /// The type of the handle, behind the path of `ebpf_rt::programs`.
    pub(crate) handle: TokenStream,
    /// Whether it need not say what it returns.
    pub(crate) returns_nothing: bool,
    /// Whether its context is a record that the running kernel can describe.
    pub(crate) has_record: bool,
    /// The type of program that the kernel is told.
    pub(crate) program_type: Option<ProgramType>,
}
