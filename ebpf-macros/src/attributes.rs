//! The attributes of objects and functions.

use crate::check::Allowed;
use crate::tokens::Tokens;
use darling::FromMeta;
use darling::ast::NestedMeta;
use ebpf_asm::object::ProgramKind;
use ebpf_asm::syntax::ast::Attribute;
use ebpf_asm::{KernelVersion, ProgramType};
use proc_macro2::{Ident, Span, TokenStream};
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

/// What the attribute of a kind of program looks like, and what becomes of it.
#[derive(Debug)]
struct Form {
    /// The attribute: `tracepoint`.
    attribute: &'static str,
    /// The variant of `ebpf_asm::object::ProgramKind`.
    variant: &'static str,
    /// The type of the handle in `ebpf_rt::programs`.
    handle: &'static str,
    /// The strings, by position or by name; the fields of the variant have these names.
    strings: &'static [(&'static str, What)],
    /// Whether there is a number beside them.
    offset: Offset,
    /// Whether nothing has to be said: the place is known only when the program is loaded or
    /// attached.
    optional: bool,
    /// Whether there can be the word `sleepable`, and the variant has such a field.
    sleepable: bool,
    /// Whether the kernel does not look at what some of these programs return.
    returns_nothing: bool,
}

/// What a string names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    TracePoint,
    Function,
    Pattern,
    File,
    Probe,
    Hook,
    Things,
    Table,
}

impl What {
    /// For the message: "is not …".
    const fn name(self) -> &'static str {
        match self {
            Self::TracePoint => "the name of a trace point",
            Self::Function => "the name of a function",
            Self::Pattern => "the name of a function or a pattern with `*` and `?`",
            Self::File => "the path of a file or the name of a library",
            Self::Probe => "the name of a provider or probe",
            Self::Hook => "the name of a security hook",
            Self::Things => "what the kernel can go through, like `task`",
            Self::Table => "the name of a struct_ops type or of a member",
        }
    }

    fn fits(self, text: &str) -> bool {
        let path = matches!(self, Self::File);
        !text.is_empty() && !text.contains('\0') && (path || !text.contains('/'))
    }
}

/// Whether there can be an `offset = N`, and the variant has such a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offset {
    /// None.
    No,
    /// Into the function.
    Into,
    /// Into the function, or into the file if no function is named.
    IntoOrInstead,
    /// Into the file in place of a function's name.
    Instead,
}

const fn form(
    attribute: &'static str,
    variant: &'static str,
    handle: &'static str,
    strings: &'static [(&'static str, What)],
) -> Form {
    Form {
        attribute,
        variant,
        handle,
        strings,
        offset: Offset::No,
        optional: false,
        sleepable: false,
        returns_nothing: false,
    }
}

impl Form {
    const fn offset(self, offset: Offset) -> Self {
        Self { offset, ..self }
    }

    const fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    const fn sleepable(self) -> Self {
        Self {
            sleepable: true,
            ..self
        }
    }

    const fn returns_nothing(self) -> Self {
        Self {
            returns_nothing: true,
            ..self
        }
    }

    /// The names that arguments can have.
    fn argument_names(&self) -> Vec<&'static str> {
        let names = self.strings.iter().map(|(name, _)| *name);
        let offset = (self.offset != Offset::No).then_some("offset");
        let sleepable = self.sleepable.then_some("sleepable");
        names.chain(offset).chain(sleepable).collect()
    }

    /// The type of program that the kernel is told.
    fn program_type(&self) -> Option<ProgramType> {
        Some(ProgramKind::from_name(self.attribute)?.program_type())
    }

    /// `#[uprobe("path", "symbol")]`
    fn example(&self) -> String {
        let strings: Vec<_> = self
            .strings
            .iter()
            .map(|(n, _)| format!("\"{n}\""))
            .collect();
        match strings.is_empty() {
            true => format!("#[{}]", self.attribute),
            false => format!("#[{}({})]", self.attribute, strings.join(", ")),
        }
    }
}

const FILE: (&str, What) = ("path", What::File);
const SYMBOL: (&str, What) = ("symbol", What::Function);
const PATTERN: (&str, What) = ("pattern", What::Pattern);
const NAME: (&str, What) = ("name", What::TracePoint);
const FUNCTION: (&str, What) = ("function", What::Function);
const HOOK: (&str, What) = ("hook", What::Hook);

const FORMS: &[Form] = &[
    form("socket_filter", "SocketFilter", "SocketFilter", &[]),
    form(
        "tracepoint",
        "Tracepoint",
        "Tracepoint",
        &[("category", What::TracePoint), NAME],
    ),
    form("raw_tracepoint", "RawTracepoint", "RawTracepoint", &[NAME]),
    form(
        "raw_tracepoint_writable",
        "RawTracepointWritable",
        "RawTracepoint",
        &[NAME],
    ),
    form("kprobe", "Kprobe", "Kprobe", &[SYMBOL]).offset(Offset::Into),
    form("kretprobe", "Kretprobe", "Kprobe", &[SYMBOL]),
    form("kprobe_multi", "KprobeMulti", "KprobeMulti", &[PATTERN]),
    form(
        "kretprobe_multi",
        "KretprobeMulti",
        "KprobeMulti",
        &[PATTERN],
    ),
    form("kprobe_session", "KprobeSession", "KprobeMulti", &[PATTERN]),
    form("uprobe", "Uprobe", "Uprobe", &[FILE, SYMBOL])
        .offset(Offset::IntoOrInstead)
        .optional(),
    form("uretprobe", "Uretprobe", "Uprobe", &[FILE, SYMBOL])
        .offset(Offset::Instead)
        .optional(),
    form(
        "uprobe_multi",
        "UprobeMulti",
        "UprobeMulti",
        &[FILE, PATTERN],
    )
    .optional(),
    form(
        "uretprobe_multi",
        "UretprobeMulti",
        "UprobeMulti",
        &[FILE, PATTERN],
    )
    .optional(),
    form(
        "uprobe_session",
        "UprobeSession",
        "UprobeMulti",
        &[FILE, PATTERN],
    )
    .optional(),
    form(
        "usdt",
        "Usdt",
        "Usdt",
        &[FILE, ("provider", What::Probe), ("name", What::Probe)],
    )
    .optional(),
    form("perf_event", "PerfEvent", "PerfEvent", &[]),
    form("sk_skb_stream_parser", "SkSkbStreamParser", "SkSkb", &[]),
    form("sk_skb_stream_verdict", "SkSkbStreamVerdict", "SkSkb", &[]),
    form("sk_skb_verdict", "SkSkbVerdict", "SkSkb", &[]),
    form("fentry", "Fentry", "Fentry", &[FUNCTION])
        .optional()
        .sleepable(),
    form("fexit", "Fexit", "Fexit", &[FUNCTION])
        .optional()
        .sleepable(),
    form("fmod_ret", "FmodRet", "FmodRet", &[FUNCTION])
        .optional()
        .sleepable(),
    form("tp_btf", "BtfTracepoint", "BtfTracepoint", &[NAME]).optional(),
    form("lsm", "Lsm", "Lsm", &[HOOK]).optional().sleepable(),
    form("lsm_cgroup", "LsmCgroup", "LsmCgroup", &[HOOK]).optional(),
    form("iter", "Iter", "Iter", &[("target", What::Things)])
        .optional()
        .sleepable(),
    form("freplace", "Extension", "Extension", &[FUNCTION]).optional(),
    form(
        "struct_ops",
        "StructOps",
        "StructOps",
        &[("ops", What::Table), ("member", What::Table)],
    )
    .sleepable()
    .returns_nothing(),
];

/// What an attribute says about where the program goes.
#[derive(Debug)]
struct Place {
    form: &'static Form,
    /// One for each of the form's strings; empty if it was left out.
    strings: Vec<String>,
    offset: Option<u64>,
    sleepable: bool,
    span: Span,
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

    fn kind(&self) -> Kind {
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
    use super::{FORMS, NAMES};

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
