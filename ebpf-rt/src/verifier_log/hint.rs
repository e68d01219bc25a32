//! What to do about a reason.
//!
//! A row of [`ROWS`] is a pattern and advice. In a pattern `*` stands for anything without a line break;
//! what it stood for is `{1}`, `{2}`, … in the advice, in the order of the stars. The first row
//! that fits counts; a pattern fits at the beginning.

use super::Reason;
use super::advice::ROWS;
use super::words::kind_in_words;

/// Advice on a reason, in the language's own words: `test it with `if r0 == 0 goto …` first`.
///
/// ```
/// use ebpf_rt::verifier_log::{VerifierLog, hint};
///
/// let log = VerifierLog::parse("0: (95) exit\nR0 !read_ok\n");
/// assert_eq!(
///     hint(&log.reason().unwrap()).as_deref(),
///     Some("give r0 a value on every path that comes here")
/// );
/// ```
#[must_use]
pub fn hint(reason: &Reason<'_>) -> Option<String> {
    let text = reason.to_string();
    ROWS.iter().find_map(|(pattern, advice)| {
        let captures = captures(pattern, &text)?;
        Some(match advice {
            Advice::Say(template) => fill(template, &captures),
            Advice::Work(out) => out(&captures)?,
        })
    })
}

/// What a row has to say.
pub(super) enum Advice {
    /// This, with what the stars stood for.
    Say(&'static str),
    /// What a function makes of what the stars stood for.
    Work(fn(&[&str]) -> Option<String>),
}

pub(super) fn no_access(captures: &[&str]) -> Option<String> {
    let [_, kind] = captures else { return None };
    let words = kind_in_words(kind)?;
    Some(format!("programs cannot read or write through {words}"))
}

fn numbers(captures: &[&str]) -> Option<[i64; 3]> {
    let mut numbers = [0; 3];
    for (number, text) in numbers.iter_mut().zip(captures.get(..3)?) {
        // What a last star stands for ends at the cause.
        *number = text.split(':').next()?.parse().ok()?;
    }
    Some(numbers)
}

/// The largest offset may be too far: a number in it, or a constant.
pub(super) fn beyond_value(captures: &[&str]) -> Option<String> {
    let [value, offset, size] = numbers(captures)?;
    let Some(last) = value.checked_sub(size).filter(|&last| last >= 0) else {
        return beside_value(captures);
    };
    Some(format!(
        "{} at offset {offset} would be beyond the value's {value}: keep the offset at most \
         {last}, with `if rN > {last} goto …` on the number in it",
        bytes(size)
    ))
}

pub(super) fn beside_value(captures: &[&str]) -> Option<String> {
    let [value, offset, size] = numbers(captures)?;
    Some(format!(
        "the value has {}, and this is {size} at offset {offset}",
        bytes(value)
    ))
}

pub(super) fn beside_memory(captures: &[&str]) -> Option<String> {
    let [memory, offset, size] = numbers(captures)?;
    Some(format!(
        "the memory has {}, and this is {size} at offset {offset}",
        bytes(memory)
    ))
}

pub(super) fn wrong_argument(captures: &[&str]) -> Option<String> {
    let [_, _, expected] = captures else {
        return None;
    };
    let kinds: Vec<&str> = expected.split(", ").map(str::trim).collect();
    if kinds.contains(&"fp") && kinds.contains(&"map_value") {
        return Some(
            "the call wants memory in it: a pointer into the stack or to a map value".to_owned(),
        );
    }
    let mut all: Vec<String> = Vec::new();
    for kind in kinds {
        let words = kind_in_words(kind)?;
        if !all.contains(&words) {
            all.push(words);
        }
    }
    let (last, rest) = all.split_last()?;
    let expected = match rest {
        [] => last.clone(),
        rest => format!("{} or {last}", rest.join(", ")),
    };
    Some(format!("the call wants {expected} in it"))
}

/// `[0, 1]`; before Linux 6.8 `(0x0; 0x1)`: a number, and which of its bits may be others.
pub(super) fn result_range(captures: &[&str]) -> Option<String> {
    let [register, _, range] = captures else {
        return None;
    };
    let range = range.split(": ").next()?;
    let words = match range
        .strip_prefix('(')
        .and_then(|range| range.strip_suffix(')'))
    {
        Some(bits) => {
            let number = |text: &str| u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok();
            let (low, others) = bits.split_once(';')?;
            let (low, others) = (number(low)?, number(others)?);
            format!("from {low} to {}", low | others)
        }
        None => {
            let range = range.strip_prefix('[')?.split(']').next()?;
            let (low, high) = range.split_once(", ")?;
            format!("from {low} to {high}")
        }
    };
    Some(format!(
        "programs of this type return a number {words}: set r{register} just before `exit`"
    ))
}

fn bytes(count: i64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}

/// What the stars stood for, if the pattern fits at the text's beginning.
fn captures<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut parts = pattern.split('*');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut captures = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        // The last star takes a word, or the rest if nothing follows.
        let at = match (part, parts.peek()) {
            ("", None) => rest.len(),
            _ => rest.find(part)?,
        };
        captures.push(rest.get(..at)?.trim().trim_end_matches(','));
        rest = rest.get(at + part.len()..)?;
    }
    Some(captures)
}

fn fill(template: &str, captures: &[&str]) -> String {
    let mut text = template.to_owned();
    for (number, capture) in captures.iter().enumerate() {
        // `bpf_map_lookup_elem#1`: with its number only in the log.
        let capture = capture.split('#').next().unwrap_or_default();
        text = text.replace(&format!("{{{}}}", number + 1), capture);
    }
    text
}
