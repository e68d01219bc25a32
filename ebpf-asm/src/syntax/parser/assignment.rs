//! Instructions that begin with a register: `r1 = …`, `r1 += …`.

use super::address::Cast;
use super::immediate::{Checked, Constant, shown};
use super::sequence::blank;
use super::{Parser, Result};
use crate::diag::{Diagnostic, Rule, Span};
use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, Form, PacketSize, Register, SignExtension, SignedSize,
    Size, Source, Width,
};
use crate::object::ConstantField;
use crate::syntax::ast::{Instruction, OperandValue, SymbolReference, Target};
use crate::syntax::words::AtomicWord;
use crate::syntax::{Delimiter, TokenKind, words};
use alloc::format;

/// The register on the left of an assignment.
#[derive(Clone, Copy)]
struct Destination {
    register: Register,
    width: Width,
    span: Span,
}

impl Destination {
    fn name(self) -> &'static str {
        match self.width {
            Width::W32 => self.register.word_name(),
            Width::W64 => self.register.name(),
        }
    }
}

impl Parser<'_> {
    pub(super) fn assignment(&mut self) -> Result<Instruction> {
        let (register, width, span) = self.any_register("a register")?;
        let dst = Destination {
            register,
            width,
            span,
        };
        let Some(op) = self.alu_operator() else {
            return self.unknown_operator(dst);
        };
        self.refuse_frame_pointer(register, span);
        if op == AluOp::Mov {
            return self.value(dst);
        }
        if self.at_register(0) {
            let (src, _) = self.register(width, "a register")?;
            return Ok(Instruction {
                dst: register,
                src,
                ..blank(Form::Alu(op, width, Source::Reg), span)
            });
        }
        let constant = self.constant("a register or a constant")?;
        self.refuse_wide_literal()?;
        let bits = width.bits();
        let field = match op {
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => ConstantField::Shift { bits },
            AluOp::Div | AluOp::Mod | AluOp::SDiv | AluOp::SMod => ConstantField::Divisor { bits },
            _ => immediate_field(width),
        };
        let Checked { value, later } = self.check(constant, field)?;
        Ok(Instruction {
            dst: register,
            imm: value as i32,
            immediate_operand: later,
            ..blank(Form::Alu(op, width, Source::Imm), span)
        })
    }

    /// `r1 += 5 ll` would be silently cut by LLVM.
    fn refuse_wide_literal(&mut self) -> Result<()> {
        if !self.is_word(0, "ll") {
            return Ok(());
        }
        let diagnostic = Diagnostic::error(
            Rule::UnexpectedToken,
            self.peek().span,
            "only an assignment takes a 64-bit constant",
        )
        .with_help("load it into a register first: `r2 = … ll`");
        Err(self.report(diagnostic))
    }

    /// `=`, `+=`, `s>>=` and the others; the longest that fits.
    fn alu_operator(&mut self) -> Option<AluOp> {
        // `s` is a word, and the operator behind it must touch it.
        if self.is_word(0, "s") {
            let signed = [AluOp::Arsh, AluOp::SDiv, AluOp::SMod];
            self.position += 1;
            let op = signed.into_iter().find(|op| self.eat(&op.symbol()[1..]));
            if op.is_none() {
                self.position -= 1;
            }
            return op;
        }
        // The commonest needs no search. `==` is no operator here.
        if self.is_punct(0, '=') {
            let comparison = self.is_punct(1, '=')
                && matches!(self.peek().kind, TokenKind::Punct { joint: true, .. });
            return (!comparison && self.eat("=")).then_some(AluOp::Mov);
        }
        AluOp::ALL
            .iter()
            .copied()
            .find(|op| *op != AluOp::Mov && self.eat(op.symbol()))
    }

    fn unknown_operator(&mut self, dst: Destination) -> Result<Instruction> {
        let token = self.peek();
        let name = dst.name();
        let advice = match token.kind {
            TokenKind::Punct {
                character: '=',
                joint: true,
            } => "an assignment is `=`; a comparison stands in `if … goto`",
            TokenKind::Punct {
                character: '+' | '-',
                joint: true,
            } if !self.is_punct(1, '=') => "write `+= 1` or `-= 1`",
            TokenKind::Punct {
                character: '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<' | '>',
                ..
            } => "arithmetic changes its first operand: `r1 += r2`",
            _ => return self.unexpected(&format!("`=` or an operator like `+=` behind `{name}`")),
        };
        let diagnostic = Diagnostic::error(
            Rule::UnexpectedToken,
            token.span,
            format!("expected `=` or an operator like `+=` behind `{name}`"),
        )
        .with_help(advice);
        Err(self.report(diagnostic))
    }

    /// What stands behind `r1 =`.
    fn value(&mut self, dst: Destination) -> Result<Instruction> {
        let token = self.peek();
        match token.kind {
            TokenKind::Punct { character: '-', .. } if self.at_register(1) => self.negation(dst),
            TokenKind::Punct { character: '*', .. } => self.load(dst),
            TokenKind::Open {
                delimiter: Delimiter::Parenthesis,
                ..
            } => self.sign_extension(dst),
            TokenKind::Word => {
                let word = self.text(token);
                if self.at_register(0) {
                    return self.copy(dst);
                }
                if let Some((op, size)) = words::endian(word) {
                    return self.byte_order(dst, op, size);
                }
                if let Some(atomic) = words::atomic(word) {
                    return self.atomic(dst, &atomic);
                }
                match word {
                    "load_acquire" => self.load_acquire(dst),
                    "addr_space_cast" => self.address_space_cast(dst),
                    _ if words::is_reserved(word) && !self.at_path() => {
                        let diagnostic = Diagnostic::error(
                            Rule::ReservedName,
                            token.span,
                            format!("`{word}` belongs to the language and is not a value"),
                        );
                        Err(self.report(diagnostic))
                    }
                    _ if self.begins_call() && self.begins_kernel_constant().is_none() => {
                        self.call_as_value()
                    }
                    _ => self.constant_value(dst),
                }
            }
            _ => self.constant_value(dst),
        }
    }

    fn begins_call(&self) -> bool {
        matches!(
            self.peek_at(1).kind,
            TokenKind::Open {
                delimiter: Delimiter::Parenthesis,
                ..
            }
        )
    }

    fn call_as_value(&mut self) -> Result<Instruction> {
        let token = self.peek();
        let word = self.text(token);
        let mut diagnostic = Diagnostic::error(
            Rule::UnknownInstruction,
            token.span,
            format!("there is no operation `{word}(…)`"),
        );
        diagnostic = if word.starts_with("bpf_") {
            diagnostic.with_help(format!(
                "put the arguments into r1 to r5 and write `call {word};`: the result is in r0"
            ))
        } else {
            diagnostic.with_similar(word, words::VALUES.iter().chain(words::FACTS).copied())
        };
        Err(self.report(diagnostic))
    }

    /// `r1 = r2`
    fn copy(&mut self, dst: Destination) -> Result<Instruction> {
        let (src, width, src_span) = self.any_register("a register")?;
        if width != dst.width {
            let source = match width {
                Width::W32 => src.word_name(),
                Width::W64 => src.name(),
            };
            let (r, w) = (dst.register, dst.register.word_name());
            let diagnostic = Diagnostic::error(
                Rule::MixedWidths,
                src_span,
                format!(
                    "`{} = {source}` mixes 32-bit and 64-bit registers",
                    dst.name()
                ),
            )
            .with_help(format!(
                "write `{w} = {}` to copy 32 bits (the upper half becomes zero), or `{r} = {src}` to copy all 64",
                src.word_name()
            ));
            return Err(self.report(diagnostic));
        }
        if let TokenKind::Punct { character, .. } = self.peek().kind
            && "+-*/%&|^<>".contains(character)
        {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                self.peek().span,
                "an assignment has one operand on its right",
            )
            .with_help(format!(
                "write two instructions: `{} = …; {} {character}= …;`",
                dst.name(),
                dst.name()
            ));
            return Err(self.report(diagnostic));
        }
        Ok(Instruction {
            dst: dst.register,
            src,
            ..blank(Form::Alu(AluOp::Mov, dst.width, Source::Reg), dst.span)
        })
    }

    /// `r1 = -r1`
    fn negation(&mut self, dst: Destination) -> Result<Instruction> {
        self.position += 1;
        self.tied(dst, "is negated in place")?;
        Ok(Instruction {
            dst: dst.register,
            ..blank(Form::Neg(dst.width), dst.span)
        })
    }

    /// A register that must be the destination again.
    fn tied(&mut self, dst: Destination, why: &str) -> Result<()> {
        let (register, span) = self.register(dst.width, "the same register again")?;
        if register == dst.register {
            return Ok(());
        }
        let name = dst.name();
        let diagnostic = Diagnostic::error(
            Rule::TiedOperand,
            span,
            format!("a register {why}: both operands must be `{name}`"),
        )
        .with_help(format!("copy it first: `{name} = …; {name} = … {name};`"));
        Err(self.report(diagnostic))
    }

    /// `r1 = be16 r1`
    fn byte_order(
        &mut self,
        dst: Destination,
        op: EndianOp,
        size: EndianSize,
    ) -> Result<Instruction> {
        self.position += 1;
        self.whole_register(dst, "changes of byte order are written with `r` registers")?;
        self.tied(dst, "changes its byte order in place")?;
        Ok(Instruction {
            dst: dst.register,
            ..blank(Form::Endian(op, size), dst.span)
        })
    }

    /// An instruction that writes all 64 bits.
    fn whole_register(&mut self, dst: Destination, why: &str) -> Result<()> {
        if dst.width == Width::W64 {
            return Ok(());
        }
        let diagnostic = Diagnostic::error(Rule::MixedWidths, dst.span, why)
            .with_help(format!("write `{}`", dst.register));
        Err(self.report(diagnostic))
    }

    /// `r1 = (s8)r2`
    fn sign_extension(&mut self, dst: Destination) -> Result<Instruction> {
        self.position += 1;
        let token = self.peek();
        let word = self.text(token);
        let Some(size) = words::signed_size(word) else {
            if words::size(word).is_some() {
                let diagnostic = Diagnostic::error(
                    Rule::UnknownSize,
                    token.span,
                    format!("there is no cast to `{word}`"),
                )
                .with_help(
                    "a mask keeps the lower bits: `r1 &= 0xff`; `w1 = w2` clears the upper half",
                );
                return Err(self.report(diagnostic));
            }
            if !matches!(token.kind, TokenKind::Word | TokenKind::Number) {
                return self.unexpected("`s8`, `s16` or `s32`");
            }
            let found = self.describe(token);
            let message = format!("expected `s8`, `s16` or `s32`, found {found}");
            let diagnostic = Diagnostic::error(Rule::UnexpectedToken, token.span, message)
                .with_help("values stand without parentheses; an expression stands in braces");
            return Err(self.report(diagnostic));
        };
        self.position += 1;
        self.expect_close(Delimiter::Parenthesis, "`)` behind the size")?;
        let extension = match (size, dst.width) {
            (SignedSize::S8, Width::W32) => SignExtension::S8ToW32,
            (SignedSize::S16, Width::W32) => SignExtension::S16ToW32,
            (SignedSize::S8, Width::W64) => SignExtension::S8ToW64,
            (SignedSize::S16, Width::W64) => SignExtension::S16ToW64,
            (SignedSize::S32, Width::W64) => SignExtension::S32ToW64,
            (SignedSize::S32, Width::W32) => {
                let why = "32 bits are not extended to 32 bits";
                self.whole_register(dst, why)?;
                SignExtension::S32ToW64
            }
        };
        let (src, _) = self.register(dst.width, "a register")?;
        Ok(Instruction {
            dst: dst.register,
            src,
            ..blank(Form::SignExtend(extension), dst.span)
        })
    }

    /// `r1 = *(u32 *)(r2 + 8)`, `r0 = *(u16 *)skb[10]`
    fn load(&mut self, dst: Destination) -> Result<Instruction> {
        self.position += 1;
        let (cast, cast_span) = self.cast()?;
        if self.is_word(0, "skb") {
            return self.packet(dst, cast, cast_span);
        }
        let address = self.address()?;
        let form = match cast {
            // `w1 = *(u32 *)…` is the same instruction: loads clear the upper half.
            Cast::Unsigned(size) => {
                if size == Size::Double {
                    self.whole_register(dst, "eight bytes do not fit a 32-bit register")?;
                }
                Form::Load(size)
            }
            Cast::Signed(size) => {
                self.whole_register(dst, "sign-extending loads write all 64 bits")?;
                Form::LoadSigned(size)
            }
        };
        Ok(Instruction {
            dst: dst.register,
            src: address.base,
            offset: address.offset,
            offset_operand: address.later,
            ..blank(form, dst.span)
        })
    }

    /// `r0 = *(u16 *)skb[10]`, `r0 = *(u16 *)skb[r1 + 10]`
    fn packet(&mut self, dst: Destination, cast: Cast, cast_span: Span) -> Result<Instruction> {
        let size = match cast {
            Cast::Unsigned(Size::Byte) => PacketSize::Byte,
            Cast::Unsigned(Size::Half) => PacketSize::Half,
            Cast::Unsigned(Size::Word) => PacketSize::Word,
            _ => {
                let message = "packet loads have the sizes `u8`, `u16` and `u32`";
                return self.error(Rule::UnknownSize, cast_span, message);
            }
        };
        if dst.register != Register::R0 || dst.width != Width::W64 {
            let diagnostic = Diagnostic::error(
                Rule::TiedOperand,
                dst.span,
                "packet loads put their result into `r0`",
            )
            .with_help("write `r0 = …` and copy it");
            return Err(self.report(diagnostic));
        }
        self.position += 1;
        self.expect_open(Delimiter::Bracket, "`[` behind `skb`")?;
        let mut index = None;
        let mut minus = false;
        let mut constant = None;
        if self.at_register(0) {
            index = Some(self.register(Width::W64, "a register")?.0);
            minus = self.is_punct(0, '-');
            if minus || self.is_punct(0, '+') {
                self.position += 1;
                constant = Some(self.constant("an offset")?);
            }
        } else {
            constant = Some(self.constant("an offset or a register")?);
        }
        let checked = match constant {
            None => Checked {
                value: 0,
                later: None,
            },
            Some(mut constant) => {
                match &mut constant {
                    Constant::Literal { value, .. } if minus => *value = -*value,
                    Constant::Later { negated, .. } => *negated ^= minus,
                    Constant::Literal { .. } => {}
                }
                self.check(constant, ConstantField::SignedImm)?
            }
        };
        self.expect_close(Delimiter::Bracket, "`]` behind the offset")?;
        let form = if index.is_some() {
            Form::PacketIndirect(size)
        } else {
            Form::PacketAbsolute(size)
        };
        Ok(Instruction {
            src: index.unwrap_or_default(),
            imm: checked.value as i32,
            immediate_operand: checked.later,
            ..blank(form, dst.span)
        })
    }

    /// `r2 = atomic_fetch_add((u64 *)(r1 + 8), r2)`, `r0 = cmpxchg_64(r1 + 8, r0, r2)`
    fn atomic(&mut self, dst: Destination, word: &AtomicWord) -> Result<Instruction> {
        let name_token = self.bump();
        let name = self.text(name_token);
        self.expect_open(Delimiter::Parenthesis, &format!("`(` behind `{name}`"))?;
        let (width, address) = if word.cast {
            let before = self.peek().span;
            let (width, size) = self.atomic_width()?;
            if word.width.is_some_and(|expected| expected != width) {
                let diagnostic = Diagnostic::error(
                    Rule::MixedWidths,
                    before,
                    format!("`{name}` does not work on `{}`", size.symbol()),
                )
                .with_help("`atomic64_…` is for `u64`, `atomic_…` for `u32`");
                return Err(self.report(diagnostic));
            }
            (width, self.address()?)
        } else {
            let width = word.width.unwrap_or(Width::W64);
            (width, self.bare_address()?)
        };
        // The kernel writes `r2` for 32-bit operands as well, LLVM writes `w2`.
        let spelled = if dst.width == Width::W64 && width == Width::W32 && word.kernel {
            Width::W64
        } else {
            width
        };
        if dst.width != spelled {
            let right = match spelled {
                Width::W32 => dst.register.word_name(),
                Width::W64 => dst.register.name(),
            };
            let diagnostic = Diagnostic::error(
                Rule::MixedWidths,
                dst.span,
                format!("`{name}` here works on {} bits", width.bits()),
            )
            .with_help(format!("write `{right}`"));
            return Err(self.report(diagnostic));
        }
        self.expect(",", "behind the address")?;
        let result = Destination {
            width: spelled,
            ..dst
        };
        let src = if word.op == AtomicOp::CmpXchg {
            if dst.register != Register::R0 {
                let diagnostic = Diagnostic::error(
                    Rule::TiedOperand,
                    dst.span,
                    "compare and exchange compares with `r0` and leaves the old value there",
                )
                .with_help("write `r0` (`w0` for 32 bits) on both sides");
                return Err(self.report(diagnostic));
            }
            self.tied(result, "is compared and gets the old value")?;
            self.expect(",", "behind the register to compare with")?;
            self.register(spelled, "the register with the new value")?.0
        } else {
            self.tied(result, "gives its value and gets the old one")?;
            dst.register
        };
        self.expect_close(Delimiter::Parenthesis, "`)` at the end")?;
        Ok(Instruction {
            dst: address.base,
            src,
            offset: address.offset,
            offset_operand: address.later,
            ..blank(Form::Atomic(word.op, width), dst.span)
        })
    }

    /// `r1 = load_acquire((u64 *)(r2 + 8))`
    fn load_acquire(&mut self, dst: Destination) -> Result<Instruction> {
        self.position += 1;
        self.expect_open(Delimiter::Parenthesis, "`(` behind `load_acquire`")?;
        let (size, _) = self.unsigned_cast()?;
        if size == Size::Double {
            self.whole_register(dst, "eight bytes do not fit a 32-bit register")?;
        }
        let address = self.address()?;
        self.expect_close(Delimiter::Parenthesis, "`)` at the end")?;
        Ok(Instruction {
            dst: dst.register,
            src: address.base,
            offset: address.offset,
            offset_operand: address.later,
            ..blank(Form::LoadAcquire(size), dst.span)
        })
    }

    /// `r1 = addr_space_cast(r2, 0, 1)`
    fn address_space_cast(&mut self, dst: Destination) -> Result<Instruction> {
        self.position += 1;
        self.whole_register(dst, "pointers have 64 bits")?;
        self.expect_open(Delimiter::Parenthesis, "`(` behind `addr_space_cast`")?;
        let (src, _) = self.register(Width::W64, "a register")?;
        let mut spaces = [0; 2];
        for space in &mut spaces {
            self.expect(",", "and an address space")?;
            let (value, span) = self.unsigned_number("the number of an address space")?;
            *space = match u16::try_from(value) {
                Ok(value) => u32::from(value),
                Err(_) => {
                    let message = format!("the address space {value} does not fit 16 bits");
                    return self.error(Rule::ImmediateRange, span, message);
                }
            };
        }
        self.expect_close(Delimiter::Parenthesis, "`)` at the end")?;
        let [to, from] = spaces;
        Ok(Instruction {
            dst: dst.register,
            src,
            imm: (to << 16 | from).cast_signed(),
            ..blank(Form::AddressSpaceCast, dst.span)
        })
    }

    /// `r1 = 10`, `r1 = NAME`, `r1 = {expr}`, and with `ll` behind them.
    fn constant_value(&mut self, dst: Destination) -> Result<Instruction> {
        if !self.at_constant() && self.peek().kind != TokenKind::Literal {
            return self.unexpected("a value");
        }
        let constant = self.constant("a value")?;
        let symbol = matches!(
            &constant,
            Constant::Later {
                value: OperandValue::Name(_),
                negated: false,
                ..
            }
        );
        if symbol && (self.is_punct(0, '+') || self.is_punct(0, '-')) {
            return self.symbol(dst, constant);
        }
        if self.eat_word("ll") {
            self.whole_register(dst, "a 64-bit constant needs a 64-bit register")?;
            if symbol {
                return Ok(self.symbol_at(dst, constant, 0, Span::default()));
            }
            let Checked { value, later } = self.check(constant, ConstantField::Imm64)?;
            return Ok(Instruction {
                dst: dst.register,
                imm: value as i32,
                imm_high: (value >> 32) as i32,
                immediate_operand: later,
                ..blank(
                    Form::LoadImm64(crate::isa::ImmediateSource::Value),
                    dst.span,
                )
            });
        }
        if let Constant::Literal { value, span } = constant
            && dst.width == Width::W64
            && !ConstantField::Imm32.range().contains(value)
        {
            let diagnostic = Diagnostic::error(
                Rule::ImmediateRange,
                span,
                format!("{} does not fit 32 bits", shown(value)),
            )
            .with_help(match ConstantField::Imm64.range().contains(value) {
                true if value < 0 => format!("write `{} = {value} ll`", dst.register),
                true => format!("write `{} = {value:#x} ll`", dst.register),
                false => "it does not fit 64 bits either".into(),
            });
            return Err(self.report(diagnostic));
        }
        let Checked { value, later } = self.check(constant, immediate_field(dst.width))?;
        Ok(Instruction {
            dst: dst.register,
            imm: value as i32,
            immediate_operand: later,
            ..blank(Form::Alu(AluOp::Mov, dst.width, Source::Imm), dst.span)
        })
    }

    /// `NAME + 8 ll`
    fn symbol(&mut self, dst: Destination, constant: Constant) -> Result<Instruction> {
        let operator = self.bump();
        let minus = self.text(operator) == "-";
        let (value, span) = self.unsigned_number("an offset into the symbol")?;
        let signed = if minus {
            -i128::from(value)
        } else {
            i128::from(value)
        };
        let Ok(addend) = i32::try_from(signed) else {
            let message = format!("the offset {signed} does not fit 32 bits");
            return self.error(Rule::OffsetRange, span, message);
        };
        if !self.eat_word("ll") {
            let diagnostic = Diagnostic::error(
                Rule::UnexpectedToken,
                operator.span,
                "an operand is one constant",
            )
            .with_help("compute it in braces: `{NAME + 8}`")
            .with_help("or, if the name is a map or global, end with `ll`: `r1 = NAME + 8 ll`");
            return Err(self.report(diagnostic));
        }
        self.whole_register(dst, "an address needs a 64-bit register")?;
        Ok(self.symbol_at(dst, constant, addend, span))
    }

    fn symbol_at(
        &mut self,
        dst: Destination,
        constant: Constant,
        addend: i32,
        addend_span: Span,
    ) -> Instruction {
        let form = Form::LoadImm64(crate::isa::ImmediateSource::Value);
        let span = constant.span();
        let target = match constant {
            Constant::Later {
                value: OperandValue::Name(name),
                ..
            } => Target::Symbol(alloc::boxed::Box::new(SymbolReference {
                name,
                addend,
                addend_span,
            })),
            _ => Target::None,
        };
        Instruction {
            dst: dst.register,
            target,
            ..blank(form, span)
        }
    }
}

/// The immediate of an instruction of this width: 64-bit ones extend its sign.
pub(super) fn immediate_field(width: Width) -> ConstantField {
    match width {
        Width::W32 => ConstantField::Imm32,
        Width::W64 => ConstantField::SignedImm,
    }
}
