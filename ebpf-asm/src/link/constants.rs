//! The constants of a text: computed here, where a macro leaves them to rustc.

use super::Linked;
use crate::diag::{Diagnostic, Span};
use crate::syntax::ast::{ConstItem, OperandValue};
use crate::syntax::{ConstantValue, TokenList, evaluate, misfit, unknown_constant};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// The constants that the instructions of a text can use.
#[derive(Clone, Debug, Default)]
pub struct TextConstants {
    values: BTreeMap<String, ConstantValue>,
}

impl TextConstants {
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
            let Some(range) = constant.value else {
                continue;
            };
            match evaluate(tokens, range, &self.values) {
                Ok(value) => {
                    let span = constant.name.span;
                    let value = ConstantValue { value, span };
                    self.values.insert(constant.name.text.clone(), value);
                }
                Err(error) => diagnostics.push(error),
            }
        }
        diagnostics
    }

    /// Puts the values of all patches in.
    pub fn put(&self, tokens: &TokenList, linked: &mut Linked) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        for patch in core::mem::take(&mut linked.patches) {
            let value = match &patch.value {
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
