//! Tokens: what both front ends produce and the parser reads.

use crate::diag::Span;
use alloc::string::String;
use alloc::vec::Vec;

/// The kind of a token. What it says is in [`TokenList::text`].
///
/// ```
/// use ebpf_asm::syntax::{TokenKind, lex};
///
/// let tokens = lex("r1 += 10", &mut Vec::new());
/// assert_eq!(tokens.get(0).kind, TokenKind::Word);
/// assert_eq!(tokens.get(1).kind, TokenKind::Punct { character: '+', joint: true });
/// assert_eq!(tokens.get(3).kind, TokenKind::Number);
/// assert_eq!(tokens.get(4).kind, TokenKind::End);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An identifier or keyword, in Rust's sense.
    Word,
    /// Anything that begins with a digit, suffix included: `10`, `0xff`, `5ll`, `1f`, `8byte`.
    Number,
    /// A byte literal: `b'a'`.
    Byte,
    /// What the lexer could not read and has reported; nothing more is said about it.
    Invalid,
    /// Any other literal: strings, characters, floats. Only Rust-shaped parts have these.
    Literal,
    /// A punctuation character; `joint` if another one follows without a space.
    Punct {
        /// The character.
        character: char,
        /// Whether the next token is punctuation and touches this one.
        joint: bool,
    },
    /// An opening delimiter; `close` is the position of its counterpart in the list.
    Open {
        /// Which one.
        delimiter: Delimiter,
        /// The position of the closing token.
        close: u32,
    },
    /// A closing delimiter.
    Close(Delimiter),
    /// The end of the list. Always there, exactly once.
    End,
}

/// The kinds of brackets.
///
/// ```
/// use ebpf_asm::syntax::{Delimiter, TokenKind, lex};
///
/// let tokens = lex("*(u32 *)", &mut Vec::new());
/// assert!(matches!(tokens.get(1).kind, TokenKind::Open { delimiter: Delimiter::Parenthesis, close: 4 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// `( … )`
    Parenthesis,
    /// `[ … ]`
    Bracket,
    /// `{ … }`
    Brace,
    /// Nothing to be seen: what `macro_rules!` puts around a fragment.
    Invisible,
}

/// A token and where it is.
///
/// ```
/// use ebpf_asm::syntax::{Token, lex};
///
/// let tokens = lex("r0 = 0\nexit", &mut Vec::new());
/// let exit: Token = tokens.get(3);
/// assert_eq!((exit.span.line, exit.span.column), (2, 1));
/// assert!(exit.after_newline);                    // which ends an instruction of a text
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it is.
    pub span: Span,
    /// Whether a line ended before it; text only, a macro does not see lines.
    pub after_newline: bool,
    text: (u32, u32),
}

/// The tokens of a source, with the text they are made of.
///
/// ```
/// use ebpf_asm::diag::Span;
/// use ebpf_asm::syntax::{Delimiter, TokenKind, TokenList};
///
/// // As a macro makes one out of its own tokens: `{ exit }`, in which lines do not matter.
/// let mut tokens = TokenList::new(false);
/// assert!(tokens.is_empty() && !tokens.lines_matter());
/// let here = Span::default();
/// let open = tokens.push(TokenKind::Open { delimiter: Delimiter::Brace, close: 0 }, "{", here, false);
/// let word = tokens.push(TokenKind::Word, "exit", here, false);
/// let close = tokens.push(TokenKind::Close(Delimiter::Brace), "}", here, false);
/// tokens.close(open, close);
/// tokens.finish(here);
///
/// assert_eq!((tokens.len(), tokens.text_at(word)), (4, "exit"));
/// assert_eq!(tokens.text(tokens.get(close)), "}");
/// assert_eq!(tokens.render(word, close), "exit");
/// ```
#[derive(Clone, Debug)]
pub struct TokenList {
    tokens: Vec<Token>,
    text: String,
    /// Where in the source `text` begins.
    base: u32,
    /// Whether the end of a line ends an instruction: true in text form.
    lines_matter: bool,
}

impl TokenList {
    /// An empty list, to be filled with [`push`](Self::push) and ended with
    /// [`finish`](Self::finish). `lines_matter` is true for the text form.
    #[must_use]
    pub fn new(lines_matter: bool) -> Self {
        Self {
            tokens: Vec::new(),
            text: String::new(),
            base: 0,
            lines_matter,
        }
    }

    /// An empty list for the tokens of this text.
    pub(crate) fn of_text(source: &str) -> Self {
        Self::of_part(source, 0)
    }

    /// An empty list for the tokens of a part of a text that begins at the byte `base`.
    pub(crate) fn of_part(part: &str, base: u32) -> Self {
        // A token has about three bytes; long texts may be comments.
        let tokens = part.len().min(1 << 20) / 3;
        Self {
            tokens: Vec::with_capacity(tokens),
            text: part.into(),
            base,
            lines_matter: true,
        }
    }

    /// Appends a token of that text and returns its position.
    pub(super) fn push_of_text(&mut self, kind: TokenKind, span: Span, after_newline: bool) -> u32 {
        let text = match kind {
            TokenKind::Open { .. } | TokenKind::Close(_) => (0, 0),
            _ => (span.start - self.base, span.end - self.base),
        };
        let position = self.tokens.len() as u32;
        self.tokens.push(Token {
            kind,
            span,
            after_newline,
            text,
        });
        position
    }

    /// Appends a token and returns its position.
    pub fn push(&mut self, kind: TokenKind, text: &str, span: Span, after_newline: bool) -> u32 {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        let position = self.tokens.len() as u32;
        self.tokens.push(Token {
            kind,
            span,
            after_newline,
            text: (start, self.text.len() as u32),
        });
        position
    }

    /// Tells the opening token at `open` where its counterpart is.
    pub fn close(&mut self, open: u32, position: u32) {
        if let TokenKind::Open { close, .. } = &mut self.tokens[open as usize].kind {
            *close = position;
        }
    }

    /// Says that no line ends before the token at `position`.
    #[cfg(feature = "text")]
    pub(crate) fn join_line(&mut self, position: u32) {
        if let Some(token) = self.tokens.get_mut(position as usize) {
            token.after_newline = false;
        }
    }

    /// Appends the end.
    pub fn finish(&mut self, span: Span) {
        self.push(TokenKind::End, "", span, true);
    }

    /// The number of tokens so far; the end counts.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.tokens.len() as u32
    }

    /// Whether there is no token, not even the end.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether the end of a line ends an instruction.
    #[must_use]
    pub const fn lines_matter(&self) -> bool {
        self.lines_matter
    }

    /// The token at a position; the end if there is none.
    #[must_use]
    pub fn get(&self, position: u32) -> Token {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens[(position as usize).min(last)]
    }

    /// What a token says: `""` for delimiters and the end.
    #[must_use]
    pub fn text(&self, token: Token) -> &str {
        &self.text[token.text.0 as usize..token.text.1 as usize]
    }

    /// What the token at a position says.
    #[must_use]
    pub fn text_at(&self, position: u32) -> &str {
        self.text(self.get(position))
    }

    /// The tokens from `start` to before `end` as source text, to be parsed again.
    #[must_use]
    pub fn render(&self, start: u32, end: u32) -> String {
        let mut text = String::new();
        for position in start..end {
            let token = self.get(position);
            match token.kind {
                TokenKind::Punct { character, joint } => {
                    text.push(character);
                    // A lifetime's quote belongs to the word behind it.
                    if !joint && character != '\'' {
                        text.push(' ');
                    }
                }
                TokenKind::Open { delimiter, .. } => text.push(match delimiter {
                    Delimiter::Parenthesis => '(',
                    Delimiter::Bracket => '[',
                    Delimiter::Brace => '{',
                    Delimiter::Invisible => ' ',
                }),
                TokenKind::Close(delimiter) => {
                    text.push(match delimiter {
                        Delimiter::Parenthesis => ')',
                        Delimiter::Bracket => ']',
                        Delimiter::Brace => '}',
                        Delimiter::Invisible => ' ',
                    });
                    text.push(' ');
                }
                TokenKind::End => {}
                _ => {
                    text.push_str(self.text(token));
                    text.push(' ');
                }
            }
        }
        String::from(text.trim_end())
    }
}
