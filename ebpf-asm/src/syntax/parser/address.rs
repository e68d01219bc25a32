//! Memory operands: `*(u32 *)(r1 + 8)`, and what stores to them.

use super::immediate::Checked;
use super::sequence::blank;
use super::{Parser, Result};
use crate::diag::{Diagnostic, Rule, Span};
use crate::isa::{AtomicOp, Form, Register, SignedSize, Size, Source, Width};
use crate::object::ConstantField;
use crate::syntax::ast::{Instruction, Operand};
use crate::syntax::{Delimiter, TokenKind, words};
use alloc::boxed::Box;
use alloc::format;

/// A register and an offset.
pub(super) struct Address {
    pub(super) base: Register,
    pub(super) offset: i16,
    pub(super) later: Option<Box<Operand>>,
}

/// The type that a memory access is cast to.
#[derive(Clone, Copy)]
pub(super) enum Cast {
    Unsigned(Size),
    Signed(SignedSize),
}

impl Parser<'_> {
    /// `(u32 *)`, as it stands before an address.
    pub(super) fn cast(&mut self) -> Result<(Cast, Span)> {
        self.expect_open(Delimiter::Parenthesis, "a size in parentheses: `(u32 *)`")?;
        let token = self.peek();
        let word = self.text(token);
        let cast = if token.kind != TokenKind::Word {
            return self.unexpected("a size: `u8`, `u16`, `u32` or `u64`");
        } else if let Some(size) = words::size(word) {
            Cast::Unsigned(size)
        } else if let Some(size) = words::signed_size(word) {
            Cast::Signed(size)
        } else if self.at_register(0) {
            let diagnostic = Diagnostic::error(
                Rule::UnknownSize,
                token.span,
                "how many bytes is not said: a memory access has a size before its address",
            )
            .with_help(format!("write `*(u32 *)({word} + …)`"));
            return Err(self.report(diagnostic));
        } else {
            let mut diagnostic = Diagnostic::error(
                Rule::UnknownSize,
                token.span,
                format!("`{word}` is not the size of a memory access"),
            );
            let advice = match word {
                "i8" | "char" => "write `s8` (sign-extending) or `u8`",
                "i16" | "short" => "write `s16` (sign-extending) or `u16`",
                "i32" | "int" => "write `s32` (sign-extending) or `u32`",
                "i64" | "s64" | "long" | "usize" | "isize" => {
                    "write `u64`: eight bytes need no extension"
                }
                "U8" | "U16" | "U32" | "U64" => "sizes are written in lower case",
                _ => {
                    "the sizes are `u8`, `u16`, `u32`, `u64`, and for sign-extending loads `s8`, `s16`, `s32`"
                }
            };
            diagnostic = diagnostic.with_help(advice);
            return Err(self.report(diagnostic));
        };
        self.position += 1;
        self.expect("*", "behind the size")?;
        self.expect_close(Delimiter::Parenthesis, "`)` behind `*`")?;
        Ok((cast, token.span))
    }

    /// `(r1 + 8)`
    pub(super) fn address(&mut self) -> Result<Address> {
        self.expect_open(
            Delimiter::Parenthesis,
            "an address in parentheses: `(r1 + 8)`",
        )?;
        let address = self.bare_address()?;
        self.expect_close(Delimiter::Parenthesis, "`)` behind the address")?;
        Ok(address)
    }

    /// `r1 + 8`, `r1 - 8`, `r1`, `r1 + {expr}`.
    pub(super) fn bare_address(&mut self) -> Result<Address> {
        let (base, _) = self.register(Width::W64, "the register of the address")?;
        let minus = self.is_punct(0, '-');
        if !minus && !self.is_punct(0, '+') {
            return Ok(Address {
                base,
                offset: 0,
                later: None,
            });
        }
        self.position += 1;
        if self.is_punct(0, '-') {
            let message = "the sign of an offset is the `+` or `-` before it";
            return self.error(Rule::UnexpectedToken, self.peek().span, message);
        }
        if self.at_register(0) {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                self.peek().span,
                "an address is one register and a constant",
            )
            .with_help("add the registers first: `r1 += r2`");
            return Err(self.report(diagnostic));
        }
        let mut constant = self.constant("the offset")?;
        match &mut constant {
            super::immediate::Constant::Literal { value, .. } if minus => *value = -*value,
            super::immediate::Constant::Later { negated, .. } => *negated ^= minus,
            super::immediate::Constant::Literal { .. } => {}
        }
        let Checked { value, later } = self.check(constant, ConstantField::Offset)?;
        Ok(Address {
            base,
            // Checked against the field's 16 bits in the line above.
            offset: value as i16,
            later,
        })
    }

    /// `*(u32 *)(r1 + 8) = r2`, `*(u32 *)(r1 + 8) = 10`.
    pub(super) fn store(&mut self) -> Result<Instruction> {
        let start = self.bump();
        let (cast, cast_span) = self.cast()?;
        let Cast::Unsigned(size) = cast else {
            let diagnostic = Diagnostic::error(
                Rule::UnknownSize,
                cast_span,
                "stores do not extend: their sizes are unsigned",
            )
            .with_help("write `u8`, `u16` or `u32`");
            return Err(self.report(diagnostic));
        };
        let address = self.address()?;
        if self.is_punct(1, '=') && !self.is_punct(0, '=') {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                self.peek().span,
                "memory is changed in place by atomic instructions only",
            )
            .with_help("write `lock *(u64 *)(r1 + 8) += r2`, or load, add and store");
            return Err(self.report(diagnostic));
        }
        self.expect("=", "behind the address")?;
        let place = |form| Instruction {
            dst: address.base,
            offset: address.offset,
            offset_operand: address.later.clone(),
            ..blank(form, start.span)
        };
        if self.at_register(0) {
            let (src, width, span) = self.any_register("a register")?;
            if width == Width::W32 && size == Size::Double {
                return self.narrow_register(src, span, "stores eight bytes");
            }
            return Ok(Instruction {
                src,
                ..place(Form::Store(size, Source::Reg))
            });
        }
        let constant = self.constant("a register or a constant to store")?;
        let Checked { value, later } = self.check(constant, ConstantField::Stored(size))?;
        Ok(Instruction {
            imm: value as i32,
            immediate_operand: later,
            ..place(Form::Store(size, Source::Imm))
        })
    }

    /// The error about `w2` where eight bytes are meant.
    pub(super) fn narrow_register<T>(
        &mut self,
        register: Register,
        span: Span,
        why: &str,
    ) -> Result<T> {
        let diagnostic = Diagnostic::error(
            Rule::MixedWidths,
            span,
            format!(
                "`{}` has 32 bits, and the instruction {why}",
                register.word_name()
            ),
        )
        .with_help(format!("write `{register}`"));
        Err(self.report(diagnostic))
    }

    /// The register behind an atomic or ordered access: its whole name where eight bytes
    /// move; where fewer do, LLVM writes `w2` and the kernel `r2`.
    pub(super) fn value_register(&mut self, size: Size) -> Result<(Register, Width, Span)> {
        let (register, width, span) = self.any_register("a register")?;
        if width == Width::W32 && size == Size::Double {
            return self.narrow_register(register, span, "moves eight bytes");
        }
        Ok((register, width, span))
    }

    /// The cast of an access that has unsigned sizes only.
    pub(super) fn unsigned_cast(&mut self) -> Result<(Size, Span)> {
        match self.cast()? {
            (Cast::Unsigned(size), span) => Ok((size, span)),
            (Cast::Signed(size), span) => {
                let message = format!("this instruction has no form for `{}`", size.symbol());
                self.error(Rule::UnknownSize, span, message)
            }
        }
    }

    /// The width of an atomic operation from its cast: four or eight bytes.
    pub(super) fn atomic_width(&mut self) -> Result<(Width, Size)> {
        match self.unsigned_cast()? {
            (Size::Word, _) => Ok((Width::W32, Size::Word)),
            (Size::Double, _) => Ok((Width::W64, Size::Double)),
            (size, span) => {
                let diagnostic = Diagnostic::error(
                    Rule::UnknownSize,
                    span,
                    format!("there are no atomic operations on `{}`", size.symbol()),
                )
                .with_help("they have four or eight bytes: `u32` or `u64`");
                Err(self.report(diagnostic))
            }
        }
    }

    /// `lock *(u64 *)(r1 + 8) += r2`
    pub(super) fn locked(&mut self) -> Result<Instruction> {
        let start = self.bump();
        self.expect("*", "and an address behind `lock`")?;
        let (width, size) = self.atomic_width()?;
        let address = self.address()?;
        let operations = [AtomicOp::Add, AtomicOp::Or, AtomicOp::And, AtomicOp::Xor];
        let Some(op) = operations.into_iter().find(|op| self.eat(op.symbol())) else {
            return self.unexpected("`+=`, `|=`, `&=` or `^=`");
        };
        let (src, _, _) = self.value_register(size)?;
        Ok(Instruction {
            dst: address.base,
            src,
            offset: address.offset,
            offset_operand: address.later,
            ..blank(Form::Atomic(op, width), start.span)
        })
    }

    /// `store_release((u64 *)(r1 + 8), r2)`
    pub(super) fn store_release(&mut self) -> Result<Instruction> {
        let start = self.bump();
        self.expect_open(Delimiter::Parenthesis, "`(` behind `store_release`")?;
        let (size, _) = self.unsigned_cast()?;
        let address = self.address()?;
        self.expect(",", "behind the address")?;
        let (src, _, _) = self.value_register(size)?;
        self.expect_close(Delimiter::Parenthesis, "`)` at the end")?;
        Ok(Instruction {
            dst: address.base,
            src,
            offset: address.offset,
            offset_operand: address.later,
            ..blank(Form::StoreRelease(size), start.span)
        })
    }
}
