//! What the checker says about an object's programs.
//!
//! What is certain becomes an error. What depends on a map becomes an obligation: rustc knows the
//! map's definition, and decides in const evaluation.

use crate::emit;
use crate::guess::{self, Guessed};
use crate::scope::{FunctionItem, Items};
use crate::signature;
use crate::tokens::Tokens;
use ebpf_asm::KernelVersion;
use ebpf_asm::check::{
    Assumption, Finding, Parameter, Program, SIZE_MARK, check, check_fragment, is_gpl_compatible,
    predict_for_all, suggest,
};
use ebpf_asm::diag::{Diagnostic, Rule, Span as Place};
use ebpf_asm::link::Linked;
use ebpf_asm::object::ProgramKind;
use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

/// What is known of an object beside its instructions.
pub(crate) struct Checker<'a> {
    pub(crate) items: &'a Items<'a>,
    pub(crate) tokens: &'a Tokens,
    pub(crate) license: &'a str,
    pub(crate) min_kernel: Option<KernelVersion>,
    /// Whether operands of which only rustc knows the value are in place.
    pub(crate) patched: bool,
}

impl Checker<'_> {
    /// What was found in the program at `index` of the object's functions, and where there is
    /// something that was switched off.
    pub(crate) fn program(
        &self,
        index: usize,
        linked: &Linked,
        guessed: Option<&Guessed>,
    ) -> (Vec<Finding>, Vec<u32>) {
        let mut program = self.facts(index, guessed.map_or(linked, |guessed| &guessed.linked));
        program.guessed_offsets = guessed.map_or_else(Vec::new, |guessed| guessed.slots.clone());
        let findings = check(&program);
        let (allowed, mut findings): (Vec<Finding>, Vec<Finding>) = findings
            .into_iter()
            .partition(|finding| self.is_allowed(finding, linked));
        suggest(&program, &mut findings);
        (
            findings,
            allowed.iter().map(|finding| finding.insn).collect(),
        )
    }

    /// What all kernels are predicted to refuse in a program without errors; not at an instruction
    /// of which rustc decides whether it has one, nor where the author wants to see what the
    /// kernel says. With the offsets that it depends on, if they are guesses.
    pub(crate) fn prediction(
        &self,
        index: usize,
        linked: &Linked,
        guessed: Option<&Guessed>,
        (findings, allowed): &(Vec<Finding>, Vec<u32>),
    ) -> Option<(Finding, Vec<u32>)> {
        let predict = |linked: &Linked| predict_for_all(&self.facts(index, linked));
        let found = match guessed {
            Some(guessed) => {
                let finding = predict(&guessed.linked)?;
                // What is refused whatever the guesses are worth is told without them.
                match predict(linked) {
                    Some(plain) if plain.insn == finding.insn => (plain, Vec::new()),
                    _ => (finding, guessed.slots.clone()),
                }
            }
            None => (predict(linked)?, Vec::new()),
        };
        let finding = &found.0;
        let told = findings
            .iter()
            .any(|other| !other.depends_on_maps() || other.insn == finding.insn);
        let told = told || allowed.contains(&finding.insn);
        (!told && !self.is_allowed(finding, linked)).then_some(found)
    }

    /// The program with guesses at offsets, where there are any.
    pub(crate) fn guessed(&self, linked: &Linked) -> Option<Guessed> {
        match self.patched {
            true => None,
            false => guess::guessed(self.tokens, linked),
        }
    }

    fn facts<'a>(&'a self, index: usize, linked: &'a Linked) -> Program<'a> {
        let mut program = Program::from_linked(linked, self.patched);
        let kind = self.items.functions[index].kind.as_ref();
        let kind = kind.and_then(|kind| ProgramKind::from_name(kind.attribute));
        program.program_type = kind.map(ProgramKind::program_type);
        program.attach_type = kind.and_then(ProgramKind::expected_attach_type);
        program.gpl_compatible = Some(is_gpl_compatible(self.license));
        let maps = self.items.maps.iter();
        program.map_names = maps.map(|map| map.item.name.text.as_str().into()).collect();
        let symbols = self.items.kernel.iter();
        program.kernel_symbols = symbols
            .map(|symbol| symbol.item.name.text.as_str().into())
            .collect();
        for function in &mut program.functions {
            let linked = linked.functions.iter();
            let named = linked
                .filter(|linked| linked.insn == function.insn)
                .find_map(|linked| {
                    let mut items = self.items.functions.iter();
                    items.find(|item| item.item.name.text == linked.name)
                });
            function.parameters = named.and_then(|item| parameters(self.tokens, item));
        }
        if let Some(min_kernel) = self.min_kernel {
            program.min_kernel = min_kernel;
            program.names_lacks = true;
        }
        program
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

/// What a function takes, as far as its tokens say: what stands behind a pointer only rustc
/// knows, and who gives a number type's name to something else is told less.
fn parameters(tokens: &Tokens, function: &FunctionItem<'_>) -> Option<Vec<Parameter>> {
    const NUMBERS: [&str; 10] = [
        "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "usize", "isize",
    ];
    let signature = signature::read(tokens, function.item).ok()?;
    let inputs = signature.inputs.iter().map(|input| {
        let syn::FnArg::Typed(input) = input else {
            return Parameter::Unknown;
        };
        match &*input.ty {
            syn::Type::Path(path)
                if input.attrs.is_empty()
                    && NUMBERS.iter().any(|number| path.path.is_ident(number)) =>
            {
                Parameter::Number
            }
            _ => Parameter::Unknown,
        }
    });
    Some(inputs.collect())
}

/// What is wrong with a bare sequence, of which neither type nor start are known.
pub(crate) fn sequence(linked: &Linked, patched: bool) -> Vec<Diagnostic> {
    let mut program = Program::from_linked(linked, patched);
    program.fragment = true;
    let mut findings = check_fragment(&program);
    findings.retain(|finding| finding.assumptions.is_empty());
    suggest(&program, &mut findings);
    findings
        .iter()
        .map(|finding| diagnostic(finding, linked, None))
        .collect()
}

/// `object` is the place of the object's name, if there is an object.
pub(crate) fn diagnostic(finding: &Finding, linked: &Linked, object: Option<Place>) -> Diagnostic {
    finding.to_diagnostic(object, |slot| {
        linked.spans.get(slot as usize).copied().unwrap_or_default()
    })
}

/// What rustc has to decide about: the finding, and how it is told.
pub(crate) struct Depending {
    pub(crate) finding: Finding,
    pub(crate) diagnostic: Diagnostic,
    /// The same without what needs a map's size.
    pub(crate) plain: Diagnostic,
    /// Whether offsets are what they are assumed to be: conditions, in the order of assumptions.
    pub(crate) guesses: Vec<TokenStream>,
}

impl Depending {
    pub(crate) fn new(finding: Finding, tokens: &Tokens, linked: &Linked, object: Place) -> Self {
        let mut plain = finding.clone();
        plain.remedy = None;
        let assumptions = finding.assumptions.iter();
        let guesses = assumptions.filter_map(|assumption| match *assumption {
            Assumption::OffsetIsGuessed(slot) => Some(guess::is_right(tokens, linked, slot)),
            _ => None,
        });
        Self {
            guesses: guesses.collect(),
            diagnostic: diagnostic(&finding, linked, Some(object)),
            plain: diagnostic(&plain, linked, None),
            finding,
        }
    }
}

/// As many bytes as a number may have.
const LONGEST_NUMBER: usize = 20;

/// An error that has been written down, as one that only stands if the maps and offsets are as
/// assumed. `plain` is the same without advice that needs a map's size; `maps` gives each map's
/// name, at a place.
pub(crate) fn obligation(
    krate: &TokenStream,
    error: &TokenStream,
    plain: &TokenStream,
    depending: &(Finding, Vec<TokenStream>),
    maps: impl Fn(u16, Span) -> (Ident, String),
) -> TokenStream {
    let (finding, guesses) = depending;
    let (Some((text, span, last)), Some((plain, ..))) = (message(error), message(plain)) else {
        return TokenStream::new();
    };
    let krate = emit::located(krate, span);
    let sized = finding.assumptions.iter().find_map(|a| match *a {
        Assumption::ValueShorterThan(map, _) => Some(map),
        _ => None,
    });
    // rustc underlines a macro from its first token to its last.
    let path = quote_spanned!(span=> ::core::panic);
    let panic = match (finding.size_rest(), sized) {
        (Some(rest), Some(map)) => {
            let (name, map) = maps(map, span);
            let longest = text.to_string().len() + LONGEST_NUMBER;
            // Shown at the last token, and the variable of the lines around it.
            let argument = quote_spanned!(last=> ("{}", text));
            quote_spanned! {span=>
                let text = #krate::__private::Assumed(&#name.map_def(#map))
                    .message::<#longest>(#text, #plain, #SIZE_MARK, #rest);
                let text = text.as_str();
                #path! #argument;
            }
        }
        _ => {
            let argument = quote_spanned!(last=> ("{}", #text));
            quote_spanned!(span=> #path! #argument;)
        }
    };
    let conditions = finding.assumptions.iter().filter_map(|assumption| {
        let (map, call) = match *assumption {
            Assumption::HoldsValues(map) => (map, quote_spanned!(span=> holds_values())),
            Assumption::MayBeAbsent(map) => (map, quote_spanned!(span=> may_be_absent())),
            Assumption::ValueShorterThan(map, length) => {
                (map, quote_spanned!(span=> value_shorter_than(#length)))
            }
            Assumption::ValueLongerThan(map, length) => {
                (map, quote_spanned!(span=> value_longer_than(#length)))
            }
            Assumption::KeyLongerThan(map, length) => {
                (map, quote_spanned!(span=> key_longer_than(#length)))
            }
            Assumption::IsMap(map) => (map, quote_spanned!(span=> is_map())),
            Assumption::IsGlobal(map) => (map, quote_spanned!(span=> is_global())),
            Assumption::IsOneOf(map, types) => (map, quote_spanned!(span=> is_one_of(#types))),
            Assumption::HasFlags(map, flags) => (map, quote_spanned!(span=> has_flags(#flags))),
            Assumption::OffsetIsGuessed(_) => return None,
            // A newer kind of assumption than this crate knows never holds.
            _ => return Some(quote_spanned!(span=> false)),
        };
        let (name, text) = maps(map, span);
        Some(quote_spanned!(span=> #krate::__private::Assumed(&#name.map_def(#text)).#call))
    });
    quote_spanned! {span=>
        #[allow(clippy::manual_assert, reason = "the message may take a statement")]
        const _: () = {
            if true #(&& #guesses)* #(&& #conditions)* {
                #panic
            }
        };
    }
}

/// A prediction as a native warning, which is that of a deprecated constant: stable macros have no
/// warnings of their own. It stands at the first token of the instruction. If `guesses` are not all
/// true, it is about another constant, which is not deprecated.
pub(crate) fn warning(
    code: &str,
    text: &str,
    span: Span,
    lints: &[TokenStream],
    guesses: &[TokenStream],
) -> TokenStream {
    let name = Ident::new(code, span);
    if guesses.is_empty() {
        return quote! {
            #(#lints)*
            const _: () = {
                #[deprecated(note = #text)]
                const #name: () = ();
                #name
            };
        };
    }
    let warned = quote_spanned!(span=> Guessed::<{ true #(&& #guesses)* }>::#name);
    quote! {
        #(#lints)*
        const _: () = {
            #[allow(dead_code, reason = "only its constants are asked for")]
            struct Guessed<const RIGHT: bool>;
            #[allow(dead_code, reason = "one of the two is asked for")]
            impl Guessed<true> {
                #[deprecated(note = #text)]
                const #name: () = ();
            }
            #[allow(dead_code, reason = "one of the two is asked for")]
            impl Guessed<false> {
                const #name: () = ();
            }
            #warned
        };
    }
}

/// The message of a `compile_error!`, and from where to where it stands.
fn message(error: &TokenStream) -> Option<(Literal, Span, Span)> {
    let mut trees = error.clone().into_iter();
    let first = trees.next()?.span();
    let TokenTree::Group(group) = trees.last()? else {
        return None;
    };
    match group.stream().into_iter().next()? {
        TokenTree::Literal(literal) => Some((literal, first, group.span())),
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
