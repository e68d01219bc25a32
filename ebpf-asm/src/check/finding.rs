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
    /// The register in which another run gave null: some kernels then look at one of the two
    /// only.
    pub(super) unless_null: Option<u8>,
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

    /// The finding as a diagnostic; `span` says where a slot comes from.
    #[must_use]
    pub fn to_diagnostic(&self, span: impl Fn(u32) -> Span) -> Diagnostic {
        let mut diagnostic =
            Diagnostic::error(self.rule, span(self.insn), self.message.clone());
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
