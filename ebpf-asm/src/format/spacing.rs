//! Spaces between the tokens of a statement.

use crate::syntax::{Delimiter, TokenKind, TokenList};
use alloc::string::String;

/// What a token is, as far as spaces go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A name, number or expression.
    Atom,
    /// A word that an operand follows: `goto`, `if`.
    Keyword,
    /// `pc` of `pc+3`, `s` of `s>>=`: what follows touches it.
    Prefix,
    /// `*` before an address, `-` of a negative number, `.` of a directive, `$`.
    Unary,
    /// `*` behind a size: `u32 *`.
    Pointer,
    /// `=`, `+`, `>>=`.
    Operator,
    /// `.` and `::` of paths, `#` of `call bpf_x#1`.
    Tight,
    /// `,`, `;`, `:` of a label or type.
    Comma,
    Open,
    Close,
}

/// The tokens from `start` to before `after`, which no comment interrupts.
pub(super) fn spaced(tokens: &TokenList, source: &str, start: u32, after: u32) -> String {
    let mut text = String::new();
    let mut before: Option<Role> = None;
    let mut position = start;
    while position < after {
        let (role, end) = role(tokens, position, after, before, start);
        let from = tokens.get(position).span.start as usize;
        let to = tokens.get(end - 1).span.end as usize;
        if before.is_some_and(|before| space_between(before, role)) {
            text.push(' ');
        }
        text.push_str(&source[from..to]);
        before = Some(role);
        position = end;
    }
    text
}

/// The role of what begins at a position, and the position behind it.
fn role(
    tokens: &TokenList,
    position: u32,
    after: u32,
    before: Option<Role>,
    start: u32,
) -> (Role, u32) {
    let token = tokens.get(position);
    match token.kind {
        TokenKind::Word => {
            let touches = tokens.get(position + 1).span.start == token.span.end;
            let next = match tokens.get(position + 1).kind {
                TokenKind::Punct { character, .. } => Some(character),
                _ => None,
            };
            let role = match tokens.text(token) {
                "if" | "goto" | "gotol" | "may_goto" | "call" | "lock" | "ll" => Role::Keyword,
                "pc" if matches!(next, Some('+' | '-')) => Role::Prefix,
                "s" if touches && matches!(next, Some('<' | '>' | '/' | '%')) => Role::Prefix,
                _ => Role::Atom,
            };
            (role, position + 1)
        }
        TokenKind::Open {
            delimiter: Delimiter::Brace | Delimiter::Invisible,
            close,
        } => (Role::Atom, close + 1),
        TokenKind::Open { .. } => (Role::Open, position + 1),
        TokenKind::Close(_) => (Role::Close, position + 1),
        TokenKind::Punct { character, .. } => {
            let end = operator_end(tokens, position, after);
            let is_operand_before = matches!(before, Some(Role::Atom | Role::Close));
            let is_alone = end == position + 1;
            let role = match character {
                ';' | ',' => Role::Comma,
                ':' if is_alone => Role::Comma,
                '.' if position == start => Role::Unary,
                '.' | ':' | '#' => Role::Tight,
                '$' | '!' if is_alone => Role::Unary,
                '*' if is_alone && matches!(tokens.get(end).kind, TokenKind::Close(_)) => {
                    Role::Pointer
                }
                '*' | '-' | '+' | '~' | '&' if is_alone && !is_operand_before => Role::Unary,
                _ => Role::Operator,
            };
            (role, end)
        }
        _ => (Role::Atom, position + 1),
    }
}

/// The position behind an operator of several characters.
fn operator_end(tokens: &TokenList, position: u32, after: u32) -> u32 {
    let mut end = position + 1;
    let mut last = position;
    loop {
        let (
            TokenKind::Punct { character, joint },
            TokenKind::Punct {
                character: next, ..
            },
        ) = (tokens.get(last).kind, tokens.get(end).kind)
        else {
            return end;
        };
        let continues = match character {
            '=' => next == '=',
            '!' | '+' | '-' | '*' | '/' | '%' | '^' => next == '=',
            '&' => next == '=' || next == '&',
            '|' => next == '=' || next == '|',
            '<' => next == '<' || next == '=',
            '>' => next == '>' || next == '=',
            ':' => next == ':',
            _ => false,
        };
        if end >= after || !joint || !continues {
            return end;
        }
        last = end;
        end += 1;
    }
}

fn space_between(before: Role, role: Role) -> bool {
    use Role::{Atom, Close, Comma, Keyword, Open, Operator, Pointer, Prefix, Tight, Unary};
    match (before, role) {
        (_, Comma | Close | Tight) | (Open | Prefix | Unary | Tight, _) => false,
        // `(u32 *)(r1 + 0)`, `(s8)r2`, `*(u8 *)skb[30]`
        (Close, Open | Atom) => false,
        // `load_acquire((u64 *)(r1 + 0))`, `skb[30]`
        (Atom, Open) => false,
        (Pointer, _) => false,
        (Comma | Operator | Keyword | Atom | Close, _) => true,
    }
}
