//! Errors, as `compile_error!` on the tokens at fault.

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

/// The errors among the diagnostics. Warnings have no place in a macro's output; those that
/// matter are native lints.
pub(crate) fn errors(tokens: &Tokens, mut diagnostics: Vec<Diagnostic>) -> Vec<TokenStream> {
    let mut seen = Vec::new();
    let mut errors = Vec::new();
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    for mut diagnostic in diagnostics {
        if diagnostic.severity != Severity::Error || seen.contains(&diagnostic) {
            continue;
        }
        seen.push(diagnostic.clone());
        for note in &mut diagnostic.notes {
            note.span = note.span.map(|place| tokens.located(place));
        }
        let spans = tokens.spans(diagnostic.span);
        errors.push(compile_error(&diagnostic.to_text(), spans));
    }
    errors
}

/// Errors of `darling` and `syn`, in the same form.
pub(crate) fn attribute_errors(code: &str, error: darling::Error) -> Vec<TokenStream> {
    error
        .flatten()
        .into_iter()
        .map(|error| {
            let span = error.span();
            let message = error.to_string();
            compile_error(&format!("{code}: {}", without_path(&message)), (span, span))
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
