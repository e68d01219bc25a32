//! Statements one after the other.

use super::{Parser, Reported, Result};
use crate::diag::{Diagnostic, Rule, Span};
use crate::isa::{Form, Register, Width};
use crate::syntax::ast::{ConstItem, Instruction, Name, Sequence, Statement, Target, TokenRange};
use crate::syntax::{TokenKind, words};
use alloc::format;

/// An instruction without operands; the parsers of the single shapes fill in what there is.
pub(super) fn blank(form: Form, span: Span) -> Instruction {
    Instruction {
        form,
        dst: Register::R0,
        src: Register::R0,
        offset: 0,
        imm: 0,
        imm_high: 0,
        immediate_operand: None,
        offset_operand: None,
        target: Target::None,
        span,
    }
}

impl Parser<'_> {
    /// Reads statements up to the token at `end`.
    pub(super) fn sequence(&mut self, end: u32) -> Sequence {
        let mut sequence = Sequence::default();
        while self.position < end {
            if self.eat(";") {
                continue;
            }
            self.begin_statement();
            match self.statement(&mut sequence) {
                Ok(()) => self.end_of_statement(end),
                Err(_) => {
                    self.recover(end);
                    // So that labels before it and a function's end are not reported as well.
                    let span = self.previous_span();
                    sequence.statements.push(Statement::Raw { value: 0, span });
                    sequence.incomplete = true;
                }
            }
            self.end_statement();
        }
        self.position = end;
        sequence.end = self.tokens.get(end).span;
        sequence
    }

    /// Goes to the end of a statement that could not be read.
    fn recover(&mut self, end: u32) {
        while self.position < end {
            match self.peek().kind {
                TokenKind::End => return,
                TokenKind::Punct { character: ';', .. } => return,
                TokenKind::Open { close, .. } if !self.is_made_up(close) => {
                    self.position = close + 1;
                }
                _ => self.position += 1,
            }
        }
        self.position = end;
    }

    /// A statement is over where the next one may begin.
    fn end_of_statement(&mut self, end: u32) {
        if self.position >= end || self.peek().kind == TokenKind::End || self.eat(";") {
            return;
        }
        let token = self.peek();
        if token.kind == TokenKind::Invalid || self.is_made_up(self.position) {
            return self.recover(end);
        }
        let found = self.describe(token);
        if self.begins_statement() {
            let diagnostic = Diagnostic::error(
                Rule::MissingSemicolon,
                token.span,
                format!("expected `;` before {found}"),
            )
            .with_help("every instruction ends with `;`");
            self.report(diagnostic);
            // What follows is read as a statement of its own.
            return;
        }
        let message = format!("expected `;` at the end of the instruction, found {found}");
        self.report(Diagnostic::error(
            Rule::UnexpectedToken,
            token.span,
            message,
        ));
        self.recover(end);
    }

    /// Whether the next token looks like the start of a statement.
    fn begins_statement(&self) -> bool {
        let token = self.peek();
        match token.kind {
            TokenKind::Word => {
                self.at_register(0)
                    || words::STATEMENTS.contains(&self.text(token))
                    || self.begins_label()
            }
            TokenKind::Punct { character, .. } => matches!(character, '*' | '.'),
            _ => false,
        }
    }

    /// `name:` or `1:`, but not the `name::` of a path. Two tokens decide, so that a label may
    /// be spelled like a mnemonic.
    fn begins_label(&self) -> bool {
        let word = matches!(self.peek().kind, TokenKind::Word | TokenKind::Number);
        word && self.is_punct(1, ':')
            && !matches!(self.peek_at(1).kind, TokenKind::Punct { joint: true, .. } if self.is_punct(2, ':'))
    }

    fn statement(&mut self, sequence: &mut Sequence) -> Result<()> {
        while self.begins_label() {
            let label = self.label()?;
            sequence.statements.push(Statement::Label(label));
            // What follows a label is a statement of its own, even without `;`.
            let ends = matches!(self.peek().kind, TokenKind::End | TokenKind::Close(_));
            if ends || self.is_punct(0, ';') {
                return Ok(());
            }
        }
        let start = self.peek();
        if self.tokens.lines_matter() && self.is_word(0, "const") {
            return self.text_constant(sequence);
        }
        let statement = self.instruction_or_raw()?;
        let span = start.span.to(self.previous_span());
        sequence.statements.push(match statement {
            Statement::Instruction(instruction) => Statement::Instruction(Instruction {
                span,
                ..instruction
            }),
            Statement::Raw { value, .. } => Statement::Raw { value, span },
            label => label,
        });
        Ok(())
    }

    fn label(&mut self) -> Result<Name> {
        let token = self.peek();
        let text = self.text(token);
        if token.kind == TokenKind::Number {
            let all_digits = text.bytes().all(|b| b.is_ascii_digit());
            if !all_digits || text.starts_with('0') {
                let diagnostic = Diagnostic::error(
                    Rule::MalformedNumber,
                    token.span,
                    format!("`{text}` cannot be a label: numbered labels are `1:` and up"),
                )
                .with_help("`0:` is left out because Rust cannot read `goto 0b`");
                return Err(self.report(diagnostic));
            }
        } else if words::register(text).is_some() {
            let message = format!("`{text}` is a register and cannot be a label");
            return self.error(Rule::ReservedName, token.span, message);
        }
        let name = self.take_name();
        self.position += 1;
        Ok(name)
    }

    fn instruction_or_raw(&mut self) -> Result<Statement> {
        let token = self.peek();
        match token.kind {
            TokenKind::Word => {
                let word = self.text(token);
                if words::register(word).is_some() {
                    return self.assignment().map(Statement::Instruction);
                }
                let instruction = match word {
                    "exit" => {
                        self.position += 1;
                        blank(Form::Exit, token.span)
                    }
                    "goto" | "gotol" | "may_goto" => self.jump()?,
                    "gotox" => {
                        self.position += 1;
                        let (dst, _) = self.register(Width::W64, "a register")?;
                        Instruction {
                            dst,
                            ..blank(Form::GotoIndirect, token.span)
                        }
                    }
                    "if" => self.branch()?,
                    "call" => self.call()?,
                    "lock" => self.locked()?,
                    "store_release" => self.store_release()?,
                    "ld_pseudo" => self.load_pseudo()?,
                    _ => return self.unknown_instruction(),
                };
                Ok(Statement::Instruction(instruction))
            }
            TokenKind::Punct { character: '*', .. } => self.store().map(Statement::Instruction),
            TokenKind::Punct { character: '.', .. } => self.raw(),
            TokenKind::Punct { character: '#', .. } => self.attribute_on_statement(),
            _ => self.unexpected("an instruction or a label"),
        }
    }

    fn attribute_on_statement<T>(&mut self) -> Result<T> {
        let span = self.peek().span;
        let diagnostic = if self.is_word(2, "cfg") {
            Diagnostic::error(
                Rule::ConditionalCompilation,
                span,
                "instructions cannot have `#[cfg]`: their layout is fixed when the macro runs",
            )
            .with_help(
                "put `#[cfg]` on the program, or use a load-time constant: `const DEBUG: u32;`",
            )
        } else {
            Diagnostic::error(
                Rule::UnknownAttribute,
                span,
                "instructions have no attributes",
            )
        };
        Err(self.report(diagnostic))
    }

    fn unknown_instruction<T>(&mut self) -> Result<T> {
        let token = self.peek();
        let word = self.text(token);
        let lower = word.to_ascii_lowercase();
        if lower != word && words::STATEMENTS.contains(&lower.as_str()) {
            let diagnostic = Diagnostic::error(
                Rule::UpperCase,
                token.span,
                format!("mnemonics are written in lower case, not `{word}`"),
            )
            .with_help(format!("write `{lower}`"));
            return Err(self.report(diagnostic));
        }
        let mut diagnostic = Diagnostic::error(
            Rule::UnknownInstruction,
            token.span,
            format!("there is no instruction `{word}`"),
        );
        diagnostic = match word {
            "callx" => diagnostic.with_note("LLVM emits `callx`, and no kernel accepts it"),
            "ja" | "jmp" | "b" | "br" => diagnostic.with_help("a jump is `goto label`"),
            "mov" | "mov64" | "mov32" | "movl" => {
                diagnostic.with_help("a move is `r1 = r2` or `r1 = 10`")
            }
            "add" | "sub" | "mul" | "div" | "or" | "and" | "xor" | "lsh" | "rsh" | "mod" => {
                diagnostic.with_help("arithmetic is written `r1 += r2`, `r1 <<= 3` and so on")
            }
            "jeq" | "jne" | "jgt" | "jge" | "jlt" | "jle" => {
                diagnostic.with_help("a conditional jump is `if r1 == 0 goto label`")
            }
            "lddw" => diagnostic.with_help("a 64-bit constant is `r1 = 0x1122334455667788 ll`"),
            "ldxw" | "ldxdw" | "ldxb" | "ldxh" => {
                diagnostic.with_help("a load is `r1 = *(u32 *)(r2 + 8)`")
            }
            "stxw" | "stxdw" | "stxb" | "stxh" | "stw" | "stdw" | "stb" | "sth" => {
                diagnostic.with_help("a store is `*(u32 *)(r1 + 8) = r2`")
            }
            "ret" | "return" => diagnostic.with_help("a function ends with `exit`"),
            "let" | "while" | "for" | "loop" | "fn" => {
                diagnostic.with_help("the body of a program is instructions, not Rust")
            }
            _ => diagnostic.with_similar(word, words::STATEMENTS.iter().copied()),
        };
        let alone = self.is_punct(1, ';') || self.peek_at(1).kind == TokenKind::End;
        if alone && diagnostic.advice().next().is_none() && diagnostic.notes.is_empty() {
            diagnostic = diagnostic.with_help(format!("a label is `{word}:`"));
        }
        Err(self.report(diagnostic))
    }

    /// `.8byte 0x…`
    fn raw(&mut self) -> Result<Statement> {
        let dot = self.bump();
        let token = self.peek();
        if token.kind != TokenKind::Number || self.text(token) != "8byte" {
            let span = dot.span.to(token.span);
            let message = "the only directive is `.8byte 0x…`, which inserts eight bytes";
            return self.error(Rule::UnknownInstruction, span, message);
        }
        self.position += 1;
        let (value, span) = self.unsigned_number("the eight bytes, as a little-endian number")?;
        Ok(Statement::Raw { value, span })
    }

    /// `const NAME: u32 = 4;` among the instructions of a text. If the value cannot be read,
    /// the name is defined all the same, so that its uses are not reported as well.
    fn text_constant(&mut self, sequence: &mut Sequence) -> Result<()> {
        self.position += 1;
        let nothing = self.range(self.position, self.position);
        let name = self.name("the name of a constant")?;
        let at = sequence.constants.len();
        sequence.constants.push(ConstItem {
            attributes: alloc::vec::Vec::new(),
            visibility: nothing,
            name,
            ty: nothing,
            value: None,
        });
        if self.eat(":") {
            sequence.constants[at].ty = self.tokens_until(&['=', ';']);
        }
        self.expect("=", "and the value of the constant")?;
        let value = self.tokens_until(&[';']);
        if value.is_empty() {
            return self.unexpected("the value of the constant");
        }
        if self.has_invalid(value.start, value.end) {
            return Err(Reported);
        }
        sequence.constants[at].value = Some(value);
        Ok(())
    }

    /// Takes tokens up to one of these characters, which is left in place. Groups are taken
    /// whole, and `=` does not end at `==`, `<=`, `>=` or `!=`.
    pub(super) fn tokens_until(&mut self, stop: &[char]) -> TokenRange {
        let start = self.position;
        let mut depth = 0_u32;
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::End | TokenKind::Close(_) => break,
                TokenKind::Open { close, .. } => {
                    self.position = close + 1;
                    continue;
                }
                // A type's angle brackets hide what is between them.
                TokenKind::Punct { character: '<', .. } => depth += 1,
                TokenKind::Punct { character: '>', .. } => depth = depth.saturating_sub(1),
                TokenKind::Punct { character, .. }
                    if stop.contains(&character) && (depth == 0 || character == ';') =>
                {
                    break;
                }
                _ => {}
            }
            self.position += 1;
        }
        self.range(start, self.position)
    }
}
