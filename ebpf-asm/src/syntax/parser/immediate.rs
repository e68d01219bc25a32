//! Constants: literals, names, `{expr}`.

use super::{Parser, Result};
use crate::diag::{Diagnostic, Rule, Span};
use crate::object::ConstantField;
use crate::syntax::ast::{Operand, OperandValue};
use crate::syntax::{Delimiter, TokenKind, number, words};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

/// A constant as it was written.
pub(super) enum Constant {
    /// A number: the value and whether a minus sign stood before it.
    Literal { value: i128, span: Span },
    /// Something that is known later.
    Later {
        value: OperandValue,
        negated: bool,
        span: Span,
    },
}

impl Constant {
    pub(super) fn span(&self) -> Span {
        match self {
            Self::Literal { span, .. } | Self::Later { span, .. } => *span,
        }
    }
}

/// A constant that was checked against the field it goes to.
pub(super) struct Checked {
    /// The number, 0 if it is known later.
    pub(super) value: i128,
    pub(super) later: Option<Box<Operand>>,
}

impl Parser<'_> {
    /// Whether a constant begins here.
    pub(super) fn at_constant(&self) -> bool {
        match self.peek().kind {
            TokenKind::Number | TokenKind::Byte => true,
            TokenKind::Open { delimiter, .. } => {
                matches!(delimiter, Delimiter::Brace | Delimiter::Invisible)
            }
            TokenKind::Punct { character, .. } => character == '-',
            // A path is an error of its own: `u32::MAX`.
            TokenKind::Word => !words::is_reserved(self.text(self.peek())) || self.at_path(),
            _ => false,
        }
    }

    /// Whether `::` stands behind a word.
    pub(super) fn at_path(&self) -> bool {
        self.is_punct(1, ':') && self.is_punct(2, ':')
    }

    /// Reads a constant: `10`, `-10`, `b'a'`, `NAME`, `-NAME`, `{expr}`.
    pub(super) fn constant(&mut self, what: &str) -> Result<Constant> {
        let start = self.peek();
        let negated = self.eat("-");
        let token = self.peek();
        let span = start.span.to(token.span);
        match token.kind {
            TokenKind::Number => {
                let value = match number::parse_integer(self.text(token), token.span) {
                    Ok(value) => i128::from(value),
                    Err(error) => return Err(self.report(error)),
                };
                self.position += 1;
                let value = if negated { -value } else { value };
                Ok(Constant::Literal { value, span })
            }
            TokenKind::Byte if !negated => match number::parse_byte(self.text(token), token.span) {
                Ok(value) => {
                    self.position += 1;
                    let value = i128::from(value);
                    Ok(Constant::Literal { value, span })
                }
                Err(error) => Err(self.report(error)),
            },
            TokenKind::Open {
                delimiter: Delimiter::Brace | Delimiter::Invisible,
                close,
            } => {
                let inner = self.range(self.position + 1, close);
                if inner.is_empty() {
                    let message = "there is no expression between the braces";
                    return self.error(Rule::UnexpectedToken, token.span, message);
                }
                if self.has_invalid(inner.start, inner.end) || self.is_made_up(close) {
                    return Err(super::Reported);
                }
                let span = start.span.to(self.tokens.get(close).span);
                self.position = close + 1;
                let value = OperandValue::Expression(inner);
                Ok(Constant::Later {
                    value,
                    negated,
                    span,
                })
            }
            TokenKind::Word if self.at_path() => self.path_operand(token.span),
            TokenKind::Word if !words::is_reserved(self.text(token)) => {
                if let Some(kind) = self.begins_kernel_constant() {
                    let value = self.kernel_constant(kind)?;
                    let span = start.span.to(self.previous_span());
                    return Ok(Constant::Later {
                        value: OperandValue::Kernel(Box::new(value)),
                        negated,
                        span,
                    });
                }
                let name = self.take_name();
                let value = OperandValue::Name(name);
                Ok(Constant::Later {
                    value,
                    negated,
                    span,
                })
            }
            TokenKind::Literal => {
                let text = self.text(token);
                let mut diagnostic = Diagnostic::error(
                    Rule::UnexpectedToken,
                    token.span,
                    format!("`{text}` is not an integer"),
                );
                if let Some(character) = text.strip_prefix('\'')
                    && text.is_ascii()
                {
                    diagnostic = diagnostic.with_help(format!("write `b'{character}`"));
                }
                Err(self.report(diagnostic))
            }
            _ => self.unexpected(what),
        }
    }

    fn path_operand<T>(&mut self, first: Span) -> Result<T> {
        let start = self.position;
        while self.peek().kind == TokenKind::Word || self.is_punct(0, ':') {
            self.position += 1;
        }
        let path = self.tokens.render(start, self.position).replace(' ', "");
        let span = first.to(self.previous_span());
        let diagnostic = Diagnostic::error(
            Rule::UnexpectedToken,
            span,
            "an operand is a register, a number, the name of a constant, or an expression in braces",
        )
        .with_help(format!("write `{{{path}}}`"));
        Err(self.report(diagnostic))
    }

    /// A number without sign, nothing else.
    pub(super) fn unsigned_number(&mut self, what: &str) -> Result<(u64, Span)> {
        let token = self.peek();
        if token.kind != TokenKind::Number {
            return self.unexpected(what);
        }
        match number::parse_integer(self.text(token), token.span) {
            Ok(value) => {
                self.position += 1;
                Ok((value, token.span))
            }
            Err(error) => Err(self.report(error)),
        }
    }

    /// Checks a constant against the field it goes to. A number that does not fit is an
    /// error; what is known later is checked then.
    pub(super) fn check(&mut self, constant: Constant, field: ConstantField) -> Result<Checked> {
        let (value, span) = match constant {
            Constant::Literal { value, span } => (value, span),
            Constant::Later {
                value,
                negated,
                span,
            } => {
                let later = Some(Box::new(Operand {
                    value,
                    field,
                    negated,
                    span,
                }));
                return Ok(Checked { value: 0, later });
            }
        };
        if field.range().contains(value) || (self.options.relaxed && wraps(field, value)) {
            return Ok(Checked { value, later: None });
        }
        let diagnostic = misfit(field, value, span);
        Err(self.report(diagnostic))
    }
}

/// Whether LLVM would take the number and wrap it.
fn wraps(field: ConstantField, value: i128) -> bool {
    match field {
        ConstantField::SignedImm | ConstantField::Stored(_) => {
            ConstantField::Imm32.range().contains(value)
        }
        ConstantField::Divisor { .. } => value != 0 && ConstantField::Imm32.range().contains(value),
        _ => false,
    }
}

/// A value as a message shows it: large ones in hexadecimal too, as they are often written.
pub(super) fn shown(value: i128) -> String {
    if value > 0xffff {
        format!("{value} ({value:#x})")
    } else {
        format!("{value}")
    }
}

/// The error about a number that does not fit its field.
pub(crate) fn misfit(field: ConstantField, value: i128, span: Span) -> Diagnostic {
    match field {
        ConstantField::Shift { bits } => Diagnostic::error(
            Rule::ShiftRange,
            span,
            format!("a {bits}-bit shift by {value} is not possible"),
        )
        .with_help(format!("the count is 0 to {}", bits - 1)),
        ConstantField::Divisor { .. } if value == 0 => {
            Diagnostic::error(Rule::DivisionByZero, span, "division by zero")
                .with_note("the kernel refuses it: div by zero")
        }
        ConstantField::SignedImm
        | ConstantField::Divisor { bits: 64 }
        | ConstantField::Stored(crate::isa::Size::Double)
            if (0x8000_0000..=0xffff_ffff).contains(&value) =>
        {
            let negative = value - (1 << 32);
            let error = Diagnostic::error(
                Rule::AmbiguousImmediate,
                span,
                format!(
                    "{value:#x} does not fit: the instruction would extend its sign to {negative}"
                ),
            )
            .with_help(format!("write `{negative}` if that is meant"));
            if matches!(field, ConstantField::SignedImm) {
                error.with_help(format!(
                    "load `{value:#x} ll` into a register if all 64 bits are meant"
                ))
            } else {
                error
            }
        }
        ConstantField::Offset => Diagnostic::error(
            Rule::OffsetRange,
            span,
            format!("the offset {value} does not fit 16 bits"),
        )
        .with_help("offsets are -32768 to 32767; add the rest to the register first"),
        _ => {
            let error = Diagnostic::error(
                Rule::ImmediateRange,
                span,
                format!("{} does not fit {}", shown(value), field.description()),
            );
            match field {
                ConstantField::SignedImm => {
                    error.with_help("load it into a register with `ll` first: `r1 = … ll`")
                }
                _ => {
                    let range = field.range();
                    error.with_help(format!("it holds {} to {}", range.minimum, range.maximum))
                }
            }
        }
    }
}
