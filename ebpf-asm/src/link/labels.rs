//! Where the labels of a function are.

use crate::diag::{Diagnostic, Rule, Span};
use crate::syntax::ast::{Name, Sequence, Statement, Target};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;

/// The labels of one sequence of statements.
#[derive(Default)]
pub(super) struct Labels<'a> {
    named: BTreeMap<&'a str, Label<'a>>,
    /// Numbered labels may be defined again and again: the nearest counts.
    numbered: BTreeMap<&'a str, Vec<Label<'a>>>,
    /// The number of slots of the sequence.
    end: u32,
    /// Whether a jump may go to where the sequence ends: a fragment goes on there.
    open_end: bool,
    /// Whether jumps are given as distances, so that any instruction may be their target.
    pub(super) has_distances: bool,
    /// How many more labels are looked at for suggestions.
    comparisons: Cell<usize>,
}

struct Label<'a> {
    name: &'a Name,
    slot: u32,
    used: Cell<bool>,
}

/// What is in a slot, for jumps that are given as distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// An instruction begins.
    Begins,
    /// The second half of a 64-bit constant.
    SecondHalf,
    /// Inside of a pasted function.
    Pasted,
}

impl<'a> Labels<'a> {
    /// Finds the labels, and what is in each slot. `slots` says how many a statement takes.
    pub(super) fn collect(
        body: &'a Sequence,
        open_end: bool,
        slots: impl Fn(usize, &Statement) -> u32,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> (Self, Vec<Slot>) {
        let mut starts = Vec::with_capacity(body.statements.len());
        let mut labels = Self {
            named: BTreeMap::new(),
            numbered: BTreeMap::new(),
            end: 0,
            open_end,
            has_distances: false,
            comparisons: Cell::new(20_000),
        };
        // A program may have a million statements: they are walked through once.
        for (at, statement) in body.statements.iter().enumerate() {
            let mut rest = Slot::Pasted;
            match statement {
                Statement::Label(name) => labels.define(name, starts.len() as u32, diagnostics),
                Statement::Instruction(instruction) => {
                    labels.has_distances |= matches!(instruction.target, Target::Distance { .. });
                    if instruction.form.definition().slots() == 2 {
                        rest = Slot::SecondHalf;
                    }
                }
                Statement::Raw { .. } => {}
            }
            for i in 0..slots(at, statement) {
                starts.push(if i == 0 { Slot::Begins } else { rest });
            }
        }
        labels.end = starts.len() as u32;
        (labels, starts)
    }

    fn define(&mut self, name: &'a Name, slot: u32, diagnostics: &mut Vec<Diagnostic>) {
        let label = Label {
            name,
            slot,
            used: Cell::new(false),
        };
        if name.text.starts_with(|c: char| c.is_ascii_digit()) {
            self.numbered.entry(&name.text).or_default().push(label);
        } else if let Some(first) = self.named.get(name.text.as_str()) {
            // A twin is not unused as well.
            first.used.set(true);
            diagnostics.push(
                Diagnostic::error(
                    Rule::DuplicateLabel,
                    name.span,
                    format!("the label `{}` is defined twice", name.text),
                )
                .with_note_at("first defined", first.name.span),
            );
        } else {
            self.named.insert(&name.text, label);
        }
    }

    /// Whether there is such a label; does not count as a use.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// The slot of a named label.
    pub(super) fn named(&self, name: &Name) -> Result<u32, Diagnostic> {
        match self.named.get(name.text.as_str()) {
            Some(label) => self.target(label, name.span),
            None => {
                let diagnostic = Diagnostic::error(
                    Rule::UndefinedLabel,
                    name.span,
                    format!("there is no label `{}` in this function", name.text),
                );
                // Each looks at every label: a long program that is wrong all over gets few.
                let left = self.comparisons.get();
                if left == 0 {
                    return Err(diagnostic);
                }
                self.comparisons.set(left.saturating_sub(self.named.len()));
                Err(diagnostic.with_similar(&name.text, self.named.keys().copied()))
            }
        }
    }

    /// The slot of the nearest label of this number, after or before the jump at `from`.
    pub(super) fn numeric(
        &self,
        number: &Name,
        forward: bool,
        from: u32,
    ) -> Result<u32, Diagnostic> {
        let list = self.numbered.get(number.text.as_str());
        let list = list.map_or(&[][..], |list| list);
        // In order of slots, as they were defined.
        let after = list.partition_point(|label| label.slot <= from);
        let found = if forward {
            list.get(after)
        } else {
            list[..after].last()
        };
        match found {
            Some(label) => self.target(label, number.span),
            None => {
                let place = if forward { "after" } else { "before" };
                Err(Diagnostic::error(
                    Rule::UndefinedLabel,
                    number.span,
                    format!("there is no label `{}:` {place} this jump", number.text),
                ))
            }
        }
    }

    fn target(&self, label: &Label<'a>, from: Span) -> Result<u32, Diagnostic> {
        label.used.set(true);
        if label.slot == self.end && !self.open_end {
            return Err(Diagnostic::error(
                Rule::JumpTarget,
                from,
                format!("no instruction follows the label `{}`", label.name.text),
            )
            .with_note_at("the label is", label.name.span)
            .with_help("let `exit;` follow it"));
        }
        Ok(label.slot)
    }

    /// The labels that nothing used.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'a Name> {
        let numbered = self.numbered.values().flatten();
        let mut unused: Vec<&'a Name> = self
            .named
            .values()
            .chain(numbered)
            .filter(|label| !label.used.get())
            .map(|label| label.name)
            .collect();
        unused.sort_by_key(|name| name.token);
        unused.into_iter()
    }

    /// All labels that can be shown in a listing, with their slots.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, String)> {
        self.named
            .values()
            .map(|label| (label.slot, label.name.text.clone()))
    }
}
