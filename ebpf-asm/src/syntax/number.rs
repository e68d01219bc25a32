//! Integer literals.

use crate::diag::{Diagnostic, Rule, Span};
use alloc::borrow::Cow;
use alloc::format;

/// The value of an integer literal as Rust writes it, without a suffix.
///
/// The errors are what users of other assemblers need to hear: a leading zero is octal
/// elsewhere, `5ll` is another instruction elsewhere.
pub(super) fn parse_integer(text: &str, span: Span) -> Result<u64, Diagnostic> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x', ..] => (16, &text[2..]),
        [b'0', b'o', ..] => (8, &text[2..]),
        [b'0', b'b', ..] => (2, &text[2..]),
        [b'0', b'X', ..] => {
            let lower = format!("0x{}", &text[2..]);
            return Err(Diagnostic::error(
                Rule::MalformedNumber,
                span,
                format!("`{text}` is not a number: the prefix is `0x`"),
            )
            .with_help(format!("write `{lower}`")));
        }
        _ => (10, text),
    };
    let end = digits
        .find(|c: char| !(c.is_digit(radix) || c == '_'))
        .unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    if !suffix.is_empty() {
        return Err(bad_suffix(text, suffix, span));
    }
    if radix == 10 && digits.len() > 1 && digits.starts_with('0') {
        let stripped = digits.trim_start_matches(['0', '_']);
        let decimal = if stripped.is_empty() { "0" } else { stripped };
        let mut error = Diagnostic::error(
            Rule::LeadingZero,
            span,
            format!("`{text}` is a decimal number with a leading zero, which is octal in C"),
        )
        .with_help(format!("write `{decimal}` if it is decimal"));
        if stripped.chars().all(|c| c.is_digit(8) || c == '_') && !stripped.is_empty() {
            error = error.with_help(format!("write `0o{stripped}` if it is octal"));
        }
        return Err(error);
    }
    let plain: Cow<'_, str> = if digits.contains('_') {
        Cow::Owned(digits.chars().filter(|&c| c != '_').collect())
    } else {
        Cow::Borrowed(digits)
    };
    if plain.is_empty() {
        let message = format!("`{text}` has no digits");
        return Err(Diagnostic::error(Rule::MalformedNumber, span, message));
    }
    u64::from_str_radix(&plain, radix).map_err(|_| {
        Diagnostic::error(
            Rule::ImmediateRange,
            span,
            format!("`{text}` does not fit 64 bits"),
        )
    })
}

fn bad_suffix(text: &str, suffix: &str, span: Span) -> Diagnostic {
    let number = &text[..text.len() - suffix.len()];
    if suffix.eq_ignore_ascii_case("ll") || suffix.eq_ignore_ascii_case("ull") {
        return Diagnostic::error(
            Rule::NumberSuffix,
            span,
            format!("`ll` is a word of its own: `{text}` is another instruction to LLVM"),
        )
        .with_help(format!("write `{number} ll`"));
    }
    let is_type = matches!(
        suffix,
        "u8" | "u16"
            | "u32"
            | "u64"
            | "usize"
            | "i8"
            | "i16"
            | "i32"
            | "i64"
            | "isize"
            | "u128"
            | "i128"
    );
    if is_type || matches!(suffix, "u" | "U" | "l" | "L" | "ul" | "UL") {
        return Diagnostic::error(
            Rule::NumberSuffix,
            span,
            format!(
                "numbers have no suffix here: the instruction decides about the size of `{text}`"
            ),
        )
        .with_help(format!("write `{number}`"));
    }
    Diagnostic::error(
        Rule::MalformedNumber,
        span,
        format!("`{text}` is not a number"),
    )
}

/// The value of a byte literal, `b'a'` or `b'\n'`.
pub(super) fn parse_byte(text: &str, span: Span) -> Result<u8, Diagnostic> {
    let malformed = || {
        let message = format!("`{text}` is not a byte");
        Diagnostic::error(Rule::MalformedNumber, span, message)
    };
    let inner = text
        .strip_prefix("b'")
        .and_then(|rest| rest.strip_suffix('\''))
        .ok_or_else(malformed)?;
    match inner.as_bytes() {
        [b'\\', b'x', high, low] => {
            let digits = [*high, *low];
            let digits = core::str::from_utf8(&digits).map_err(|_| malformed())?;
            u8::from_str_radix(digits, 16).map_err(|_| malformed())
        }
        [b'\\', escape] => Ok(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => 0,
            b'\\' | b'\'' | b'"' => *escape,
            _ => return Err(malformed()),
        }),
        [byte] if *byte != b'\\' && byte.is_ascii() => Ok(*byte),
        _ => Err(malformed()),
    }
}
