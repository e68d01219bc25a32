//! Where the blocks of eBPF are in a Rust file.

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};
use std::ops::Range;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// `ebpf! { mod name { … } }`
    Object,
    /// `ebpf_asm! { … }`
    Sequence,
}

/// A block, without the brackets around it.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    pub(crate) bytes: Range<usize>,
}

/// The blocks of a file, in order.
pub(crate) fn blocks(source: &str) -> Result<Vec<Block>, LexError> {
    let mut blocks = Vec::new();
    // The lexer leaves these out, and its positions do not count them.
    let before = leading_bytes(source);
    collect(source[before..].parse()?, &mut blocks);
    for block in &mut blocks {
        block.bytes = block.bytes.start + before..block.bytes.end + before;
    }
    Ok(blocks)
}

/// The byte order mark and the `#!` line.
fn leading_bytes(source: &str) -> usize {
    let mark = if source.starts_with('\u{feff}') { 3 } else { 0 };
    let rest = &source[mark..];
    match rest.starts_with("#!") && !rest[2..].trim_start().starts_with('[') {
        true => mark + rest.find('\n').unwrap_or(rest.len()),
        false => mark,
    }
}

fn collect(stream: TokenStream, blocks: &mut Vec<Block>) {
    let mut name = None;
    let mut is_macro = false;
    for tree in stream {
        match tree {
            TokenTree::Ident(ident) => {
                is_macro = false;
                name = match ident.to_string().as_str() {
                    "ebpf" => Some(BlockKind::Object),
                    "ebpf_asm" => Some(BlockKind::Sequence),
                    _ => None,
                };
            }
            TokenTree::Punct(punct) => {
                is_macro = punct.as_char() == '!' && !is_macro;
                if !is_macro {
                    name = None;
                }
            }
            TokenTree::Literal(_) => name = None,
            TokenTree::Group(group) => {
                match name.take() {
                    // The fragments of a macro's own macros are no statements.
                    Some(kind) if is_macro => {
                        if !has_repetition(group.stream()) {
                            blocks.push(block(kind, &group));
                        }
                    }
                    _ => collect(group.stream(), blocks),
                }
                is_macro = false;
            }
        }
    }
}

fn block(kind: BlockKind, group: &Group) -> Block {
    let start = group.span_open().byte_range().end;
    let end = group.span_close().byte_range().start;
    Block {
        kind,
        bytes: start..end,
    }
}

/// Whether there is a `$( … )` in it.
fn has_repetition(stream: TokenStream) -> bool {
    let mut after_dollar = false;
    stream.into_iter().any(|tree| match tree {
        TokenTree::Punct(punct) => {
            after_dollar = punct.as_char() == '$';
            false
        }
        TokenTree::Group(group) => {
            let is_repetition = after_dollar && group.delimiter() == Delimiter::Parenthesis;
            after_dollar = false;
            is_repetition || has_repetition(group.stream())
        }
        _ => {
            after_dollar = false;
            false
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(BlockKind, &str)> {
        let blocks = blocks(source).expect("Rust");
        blocks
            .into_iter()
            .map(|block| (block.kind, &source[block.bytes]))
            .collect()
    }

    #[test]
    fn blocks_are_found_wherever_macros_can_be() {
        let source = "\u{feff}#!/usr/bin/env run\nuse ebpf_rt::{ebpf, ebpf_asm};\n\
            ebpf_rt::ebpf! { mod a {} } fn f() { let ö = ebpf_asm!(exit); g(ebpf_asm![ä;]); }";
        assert_eq!(
            found(source),
            [
                (BlockKind::Object, " mod a {} "),
                (BlockKind::Sequence, "exit"),
                (BlockKind::Sequence, "ä;"),
            ]
        );
    }

    #[test]
    fn other_things_of_these_names_are_none() {
        assert_eq!(
            found("fn ebpf() {} const B: bool = !ebpf != (1); #![allow(x)]"),
            []
        );
        assert_eq!(
            found("macro_rules! m { ($($x:expr),*) => { ebpf_asm! { $( r0 = $x; )* } } }"),
            []
        );
        // In text and comments there is nothing.
        assert_eq!(found("/* ebpf!{a} */ const T: &str = \"ebpf!{b}\";"), []);
    }

    #[test]
    fn what_is_not_rust_is_an_error() {
        assert!(blocks("fn f( {").is_err());
    }
}
