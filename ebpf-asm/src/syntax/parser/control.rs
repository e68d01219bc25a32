//! Jumps, calls, and the raw forms of 64-bit loads.

use super::assignment::immediate_field;
use super::immediate::Checked;
use super::sequence::blank;
use super::{Parser, Result};
use crate::diag::{Diagnostic, Rule, Span};
use crate::isa::{Form, ImmediateSource, JmpOp, Source, Width};
use crate::object::ConstantField;
use crate::syntax::ast::{Instruction, Name, Target};
use crate::syntax::{Delimiter, TokenKind, words};
use alloc::format;

impl Parser<'_> {
    /// `goto label`, `gotol label`, `may_goto label`
    pub(super) fn jump(&mut self) -> Result<Instruction> {
        let token = self.bump();
        let form = match self.text(token) {
            "goto" => Form::Goto,
            "gotol" => Form::GotoLong,
            _ => Form::MayGoto,
        };
        let target = self.jump_target()?;
        Ok(Instruction {
            target,
            ..blank(form, token.span)
        })
    }

    /// `if r1 == 10 goto label`
    pub(super) fn branch(&mut self) -> Result<Instruction> {
        let start = self.bump();
        let (dst, width, _) = self.any_register("a register behind `if`")?;
        let Some(op) = self.comparison() else {
            return self.unknown_comparison();
        };
        let mut instruction = if self.at_register(0) {
            let (src, _) = self.register(width, "a register")?;
            Instruction {
                dst,
                src,
                ..blank(Form::Branch(op, width, Source::Reg), start.span)
            }
        } else {
            let constant = self.constant("a register or a constant")?;
            let Checked { value, later } = self.check(constant, immediate_field(width))?;
            Instruction {
                dst,
                imm: value as i32,
                immediate_operand: later,
                ..blank(Form::Branch(op, width, Source::Imm), start.span)
            }
        };
        if let TokenKind::Open {
            delimiter: Delimiter::Brace,
            ..
        } = self.peek().kind
        {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                self.peek().span,
                "expected `goto` behind the condition, found `{`",
            )
            .with_help("there are no blocks: jump over them with the opposite condition, `if r1 != 5 goto after;`");
            return Err(self.report(diagnostic));
        }
        self.expect_word("goto", "behind the condition")?;
        instruction.target = self.jump_target()?;
        Ok(instruction)
    }

    /// `==`, `s>=` and the others; the longest that fits.
    fn comparison(&mut self) -> Option<JmpOp> {
        if self.is_word(0, "s") {
            self.position += 1;
            let signed = [JmpOp::SGe, JmpOp::SLe, JmpOp::SGt, JmpOp::SLt];
            let op = signed.into_iter().find(|op| self.eat(&op.symbol()[1..]));
            if op.is_none() {
                self.position -= 1;
            }
            return op;
        }
        let unsigned = [
            JmpOp::Eq,
            JmpOp::Ne,
            JmpOp::Ge,
            JmpOp::Le,
            JmpOp::Gt,
            JmpOp::Lt,
            JmpOp::Set,
        ];
        unsigned.into_iter().find(|op| self.eat(op.symbol()))
    }

    fn unknown_comparison<T>(&mut self) -> Result<T> {
        let token = self.peek();
        if matches!(token.kind, TokenKind::Punct { character: '=', .. }) {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                token.span,
                "expected a comparison behind the register, found `=`",
            )
            .with_help("equality is `==`");
            return Err(self.report(diagnostic));
        }
        if token.kind == TokenKind::Word && self.text(token) == "goto" {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                token.span,
                "expected a comparison behind the register, found `goto`",
            )
            .with_help("write `!= 0` to test for anything but zero");
            return Err(self.report(diagnostic));
        }
        self.unexpected("a comparison: `==`, `!=`, `<`, `<=`, `>`, `>=`, `&`, or signed `s<`, `s<=`, `s>`, `s>=`")
    }

    /// `label`, `1f`, `+3`, `pc+3`
    fn jump_target(&mut self) -> Result<Target> {
        let token = self.peek();
        match token.kind {
            TokenKind::Punct {
                character: '+' | '-',
                ..
            } => self.distance(token.span),
            TokenKind::Word if self.is_pc_relative() => {
                self.position += 1;
                self.distance(token.span)
            }
            TokenKind::Word => {
                let text = self.text(token);
                if words::register(text).is_some() {
                    let diagnostic = Diagnostic::error(
                        Rule::UnexpectedToken,
                        token.span,
                        format!("a jump goes to a label, not to the register `{text}`"),
                    )
                    .with_help("`gotox r1` jumps to an address in a register (Linux 6.19)");
                    return Err(self.report(diagnostic));
                }
                Ok(Target::Label(self.take_name().into()))
            }
            TokenKind::Number => self.numeric_label(),
            _ => self.unexpected("a label or a distance like `+3`"),
        }
    }

    /// `pc+3`; a label may be called `pc` as well.
    fn is_pc_relative(&self) -> bool {
        self.is_word(0, "pc") && (self.is_punct(1, '+') || self.is_punct(1, '-'))
    }

    /// `1f`, `1b`
    fn numeric_label(&mut self) -> Result<Target> {
        let token = self.peek();
        let text = self.text(token);
        let forward = text.ends_with('f');
        let digits = text.strip_suffix(['f', 'b']);
        let digits = digits.filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        match digits {
            Some(digits) if !digits.starts_with('0') => {
                let mut number = alloc::boxed::Box::new(self.take_name());
                number.text = digits.into();
                Ok(Target::Numeric { number, forward })
            }
            _ if text.bytes().all(|b| b.is_ascii_digit()) => {
                let diagnostic = Diagnostic::error(
                    Rule::UnexpectedToken,
                    token.span,
                    format!("`{text}` alone is not a place to jump to"),
                )
                .with_help(format!("write `+{text}` for a distance in instructions, `{text}f` or `{text}b` for the label `{text}:` after or before this place"));
                Err(self.report(diagnostic))
            }
            _ => {
                let message = format!("`{text}` is not a label; a numbered one is `1f` or `1b`");
                self.error(Rule::MalformedNumber, token.span, message)
            }
        }
    }

    /// `+3`, `-2`: the sign is there.
    fn distance(&mut self, start: Span) -> Result<Target> {
        let sign = self.bump();
        let minus = self.text(sign) == "-";
        let (value, span) = self.unsigned_number("a distance in instructions")?;
        let signed = if minus {
            -i128::from(value)
        } else {
            i128::from(value)
        };
        let span = start.to(span);
        match i32::try_from(signed) {
            Ok(slots) => Ok(Target::Distance { slots, span }),
            Err(_) => {
                let message = format!("the distance {signed} does not fit 32 bits");
                self.error(Rule::JumpRange, span, message)
            }
        }
    }

    /// `call name`, `call 1`, `call pc+2`, `call kfunc(1234, 0)`, `call {expr}`
    pub(super) fn call(&mut self) -> Result<Instruction> {
        let start = self.bump();
        let token = self.peek();
        if self.is_pc_relative() {
            self.position += 1;
            let target = self.distance(token.span)?;
            return Ok(Instruction {
                target,
                ..blank(Form::CallLocal, start.span)
            });
        }
        if self.is_word(0, "kfunc")
            && matches!(
                self.peek_at(1).kind,
                TokenKind::Open {
                    delimiter: Delimiter::Parenthesis,
                    ..
                }
            )
        {
            return self.call_kfunc(start.span);
        }
        // `call kernel-function#1234`, as the kernel prints it.
        if self.is_word(0, "kernel")
            && self.is_punct(1, '-')
            && self.is_word(2, "function")
            && self.is_punct(3, '#')
        {
            self.position += 4;
            let id = self.word_number("the BTF id of a kernel function")?;
            return Ok(Instruction {
                imm: id.cast_signed(),
                ..blank(Form::CallKfunc, start.span)
            });
        }
        let fact = self.begins_kernel_constant().is_some();
        if token.kind == TokenKind::Word && !self.at_register(0) && !fact {
            let name = self.take_name();
            if self.is_punct(0, '#') {
                return self.call_with_number(&name, start.span);
            }
            if self.is_punct(0, ':') && self.is_punct(1, ':') {
                let message = "functions are called by their plain names";
                return self.error(Rule::UnexpectedToken, self.peek().span, message);
            }
            return Ok(Instruction {
                target: Target::Callee(name.into()),
                ..blank(Form::CallHelper, start.span)
            });
        }
        if self.at_register(0) {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                token.span,
                format!("no kernel calls through a register: `{}`", self.text(token)),
            )
            .with_help("call a function by name, or use a tail call: `call bpf_tail_call`");
            return Err(self.report(diagnostic));
        }
        let constant = self.constant("the name or number of a function")?;
        if let super::immediate::Constant::Literal { value, span } = constant
            && value < 0
        {
            let diagnostic = Diagnostic::error(
                Rule::ImmediateRange,
                span,
                "the number of a helper is not negative",
            )
            .with_help(format!("write `call pc{value}` for a call by distance"));
            return Err(self.report(diagnostic));
        }
        let Checked { value, later } = self.check(constant, ConstantField::Imm32)?;
        Ok(Instruction {
            imm: value as i32,
            immediate_operand: later,
            ..blank(Form::CallHelper, start.span)
        })
    }

    /// `call bpf_map_lookup_elem#1`, as the kernel prints it: the number counts.
    fn call_with_number(&mut self, name: &Name, start: Span) -> Result<Instruction> {
        self.position += 1;
        let id = self.word_number("the number of a helper")?;
        match crate::helpers::by_name(&name.text) {
            Some(helper) if helper.id == id => {}
            Some(helper) => {
                let diagnostic = Diagnostic::error(
                    Rule::AmbiguousName,
                    name.span,
                    format!("`{}` is helper {}, not {id}", name.text, helper.id),
                )
                .with_help(format!("write `call {}` or `call {id}`", name.text));
                return Err(self.report(diagnostic));
            }
            // The kernel prints its own functions in the same way, with another number.
            None => {
                let diagnostic = Diagnostic::error(
                    Rule::UnknownFunction,
                    name.span,
                    format!("there is no helper `{}`", name.text),
                )
                .with_help(format!(
                    "write `call {id}` if it is a helper, or `call kfunc({id}, 0)` if it is a kernel function and {id} its BTF id"
                ));
                return Err(self.report(diagnostic));
            }
        }
        Ok(Instruction {
            imm: id.cast_signed(),
            ..blank(Form::CallHelper, start)
        })
    }

    fn call_kfunc(&mut self, start: Span) -> Result<Instruction> {
        self.position += 2;
        let id = self.word_number("the BTF id of a kernel function")?;
        self.expect(",", "and the index of the module's BTF")?;
        let (index, span) = self.unsigned_number("the index of the module's BTF")?;
        let Ok(index) = i16::try_from(index) else {
            let message = format!("the index {index} does not fit 16 bits");
            return self.error(Rule::ImmediateRange, span, message);
        };
        self.expect_close(Delimiter::Parenthesis, "`)` at the end")?;
        Ok(Instruction {
            imm: id.cast_signed(),
            offset: index,
            ..blank(Form::CallKfunc, start)
        })
    }

    /// A number of 32 bits.
    fn word_number(&mut self, what: &str) -> Result<u32> {
        let (value, span) = self.unsigned_number(what)?;
        match u32::try_from(value) {
            Ok(value) => Ok(value),
            Err(_) => {
                let message = format!("{value} does not fit 32 bits");
                self.error(Rule::ImmediateRange, span, message)
            }
        }
    }

    /// `ld_pseudo r1, 1, 42`, `ld_pseudo r1, 2, 42, 16`
    pub(super) fn load_pseudo(&mut self) -> Result<Instruction> {
        let start = self.bump();
        let (dst, span) = self.register(Width::W64, "a register")?;
        self.refuse_frame_pointer(dst, span);
        self.expect(",", "and the kind of the value")?;
        let (source, span) = self.unsigned_number("the kind of the value, 1 to 6")?;
        let kind = ImmediateSource::ALL
            .iter()
            .copied()
            .find(|&kind| kind as u64 == source && kind != ImmediateSource::Value);
        let Some(kind) = kind else {
            let diagnostic = Diagnostic::error(
                Rule::ImmediateRange,
                span,
                format!("there is no pseudo source {source}"),
            )
            .with_help("1 map fd, 2 map value, 3 BTF id, 4 function, 5 map index, 6 map value by index; a plain constant is `r1 = 5 ll`");
            return Err(self.report(diagnostic));
        };
        self.expect(",", "and the value")?;
        let low = self.constant("the value")?;
        let low = self.check(low, ConstantField::Imm32)?;
        let mut high = 0;
        if self.eat(",") {
            let constant = self.constant("the second word")?;
            let span = constant.span();
            let checked = self.check(constant, ConstantField::Imm32)?;
            if checked.later.is_some() {
                let message = "the second word has to be a number";
                return self.error(Rule::UnexpectedToken, span, message);
            }
            high = checked.value as i32;
        }
        Ok(Instruction {
            dst,
            imm: low.value as i32,
            imm_high: high,
            immediate_operand: low.later,
            ..blank(Form::LoadImm64(kind), start.span)
        })
    }
}
