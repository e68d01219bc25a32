//! The constants of a text: computed here, where a macro leaves them to rustc.

use super::{Linked, link_sequence};
use crate::diag::{Diagnostic, Span};
use crate::syntax::ast::{ConstItem, OperandValue, Sequence, TokenRange};
use crate::syntax::{ConstantValue, TokenList, evaluate, misfit, unknown_constant};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

/// The constants that the instructions of a text can use.
#[derive(Clone, Debug, Default)]
pub struct TextConstants {
    values: BTreeMap<String, ConstantValue>,
    /// Constants without a value, which has been reported: what is made of them is not
    /// reported as well.
    failed: BTreeSet<String>,
}

impl TextConstants {
    /// Links a sequence of a text and puts its constants in.
    pub fn link(
        mut self,
        tokens: &TokenList,
        tree: &Sequence,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Linked {
        diagnostics.extend(self.define(tokens, &tree.constants));
        // Names of constants are looked up by `put`, so the linker leaves them open.
        let mut linked = link_sequence(tree, true);
        diagnostics.append(&mut linked.diagnostics);
        diagnostics.extend(self.put(tokens, &mut linked));
        linked
    }

    /// A constant from outside the text.
    pub fn insert(&mut self, name: &str, value: i64) {
        let value = ConstantValue {
            value: i128::from(value),
            span: Span::default(),
        };
        self.values.insert(name.into(), value);
    }

    /// Computes the constants that the text defines, each from those before it.
    pub fn define(&mut self, tokens: &TokenList, constants: &[ConstItem]) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        for constant in constants {
            let name = &constant.name.text;
            let value = constant.value;
            let Some(range) = value.filter(|&range| !self.mentions_failed(tokens, range)) else {
                self.failed.insert(name.clone());
                continue;
            };
            match evaluate(tokens, range, &self.values) {
                Ok(value) => {
                    let span = constant.name.span;
                    let value = ConstantValue { value, span };
                    self.values.insert(name.clone(), value);
                }
                Err(error) => {
                    self.failed.insert(name.clone());
                    diagnostics.push(error);
                }
            }
        }
        diagnostics
    }

    fn mentions_failed(&self, tokens: &TokenList, range: TokenRange) -> bool {
        !self.failed.is_empty()
            && (range.start..range.end).any(|at| self.failed.contains(tokens.text_at(at)))
    }

    /// Puts the values of all patches in.
    pub fn put(&self, tokens: &TokenList, linked: &mut Linked) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        for patch in core::mem::take(&mut linked.patches) {
            let value = match &patch.value {
                OperandValue::Expression(range) if self.mentions_failed(tokens, *range) => continue,
                OperandValue::Name(name) if self.failed.contains(&name.text) => continue,
                OperandValue::Expression(range) => evaluate(tokens, *range, &self.values),
                OperandValue::Name(name) => match self.values.get(&name.text) {
                    Some(constant) => Ok(constant.value),
                    None => Err(unknown_constant(&name.text, name.span, &self.values)),
                },
            };
            let result = value.and_then(|value| {
                let value = if patch.negated { -value } else { value };
                patch
                    .field
                    .put(&mut linked.insns, patch.insn as usize, value)
                    .map_err(|_| misfit(patch.field, value, patch.span))
            });
            if let Err(error) = result {
                diagnostics.push(error);
            }
        }
        diagnostics
    }
}
