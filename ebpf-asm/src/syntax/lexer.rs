//! The text front end: from characters to tokens.
//!
//! The tokens are Rust's, so that one grammar serves text and macros. Text has in addition
//! comments that begin with `#`, line ends that end an instruction, and names that end with
//! `%=` as in inline assembly.

use super::{Delimiter, TokenKind, TokenList};
use crate::diag::{Diagnostic, Rule, Span};
use alloc::format;
use alloc::vec::Vec;

/// Splits a text into tokens. What cannot be read is reported and left out; the list can be
/// parsed all the same. Texts of 4 GiB and more are refused.
///
/// ```
/// use ebpf_asm::syntax::lex;
///
/// let mut diagnostics = Vec::new();
/// let tokens = lex("r0 = /* without an end", &mut diagnostics);
/// assert_eq!(diagnostics.len(), 1);               // and the tokens before it are there
/// assert_eq!(tokens.text_at(0), "r0");
/// ```
pub fn lex(source: &str, diagnostics: &mut Vec<Diagnostic>) -> TokenList {
    lex_with(source, Comments::RustAndHash, diagnostics)
}

/// Splits a piece of a Rust file into tokens, in which `#` begins no comment.
#[cfg(feature = "text")]
pub(crate) fn lex_rust(source: &str, diagnostics: &mut Vec<Diagnostic>) -> TokenList {
    lex_with(source, Comments::Rust, diagnostics)
}

/// What counts as a comment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comments {
    /// `//` and `/* */`.
    #[cfg(feature = "text")]
    Rust,
    /// These, and `#` to the end of the line.
    RustAndHash,
}

fn lex_with(source: &str, comments: Comments, diagnostics: &mut Vec<Diagnostic>) -> TokenList {
    let mut list = TokenList::of_text(source);
    let mut end = Span {
        line: 1,
        column: 1,
        ..Span::default()
    };
    if u32::try_from(source.len()).is_ok() {
        end = piece(source, end, comments, &mut list, diagnostics);
    } else {
        let message = "the text is longer than 4 GiB";
        diagnostics.push(Diagnostic::error(Rule::Unterminated, end, message));
    }
    list.finish(end);
    list
}

/// Appends the tokens of a part of a text of less than 4 GiB: from the place `start` to before
/// the byte `end`. Gives the place of the end. The list is one [of this
/// text](TokenList::of_text).
#[cfg(feature = "text")]
pub(crate) fn lex_piece(
    source: &str,
    start: Span,
    end: usize,
    list: &mut TokenList,
    diagnostics: &mut Vec<Diagnostic>,
) -> Span {
    piece(
        &source[..end],
        start,
        Comments::RustAndHash,
        list,
        diagnostics,
    )
}

fn piece(
    source: &str,
    start: Span,
    comments: Comments,
    list: &mut TokenList,
    diagnostics: &mut Vec<Diagnostic>,
) -> Span {
    let mut lexer = Lexer {
        source,
        comments,
        rest: &source[start.start as usize..],
        at: Position {
            offset: start.start as usize,
            line: start.line,
            column: start.column,
        },
        newline: true,
        stray_line: 0,
        list,
        open: Vec::new(),
        diagnostics,
    };
    while lexer.token() {}
    lexer.give_up_brackets(0);
    lexer.span_from(lexer.at)
}

#[derive(Clone, Copy)]
struct Position {
    offset: usize,
    line: u32,
    column: u32,
}

struct Lexer<'a> {
    source: &'a str,
    comments: Comments,
    rest: &'a str,
    at: Position,
    newline: bool,
    /// The last line on which a bracket closes nothing.
    stray_line: u32,
    list: &'a mut TokenList,
    open: Vec<(u32, Delimiter)>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

fn name(delimiter: Delimiter) -> &'static str {
    match delimiter {
        Delimiter::Parenthesis => "parenthesis",
        Delimiter::Bracket => "bracket",
        Delimiter::Brace | Delimiter::Invisible => "brace",
    }
}

fn is_word_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!c.is_ascii() && c.is_alphabetic())
}

fn is_word_part(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric())
}

#[rustfmt::skip] // One line says it.
fn is_punct(c: char) -> bool {
    matches!(c, '+' | '-' | '*' | '/' | '%' | '^' | '!' | '&' | '|' | '=' | '<' | '>' | '@' | '.' | ',' | ';' | ':' | '#' | '$' | '?' | '~' | '\'')
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes a stretch in which no line ends.
    fn advance_in_line(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        let columns = if taken.is_ascii() {
            bytes
        } else {
            taken.chars().count()
        };
        self.at.column += columns as u32;
        self.at.offset += bytes;
        self.rest = rest;
    }

    fn advance(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        for c in taken.chars() {
            if c == '\n' {
                self.at.line += 1;
                self.at.column = 1;
                self.newline = true;
            } else {
                self.at.column += 1;
            }
        }
        self.at.offset += bytes;
        self.rest = rest;
    }

    fn span_from(&self, start: Position) -> Span {
        Span {
            start: start.offset as u32,
            end: self.at.offset as u32,
            line: start.line,
            column: start.column,
        }
    }

    fn error(&mut self, code: Rule, start: Position, message: &str) {
        let span = self.span_from(start);
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
    }

    /// The length in bytes of the longest start of the rest whose characters all pass.
    fn run(&self, pass: impl Fn(char) -> bool) -> usize {
        self.rest.find(|c| !pass(c)).unwrap_or(self.rest.len())
    }

    fn push(&mut self, kind: TokenKind, start: Position) -> u32 {
        let span = self.span_from(start);
        let newline = core::mem::take(&mut self.newline);
        self.list.push_of_text(kind, span, newline)
    }

    /// Takes a character of one byte that ends no line.
    fn advance_byte(&mut self) {
        self.at.column += 1;
        self.at.offset += 1;
        self.rest = &self.rest[1..];
    }

    /// The length in bytes of the letters, digits and underscores here.
    fn word_length(&self) -> usize {
        let ascii = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let bytes = self.rest.as_bytes();
        let length = bytes.iter().take_while(|b| ascii(b)).count();
        match bytes.get(length) {
            Some(byte) if !byte.is_ascii() => self.run(is_word_part),
            _ => length,
        }
    }

    /// Reads one token or one stretch of white space or comment; false at the end.
    fn token(&mut self) -> bool {
        let Some(c) = self.peek() else { return false };
        let start = self.at;
        // What most texts are made of comes first.
        if c == ' ' {
            self.advance_byte();
        } else if c.is_ascii_alphabetic() && !matches!(c, 'b' | 'c') {
            self.word(start);
        } else if c == '\u{feff}' && start.offset == 0 {
            // A byte order mark is no column.
            self.advance_in_line(c.len_utf8());
            self.at.column = 1;
        } else if c.is_whitespace() || c == '\u{feff}' {
            let length = self.run(|c| c.is_whitespace() || c == '\u{feff}');
            self.advance(length);
        } else if self.rest.starts_with("//") || (c == '#' && self.comment_begins()) {
            self.advance_in_line(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.block_comment(start);
        } else if let Some(literal) = self.quoted_literal() {
            self.quoted(start, literal);
        } else if is_word_start(c) {
            self.word(start);
        } else if c.is_ascii_digit() {
            self.advance_in_line(self.word_length());
            // `1.5`: a float, which is nothing that an instruction takes.
            let mut after = self.rest.chars();
            if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
                self.advance_in_line(1);
                self.advance_in_line(self.word_length());
                self.push(TokenKind::Literal, start);
                return true;
            }
            self.push(TokenKind::Number, start);
        } else if let Some((delimiter, opens)) = bracket(c) {
            self.advance_byte();
            self.bracket(start, delimiter, opens);
        } else if is_punct(c) {
            self.advance_byte();
            let joint = self.peek().is_some_and(is_punct) && !self.comment_begins_here();
            self.push(
                TokenKind::Punct {
                    character: c,
                    joint,
                },
                start,
            );
        } else {
            self.advance(c.len_utf8());
            let message = format!("no token begins with {c:?}");
            self.error(Rule::InvalidCharacter, start, &message);
            self.push(TokenKind::Invalid, start);
        }
        true
    }

    fn word(&mut self, start: Position) {
        self.advance_in_line(self.word_length());
        // `l0_%=`: the compiler's unique number in inline assembly. After a register `%=` is an
        // operator; no register ends with an underscore.
        if self.rest.starts_with("%=") && self.source[start.offset..self.at.offset].ends_with('_') {
            self.advance_in_line(2);
        }
        self.push(TokenKind::Word, start);
    }

    fn comment_begins_here(&self) -> bool {
        self.rest.starts_with("//")
            || self.rest.starts_with("/*")
            || (self.rest.starts_with('#') && self.comment_begins())
    }

    /// `#` begins a comment unless it begins an attribute (`#[`), or is the number sign of
    /// `call bpf_x#1`.
    fn comment_begins(&self) -> bool {
        if self.comments != Comments::RustAndHash {
            return false;
        }
        let next = self.rest[1..].chars().next();
        let before = self.source[..self.at.offset].chars().next_back();
        let attribute = matches!(next, Some('[')) || self.rest.starts_with("#![");
        let number = before.is_some_and(is_word_part) && next.is_some_and(|c| c.is_ascii_digit());
        !attribute && !number
    }

    fn block_comment(&mut self, start: Position) {
        let mut depth = 0;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
                if depth == 0 {
                    return;
                }
            } else if let Some(c) = self.peek() {
                self.advance(c.len_utf8());
            } else {
                return self.error(Rule::Unterminated, start, "this comment does not end");
            }
        }
    }

    /// Whether a literal with quotes begins here: its prefix length, its quote, its kind.
    fn quoted_literal(&self) -> Option<(usize, char, TokenKind)> {
        if !self.rest.starts_with(['b', 'c', '"', '\'']) {
            return None;
        }
        for (prefix, quote, kind) in [
            ("b'", '\'', TokenKind::Byte),
            ("b\"", '"', TokenKind::Literal),
            ("c\"", '"', TokenKind::Literal),
            ("\"", '"', TokenKind::Literal),
        ] {
            if self.rest.starts_with(prefix) {
                return Some((prefix.len(), quote, kind));
            }
        }
        // `'a'` is a character, `'a` a lifetime, which stays a quote and a word.
        let mut rest = self.rest.strip_prefix('\'')?.chars();
        match (rest.next()?, rest.next()) {
            ('\\', _) | (_, Some('\'')) => Some((1, '\'', TokenKind::Literal)),
            _ => None,
        }
    }

    fn quoted(&mut self, start: Position, (prefix, quote, kind): (usize, char, TokenKind)) {
        self.advance(prefix);
        loop {
            match self.peek() {
                None => return self.unterminated(start),
                Some('\n') if quote == '\'' => return self.unterminated(start),
                Some('\\') => {
                    self.advance(1);
                    if let Some(c) = self.peek() {
                        self.advance(c.len_utf8());
                    }
                }
                Some(c) => {
                    self.advance(c.len_utf8());
                    if c == quote {
                        break;
                    }
                }
            }
        }
        self.push(kind, start);
    }

    fn unterminated(&mut self, start: Position) {
        self.error(Rule::Unterminated, start, "this literal does not end");
        self.push(TokenKind::Invalid, start);
    }

    fn bracket(&mut self, start: Position, delimiter: Delimiter, opens: bool) {
        if opens {
            let position = self.push(
                TokenKind::Open {
                    delimiter,
                    close: 0,
                },
                start,
            );
            self.open.push((position, delimiter));
            return;
        }
        let counterpart = self.open.iter().rposition(|&(_, d)| d == delimiter);
        let Some(counterpart) = counterpart else {
            // The rest of a heap of them is no news.
            if self.stray_line != start.line {
                let message = format!("this {} closes nothing", name(delimiter));
                self.error(Rule::UnexpectedToken, start, &message);
                self.stray_line = start.line;
            }
            return;
        };
        self.give_up_brackets(counterpart + 1);
        if let Some((open, _)) = self.open.pop() {
            let position = self.push(TokenKind::Close(delimiter), start);
            self.list.close(open, position);
        }
    }

    /// Closes all brackets but the first `keep`, and reports the first of each line.
    fn give_up_brackets(&mut self, keep: usize) {
        let mut line = 0;
        for &(open, delimiter) in &self.open[keep..] {
            let span = self.list.get(open).span;
            if span.line != line {
                let message = format!("this {} is never closed", name(delimiter));
                self.diagnostics
                    .push(Diagnostic::error(Rule::Unterminated, span, message));
            }
            line = span.line;
        }
        let here = self.span_from(self.at);
        while self.open.len() > keep
            && let Some((open, delimiter)) = self.open.pop()
        {
            let position = self.list.push(TokenKind::Close(delimiter), "", here, false);
            self.list.close(open, position);
        }
    }
}

fn bracket(c: char) -> Option<(Delimiter, bool)> {
    Some(match c {
        '(' => (Delimiter::Parenthesis, true),
        ')' => (Delimiter::Parenthesis, false),
        '[' => (Delimiter::Bracket, true),
        ']' => (Delimiter::Bracket, false),
        '{' => (Delimiter::Brace, true),
        '}' => (Delimiter::Brace, false),
        _ => return None,
    })
}
