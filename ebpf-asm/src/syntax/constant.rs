//! Constant expressions of the text form.
//!
//! In a macro `{expr}` is Rust and rustc computes it; in a text file it is an integer
//! expression over literals and the file's own constants, computed here.

use super::ast::TokenRange;
use super::number::{parse_byte, parse_integer};
use super::{Delimiter, TokenKind, TokenList};
use crate::diag::{Diagnostic, Rule, Span};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

/// The value of a constant and where it was defined.
///
/// ```
/// use ebpf_asm::diag::Span;
/// use ebpf_asm::syntax::ast::TokenRange;
/// use ebpf_asm::syntax::{ConstantValue, evaluate, lex};
/// use std::collections::BTreeMap;
///
/// let limit = ConstantValue { value: 64, span: Span::default() };
/// let names = BTreeMap::from([("LIMIT".to_owned(), limit)]);
/// let tokens = lex("LIMIT * 2", &mut Vec::new());
/// let range = TokenRange { start: 0, end: 3, span: Span::default() };
/// assert_eq!(evaluate(&tokens, range, &names), Ok(128));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConstantValue {
    /// The value.
    pub value: i128,
    /// Its definition.
    pub span: Span,
}

/// Computes an expression: integers, names, parentheses, `+ - * / % << >> & | ^ !` with Rust's
/// precedence, without wrapping. `as` and paths are Rust and are refused with that reason.
///
/// ```
/// use ebpf_asm::diag::Span;
/// use ebpf_asm::syntax::ast::TokenRange;
/// use ebpf_asm::syntax::{evaluate, lex};
/// use std::collections::BTreeMap;
///
/// let tokens = lex("(1 << 4) | 3", &mut Vec::new());
/// let range = TokenRange { start: 0, end: tokens.len() - 1, span: Span::default() };
/// assert_eq!(evaluate(&tokens, range, &BTreeMap::new()), Ok(19));
/// ```
///
/// # Errors
/// A diagnostic on the token at fault.
pub fn evaluate(
    tokens: &TokenList,
    range: TokenRange,
    names: &BTreeMap<String, ConstantValue>,
) -> Result<i128, Diagnostic> {
    let mut evaluator = Evaluator {
        tokens,
        position: range.start,
        end: range.end,
        names,
        depth: 0,
    };
    let value = evaluator.binary(0)?;
    if evaluator.position < range.end {
        return Err(evaluator.unexpected("the end of the expression"));
    }
    Ok(value)
}

struct Evaluator<'a> {
    tokens: &'a TokenList,
    position: u32,
    end: u32,
    names: &'a BTreeMap<String, ConstantValue>,
    depth: u32,
}

/// How deep parentheses and signs may be nested; the stack of the host is finite.
const MAX_DEPTH: u32 = 100;

/// Operators by how strongly they bind, weakest first, as in Rust.
const LEVELS: &[&[&str]] = &[
    &["|"],
    &["^"],
    &["&"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Evaluator<'_> {
    fn kind(&self) -> TokenKind {
        if self.position < self.end {
            self.tokens.get(self.position).kind
        } else {
            TokenKind::End
        }
    }

    fn span(&self) -> Span {
        let last = self.position.min(self.end.saturating_sub(1));
        self.tokens.get(last).span
    }

    fn unexpected(&self, expected: &str) -> Diagnostic {
        let found = match self.kind() {
            TokenKind::End => String::from("the end"),
            _ => format!("`{}`", self.tokens.render(self.position, self.position + 1)),
        };
        Diagnostic::error(
            Rule::ConstantExpression,
            self.span(),
            format!("expected {expected}, found {found}"),
        )
    }

    fn operator(&self, level: usize) -> Option<&'static str> {
        let TokenKind::Punct { character, joint } = self.kind() else {
            return None;
        };
        LEVELS[level].iter().copied().find(|operator| {
            let mut characters = operator.chars();
            if characters.next() != Some(character) {
                return false;
            }
            match characters.next() {
                None => true,
                Some(second) => {
                    let next = self.tokens.get(self.position + 1).kind;
                    joint
                        && matches!(next, TokenKind::Punct { character, .. } if character == second)
                }
            }
        })
    }

    fn binary(&mut self, level: usize) -> Result<i128, Diagnostic> {
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(level) {
            let span = self.span();
            self.position += operator.len() as u32;
            let right = self.binary(level + 1)?;
            let shift = u32::try_from(right).ok().filter(|&count| count < 64);
            let value = match operator {
                "+" => left.checked_add(right),
                "-" => left.checked_sub(right),
                "*" => left.checked_mul(right),
                "/" => left.checked_div(right),
                "%" => left.checked_rem(right),
                "&" => Some(left & right),
                "|" => Some(left | right),
                "^" => Some(left ^ right),
                // The operand fits 64 bits (see below), so 127 are enough for the result.
                "<<" => shift.map(|count| left << count),
                _ => shift.map(|count| left >> count),
            };
            left = value.filter(|value| in_range(*value)).ok_or_else(|| {
                Diagnostic::error(
                    Rule::ConstantExpression,
                    span,
                    if right == 0 {
                        format!("`{left} {operator} {right}` divides by zero")
                    } else {
                        format!("`{left} {operator} {right}` has no value of 64 bits")
                    },
                )
            })?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<i128, Diagnostic> {
        if self.depth > MAX_DEPTH {
            return Err(Diagnostic::error(
                Rule::ConstantExpression,
                self.span(),
                "the expression is nested too deeply",
            ));
        }
        self.depth += 1;
        let value = self.operand();
        self.depth -= 1;
        value
    }

    fn operand(&mut self) -> Result<i128, Diagnostic> {
        let token = self.tokens.get(self.position);
        let text = self.tokens.text(token);
        let value = match self.kind() {
            TokenKind::Punct { character: '-', .. } => {
                self.position += 1;
                return Ok(-self.unary()?);
            }
            TokenKind::Punct { character: '!', .. } => {
                self.position += 1;
                return Ok(!self.unary()?);
            }
            TokenKind::Open {
                delimiter: Delimiter::Parenthesis,
                close,
            } => {
                self.position += 1;
                let outer = core::mem::replace(&mut self.end, close);
                let value = self.binary(0)?;
                if self.position < close {
                    return Err(self.unexpected("`)`"));
                }
                self.end = outer;
                value
            }
            TokenKind::Number => i128::from(parse_integer(text, token.span)?),
            TokenKind::Byte => i128::from(parse_byte(text, token.span)?),
            TokenKind::Word => match self.names.get(text) {
                Some(constant) => constant.value,
                None => return Err(self.unknown_name(text, token.span)),
            },
            _ => return Err(self.unexpected("a number, a constant or `(`")),
        };
        self.position += 1;
        if self.position < self.end
            && matches!(self.kind(), TokenKind::Word)
            && self.tokens.text_at(self.position) == "as"
        {
            return Err(rust_only(self.span(), "`as`"));
        }
        Ok(value)
    }

    fn unknown_name(&self, name: &str, span: Span) -> Diagnostic {
        let next = self.tokens.get(self.position + 1).kind;
        if self.position + 1 < self.end {
            match next {
                TokenKind::Punct { character: ':', .. } => return rust_only(span, "a path"),
                TokenKind::Punct { character: '!', .. } => return rust_only(span, "a macro"),
                TokenKind::Open { .. } => return rust_only(span, "a function call"),
                _ => {}
            }
        }
        unknown_constant(name, span, self.names)
    }
}

fn in_range(value: i128) -> bool {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value)
}

fn rust_only(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error(
        Rule::ConstantExpression,
        span,
        format!("{what} is Rust, and a text file only knows integers and its own constants"),
    )
    .with_help("define it in the file: `const NAME: u32 = …;`")
}

/// The error about a constant that nothing defines.
pub(crate) fn unknown_constant(
    name: &str,
    span: Span,
    names: &BTreeMap<String, ConstantValue>,
) -> Diagnostic {
    Diagnostic::error(
        Rule::UnknownConstant,
        span,
        format!("there is no constant `{name}`"),
    )
    .with_similar(name, names.keys().map(String::as_str))
    .with_help(format!("define it: `const {name}: u32 = …;`"))
}
