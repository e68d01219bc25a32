//! The attributes of objects and functions.

mod forms;
mod place;

pub(crate) use place::Kind;

use crate::check::Allowed;
use crate::tokens::Tokens;
use darling::FromMeta;
use darling::ast::NestedMeta;
use ebpf_asm::KernelVersion;
use ebpf_asm::syntax::ast::Attribute;
use place::Place;
use proc_macro2::TokenStream;
use quote::quote;

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
    /// `#[target = "user"]`: not for the kernel.
    #[darling(default)]
    pub(crate) target: Option<syn::LitStr>,
    /// `#[relaxed]`: read by the parser, known here so that it is no error.
    #[darling(default, rename = "relaxed")]
    _relaxed: darling::util::Flag,
}

/// The options of a function that the host of the programs has.
#[derive(Debug, FromMeta)]
pub(crate) struct HelperOptions {
    /// `#[helper = 1]`. Required; that it is missing is reported with more words than darling
    /// has.
    #[darling(default)]
    pub(crate) helper: Option<u32>,
}

/// The options of a symbol of the kernel.
#[derive(Debug, FromMeta)]
pub(crate) struct KernelOptions {
    /// `#[weak]`: it need not be there.
    #[darling(default)]
    pub(crate) weak: darling::util::Flag,
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

/// `#[inline]`: the function is pasted where it is called.
#[derive(Debug)]
pub(crate) struct Inline;

impl FromMeta for Inline {
    fn from_word() -> darling::Result<Self> {
        Ok(Self)
    }

    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        match items {
            [NestedMeta::Meta(syn::Meta::Path(path))] if path.is_ident("always") => Ok(Self),
            _ => Err(darling::Error::custom(
                "a function is pasted wherever it is called, or nowhere\nhelp: write `#[inline]`, or leave it out",
            )),
        }
    }
}

/// Declares the options of a function: an attribute for each kind of program.
macro_rules! function_options {
    ($($name:ident,)*) => {
        /// The options of a function: what kind of program it is, if it is one.
        #[derive(Debug, FromMeta)]
        pub(crate) struct FunctionOptions {
            $(#[darling(default)] $name: Option<Place>,)*
            /// `#[inline]`
            #[darling(default)]
            pub(crate) inline: Option<Inline>,
            #[darling(default, rename = "relaxed")]
            _relaxed: darling::util::Flag,
            /// Codes of the checker that are not errors in this function.
            #[darling(default)]
            pub(crate) allow_unchecked: Allowed,
        }

        impl FunctionOptions {
            /// What was said, in the order of the kinds.
            fn places(&self) -> Vec<&Place> {
                [$(self.$name.as_ref(),)*].into_iter().flatten().collect()
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($name),)*];
    };
}

function_options! {
    socket_filter,
    tracepoint,
    raw_tracepoint,
    raw_tracepoint_writable,
    kprobe,
    kretprobe,
    kprobe_multi,
    kretprobe_multi,
    kprobe_session,
    uprobe,
    uretprobe,
    uprobe_multi,
    uretprobe_multi,
    uprobe_session,
    usdt,
    perf_event,
    sk_skb_stream_parser,
    sk_skb_stream_verdict,
    sk_skb_verdict,
    fentry,
    fexit,
    fmod_ret,
    tp_btf,
    lsm,
    lsm_cgroup,
    iter,
    freplace,
    struct_ops,
}

impl FunctionOptions {
    /// The kind of program; `None` for a subprogram.
    pub(crate) fn kind(&self) -> darling::Result<Option<Kind>> {
        match self.places().as_slice() {
            [] => Ok(None),
            [place] => Ok(Some(place.kind())),
            [.., place] => {
                Err(darling::Error::custom("a program is of one kind").with_span(&place.span))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;
    use super::forms::FORMS;

    #[test]
    fn each_attribute_has_its_form() {
        let forms: Vec<_> = FORMS.iter().map(|form| form.attribute).collect();
        assert_eq!(forms, NAMES);
        // The list that the page of what is tested goes through.
        let kinds = ebpf_asm::object::ProgramKind::ALL.iter();
        let kinds: Vec<_> = kinds.map(|kind| kind.name()).collect();
        assert_eq!(kinds, NAMES);
        for form in FORMS {
            assert!(form.program_type().is_some(), "{}", form.attribute);
        }
    }

    #[test]
    fn each_attribute_names_a_kind_of_program() {
        for form in FORMS {
            let kind = ebpf_asm::object::ProgramKind::from_name(form.attribute);
            let kind = kind.map(|kind| kind.name());
            assert_eq!(kind, Some(form.attribute));
        }
    }
}
