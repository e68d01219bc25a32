//! The verifier's log, read: what was refused, at which instruction, and how it came there.
//!
//! The kernel writes the log for people, and each release writes it a little differently.
//! [`VerifierLog`] reads what Linux 5.10 to 7.3 write; a line that it does not know is kept as
//! [`LineKind::Other`]. No text is an error.
//!
//! [`Error`](crate::Error) has all of this already: its `Display` is the reason and the line of
//! source, and its alternate form (`{:#}`) explains. This module is for tools that look at logs
//! themselves.
//!
//! ```
//! use ebpf_rt::verifier_log::VerifierLog;
//!
//! let log = VerifierLog::parse(
//!     "0: R1=ctx() R10=fp0\n\
//!      0: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=m,ks=4,vs=8)\n\
//!      1: (79) r1 = *(u64 *)(r0 +0)\n\
//!      R0 invalid mem access 'map_value_or_null'\n\
//!      processed 2 insns (limit 1000000) max_states_per_insn 0\n",
//! );
//! assert_eq!(log.reason().unwrap().fact, "R0 invalid mem access 'map_value_or_null'");
//! assert_eq!(log.instruction(), Some(1));
//! let path = log.path();
//! assert_eq!(path.value(0).unwrap().in_words().as_deref(), Some("a map value or null"));
//! ```

#[rustfmt::skip] // A row is a line.
mod advice;
mod btf;
mod hint;
mod line;
mod path;
mod report;
mod state;
mod words;

pub use btf::BtfLog;
pub use hint::hint;
pub use line::{Line, LineKind, LoggedInstruction, LoggedSource};
pub use path::{Origin, Path, Step};
pub use report::{Report, ReportStep};
pub use state::{RegisterState, StatePlace, Value, registers};

use core::fmt;

/// A log of the verifier, line by line.
///
/// ```
/// use ebpf_rt::verifier_log::VerifierLog;
///
/// let log = VerifierLog::parse("0: (bf) r0 = r2\nR2 !read_ok\n");
/// assert_eq!(log.lines().len(), 2);
/// assert_eq!(log.reason().map(|reason| reason.fact), Some("R2 !read_ok"));
/// assert_eq!(log.instruction(), Some(0));
/// assert_eq!(log.path().steps().len(), 1);
/// assert!(log.report().is_none());                // from Linux 7.3 on
/// ```
#[derive(Clone, Debug)]
pub struct VerifierLog<'a> {
    lines: Vec<Line<'a>>,
    report: Option<Report>,
}

/// Why the program was refused, in the kernel's words.
///
/// ```
/// use ebpf_rt::verifier_log::VerifierLog;
///
/// let log = VerifierLog::parse(
///     "1: (85) call bpf_get_netns_cookie#122\n\
///      R1 type=inv expected=ctx\n",
/// );
/// let reason = log.reason().unwrap();
/// assert_eq!((reason.register(), reason.kind()), (Some(1), Some("inv")));
/// assert_eq!(reason.acquired_at(), None);         // no reference is left
/// assert_eq!(reason.to_string(), "R1 type=inv expected=ctx");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason<'a> {
    /// The first line: `invalid access to map value, value_size=8 off=8 size=8`.
    pub fact: &'a str,
    /// The last line, if there are several: `R0 max value is outside of the allowed memory
    /// range`.
    pub cause: Option<&'a str>,
}

/// The fact and, behind a colon, the cause.
impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fact)?;
        match self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl<'a> VerifierLog<'a> {
    /// Reads a log.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut report = None;
        let mut reader: Option<report::Reader> = None;
        for line in text.lines() {
            if let Some(open) = &mut reader {
                if open.read(line) {
                    lines.push(Line {
                        text: line,
                        kind: LineKind::Report,
                    });
                    continue;
                }
                report = reader.take().map(report::Reader::finish);
            }
            reader = report::Reader::new(line);
            lines.push(match reader {
                Some(_) => Line {
                    text: line,
                    kind: LineKind::Report,
                },
                None => Line::parse(line),
            });
        }
        if let Some(reader) = reader {
            report = Some(reader.finish());
        }
        Self { lines, report }
    }

    /// The lines, all of them.
    #[must_use]
    pub fn lines(&self) -> &[Line<'a>] {
        &self.lines
    }

    /// The report of Linux 7.3 below the trace.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// Why the program was refused; `None` if the log does not say, as that of a program that
    /// was accepted.
    #[must_use]
    pub fn reason(&self) -> Option<Reason<'_>> {
        let says = |line: &&Line<'a>| line.kind == LineKind::Other;
        let is_instruction = |line: &Line<'a>| matches!(line.kind, LineKind::Instruction(_));
        let (fact, cause) = match self.lines.iter().rposition(is_instruction) {
            Some(last) => {
                let below = &self.lines[last + 1..];
                let cause = below.iter().rfind(says);
                (below.iter().find(says), cause)
            }
            // Found before any path was followed: what stands above it are remarks.
            None => (self.lines.iter().rfind(says), None),
        };
        match (fact, &self.report) {
            (Some(fact), _) => {
                let fact = fact.text.trim();
                let cause = cause.map(|line| line.text.trim());
                let cause = cause.filter(|cause| *cause != fact);
                Some(Reason { fact, cause })
            }
            (None, Some(report)) if !report.problem.is_empty() => Some(Reason {
                fact: &report.problem,
                cause: None,
            }),
            (None, _) => None,
        }
    }

    /// The slot of the instruction that was refused; `None` if the log names none.
    #[must_use]
    pub fn instruction(&self) -> Option<usize> {
        let reason = self.reason();
        // Found when all paths were followed: the trace ends with another instruction.
        if reason.is_some_and(|reason| WHOLE.iter().any(|start| reason.fact.starts_with(start))) {
            return None;
        }
        let reported = || self.report.as_ref()?.at.as_ref()?.slot;
        let named = || instruction_in(reason?.fact);
        let last = || {
            let mut lines = self.lines.iter().rev();
            lines.find_map(|line| match line.kind {
                LineKind::Instruction(instruction) => Some(instruction.slot),
                _ => None,
            })
        };
        // Without a reason nothing was refused.
        reason.and_then(|_| named().or_else(reported).or_else(last))
    }

    /// The instructions that the verifier followed from the program's start to where it gave
    /// up, and what the registers held there.
    #[must_use]
    pub fn path(&self) -> Path<'a> {
        Path::new(&self.lines, self.instruction())
    }
}

/// Reasons that are about the program as a whole.
const WHOLE: &[&str] = &["combined stack size of ", "the call stack of "];

/// `3` of "unreachable insn 3", "jump out of range from insn 3 to 5", "infinite loop detected
/// at insn 3".
fn instruction_in(fact: &str) -> Option<usize> {
    const BEFORE: &[&str] = &[
        "unreachable insn ",
        " from insn ",
        " at insn ",
        "ldimm64 insn ",
    ];
    BEFORE.iter().find_map(|before| number_behind(fact, before))
}

/// The number that follows these words.
fn number_behind(text: &str, words: &str) -> Option<usize> {
    let (_, rest) = text.split_once(words)?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

impl Reason<'_> {
    /// The slot of the instruction that acquired what is not released: `alloc_insn` of
    /// "Unreleased reference".
    ///
    /// ```
    /// use ebpf_rt::verifier_log::VerifierLog;
    ///
    /// let log = VerifierLog::parse("9: (95) exit\nUnreleased reference id=2 alloc_insn=4\n");
    /// assert_eq!(log.reason().unwrap().acquired_at(), Some(4));
    /// ```
    #[must_use]
    pub fn acquired_at(&self) -> Option<usize> {
        number_behind(self.fact, "alloc_insn=")
    }

    /// The kind of value that the reason names: `map_value_or_null` of "R0 invalid mem access
    /// 'map_value_or_null'", `scalar` of "R1 type=scalar expected=ctx".
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        let quoted = || self.fact.split_once("mem access '")?.1.split('\'').next();
        let of_argument = || self.fact.split_once(" type=")?.1.split(' ').next();
        quoted().or_else(of_argument)
    }

    /// What the packet register holds in "invalid access to packet, off=0 size=8,
    /// R2(id=0,off=0,r=4)".
    ///
    /// ```
    /// use ebpf_rt::verifier_log::VerifierLog;
    ///
    /// let log = VerifierLog::parse(
    ///     "4: (79) r0 = *(u64 *)(r2 +0)\n\
    ///      invalid access to packet, off=0 size=8, R2(id=0,off=0,r=4)\n",
    /// );
    /// let reason = log.reason().unwrap();
    /// // Four bytes were compared with the packet's end:
    /// assert_eq!(reason.packet().unwrap().number("r"), Some(4));
    /// ```
    #[must_use]
    pub fn packet(&self) -> Option<Value<'_>> {
        let (_, rest) = self
            .fact
            .strip_prefix("invalid access to packet")?
            .split_once(", R")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let value = Value::new(rest.get(digits..)?);
        value.field("r").map(|_| value)
    }

    /// The register that the reason names, by its number.
    #[must_use]
    pub fn register(&self) -> Option<u8> {
        [Some(self.fact), self.cause]
            .into_iter()
            .flatten()
            .find_map(|text| {
                text.split(|c: char| !c.is_ascii_alphanumeric())
                    .find_map(|word| word.strip_prefix('R')?.parse().ok())
                    .filter(|&register| register <= 10)
            })
    }
}

#[cfg(test)]
mod tests;
