//! What the checker says about an object's programs.
//!
//! What is certain becomes an error. What depends on a map becomes an obligation: rustc knows the
//! map's definition, and decides in const evaluation.

use crate::emit;
use crate::scope::Items;
use ebpf_asm::KernelVersion;
use ebpf_asm::check::{Assumption, Finding, Program, check, check_fragment, is_gpl_compatible};
use ebpf_asm::diag::{Diagnostic, Rule};
use ebpf_asm::link::Linked;
use ebpf_asm::object::ProgramKind;
use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// What is known of an object beside its instructions.
pub(crate) struct Checker<'a> {
    pub(crate) items: &'a Items<'a>,
    pub(crate) license: &'a str,
    pub(crate) min_kernel: Option<KernelVersion>,
    /// Whether operands of which only rustc knows the value are in place.
    pub(crate) patched: bool,
}

impl Checker<'_> {
    /// What was found in the program at `index` of the object's functions.
    pub(crate) fn program(&self, index: usize, linked: &Linked) -> Vec<Finding> {
        let mut program = Program::from_linked(linked, self.patched);
        let kind = self.items.functions[index].kind.as_ref();
        let kind = kind.and_then(|kind| ProgramKind::from_name(kind.attribute));
        program.program_type = kind.map(ProgramKind::program_type);
        program.attach_type = kind.and_then(ProgramKind::expected_attach_type);
        program.gpl_compatible = Some(is_gpl_compatible(self.license));
        if let Some(min_kernel) = self.min_kernel {
            program.min_kernel = min_kernel;
        }
        let mut findings = check(&program);
        findings.retain(|finding| !self.is_allowed(finding, linked));
        findings
    }

    /// Whether the function that the finding is in has switched the code off.
    fn is_allowed(&self, finding: &Finding, linked: &Linked) -> bool {
        let before = linked
            .functions
            .iter()
            .take_while(|f| f.insn <= finding.insn);
        let Some(function) = before.last() else {
            return false;
        };
        self.items.functions.iter().any(|item| {
            item.item.name.text == function.name && item.allowed.contains(&finding.rule)
        })
    }
}

/// What is wrong with a bare sequence, of which neither type nor start are known.
pub(crate) fn sequence(linked: &Linked, patched: bool) -> Vec<Diagnostic> {
    let mut program = Program::from_linked(linked, patched);
    program.fragment = true;
    let findings = check_fragment(&program);
    let certain = findings
        .iter()
        .filter(|finding| finding.assumptions.is_empty());
    certain.map(|finding| diagnostic(finding, linked)).collect()
}

pub(crate) fn diagnostic(finding: &Finding, linked: &Linked) -> Diagnostic {
    finding.to_diagnostic(|slot| linked.spans.get(slot as usize).copied().unwrap_or_default())
}

/// An error that has been written down, as one that only stands if the maps are as assumed.
/// `maps` gives each map's name, at a place.
pub(crate) fn obligation(
    krate: &TokenStream,
    error: &TokenStream,
    finding: &Finding,
    maps: impl Fn(u16, Span) -> (Ident, String),
) -> TokenStream {
    let Some((text, span)) = message(error) else {
        return TokenStream::new();
    };
    let krate = emit::located(krate, span);
    let conditions = finding.assumptions.iter().map(|assumption| {
        let (map, call) = match *assumption {
            Assumption::HoldsValues(map) => (map, quote_spanned!(span=> holds_values())),
            Assumption::MayBeAbsent(map) => (map, quote_spanned!(span=> may_be_absent())),
            Assumption::ValueShorterThan(map, length) => {
                (map, quote_spanned!(span=> value_shorter_than(#length)))
            }
            // A newer kind of assumption than this crate knows never holds.
            _ => return quote_spanned!(span=> false),
        };
        let (name, text) = maps(map, span);
        quote_spanned!(span=> #krate::__private::Assumed(&#name.map_def(#text)).#call)
    });
    quote_spanned! {span=>
        const _: () = {
            if true #(&& #conditions)* {
                ::core::panic!("{}", #text);
            }
        };
    }
}

/// The message of a `compile_error!`, and where it stands.
fn message(error: &TokenStream) -> Option<(Literal, Span)> {
    let mut trees = error.clone().into_iter();
    let first = trees.next()?.span();
    let TokenTree::Group(group) = trees.last()? else {
        return None;
    };
    match group.stream().into_iter().next()? {
        TokenTree::Literal(literal) => Some((literal, first)),
        _ => None,
    }
}

/// The codes in `#[allow_unchecked(BPF0110, …)]`.
#[derive(Debug, Default)]
pub(crate) struct Allowed(pub(crate) Vec<Rule>);

impl darling::FromMeta for Allowed {
    fn from_list(items: &[darling::ast::NestedMeta]) -> darling::Result<Self> {
        let mut rules = Vec::new();
        for item in items {
            let name = match item {
                darling::ast::NestedMeta::Meta(syn::Meta::Path(path)) => path.get_ident(),
                _ => None,
            };
            let rule = name.and_then(|name| {
                let name = name.to_string();
                Rule::ALL
                    .iter()
                    .copied()
                    .find(|rule| *rule == name.as_str())
            });
            match rule {
                Some(rule) => rules.push(rule),
                None => {
                    return Err(darling::Error::custom(
                        "not a code of the checker\nhelp: write `#[allow_unchecked(BPF0110)]`",
                    )
                    .with_span(item));
                }
            }
        }
        Ok(Self(rules))
    }
}
