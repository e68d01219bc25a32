//! The constants of a text: computed here, where a macro leaves them to rustc.

use super::{Linked, link_sequence};
use crate::diag::{Diagnostic, Rule, Span};
use crate::syntax::ast::{ConstItem, OperandValue, Sequence, TokenRange};
use crate::syntax::{ConstantValue, TokenList, evaluate, misfit, unknown_constant};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The constants that the instructions of a text can use.
///
/// ```
/// use ebpf_asm::link::{TextConstants, link_sequence};
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let mut diagnostics = Vec::new();
/// let tokens = lex("const TWICE: u32 = LIMIT * 2; r0 = TWICE; exit", &mut diagnostics);
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let mut constants = TextConstants::default();
/// constants.insert("LIMIT", 64);
/// let linked = constants.clone().link(&tokens, &tree, &mut diagnostics);
/// assert!(diagnostics.is_empty());
/// assert_eq!(linked.insns[0].imm(), 128);
///
/// // The same step by step, as for the functions of an object:
/// constants.define(&tokens, &tree.constants);
/// let mut linked = link_sequence(&tree, true);
/// constants.put(&tokens, &mut linked);
/// assert_eq!(linked.insns[0].imm(), 128);
/// ```
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

    /// Computes the constants that the text defines. As in Rust, one may stand before those it
    /// is made of.
    pub fn define(&mut self, tokens: &TokenList, constants: &[ConstItem]) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        let mut pending: Vec<&ConstItem> = constants.iter().collect();
        loop {
            let names: BTreeSet<&str> = pending.iter().map(|c| c.name.text.as_str()).collect();
            let waits = |constant: &&ConstItem| {
                let range = constant.value.map_or(0..0, |value| value.start..value.end);
                range
                    .into_iter()
                    .any(|at| names.contains(tokens.text_at(at)))
            };
            let before = pending.len();
            let (waiting, ready): (Vec<_>, Vec<_>) = pending.into_iter().partition(waits);
            for constant in ready {
                self.define_one(tokens, constant, &mut diagnostics);
            }
            pending = waiting;
            if pending.len() == before {
                break;
            }
        }
        for constant in pending {
            let name = &constant.name;
            diagnostics.push(Diagnostic::error(
                Rule::ConstantExpression,
                name.span,
                format!("the constant `{}` is made of itself", name.text),
            ));
            self.failed.insert(name.text.clone());
        }
        diagnostics
    }

    fn define_one(
        &mut self,
        tokens: &TokenList,
        constant: &ConstItem,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let name = &constant.name;
        let value = constant.value;
        let Some(range) = value.filter(|&range| !self.mentions_failed(tokens, range)) else {
            self.failed.insert(name.text.clone());
            return;
        };
        let value = evaluate(tokens, range, &self.values);
        match value.and_then(|value| check_type(tokens, constant, value)) {
            Ok(value) => {
                let span = name.span;
                let value = ConstantValue { value, span };
                self.values.insert(name.text.clone(), value);
            }
            Err(error) => {
                self.failed.insert(name.text.clone());
                diagnostics.push(error);
            }
        }
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
                // Relocated, or reported by the linker.
                OperandValue::Kernel(_) => continue,
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

/// A constant's value fits its type, which has to be an integer.
fn check_type(tokens: &TokenList, constant: &ConstItem, value: i128) -> Result<i128, Diagnostic> {
    if constant.ty.is_empty() {
        return Ok(value);
    }
    let written = tokens.render(constant.ty.start, constant.ty.end);
    let (minimum, maximum) = match written.as_str() {
        "u8" => (0, i128::from(u8::MAX)),
        "u16" => (0, i128::from(u16::MAX)),
        "u32" => (0, i128::from(u32::MAX)),
        "u64" | "usize" => (0, i128::from(u64::MAX)),
        "i8" => (i128::from(i8::MIN), i128::from(i8::MAX)),
        "i16" => (i128::from(i16::MIN), i128::from(i16::MAX)),
        "i32" => (i128::from(i32::MIN), i128::from(i32::MAX)),
        "i64" | "isize" => (i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => {
            return Err(Diagnostic::error(
                Rule::ConstantType,
                constant.ty.span,
                format!("a constant of a text cannot be of type `{written}`"),
            )
            .with_help("it is an integer: u8 to u64, i8 to i64"));
        }
    };
    if (minimum..=maximum).contains(&value) {
        return Ok(value);
    }
    let place = constant
        .value
        .map_or(constant.name.span, |value| value.span);
    Err(Diagnostic::error(
        Rule::ImmediateRange,
        place,
        format!("{value} does not fit the constant's type `{written}`"),
    )
    .with_help(format!("it holds {minimum} to {maximum}")))
}

#[cfg(all(test, feature = "text"))]
mod tests {
    use crate::assemble;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    fn errors(source: &str) -> Vec<String> {
        let diagnostics = assemble(source).err();
        diagnostics
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn constants_may_stand_in_any_order() {
        let code = assemble("const A: u8 = B * 2; const B = 3; r0 = A; exit");
        assert_eq!(code.map(|code| code.insns()[0].imm()), Ok(6));
        assert_eq!(
            errors("const A = B; const B = A + 1; r0 = A"),
            [
                "error[BPF0029]: the constant `A` is made of itself at line 1, column 7",
                "error[BPF0029]: the constant `B` is made of itself at line 1, column 20",
            ]
        );
    }

    #[test]
    fn a_value_fits_the_type_of_its_constant() {
        assert!(assemble("const A: i8 = -128; const B: u8 = 255; r0 = A").is_ok());
        assert_eq!(
            errors("const A: u8 = 255 + 1; r0 = A"),
            ["error[BPF0021]: 256 does not fit the constant's type `u8` at line 1, column 15"]
        );
        assert_eq!(
            errors("const A: f32 = 1; r0 = A"),
            ["error[BPF0057]: a constant of a text cannot be of type `f32` at line 1, column 10"]
        );
    }
}
