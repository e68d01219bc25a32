//! The parser: from tokens to the syntax tree, for text and macros alike.
//!
//! It reports every error it finds: a statement that cannot be read is skipped up to its `;`
//! (in text form also up to the end of its line) and parsing goes on behind it.

mod address;
mod assignment;
mod control;
mod externs;
mod immediate;
mod items;
mod kernel;
mod sequence;

pub(crate) use immediate::misfit;

use super::ast::{Name, Object, Sequence, Source, TokenRange};
use super::words::{self, RegisterWord};
use super::{Delimiter, Token, TokenKind, TokenList};
use crate::diag::{Diagnostic, Rule, Span};
use crate::isa::{Register, Width};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A syntax tree, and what was wrong with the source. With errors, the tree lacks what could
/// not be read.
///
/// ```
/// use ebpf_asm::syntax::{ParseOptions, Parsed, lex, parse_sequence};
/// use ebpf_asm::syntax::ast::Sequence;
///
/// let tokens = lex("r0 = \nexit", &mut Vec::new());
/// let Parsed { tree, diagnostics } = parse_sequence(&tokens, ParseOptions::default());
/// let tree: Sequence = tree;                      // what could be read, and what stands for the rest
/// assert_eq!((tree.statements.len(), diagnostics.len()), (2, 1));
/// ```
#[derive(Debug)]
pub struct Parsed<T> {
    /// The tree.
    pub tree: T,
    /// What was found, in the order in which it was found.
    pub diagnostics: Vec<Diagnostic>,
}

/// How strictly to read.
///
/// ```
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r1 = 0xffffffff", &mut Vec::new());
/// assert_eq!(parse_sequence(&tokens, ParseOptions::default()).diagnostics.len(), 1);
/// let relaxed = ParseOptions { relaxed: true };
/// assert!(parse_sequence(&tokens, relaxed).diagnostics.is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions {
    /// Accept constants that only fit after wrapping, as LLVM does: `r1 = 0xffffffff`.
    pub relaxed: bool,
}

/// Reads a bare sequence of instructions. `#![relaxed]` at its start has the effect of the
/// option.
///
/// ```
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r0 = 0; done: exit", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// assert_eq!(tree.statements.len(), 3);            // two instructions and a label
/// ```
pub fn parse_sequence(tokens: &TokenList, options: ParseOptions) -> Parsed<Sequence> {
    let mut parser = Parser::new(tokens, options);
    parser.relaxed_attribute();
    let tree = parser.sequence(tokens.len().saturating_sub(1));
    parser.finish(tree)
}

/// Reads an object, `#[license = "…"] mod name { … }`. `None` if there is not even that.
///
/// ```
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// assert_eq!((object.name.text.as_str(), object.items.len()), ("m", 1));
/// ```
pub fn parse_object(tokens: &TokenList) -> Parsed<Option<Object>> {
    let mut parser = Parser::new(tokens, ParseOptions::default());
    let tree = parser.object();
    parser.finish(tree)
}

/// Reads whichever of the two it is: an object if it begins like one.
///
/// ```
/// use ebpf_asm::syntax::ast::Source;
/// use ebpf_asm::syntax::{lex, parse_source};
///
/// // A file is an object or a sequence: how it begins tells.
/// let tokens = lex("r0 = 0\nexit", &mut Vec::new());
/// assert!(matches!(parse_source(&tokens).tree, Some(Source::Sequence(_))));
/// let tokens = lex("mod m { }", &mut Vec::new());
/// assert!(matches!(parse_source(&tokens).tree, Some(Source::Object(_))));
/// ```
pub fn parse_source(tokens: &TokenList) -> Parsed<Option<Source>> {
    let mut parser = Parser::new(tokens, ParseOptions::default());
    let tree = if parser.begins_object() {
        parser.object().map(Source::Object)
    } else {
        parser.relaxed_attribute();
        let end = tokens.len().saturating_sub(1);
        Some(Source::Sequence(parser.sequence(end)))
    };
    parser.finish(tree)
}

/// The error has been reported; all that is left is to go on behind it.
struct Reported;

type Result<T> = core::result::Result<T, Reported>;

struct Parser<'a> {
    tokens: &'a TokenList,
    position: u32,
    /// Whether a statement is being read.
    in_statement: bool,
    /// The first token that is not part of the statement being read, because it stands on a
    /// later line of text.
    limit: u32,
    /// The first token of the line behind the one that was last looked at.
    line_end: u32,
    /// The first bracket of that line that is never closed.
    unclosed: u32,
    options: ParseOptions,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn new(tokens: &'a TokenList, options: ParseOptions) -> Self {
        Self {
            tokens,
            position: 0,
            in_statement: false,
            limit: u32::MAX,
            line_end: 0,
            unclosed: u32::MAX,
            options,
            diagnostics: Vec::new(),
        }
    }

    fn finish<T>(self, tree: T) -> Parsed<T> {
        Parsed {
            tree,
            diagnostics: self.diagnostics,
        }
    }

    /// `#![relaxed]`
    fn relaxed_attribute(&mut self) {
        let bracket = TokenKind::Open {
            delimiter: Delimiter::Bracket,
            close: 4,
        };
        if self.is_punct(0, '#')
            && self.is_punct(1, '!')
            && self.peek_at(2).kind == bracket
            && self.is_word(3, "relaxed")
        {
            self.position = 5;
            self.options.relaxed = true;
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        // That a bracket is never closed has been said; the rest of its line may follow from
        // that.
        if !(self.in_statement && self.position >= self.unclosed) {
            self.diagnostics.push(diagnostic);
        }
        Reported
    }

    /// Whether a bracket of a text is closed by nothing but the end of the text.
    fn is_unclosed(&self, position: u32) -> bool {
        match self.tokens.get(position).kind {
            TokenKind::Open { close, .. } => self.is_made_up(close),
            _ => false,
        }
    }

    /// Whether the lexer put this closing bracket at the end of a text.
    fn is_made_up(&self, close: u32) -> bool {
        let token = self.tokens.get(close);
        self.tokens.lines_matter()
            && matches!(token.kind, TokenKind::Close(_))
            && token.span.start == token.span.end
    }

    /// Whether the lexer has reported something between these tokens.
    fn has_invalid(&self, start: u32, end: u32) -> bool {
        (start..end).any(|position| self.tokens.get(position).kind == TokenKind::Invalid)
    }

    fn error<T>(&mut self, code: Rule, span: Span, message: impl Into<String>) -> Result<T> {
        Err(self.report(Diagnostic::error(code, span, message)))
    }

    /// A statement begins with the next token; in text form it ends with the line.
    fn begin_statement(&mut self) {
        self.in_statement = true;
        if !self.tokens.lines_matter() {
            return;
        }
        // Statements of one line share the search: lines may be long.
        if self.position >= self.line_end {
            self.unclosed = u32::MAX;
            self.line_end = self.position;
            loop {
                if self.unclosed == u32::MAX && self.is_unclosed(self.line_end) {
                    self.unclosed = self.line_end;
                }
                self.line_end += 1;
                if self.tokens.get(self.line_end).after_newline {
                    break;
                }
            }
        }
        self.limit = self.line_end;
    }

    fn end_statement(&mut self) {
        self.in_statement = false;
        self.limit = u32::MAX;
    }

    /// The next token. At the end of a line of text the statement ends, as if the list did.
    fn peek(&self) -> Token {
        self.peek_at(0)
    }

    fn peek_at(&self, distance: u32) -> Token {
        let position = self.position + distance;
        let mut token = self.tokens.get(position);
        if position >= self.limit {
            token.kind = TokenKind::End;
        }
        token
    }

    fn text(&self, token: Token) -> &'a str {
        self.tokens.text(token)
    }

    fn bump(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.position += 1;
        }
        token
    }

    /// The empty stretch behind the last token that was taken; text only.
    fn behind_previous(&self) -> Span {
        let token = self.tokens.get(self.position.saturating_sub(1));
        // Brackets have no text here and are one character; no other token spans lines.
        let columns = self.text(token).chars().count().max(1) as u32;
        Span {
            start: token.span.end,
            column: token.span.column + columns,
            ..token.span
        }
    }

    /// The span of the last token that was taken.
    fn previous_span(&self) -> Span {
        self.tokens.get(self.position.saturating_sub(1)).span
    }

    fn is_punct(&self, distance: u32, expected: char) -> bool {
        matches!(self.peek_at(distance).kind, TokenKind::Punct { character, .. } if character == expected)
    }

    /// Takes an operator of several characters, `<<=`; they must touch each other.
    fn eat(&mut self, operator: &str) -> bool {
        let length = operator.len() as u32;
        for (distance, expected) in (0..).zip(operator.chars()) {
            match self.peek_at(distance).kind {
                TokenKind::Punct { character, joint } if character == expected => {
                    if distance + 1 < length && !joint {
                        return false;
                    }
                }
                _ => return false,
            }
        }
        self.position += length;
        true
    }

    fn eat_word(&mut self, expected: &str) -> bool {
        let token = self.peek();
        let found = token.kind == TokenKind::Word && self.text(token) == expected;
        if found {
            self.position += 1;
        }
        found
    }

    fn is_word(&self, distance: u32, expected: &str) -> bool {
        let token = self.peek_at(distance);
        token.kind == TokenKind::Word && self.text(token) == expected
    }

    fn expect(&mut self, operator: &str, place: &str) -> Result<()> {
        if self.eat(operator) {
            return Ok(());
        }
        self.unexpected(&format!("`{operator}` {place}"))
    }

    fn expect_word(&mut self, word: &str, place: &str) -> Result<()> {
        if self.eat_word(word) {
            return Ok(());
        }
        self.unexpected(&format!("`{word}` {place}"))
    }

    /// Enters a group; gives the position of its end.
    fn expect_open(&mut self, expected: Delimiter, what: &str) -> Result<u32> {
        match self.peek().kind {
            TokenKind::Open { delimiter, close } if delimiter == expected => {
                self.position += 1;
                Ok(close)
            }
            _ => self.unexpected(what),
        }
    }

    fn expect_close(&mut self, expected: Delimiter, what: &str) -> Result<()> {
        if self.peek().kind == TokenKind::Close(expected) {
            self.position += 1;
            return Ok(());
        }
        self.unexpected(what)
    }

    /// What a token is called in a message.
    fn describe(&self, token: Token) -> String {
        match token.kind {
            TokenKind::Punct { character, .. } => format!("`{character}`"),
            TokenKind::Open { delimiter, .. } => match delimiter {
                Delimiter::Parenthesis => "`(`".into(),
                Delimiter::Bracket => "`[`".into(),
                Delimiter::Brace => "`{`".into(),
                Delimiter::Invisible => "a macro fragment".into(),
            },
            TokenKind::Close(delimiter) => match delimiter {
                Delimiter::Parenthesis => "`)`".into(),
                Delimiter::Bracket => "`]`".into(),
                Delimiter::Brace => "`}`".into(),
                Delimiter::Invisible => "the end of a macro fragment".into(),
            },
            TokenKind::End if self.in_statement => "the end of the instruction".into(),
            TokenKind::End => "the end".into(),
            TokenKind::Invalid => "something unreadable".into(),
            _ => format!("`{}`", self.text(token)),
        }
    }

    /// Reports that something else was expected here.
    fn unexpected<T>(&mut self, expected: &str) -> Result<T> {
        let token = self.peek();
        if token.kind == TokenKind::Invalid || self.is_made_up(self.position) {
            return Err(Reported);
        }
        let found = self.describe(token);
        let at_end = matches!(token.kind, TokenKind::End)
            || matches!(token.kind, TokenKind::Punct { character: ';', .. });
        // The end has no token to point at: point behind the last one.
        let span = if at_end && self.tokens.lines_matter() && self.position > 0 {
            self.behind_previous()
        } else if at_end && self.position > 0 {
            self.previous_span()
        } else {
            token.span
        };
        let found = if matches!(token.kind, TokenKind::Punct { character: ';', .. }) {
            "the end of the instruction".to_string()
        } else {
            found
        };
        let message = format!("expected {expected}, found {found}");
        self.error(Rule::UnexpectedToken, span, message)
    }

    /// A name: a word that the language does not keep for itself.
    fn name(&mut self, what: &str) -> Result<Name> {
        let token = self.peek();
        if token.kind != TokenKind::Word {
            return self.unexpected(what);
        }
        let text = self.text(token);
        if words::is_reserved(text) {
            let message = format!("`{text}` belongs to the language and cannot be {what}");
            return self.error(Rule::ReservedName, token.span, message);
        }
        Ok(self.take_name())
    }

    fn take_name(&mut self) -> Name {
        let position = self.position;
        let token = self.bump();
        let text = self.text(token);
        Name {
            // The kernel and the listing see `type`, Rust sees `r#type`.
            text: text.strip_prefix("r#").unwrap_or(text).into(),
            token: position,
            span: token.span,
        }
    }

    /// Reads a register, of either width.
    fn any_register(&mut self, what: &str) -> Result<(Register, Width, Span)> {
        let token = self.peek();
        if token.kind != TokenKind::Word {
            return self.unexpected(what);
        }
        let word = self.text(token);
        match words::register(word) {
            Some(RegisterWord::Register(register, width)) => {
                self.position += 1;
                Ok((register, width, token.span))
            }
            Some(RegisterWord::OutOfRange) => {
                let letter = &word[..1].to_ascii_lowercase();
                let diagnostic = Diagnostic::error(
                    Rule::NoSuchRegister,
                    token.span,
                    format!("there is no register `{word}`"),
                )
                .with_help(format!("the registers are `{letter}0` to `{letter}10`"));
                Err(self.report(diagnostic))
            }
            Some(RegisterWord::UpperCase(register, width)) => {
                let right = match width {
                    Width::W32 => register.word_name(),
                    Width::W64 => register.name(),
                };
                let diagnostic = Diagnostic::error(
                    Rule::UpperCase,
                    token.span,
                    format!("registers are written in lower case, not `{word}`"),
                )
                .with_help(format!("write `{right}`"));
                Err(self.report(diagnostic))
            }
            None => self.unexpected(what),
        }
    }

    /// Reports that an instruction would write the frame pointer, if it would. The rest is
    /// read all the same, so that its errors are reported too.
    fn refuse_frame_pointer(&mut self, register: Register, span: Span) {
        if register == Register::R10 {
            let diagnostic = Diagnostic::error(
                Rule::WriteToFramePointer,
                span,
                "`r10` is the frame pointer and cannot be written",
            )
            .with_help("copy it first: `r2 = r10; r2 += -8;`");
            self.report(diagnostic);
        }
    }

    /// Reads a register of the given width; the other width is an error that names both
    /// forms.
    fn register(&mut self, width: Width, what: &str) -> Result<(Register, Span)> {
        let (register, found, span) = self.any_register(what)?;
        if found == width {
            return Ok((register, span));
        }
        let (right, wrong) = match width {
            Width::W32 => (register.word_name(), register.name()),
            Width::W64 => (register.name(), register.word_name()),
        };
        let diagnostic = Diagnostic::error(
            Rule::MixedWidths,
            span,
            format!("`{wrong}` has another width than the rest of the instruction"),
        )
        .with_help(format!("write `{right}`"));
        Err(self.report(diagnostic))
    }

    /// Whether the next token is a word that looks like a register.
    fn at_register(&self, distance: u32) -> bool {
        let token = self.peek_at(distance);
        token.kind == TokenKind::Word && words::register(self.text(token)).is_some()
    }

    /// The tokens from `start` to before `end`.
    fn range(&self, start: u32, end: u32) -> TokenRange {
        let first = self.tokens.get(start).span;
        let span = if end > start {
            first.to(self.tokens.get(end - 1).span)
        } else {
            first
        };
        TokenRange { start, end, span }
    }
}
