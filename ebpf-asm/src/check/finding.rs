//! What the checker found.

use crate::diag::{Diagnostic, Rule, Span};
use alloc::string::String;
use alloc::vec::Vec;

/// An instruction that every kernel in the program's range refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Which rule it breaks.
    pub rule: Rule,
    /// The slot of the instruction.
    pub insn: u32,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What the kernel says: search engines know it.
    pub kernel: String,
    /// What led there: a remark, and the slot that it is about.
    pub causes: Vec<Cause>,
    /// What to do about it.
    pub help: Option<String>,
    /// What is assumed of maps of which nothing is known; empty where the finding is certain.
    pub assumptions: Vec<Assumption>,
    /// The register in which another run gave null: some kernels then look at one of the two
    /// only.
    pub(super) unless_null: Option<u8>,
}

/// What has to be true of a map for a [`Finding`] to hold: whoever knows the map decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assumption {
    /// Look-ups in the map give pointers to its values.
    HoldsValues(u16),
    /// Look-ups may find nothing, whatever the key.
    MayBeAbsent(u16),
    /// The map's values have fewer bytes.
    ValueShorterThan(u16, u64),
}

/// Something on the way to a [`Finding`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The remark: "lost in the call".
    pub message: String,
    /// The slot that it is about.
    pub insn: Option<u32>,
}

impl Finding {
    pub(super) fn new(
        rule: Rule,
        insn: usize,
        message: impl Into<String>,
        kernel: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            insn: insn as u32,
            message: message.into(),
            kernel: kernel.into(),
            causes: Vec::new(),
            help: None,
            assumptions: Vec::new(),
            unless_null: None,
        }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn because(mut self, message: impl Into<String>, insn: Option<u32>) -> Self {
        self.causes.push(Cause {
            message: message.into(),
            insn,
        });
        self
    }

    /// How long a map's value would have to be.
    pub(super) fn needed_length(&self) -> u64 {
        self.assumptions
            .iter()
            .map(|assumption| match assumption {
                Assumption::ValueShorterThan(_, length) => *length,
                _ => 0,
            })
            .max()
            .unwrap_or(0)
    }

    pub(super) fn assuming(mut self, assumption: Option<Assumption>) -> Self {
        self.assumptions.extend(assumption);
        self
    }

    /// The finding as a diagnostic; `span` says where a slot comes from.
    #[must_use]
    pub fn to_diagnostic(&self, span: impl Fn(u32) -> Span) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.rule, span(self.insn), self.message.clone());
        for cause in &self.causes {
            diagnostic = match cause.insn {
                Some(insn) => diagnostic.with_note_at(cause.message.clone(), span(insn)),
                None => diagnostic.with_note(cause.message.clone()),
            };
        }
        if !self.kernel.is_empty() {
            diagnostic = diagnostic.with_note(alloc::format!("the kernel says: {}", self.kernel));
        }
        match &self.help {
            Some(help) => diagnostic.with_help(help.clone()),
            None => diagnostic,
        }
    }
}
