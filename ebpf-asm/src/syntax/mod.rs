//! The language: tokens, parser, syntax tree.
//!
//! Two front ends make the same [`TokenList`]: the text lexer here, and the macros from their
//! token stream. One parser turns it into the [`ast`].
//!
//! ```
//! use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
//!
//! let mut diagnostics = Vec::new();
//! let tokens = lex("r0 = 0\nexit", &mut diagnostics);
//! let parsed = parse_sequence(&tokens, ParseOptions::default());
//! assert!(diagnostics.is_empty() && parsed.diagnostics.is_empty());
//! assert_eq!(parsed.tree.statements.len(), 2);
//! ```

pub mod ast;
mod constant;
mod lexer;
mod number;
mod parser;
mod token;
mod words;

pub(crate) use constant::unknown_constant;
pub use constant::{ConstantValue, evaluate};
pub use lexer::lex;
#[cfg(feature = "text")]
pub(crate) use lexer::{lex_piece, lex_rust};
pub(crate) use parser::misfit;
pub use parser::{ParseOptions, Parsed, parse_object, parse_sequence, parse_source};
pub use token::{Delimiter, Token, TokenKind, TokenList};
#[cfg(test)]
pub(crate) use words::MNEMONICS;
#[cfg(any(feature = "text", test))]
pub(crate) use words::is_register;
