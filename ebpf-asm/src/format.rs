//! The layout of source text: what `cargo ebpf fmt` does to the instructions of a block.
//!
//! One statement to a line, labels a step to the left, canonical spaces between tokens, comments
//! behind statements in one column: the one they have, if they have one. Tokens stay what they
//! are: a number keeps its spelling, an expression its own layout, and what is assembled is the
//! same. Formatting twice changes nothing.
//!
//! ```
//! use ebpf_asm::format::{self, SourceForm};
//!
//! let body = format::body("\nr0=0;done:exit;\n", "", SourceForm::Macro)?;
//! assert_eq!(body, format::body(&body, "", SourceForm::Macro)?);      // twice changes nothing
//! # Ok::<(), ebpf_asm::Diagnostics>(())
//! ```

mod spacing;

use crate::Diagnostics;
use crate::diag::Severity;
use crate::syntax::{Delimiter, TokenKind, TokenList, lex, lex_rust};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How a text is read.
///
/// ```
/// use ebpf_asm::format::{self, SourceForm};
///
/// // `#` begins a comment in text files only.
/// assert!(format::body("\nr0 = 0 # nothing\nexit\n", "", SourceForm::Text)?.contains("# nothing"));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceForm {
    /// A text file: a line's end ends an instruction, `#` begins a comment.
    Text,
    /// The body of a macro in a Rust file: `;` alone ends an instruction.
    Macro,
}

/// The step by which statements stand to the right of the line that opens their block.
const STEP: &str = "    ";

/// Comments stand in one column as long as the statements before them are not wider.
const WIDEST_BEFORE_COMMENT: usize = 48;

/// Formats what stands between the braces of a function or of `ebpf_asm! { … }`. `indent` is
/// the white space in front of the line that opens the block. A block on one line stays on it.
///
/// ```
/// use ebpf_asm::format::{SourceForm, body};
///
/// let source = "
///   r0=5 ;  // five
///     if r1>3 goto done;
///  *(u32*)(r10-4)=w0; // stored
/// done: exit
/// ";
/// let formatted = "
///     r0 = 5;                  // five
///     if r1 > 3 goto done;
///     *(u32 *)(r10 - 4) = w0;  // stored
/// done:
///     exit;
/// ";
/// assert_eq!(body(source, "", SourceForm::Macro)?, formatted);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
///
/// # Errors
/// If the text cannot be split into tokens.
pub fn body(source: &str, indent: &str, form: SourceForm) -> Result<String, Diagnostics> {
    let pieces = pieces(source, form)?;
    if pieces.is_empty() {
        return Ok(source.into());
    }
    if !source.contains('\n') {
        return Ok(one_line(&pieces));
    }
    let mut text = String::from("\n");
    lines(&pieces, indent, &mut text);
    text.push_str(indent);
    Ok(text)
}

/// Formats a whole text file: an object or one sequence of instructions.
///
/// ```
/// assert_eq!(ebpf_asm::format::file("r0=0\nexit # done\n")?, "    r0 = 0\n    exit  # done\n");
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
///
/// # Errors
/// If the text cannot be split into tokens.
pub fn file(source: &str) -> Result<String, Diagnostics> {
    let is_object = {
        let tokens = tokens(source, SourceForm::Text)?;
        let mut positions = 0..tokens.len();
        positions.any(|position| {
            let is_brace = |next| matches!(tokens.get(next).kind, TokenKind::Open { .. });
            tokens.text_at(position) == "mod" && is_brace(position + 2)
        })
    };
    if is_object {
        return object(source, "", SourceForm::Text);
    }
    let mut text = String::new();
    lines(&pieces(source, SourceForm::Text)?, "", &mut text);
    Ok(text)
}

/// Formats the bodies of all functions of an object, `mod name { … }`; the rest stays as it is.
/// `indent` is the white space in front of the line on which the text begins.
///
/// ```
/// use ebpf_asm::format::{self, SourceForm};
///
/// let text = "mod m {\n#[socket_filter]\nfn f(skb: *const c_void) -> i32 {\nr0=0;exit;\n}\n}";
/// let formatted = format::object(text, "", SourceForm::Macro)?;
/// assert!(formatted.contains("r0 = 0;"));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
///
/// # Errors
/// If the text cannot be split into tokens.
pub fn object(source: &str, indent: &str, form: SourceForm) -> Result<String, Diagnostics> {
    let tokens = tokens(source, form)?;
    let mut text = String::new();
    let mut copied = 0;
    let mut position = 0;
    while position < tokens.len() {
        position += 1;
        if tokens.text_at(position - 1) != "fn" {
            continue;
        }
        // A function that is only declared has no body.
        let brace = (position..tokens.len()).find_map(|at| match tokens.get(at).kind {
            TokenKind::Punct { character: ';', .. } => Some(None),
            TokenKind::Open {
                delimiter: Delimiter::Brace,
                close,
            } => Some(Some((at, close))),
            _ => None,
        });
        let Some(Some((open, close))) = brace else {
            continue;
        };
        let start = tokens.get(open).span.end as usize;
        let end = tokens.get(close).span.start as usize;
        text.push_str(&source[copied..start]);
        text.push_str(&body(
            &source[start..end],
            line_indent(source, start).unwrap_or(indent),
            form,
        )?);
        copied = end;
        position = close;
    }
    text.push_str(&source[copied..]);
    Ok(text)
}

/// The white space in front of the line of a place in a text, which is a byte's position.
///
/// ```
/// use ebpf_asm::format::indent_at;
///
/// let text = "fn main() {\n    let code = ebpf_asm! {";
/// assert_eq!(indent_at(text, text.len()), "    ");
/// ```
///
/// # Panics
/// If the place is not at the border of a character of the text.
#[must_use]
pub fn indent_at(text: &str, place: usize) -> &str {
    line_indent(text, place).unwrap_or_else(|| leading_space(text))
}

/// The same; `None` on the first line, whose start is elsewhere if the text is a part.
fn line_indent(text: &str, place: usize) -> Option<&str> {
    let end = text[..place].rfind('\n')?;
    Some(leading_space(&text[end + 1..]))
}

fn leading_space(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// A part of a body that has a line of its own, or several.
#[derive(Debug)]
struct Piece {
    kind: PieceKind,
    /// Without white space around it; of several lines the later ones are as they were.
    text: String,
    /// The comment behind it on its line.
    comment: Option<String>,
    /// The column, from 0, at which that comment was.
    column: usize,
    /// Whether an empty line stands before it.
    after_blank: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PieceKind {
    Statement,
    /// Labels, and what stands where they stand: constants and attributes of a text.
    Label,
    Comment,
}

fn tokens(source: &str, form: SourceForm) -> Result<TokenList, Diagnostics> {
    let mut diagnostics = Vec::new();
    let tokens = match form {
        SourceForm::Text => lex(source, &mut diagnostics),
        SourceForm::Macro => lex_rust(source, &mut diagnostics),
    };
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(Diagnostics::new(diagnostics, source, "<text>"));
    }
    Ok(tokens)
}

fn pieces(source: &str, form: SourceForm) -> Result<Vec<Piece>, Diagnostics> {
    let tokens = tokens(source, form)?;
    let mut reader = Reader {
        source,
        tokens: &tokens,
        form,
        position: 0,
        end: 0,
        pieces: Vec::new(),
    };
    reader.read();
    Ok(reader.pieces)
}

struct Reader<'a> {
    source: &'a str,
    tokens: &'a TokenList,
    form: SourceForm,
    position: u32,
    /// The byte behind the last piece.
    end: usize,
    pieces: Vec<Piece>,
}

impl Reader<'_> {
    fn read(&mut self) {
        loop {
            let token = self.tokens.get(self.position);
            let is_end = token.kind == TokenKind::End;
            let start = match is_end {
                true => self.source.len(),
                false => token.span.start as usize,
            };
            let after_blank = self.gap(start);
            if is_end {
                return;
            }
            let (kind, after) = self.extent();
            let text = self.render(self.position, after);
            self.end = self.tokens.get(after - 1).span.end as usize;
            self.position = after;
            self.pieces.push(Piece {
                kind,
                text,
                comment: None,
                column: 0,
                after_blank,
            });
        }
    }

    /// Takes the comments up to the byte `start`; whether an empty line stands before it.
    fn gap(&mut self, start: usize) -> bool {
        let mut rest = &self.source[self.end..start];
        let mut newlines = 0;
        let mut is_behind = !self.pieces.is_empty();
        loop {
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            newlines += rest[..rest.len() - trimmed.len()].matches('\n').count();
            rest = trimmed;
            if rest.is_empty() {
                // Neither at the start nor at the end of a body an empty line says anything.
                return newlines > 1 && !self.pieces.is_empty();
            }
            let length = comment_length(rest);
            let comment = rest[..length].trim_end();
            is_behind &= newlines == 0 && !comment.contains('\n');
            match self.pieces.last_mut() {
                Some(last) if is_behind => match &mut last.comment {
                    Some(before) => {
                        before.push(' ');
                        before.push_str(comment);
                    }
                    none => {
                        *none = Some(comment.into());
                        let at = start - rest.len();
                        let line = self.source[..at].rfind('\n').map_or(0, |end| end + 1);
                        last.column = self.source[line..at].chars().count();
                    }
                },
                _ => {
                    let after_blank = newlines > 1 && !self.pieces.is_empty();
                    self.pieces.push(Piece {
                        kind: PieceKind::Comment,
                        text: comment.into(),
                        comment: None,
                        column: 0,
                        after_blank,
                    });
                    is_behind = false;
                }
            }
            rest = &rest[length..];
            newlines = 0;
        }
    }

    /// What the next piece is, and the position behind it.
    fn extent(&self) -> (PieceKind, u32) {
        let first = self.tokens.get(self.position);
        let is_name = matches!(first.kind, TokenKind::Word | TokenKind::Number);
        if is_name && self.is_punct(self.position + 1, ':') && !self.is_path(self.position + 1) {
            return (PieceKind::Label, self.position + 2);
        }
        if self.is_punct(self.position, '#') {
            let bracket = match self.is_punct(self.position + 1, '!') {
                true => self.position + 2,
                false => self.position + 1,
            };
            if let TokenKind::Open { close, .. } = self.tokens.get(bracket).kind {
                return (PieceKind::Label, close + 1);
            }
        }
        let kind = match self.tokens.text(first) {
            "const" => PieceKind::Label,
            _ => PieceKind::Statement,
        };
        let mut position = self.position;
        loop {
            position = match self.tokens.get(position).kind {
                TokenKind::Punct { character: ';', .. } => return (kind, position + 1),
                TokenKind::Open { close, .. } => close + 1,
                _ => position + 1,
            };
            let next = self.tokens.get(position);
            let line_ends = self.form == SourceForm::Text && next.after_newline;
            // A `;` on the next line is still this statement's.
            if next.kind == TokenKind::End || (line_ends && !self.is_punct(position, ';')) {
                return (kind, position);
            }
        }
    }

    fn is_punct(&self, position: u32, expected: char) -> bool {
        matches!(self.tokens.get(position).kind, TokenKind::Punct { character, .. } if character == expected)
    }

    fn is_path(&self, colon: u32) -> bool {
        let is_joint = matches!(
            self.tokens.get(colon).kind,
            TokenKind::Punct { joint: true, .. }
        );
        is_joint && self.is_punct(colon + 1, ':')
    }

    /// The text of these tokens: as it is if a comment stands among them, else with canonical
    /// spaces. The last statement of a macro gets its `;`, unless the block is one line.
    fn render(&self, start: u32, after: u32) -> String {
        let span = |position| self.tokens.get(position).span;
        let as_it_is = &self.source[span(start).start as usize..span(after - 1).end as usize];
        let has_comment = (start + 1..after).any(|position| {
            let gap = &self.source[span(position - 1).end as usize..span(position).start as usize];
            // Inside of braces everything stays as it is anyway.
            !gap.trim().is_empty()
        });
        let mut text = match has_comment {
            true => String::from(as_it_is),
            false => spacing::spaced(self.tokens, self.source, start, after),
        };
        let ends = self.is_punct(after - 1, ';') || self.is_punct(after - 1, ':');
        let is_attribute = self.is_punct(start, '#');
        let wants_end = self.form == SourceForm::Macro && self.source.contains('\n');
        if wants_end && !ends && !is_attribute {
            text.push(';');
        }
        text
    }
}

/// The bytes of the comment that begins here.
fn comment_length(text: &str) -> usize {
    if !text.starts_with("/*") {
        return text.find('\n').unwrap_or(text.len());
    }
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn one_line(pieces: &[Piece]) -> String {
    let mut text = String::from(" ");
    for piece in pieces {
        text.push_str(&piece.text);
        text.push(' ');
        if let Some(comment) = &piece.comment {
            text.push_str(comment);
            text.push(' ');
        }
    }
    text
}

fn lines(pieces: &[Piece], indent: &str, text: &mut String) {
    let margin = indent.chars().count() + STEP.len();
    let mut at = 0;
    while at < pieces.len() {
        // Comments share a column up to the next empty line.
        let paragraph = pieces[at + 1..]
            .iter()
            .position(|piece| piece.after_blank)
            .map_or(pieces.len(), |length| at + 1 + length);
        let column = column_of_all(pieces, margin)
            .or_else(|| column_of_all(&pieces[at..paragraph], margin))
            .unwrap_or_else(|| new_column(&pieces[at..paragraph], margin));
        for (distance, piece) in pieces[at..paragraph].iter().enumerate() {
            if piece.after_blank && at + distance > 0 {
                text.push('\n');
            }
            let start = text.len();
            text.push_str(indent);
            if piece.kind != PieceKind::Label && !is_of_label(&pieces[at + distance..]) {
                text.push_str(STEP);
            }
            text.push_str(&piece.text);
            if let Some(comment) = &piece.comment {
                let width = last_line(&text[start..]).chars().count();
                let spaces = match piece.kind {
                    PieceKind::Statement if width < column => column - width,
                    _ => 2,
                };
                text.push_str(&format!("{:spaces$}{comment}", ""));
            }
            text.push('\n');
        }
        at = paragraph;
    }
}

/// The statements with comments behind them: the column where each ends, and of its comment.
fn commented(pieces: &[Piece], margin: usize) -> impl Iterator<Item = (usize, usize)> {
    let is_commented =
        |piece: &&Piece| piece.comment.is_some() && piece.kind == PieceKind::Statement;
    pieces.iter().filter(is_commented).map(move |piece| {
        let width = last_line(&piece.text).chars().count();
        let begins_there = !piece.text.contains('\n');
        (width + if begins_there { margin } else { 0 }, piece.column)
    })
}

/// The column that comments behind statements have already, if they share it and can keep it.
fn column_of_all(pieces: &[Piece], margin: usize) -> Option<usize> {
    let (_, column) = commented(pieces, margin).next()?;
    commented(pieces, margin).nth(1)?;
    commented(pieces, margin)
        .all(|(end, of_comment)| of_comment == column && end < column)
        .then_some(column)
}

/// A column behind all statements that are not very wide.
fn new_column(pieces: &[Piece], margin: usize) -> usize {
    commented(pieces, margin)
        .map(|(end, _)| end)
        .filter(|&end| end <= margin + WIDEST_BEFORE_COMMENT)
        .max()
        .map_or(0, |end| end + 2)
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or(text)
}

/// Whether this is a comment that belongs to the constant or attribute below it, which stands
/// at the left.
fn is_of_label(pieces: &[Piece]) -> bool {
    let mut rest = pieces.iter().enumerate();
    let below =
        rest.find(|(at, piece)| piece.kind != PieceKind::Comment || (*at > 0 && piece.after_blank));
    match below {
        Some((at, piece)) => {
            at > 0
                && piece.kind == PieceKind::Label
                && !piece.after_blank
                && !piece.text.ends_with(':')
        }
        None => false,
    }
}
