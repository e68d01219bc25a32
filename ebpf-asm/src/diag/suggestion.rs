//! What would mend what a diagnostic is about, so that a program can do it too.

use super::Span;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// A change of the source that mends what a diagnostic is about.
///
/// ```
/// # #[cfg(feature = "text")] {
/// let errors = ebpf_asm::assemble("r0 = 0\nexti\n").unwrap_err();
/// let suggestion = &errors.as_slice()[0].suggestions[0];
/// assert_eq!(suggestion.message, "did you mean `exit`?");
/// assert_eq!(suggestion.apply("r0 = 0\nexti\n").unwrap(), "r0 = 0\nexit\n");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suggestion {
    /// What it does, in words.
    pub message: String,
    /// What to write where; all of them together.
    pub edits: Vec<Edit>,
}

/// A place of the source, and what to write there.
///
/// ```
/// # #[cfg(feature = "text")] {
/// use ebpf_asm::diag::{Edit, Place};
///
/// let source = "r0 = 0\nexti";
/// let errors = ebpf_asm::assemble(source).unwrap_err();
/// let edit: &Edit = &errors.as_slice()[0].suggestions[0].edits[0];
/// let wrong = &source[edit.span.start as usize..edit.span.end as usize];
/// assert_eq!((wrong, edit.place, &edit.text[..]), ("exti", Place::Instead, "exit"));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// How the text relates to the span.
    pub place: Place,
    /// The tokens that it is about: those of an instruction, a name, an operand.
    pub span: Span,
    /// What to write: instructions end with `;`, several are on lines of their own.
    pub text: String,
}

/// How the text of an [`Edit`] relates to its span.
///
/// ```
/// use ebpf_asm::diag::{Place, Span, Suggestion};
///
/// let source = "start:\n    r1 = 5\n    exit";
/// let second = Span { start: 11, end: 17, line: 2, column: 5 };
/// let write = |place, text| Suggestion::new("mend it", place, second, text).apply(source).unwrap();
/// assert_eq!(write(Place::Before, "r0 = 0"), "start:\n    r0 = 0\n    r1 = 5\n    exit");
/// assert_eq!(write(Place::Instead, "r0 = 0"), "start:\n    r0 = 0\n    exit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// It is put before the span, on lines of its own, behind a label that stands there.
    Before,
    /// It replaces the span; an empty text deletes it.
    Instead,
    /// It is an item, and goes into the object whose name the span is.
    Item,
}

impl Suggestion {
    /// A suggestion of one edit.
    ///
    /// ```
    /// use ebpf_asm::diag::{Place, Span, Suggestion};
    ///
    /// let source = "r1 = 5\nexit";
    /// let exit = Span { start: 7, end: 11, line: 2, column: 1 };
    /// let suggestion = Suggestion::new("set the result", Place::Before, exit, "r0 = 0");
    /// assert_eq!(suggestion.apply(source).unwrap(), "r1 = 5\nr0 = 0\nexit");
    /// ```
    #[must_use]
    pub fn new(
        message: impl Into<String>,
        place: Place,
        span: Span,
        text: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            edits: Vec::new(),
        }
        .and(place, span, text)
    }

    /// With one more edit.
    ///
    /// ```
    /// use ebpf_asm::diag::{Place, Span, Suggestion};
    ///
    /// let source = "r1 = 5\nr0 = r1";
    /// let first = Span { start: 0, end: 2, line: 1, column: 1 };
    /// let second = Span { start: 12, end: 14, line: 2, column: 6 };
    /// let suggestion = Suggestion::new("use `r6`", Place::Instead, first, "r6")
    ///     .and(Place::Instead, second, "r6");
    /// assert_eq!(suggestion.apply(source).unwrap(), "r6 = 5\nr0 = r6");
    /// ```
    #[must_use]
    pub fn and(mut self, place: Place, span: Span, text: impl Into<String>) -> Self {
        self.edits.push(Edit {
            place,
            span,
            text: text.into(),
        });
        self
    }

    /// The text with all edits done. Spans have to be those of this text: nothing comes of them
    /// in a macro, where they are positions of tokens.
    #[must_use]
    pub fn apply(&self, source: &str) -> Option<String> {
        let mut pieces = Vec::new();
        for edit in &self.edits {
            pieces.push(edit.piece(source)?);
        }
        // From the end, so that places stay where they are; of several at one place the first
        // comes first.
        pieces.sort_by_key(|(start, ..)| *start);
        let mut text = source.to_owned();
        for (start, end, new) in pieces.into_iter().rev() {
            text.replace_range(start..end, &new);
        }
        Some(text)
    }

    /// The suggestion as a help: what it does, and what to write where. `about` is the place of
    /// the diagnostic.
    pub(super) fn to_text(&self, about: Span) -> String {
        let said = |edit: &&Edit| self.message.contains(&format!("`{}`", edit.text));
        let edits: Vec<&Edit> = self.edits.iter().filter(|edit| !said(edit)).collect();
        let mut text = self.message.clone();
        if !edits.is_empty() {
            text.push(':');
        }
        let separator = if edits.len() > 1 { "\n      " } else { " " };
        for edit in edits {
            text.push_str(separator);
            // Writing to a string cannot fail.
            let _ = edit.describe(&mut text, about);
        }
        text
    }
}

impl Edit {
    fn describe(&self, text: &mut String, about: Span) -> core::fmt::Result {
        let here = self.span == about;
        let line = self.span.line;
        match (self.place, here) {
            (Place::Before, true) => text.push_str("before this, write"),
            (Place::Before, false) => write!(text, "before line {line}, write")?,
            (Place::Instead, _) if self.text.is_empty() => {
                return write!(text, "delete line {line}");
            }
            (Place::Instead, true) => text.push_str("in place of this, write"),
            (Place::Instead, false) => write!(text, "in place of line {line}, write")?,
            (Place::Item, _) => text.push_str("among the items, write"),
        }
        if self.text.contains('\n') {
            for line in self.text.lines() {
                write!(text, "\n          {line}")?;
            }
            Ok(())
        } else {
            write!(text, " `{}`", self.text)
        }
    }

    /// Which bytes of a source it replaces, and by what.
    fn piece(&self, source: &str) -> Option<(usize, usize, String)> {
        let (start, end) = (self.span.start as usize, self.span.end as usize);
        source.get(start..end)?;
        Some(match self.place {
            Place::Before => {
                let separator = separator(source, start);
                let lines: Vec<&str> = self.text.lines().collect();
                (
                    start,
                    start,
                    format!("{}{separator}", lines.join(&separator)),
                )
            }
            Place::Instead => {
                let separator = separator(source, start);
                let lines: Vec<&str> = self.text.lines().collect();
                let text = lines.join(&separator);
                // The span of an instruction ends before its `;`.
                let has_end = source[end..].trim_start().starts_with(';');
                let text = match text.strip_suffix(';') {
                    Some(text) if has_end => text.to_owned(),
                    _ => text,
                };
                (start, end, text)
            }
            Place::Item => {
                let brace = end + source[end..].find('{')? + 1;
                let indentation = indentation(source, start);
                (
                    brace,
                    brace,
                    format!("\n{indentation}    {}", self.text.trim_end()),
                )
            }
        })
    }
}

/// What stands between two instructions at this place: a new line that begins as this one does,
/// or a space where this one begins with something else.
fn separator(source: &str, at: usize) -> String {
    let line = source[..at].rfind('\n').map_or(0, |at| at + 1);
    if source[line..at].trim().is_empty() {
        format!("\n{}", &source[line..at])
    } else {
        " ".to_owned()
    }
}

/// The white space that the line begins with.
fn indentation(source: &str, at: usize) -> &str {
    let line = source[..at].rfind('\n').map_or(0, |at| at + 1);
    let text = &source[line..at];
    &text[..text.len() - text.trim_start().len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(source: &str, part: &str) -> Span {
        let start = source.find(part).expect(part);
        Span {
            start: start as u32,
            end: (start + part.len()) as u32,
            line: source[..start].matches('\n').count() as u32 + 1,
            column: 1,
        }
    }

    #[test]
    fn edits_keep_the_layout() {
        let source = "mod m {\n    fn f() {\n        r1 = 5;\n    out: exit;\n    }\n}\n";
        let at = |part| span(source, part);
        let suggestion = Suggestion::new("do", Place::Before, at("r1 = 5"), "r0 = 0;\nr2 = 1;")
            .and(Place::Before, at("exit"), "r0 = 2;")
            .and(Place::Item, at("m {"), "static A: B = C;");
        let expected = "mod m {\n    static A: B = C;\n    fn f() {\n        r0 = 0;\n        r2 = 1;\n        r1 = 5;\n    out: r0 = 2; exit;\n    }\n}\n";
        // The span of the name alone.
        let mut suggestion = suggestion;
        suggestion.edits[2].span.end -= 2;
        assert_eq!(suggestion.apply(source).as_deref(), Some(expected));
        assert_eq!(
            suggestion.to_text(at("exit")),
            "do:\n      before line 3, write\n          r0 = 0;\n          r2 = 1;\n      before this, write `r0 = 2;`\n      among the items, write `static A: B = C;`"
        );
        let instead = Suggestion::new("do", Place::Instead, at("r1 = 5"), "r1 = 6;\nr2 = 7;");
        let text = instead.apply(source).expect("edits of this text");
        assert!(text.contains("        r1 = 6;\n        r2 = 7;\n    out"));
        let delete = Suggestion::new("do", Place::Instead, at("r1 = 5"), "");
        let text = delete.apply(source).expect("edits of this text");
        assert!(text.contains("        ;\n    out"));
        assert_eq!(delete.to_text(at("exit")), "do: delete line 3");
    }

    #[test]
    fn edits_of_another_text_are_none() {
        let source = "exit";
        let far = Span {
            start: 3,
            end: 40,
            line: 1,
            column: 4,
        };
        assert_eq!(
            Suggestion::new("do", Place::Instead, far, "x").apply(source),
            None
        );
    }
}
