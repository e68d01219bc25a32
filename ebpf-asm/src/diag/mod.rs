//! Diagnostics: what is wrong, where, and what to do about it.
//!
//! ```
//! use ebpf_asm::diag::Rule;
//!
//! let diagnostics = ebpf_asm::assemble("r11 = 0\nexit").unwrap_err();
//! for diagnostic in &diagnostics {
//!     println!("{}: {}", diagnostic.code, diagnostic.message);
//! }
//! // As rustc draws it, line and marks:
//! println!("{diagnostics}");
//! assert_eq!(diagnostics.as_slice()[0].span.line, 1);
//! assert!(Rule::parse("BPF0013").is_some());
//! ```

mod codes;
mod similar;
mod suggestion;

pub use codes::Rule;
pub(crate) use similar::did_you_mean;
pub use suggestion::{Edit, Place, Suggestion};

use crate::excerpt::{Excerpt, MarkedLine, margin};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A stretch of source.
///
/// `start` and `end` are byte offsets in text and token positions in a macro; `line` and
/// `column` belong to the start and count from 1 (columns in characters). Zero means unknown.
///
/// ```
/// use ebpf_asm::diag::Span;
///
/// let start = Span { start: 0, end: 2, line: 1, column: 1 };
/// let end = Span { start: 5, end: 9, line: 1, column: 6 };
/// let both = start.to(end);
/// assert_eq!((both.start, both.end, both.column), (0, 9, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it ends: the first position behind it.
    pub end: u32,
    /// The line of the start.
    pub line: u32,
    /// The column of the start.
    pub column: u32,
}

impl Span {
    /// From the start of this one to the end of the other.
    #[must_use]
    pub const fn to(self, end: Self) -> Self {
        Self {
            end: if end.end > self.end {
                end.end
            } else {
                self.end
            },
            ..self
        }
    }
}

/// How bad it is.
///
/// ```
/// use ebpf_asm::diag::Severity;
///
/// let code = ebpf_asm::assemble("start: r0 = 0; exit")?;
/// assert_eq!(code.warnings()[0].severity, Severity::Warning);     // nothing jumps to `start`
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// There is no result.
    Error,
    /// There is one, and something about it is odd.
    Warning,
}

/// A remark on a diagnostic, perhaps about another place.
///
/// ```
/// use ebpf_asm::diag::Note;
///
/// let diagnostics = ebpf_asm::assemble("a: r0 = 0; a: exit; goto a").unwrap_err();
/// let notes: &[Note] = &diagnostics.as_slice()[0].notes;
/// assert_eq!(notes[0].span.map(|span| span.line), Some(1));       // where the first `a` is
/// println!("{}", notes[0].message);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// The remark.
    pub message: String,
    /// The place it is about; it is printed as "at line 12, column 9".
    pub span: Option<Span>,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.span {
            Some(span) if span.line != 0 => {
                write!(f, " at line {}, column {}", span.line, span.column)
            }
            _ => Ok(()),
        }
    }
}

/// Something wrong with the source.
///
/// ```
/// use ebpf_asm::diag::{Diagnostic, Rule, Span};
///
/// let here = Span { start: 0, end: 3, line: 1, column: 1 };
/// let code = Rule::parse("BPF0033").unwrap();
/// let diagnostic = Diagnostic::error(code, here, "there is no function `lookup`")
///     .with_note_at("the map is defined", here)
///     .with_note("names of helpers begin with bpf_")
///     .with_help("write the whole name");
/// assert!(diagnostic.to_text().starts_with("BPF0033: there is no function"));
/// assert!(Diagnostic::warning(code, here, "odd").help.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What kind of thing is wrong; prints as `BPF0013`.
    pub code: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// The offending tokens.
    pub span: Span,
    /// What else there is to know.
    pub notes: Vec<Note>,
    /// What to do about it.
    pub help: Vec<String>,
    /// The same, as changes of the source that can be made without understanding them.
    pub suggestions: Vec<Suggestion>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(code: Rule, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            notes: Vec::new(),
            help: Vec::new(),
            suggestions: Vec::new(),
        }
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: Rule, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// With this advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// With this change of the source.
    ///
    /// ```
    /// use ebpf_asm::diag::{Diagnostic, Place, Rule, Span, Suggestion};
    ///
    /// let here = Span { start: 0, end: 4, line: 1, column: 1 };
    /// let code = Rule::parse("BPF0033").unwrap();
    /// let suggestion = Suggestion::new("write the whole name", Place::Instead, here, "bpf_lookup");
    /// let diagnostic = Diagnostic::error(code, here, "no such function").with_suggestion(suggestion);
    /// assert_eq!(diagnostic.suggestions[0].edits[0].text, "bpf_lookup");
    /// ```
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: Suggestion) -> Self {
        self.suggestions.push(suggestion);
        self
    }

    /// With this remark.
    #[must_use]
    pub fn with_note(mut self, message: impl Into<String>) -> Self {
        self.notes.push(Note {
            message: message.into(),
            span: None,
        });
        self
    }

    /// With this remark about another place: "first defined" becomes "first defined at line
    /// 12, column 9".
    #[must_use]
    pub fn with_note_at(mut self, message: impl Into<String>, span: Span) -> Self {
        self.notes.push(Note {
            message: message.into(),
            span: Some(span),
        });
        self
    }

    /// With a suggestion of the most similar of the given names, if one is similar.
    #[must_use]
    pub(crate) fn with_similar<'a>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match did_you_mean(name, candidates) {
            Some(similar) => {
                let span = self.span;
                let message = format!("did you mean `{similar}`?");
                self.with_suggestion(Suggestion::new(message, Place::Instead, span, similar))
            }
            None => self,
        }
    }

    /// What to do about it, in words: suggestions with what to write where, and helps.
    ///
    /// ```
    /// let errors = ebpf_asm::assemble("r0 = 0\nexti").unwrap_err();
    /// let advice: Vec<String> = errors.as_slice()[0].advice().collect();
    /// assert_eq!(advice, ["did you mean `exit`?"]);
    /// ```
    pub fn advice(&self) -> impl Iterator<Item = String> {
        let suggestions = self
            .suggestions
            .iter()
            .map(|suggestion| suggestion.to_text(self.span));
        suggestions.chain(self.help.iter().cloned())
    }

    /// The message with its code, notes and help, a line each, as a macro reports it.
    #[must_use]
    pub fn to_text(&self) -> String {
        use fmt::Write;
        let mut text = format!("{}: {}", self.code, self.message);
        for note in &self.notes {
            // Writing to a string cannot fail.
            let _ = write!(text, "\nnote: {note}");
        }
        for help in self.advice() {
            let _ = write!(text, "\nhelp: {help}");
        }
        text
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<str> for Rule {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Rule {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{kind}[{}]: {}", self.code, self.message)?;
        if self.span.line != 0 {
            write!(
                f,
                " at line {}, column {}",
                self.span.line, self.span.column
            )?;
        }
        Ok(())
    }
}

impl core::error::Error for Diagnostic {}

/// All that was found wrong with a source text, in order of place.
///
/// Iterates over its [`Diagnostic`]s; its `Display` shows each with the line it is about.
///
/// ```
/// let diagnostics = ebpf_asm::assemble("r0 = \nr11 = 0").unwrap_err().with_name("filter.s");
/// assert!(diagnostics.has_errors() && !diagnostics.is_empty());
/// assert_eq!(diagnostics.len(), diagnostics.iter().count());
/// assert!(diagnostics.to_string().contains("filter.s:2"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    source: String,
    name: String,
}

impl Diagnostics {
    /// Diagnostics about this source, sorted by place. `name` is what the listing of an error
    /// calls the source: a path, or `<text>`.
    ///
    /// ```
    /// use ebpf_asm::diag::{Diagnostic, Diagnostics, Rule, Span};
    ///
    /// let span = Span { start: 0, end: 2, line: 1, column: 1 };
    /// let odd = Diagnostic::warning(Rule::parse("BPF0001").unwrap(), span, "this is odd");
    /// let all = Diagnostics::new(vec![odd], "r0 = 0", "filter.s");
    /// assert!(!all.has_errors() && all.to_string().contains("filter.s:1:1"));
    /// ```
    #[must_use]
    pub fn new(mut list: Vec<Diagnostic>, source: &str, name: &str) -> Self {
        list.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
        Self {
            list,
            source: source.into(),
            name: name.into(),
        }
    }

    /// The diagnostics.
    pub fn iter(&self) -> core::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// The diagnostics as a slice.
    ///
    /// ```
    /// let diagnostics = ebpf_asm::assemble("r11 = 0; r12 = 0").unwrap_err();
    /// assert_eq!(diagnostics.as_slice().len(), 2);
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.list
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The same about a source of this name.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = core::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = alloc::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.list.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            render(f, diagnostic, &self.source, &self.name)?;
        }
        Ok(())
    }
}

/// What a `main` that returns it prints.
impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Diagnostics {}

/// The line of a source in which a stretch begins, without its end.
pub(crate) fn line_at(source: &str, span: Span) -> &str {
    let Some(before) = source.get(..span.start as usize) else {
        return "";
    };
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = source[start..].split('\n').next().unwrap_or("");
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// One diagnostic in the manner of rustc, without colours.
fn render(
    f: &mut fmt::Formatter<'_>,
    diagnostic: &Diagnostic,
    source: &str,
    name: &str,
) -> fmt::Result {
    let kind = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let span = diagnostic.span;
    write!(f, "{kind}[{}]: {}", diagnostic.code, diagnostic.message)?;
    let margin = margin(span.line);
    if span.line != 0 {
        let marked = source.get(span.start as usize..span.end as usize);
        let line = MarkedLine {
            number: span.line,
            column: span.column,
            text: line_at(source, span),
            length: marked.map_or(1, |text| text.chars().count()),
            mark: '^',
            label: "",
        };
        let excerpt = Excerpt {
            name,
            lines: &[line],
            margin,
        };
        write!(f, "\n{excerpt}")?;
    }
    for note in &diagnostic.notes {
        write!(f, "\n{:margin$} = note: {note}", "")?;
    }
    for help in diagnostic.advice() {
        write!(f, "\n{:margin$} = help: ", "")?;
        for (i, line) in help.lines().enumerate() {
            if i > 0 {
                // Lines to write stand below the first.
                write!(f, "\n{:margin$}   ", "")?;
            }
            f.write_str(line)?;
        }
    }
    Ok(())
}
