//! The attributes of objects and functions.

use crate::tokens::Tokens;
use darling::FromMeta;
use darling::ast::NestedMeta;
use ebpf_asm::KernelVersion;
use ebpf_asm::syntax::ast::Attribute;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;

/// Attributes that set the level of lints: handed on to the generated item.
const LINTS: &[&str] = &["allow", "deny", "expect", "forbid", "warn"];

/// Attributes that readers see: handed on to the generated item and to its fields.
const DOCS: &[&str] = &["deprecated", "doc"];

/// What the attributes of an item say, sorted by who understands them.
pub(crate) struct Sorted {
    /// For rustc, as written.
    pub(crate) native: Vec<TokenStream>,
    /// Those among them that set lint levels.
    pub(crate) lints: Vec<TokenStream>,
    /// Those among them that readers see.
    pub(crate) docs: Vec<TokenStream>,
    /// The predicates of `#[cfg(…)]` among them.
    pub(crate) cfg: Vec<TokenStream>,
    /// For us.
    pub(crate) ours: Vec<syn::Meta>,
    /// Attributes that cannot even be read.
    pub(crate) errors: Vec<darling::Error>,
}

impl Sorted {
    pub(crate) fn new(tokens: &Tokens, attributes: &[Attribute]) -> Self {
        let mut sorted = Self {
            native: Vec::new(),
            lints: Vec::new(),
            docs: Vec::new(),
            cfg: Vec::new(),
            ours: Vec::new(),
            errors: Vec::new(),
        };
        for attribute in attributes {
            let content = tokens.stream(attribute.content);
            let name = attribute.name.text.as_str();
            let whole = || tokens.stream(attribute.tokens);
            if LINTS.contains(&name) {
                sorted.lints.push(whole());
                sorted.native.push(whole());
                continue;
            }
            if DOCS.contains(&name) {
                sorted.docs.push(whole());
                sorted.native.push(whole());
                continue;
            }
            if name == "cfg" {
                if let Ok(syn::Meta::List(list)) = syn::parse2(content) {
                    sorted.cfg.push(list.tokens);
                }
                sorted.native.push(whole());
                continue;
            }
            if name == "cfg_attr" {
                let error = "`cfg_attr` cannot be looked through here\nhelp: write `#[cfg(…)]` on the item, or the attribute itself";
                let span = tokens.spans(attribute.name.span).0;
                sorted
                    .errors
                    .push(darling::Error::custom(error).with_span(&span));
                continue;
            }
            match syn::parse2::<syn::Meta>(content) {
                Ok(meta) => sorted.ours.push(meta),
                Err(error) => sorted.errors.push(error.into()),
            }
        }
        sorted
    }

    /// `#[cfg(all(…))]` of all conditions; nothing if there is none.
    pub(crate) fn cfg_attribute(&self) -> TokenStream {
        let cfg = &self.cfg;
        if cfg.is_empty() {
            TokenStream::new()
        } else {
            quote!(#[cfg(all(#(#cfg),*))])
        }
    }

    /// Reads our attributes as if they were the options of one.
    pub(crate) fn options<T: FromMeta>(&mut self) -> Option<T> {
        let list: Vec<NestedMeta> = self.ours.drain(..).map(NestedMeta::Meta).collect();
        match T::from_list(&list) {
            Ok(options) => Some(options),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }
}

/// The options of an object. Each is an attribute of the module.
#[derive(Debug, FromMeta)]
pub(crate) struct ObjectOptions {
    /// `#[license = "GPL"]`. Required; that it is missing is reported with more words than
    /// darling has.
    #[darling(default)]
    pub(crate) license: Option<syn::LitStr>,
    /// `#[min_kernel = "5.10"]`
    #[darling(default)]
    pub(crate) min_kernel: Option<MinKernel>,
    /// `#[relaxed]`: read by the parser, known here so that it is no error.
    #[darling(default, rename = "relaxed")]
    _relaxed: darling::util::Flag,
}

/// A kernel version in an attribute.
#[derive(Debug)]
pub(crate) struct MinKernel(pub(crate) KernelVersion);

impl FromMeta for MinKernel {
    fn from_string(value: &str) -> darling::Result<Self> {
        let digits = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match KernelVersion::parse(value) {
            Some(version) if digits && value.matches('.').count() == 1 => Ok(Self(version)),
            _ => Err(darling::Error::custom(format!(
                "`{value}` is not a kernel version\nhelp: write major and minor number: `\"5.10\"`"
            ))),
        }
    }
}

/// The options of a function: what kind of program it is, if it is one.
#[derive(Debug, FromMeta)]
pub(crate) struct FunctionOptions {
    #[darling(default)]
    socket_filter: darling::util::Flag,
    #[darling(default)]
    tracepoint: Option<TracepointOptions>,
    #[darling(default)]
    raw_tracepoint: Option<RawTracepointOptions>,
    #[darling(default, rename = "relaxed")]
    _relaxed: darling::util::Flag,
}

/// `#[tracepoint("category", "name")]` or `#[tracepoint(category = "…", name = "…")]`
#[derive(Debug)]
struct TracepointOptions {
    category: String,
    name: String,
    span: Span,
}

/// `#[raw_tracepoint("name")]` or `#[raw_tracepoint(name = "…")]`
#[derive(Debug)]
struct RawTracepointOptions {
    name: String,
    span: Span,
}

/// Reads arguments that may be given by position or by name.
fn strings<const N: usize>(
    attribute: &str,
    names: [&str; N],
    items: &[NestedMeta],
) -> darling::Result<[String; N]> {
    let mut values: [Option<String>; N] = [const { None }; N];
    let mut errors = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let (slot, value) = match item {
            NestedMeta::Lit(syn::Lit::Str(text)) => (position, text.clone()),
            NestedMeta::Lit(_) | NestedMeta::NameValueInvalidExpr(_) => {
                errors.push(darling::Error::custom("expected a string").with_span(item));
                continue;
            }
            NestedMeta::Meta(meta) => {
                let key = meta.path().get_ident().map(ToString::to_string);
                let key = key.unwrap_or_default();
                let Some(slot) = names.iter().position(|name| *name == key) else {
                    errors.push(
                        darling::Error::unknown_field_with_alts(&key, names.iter()).with_span(meta),
                    );
                    continue;
                };
                match meta {
                    syn::Meta::NameValue(syn::MetaNameValue {
                        value:
                            syn::Expr::Lit(syn::ExprLit {
                                lit: syn::Lit::Str(text),
                                ..
                            }),
                        ..
                    }) => (slot, text.clone()),
                    _ => {
                        errors.push(darling::Error::custom("expected a string").with_span(meta));
                        continue;
                    }
                }
            }
        };
        let Some(place) = values.get_mut(slot) else {
            errors.push(
                darling::Error::custom(format!(
                    "`{attribute}` takes {N} string(s): {}",
                    names.join(", ")
                ))
                .with_span(&value),
            );
            continue;
        };
        if place.is_some() {
            errors.push(darling::Error::duplicate_field(names[slot]).with_span(item));
        } else if value.value().is_empty() || value.value().contains(['\0', '/']) {
            errors.push(
                darling::Error::custom(format!(
                    "{:?} is not the name of a trace point",
                    value.value()
                ))
                .with_span(&value),
            );
        } else {
            *place = Some(value.value());
        }
    }
    if errors.is_empty() && values.iter().any(Option::is_none) {
        let form = names.map(|name| format!("\"{name}\"")).join(", ");
        errors.push(darling::Error::custom(format!(
            "`{attribute}` needs to know where it goes\nhelp: write `#[{attribute}({form})]`"
        )));
    }
    if !errors.is_empty() {
        return Err(darling::Error::multiple(errors));
    }
    Ok(values.map(Option::unwrap_or_default))
}

impl FromMeta for TracepointOptions {
    fn from_meta(item: &syn::Meta) -> darling::Result<Self> {
        let items = nested(item)?;
        let [category, name] = strings("tracepoint", ["category", "name"], &items)
            .map_err(|error| error.with_span(item))?;
        Ok(Self {
            category,
            name,
            span: item.span(),
        })
    }
}

impl FromMeta for RawTracepointOptions {
    fn from_meta(item: &syn::Meta) -> darling::Result<Self> {
        let items = nested(item)?;
        let [name] =
            strings("raw_tracepoint", ["name"], &items).map_err(|error| error.with_span(item))?;
        Ok(Self {
            name,
            span: item.span(),
        })
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
    /// The value of `ebpf_asm::object::ProgramKind`, behind the path of the enum.
    pub(crate) value: TokenStream,
    /// The type of the handle, behind the path of `ebpf_rt::programs`.
    pub(crate) handle: TokenStream,
}

impl FunctionOptions {
    /// The kind of program; `None` for a subprogram.
    pub(crate) fn kind(&self) -> darling::Result<Option<Kind>> {
        let mut kinds = Vec::new();
        if self.socket_filter.is_present() {
            kinds.push((
                self.socket_filter.span(),
                Kind {
                    value: quote!(SocketFilter),
                    handle: quote!(SocketFilter),
                },
            ));
        }
        if let Some(TracepointOptions {
            category,
            name,
            span,
        }) = &self.tracepoint
        {
            let value = quote!(Tracepoint { category: #category, name: #name });
            let handle = quote!(Tracepoint);
            kinds.push((*span, Kind { value, handle }));
        }
        if let Some(RawTracepointOptions { name, span }) = &self.raw_tracepoint {
            let value = quote!(RawTracepoint { name: #name });
            let handle = quote!(RawTracepoint);
            kinds.push((*span, Kind { value, handle }));
        }
        if kinds.len() > 1 {
            let message = "a program is of one kind";
            let mut error = darling::Error::custom(message);
            if let Some((span, _)) = kinds.last() {
                error = error.with_span(span);
            }
            return Err(error);
        }
        Ok(kinds.pop().map(|(_, kind)| kind))
    }
}
