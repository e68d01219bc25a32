//! What became of each test, in a form for programs.
//!
//! With [`REPORT`] in the environment a line for each test is added to the file that it names.

use std::any::Any;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The environment variable with the path of the report.
///
/// `cargo xtask kernels` also recognises test binaries of this harness by it.
pub const REPORT: &str = "KERNEL_TEST_REPORT";

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to its end.
    Passed,
    /// It panicked, with this message.
    Failed(String),
    /// The machine lacks something. What stands before the first `; ` says what the test needs,
    /// and is the same on every machine that lacks it; what follows is about this machine.
    Ignored(String),
}

impl Outcome {
    /// The line of the report about the test `name`.
    #[must_use]
    pub fn line(&self, name: &str) -> String {
        match self {
            Self::Passed => format!("passed\t{name}"),
            Self::Failed(message) => format!("failed\t{name}\t{}", escape(message)),
            Self::Ignored(reason) => format!("ignored\t{name}\t{}", escape(reason)),
        }
    }

    /// The test and the outcome of a [`line`](Self::line).
    #[must_use]
    pub fn parse(line: &str) -> Option<(String, Self)> {
        let mut fields = line.split('\t');
        let (word, name, text) = (fields.next()?, fields.next()?, fields.next());
        let outcome = match (word, text) {
            ("passed", None) => Self::Passed,
            ("failed", Some(message)) => Self::Failed(unescape(message)),
            ("ignored", Some(reason)) => Self::Ignored(unescape(reason)),
            _ => return None,
        };
        Some((name.to_owned(), outcome))
    }
}

/// One line without tabs.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out
}

/// The text before it was [escaped](escape).
#[must_use]
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    out
}

/// Where the last panic was, as the hook saw it: its payload does not know.
static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// The report that the environment asks for.
fn requested() -> Option<&'static PathBuf> {
    static PATH: OnceLock<Option<PathBuf>> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = std::env::var_os(REPORT).map(PathBuf::from)?;
        let show = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let mut last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(info.to_string());
            drop(last);
            show(info);
        }));
        Some(path)
    })
    .as_ref()
}

/// Prepares for panics, before the first test.
pub(crate) fn begin() {
    requested();
}

/// Adds a line to the report, if there is to be one.
pub(crate) fn add(name: &str, outcome: &Outcome) -> Result<(), String> {
    let Some(path) = requested() else {
        return Ok(());
    };
    let mut line = outcome.line(name);
    line.push('\n');
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// The message of a caught panic.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    let last = LAST_PANIC
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    last.or(message)
        .unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_went() {
        for outcome in [
            Outcome::Passed,
            Outcome::Failed("left: \"a\\n\"\n\tright: \\".to_owned()),
            Outcome::Ignored("needs Linux 6.1; this is 5.10".to_owned()),
        ] {
            let line = outcome.line("maps::array");
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(
                Outcome::parse(&line),
                Some(("maps::array".to_owned(), outcome))
            );
        }
        for line in ["", "passed", "passed\ta\tb", "failed\ta", "other\ta\tb"] {
            assert_eq!(Outcome::parse(line), None, "{line:?}");
        }
    }
}
