//! Errors, as `compile_error!` on the tokens at fault.

use crate::check;
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Severity};
use proc_macro2::{Delimiter, Group, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// `compile_error!` with this message; rustc underlines from `first` to `last`.
pub(crate) fn compile_error(message: &str, (first, last): (Span, Span)) -> TokenStream {
    let path = quote_spanned!(first=> ::core::compile_error);
    let mut text = Literal::string(message);
    text.set_span(last);
    let mut group = Group::new(Delimiter::Brace, TokenTree::Literal(text).into());
    group.set_span(last);
    let mut bang = Punct::new('!', Spacing::Alone);
    bang.set_span(first);
    let mut stream = path;
    stream.extend([TokenTree::Punct(bang), TokenTree::Group(group)]);
    stream
}

/// As many errors as somebody may read.
const MOST_ERRORS: usize = 100;

/// The errors among the diagnostics. Warnings have no place in a macro's output; those that
/// matter are native lints.
pub(crate) fn errors(tokens: &Tokens, mut diagnostics: Vec<Diagnostic>) -> Vec<TokenStream> {
    let mut seen = Vec::new();
    let mut errors = Vec::new();
    let mut more = 0;
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    for mut diagnostic in diagnostics {
        if diagnostic.severity != Severity::Error || seen.contains(&diagnostic) {
            continue;
        }
        if seen.len() == MOST_ERRORS {
            more += 1;
            continue;
        }
        seen.push(diagnostic.clone());
        for note in &mut diagnostic.notes {
            note.span = note.span.map(|place| tokens.located(place));
        }
        let about = diagnostic.span;
        for suggestion in &mut diagnostic.suggestions {
            for edit in &mut suggestion.edits {
                // What is about the place of the diagnostic itself names no line.
                if edit.span != about {
                    edit.span = tokens.located(edit.span);
                }
            }
        }
        let spans = tokens.spans(diagnostic.span);
        errors.push(compile_error(&diagnostic.to_text(), spans));
    }
    if let (1.., Some(last)) = (more, seen.last()) {
        let message = format!("and {more} more errors");
        errors.push(compile_error(&message, tokens.spans(last.span)));
    }
    errors
}

/// A warning of the checker, as a native one, if all of `guesses` are true.
pub(crate) fn warning(
    tokens: &Tokens,
    diagnostic: &Diagnostic,
    lints: &[TokenStream],
    guesses: &[TokenStream],
) -> TokenStream {
    let mut diagnostic = diagnostic.clone();
    for note in &mut diagnostic.notes {
        note.span = note.span.map(|place| tokens.located(place));
    }
    let text = diagnostic.to_text();
    let code = diagnostic.code.as_str();
    // rustc shows the code as the name of what is deprecated.
    let text = text.strip_prefix(code).unwrap_or(&text);
    let text = text.trim_start_matches([':', ' ']);
    check::warning(code, text, tokens.spans(diagnostic.span).0, lints, guesses)
}

/// Errors of `darling` and `syn`, in the same form.
pub(crate) fn attribute_errors(code: &str, error: darling::Error) -> Vec<TokenStream> {
    error
        .flatten()
        .into_iter()
        .map(|error| {
            let span = error.span();
            let message = error.to_string();
            let message = in_our_words(without_path(&message));
            compile_error(&format!("{code}: {message}"), (span, span))
        })
        .collect()
}

/// darling ends a message with the path of the attribute, ` at tracepoint`; the span says
/// that already.
fn without_path(message: &str) -> &str {
    match message.rsplit_once(" at ") {
        Some((text, path))
            if path
                .chars()
                .all(|c| c.is_alphanumeric() || "_./".contains(c)) =>
        {
            text
        }
        _ => message,
    }
}

/// Attributes and sections that other tools have, and what there is here.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "ksyscall",
        "write `#[kprobe(\"__x64_sys_execve\")]` (`__arm64_sys_execve` on arm64): the kernel's wrapper of the system call, whose only argument is a pointer to the `pt_regs` that hold the call's arguments; or `#[tracepoint(\"syscalls\", \"sys_enter_execve\")]`, which is the same on every architecture",
    ),
    (
        "kretsyscall",
        "write `#[kretprobe(\"__x64_sys_execve\")]` (`__arm64_sys_execve` on arm64), or `#[tracepoint(\"syscalls\", \"sys_exit_execve\")]`, which is the same on every architecture",
    ),
    ("tp", "write `#[tracepoint(\"category\", \"name\")]`"),
    ("raw_tp", "write `#[raw_tracepoint(\"name\")]`"),
    ("btf_tracepoint", "write `#[tp_btf(\"name\")]`"),
    ("socket", "write `#[socket_filter]`"),
    ("extension", "write `#[freplace(\"function\")]`"),
    (
        "sleepable",
        "it is a word of the program's attribute: `#[fentry(\"function\", sleepable)]`",
    ),
    (
        "map",
        "a `static` of the object is a map without any attribute",
    ),
    (
        "program",
        "the attribute says which kind of program it is: `#[kprobe(\"symbol\")]`",
    ),
    (
        "unroll",
        "loops are written as they run: with a label and a jump, or `call bpf_loop` (Linux 5.17)",
    ),
];

/// darling speaks of fields and formats, users of attributes.
fn in_our_words(message: &str) -> String {
    let (first, rest) = message.split_once(". ").unwrap_or((message, ""));
    let name = first.split('`').nth(1).unwrap_or_default();
    let said = if first.starts_with("Unknown field") {
        let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == name);
        if let Some((_, instead)) = elsewhere {
            return format!("there is no attribute `{name}` here\nhelp: {instead}");
        }
        format!("there is no attribute or option `{name}` here")
    } else if first.starts_with("Duplicate field") {
        format!("`{name}` is given twice")
    } else if first.starts_with("Unexpected type") || first.starts_with("Unexpected meta-item") {
        "a string is wanted: `#[name = \"value\"]`".to_owned()
    } else {
        return message.to_owned();
    };
    match rest {
        "" => said,
        rest => {
            let rest = rest.replacen("Did you mean", "did you mean", 1);
            let rest = rest.replacen("Available values", "there are", 1);
            format!("{said}\nhelp: {rest}")
        }
    }
}
