//! The one error type.

use crate::Errno;
use core::fmt;
use std::error::Error as StdError;

/// What went wrong, where, and what to do about it.
///
/// `Display` is one line that names the object, the program or map, the operation, the errno
/// by name and the remedy; of a program that the verifier refused, its reason and the line of
/// source: `opens::count: rejected by the kernel: R0 !read_ok at src/main.rs:12:9`.
///
/// The alternate form (`{:#}`), which is also what a `main` that returns the error prints,
/// shows more of a refused program: the line of source with what the registers hold there,
/// advice, the branches on the way, and the kernel's whole log.
///
/// What does not fit into a line is behind it: the verifier's whole [`log()`](Self::log), the
/// [`errno()`](Self::errno), the [`kind()`](Self::kind) for programs that react, and
/// [`source()`](std::error::Error::source).
///
/// ```
/// use ebpf_rt::{Errno, ErrorKind, HashMap};
///
/// # kernel_test::example!();
/// let seen = HashMap::<u32, u64>::create(1)?;
/// seen.insert(1, 1)?;
/// let error = seen.insert(2, 1).unwrap_err();
/// assert_eq!((error.kind(), error.errno()), (ErrorKind::Full, Some(Errno::E2BIG)));
/// assert_eq!(
///     error.to_string(),
///     "map `hash_map`: BPF_MAP_UPDATE_ELEM failed with E2BIG: the map is full: its max_entries is 1"
/// );
/// assert!(error.log().is_none());                 // no program was refused
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
pub struct Error(Box<Parts>);

/// Draws what a line has no room for.
type Details = dyn Fn(&mut fmt::Formatter<'_>) -> fmt::Result + Send + Sync;

/// What an error is about.
enum Subject {
    Map(String),
    Program(String),
    /// The object's type information.
    #[cfg_attr(
        not(feature = "btf"),
        allow(dead_code, reason = "types are told with the feature `btf`")
    )]
    Btf,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(name) => write!(f, "map `{name}`"),
            Self::Program(name) => write!(f, "program `{name}`"),
            Self::Btf => f.write_str("type information"),
        }
    }
}

struct Parts {
    kind: ErrorKind,
    object: Option<String>,
    subject: Option<Subject>,
    operation: Option<String>,
    errno: Option<Errno>,
    reason: Option<String>,
    place: Option<String>,
    remedy: Option<String>,
    log: Option<String>,
    /// Of a rejection: what the alternate form shows between its first line and the log.
    details: Option<Box<Details>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`], for programs that react to them.
///
/// ```
/// use ebpf_rt::{ErrorKind, HashMap};
///
/// # kernel_test::example!();
/// // Takes the map up that an earlier run has left, or begins with a new one.
/// let path = "/sys/fs/bpf/no/such/map";
/// let counts = match HashMap::<u32, u64>::from_pin(path) {
///     Err(error) if error.kind() == ErrorKind::NotFound => HashMap::create(16)?,
///     result => result?,
/// };
/// assert_eq!(counts.get(&1)?, None);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The process may not do this: a capability, or a security policy.
    Permission,
    /// The kernel looked at a program, type information or a map, refused it, and said why;
    /// [`Error::log`] has all that it said.
    Rejected,
    /// A trace point, a key, an index or a file that does not exist.
    NotFound,
    /// The key exists already, or something is attached already.
    Exists,
    /// A map has no room for another entry.
    Full,
    /// This kernel cannot do it.
    Unsupported,
    /// The request makes no sense, whatever the kernel: found before asking it.
    Invalid,
    /// The program was left out, or is optional and was refused.
    NotLoaded,
    /// The program did something that it must not, in a machine without a kernel; behind
    /// [`source()`](std::error::Error::source) is the machine's fault.
    Fault,
    /// Any other failure of a system call.
    System,
}

impl Error {
    /// What sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The error number, if it came from the kernel.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        self.0.errno
    }

    /// The verifier's whole log, if it said something about the program.
    #[must_use]
    pub fn log(&self) -> Option<&str> {
        self.0.log.as_deref()
    }

    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Parts {
            kind,
            object: None,
            subject: None,
            operation: None,
            errno: None,
            reason: None,
            place: None,
            remedy: None,
            log: None,
            details: None,
            source: None,
        }))
    }

    /// A request that was refused before the kernel was asked.
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid).because(reason)
    }

    /// An operation that the kernel refused; the kind is what the number says in general.
    pub(crate) fn failed(operation: impl Into<String>, errno: Errno) -> Self {
        let kind = match errno {
            Errno::EPERM | Errno::EACCES => ErrorKind::Permission,
            Errno::ENOENT => ErrorKind::NotFound,
            Errno::EEXIST => ErrorKind::Exists,
            Errno::ENOTSUPP | Errno::EOPNOTSUPP | Errno::ENOSYS => ErrorKind::Unsupported,
            _ => ErrorKind::System,
        };
        let mut error = Self::new(kind);
        error.0.operation = Some(operation.into());
        error.0.errno = Some(errno);
        error
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn in_object(mut self, name: &str) -> Self {
        // Maps made without an object have none.
        if !name.is_empty() {
            self.0.object = Some(name.to_owned());
        }
        self
    }

    pub(crate) fn of_map(mut self, name: &str) -> Self {
        self.0.subject = Some(Subject::Map(name.to_owned()));
        self
    }

    pub(crate) fn of_program(mut self, name: &str) -> Self {
        self.0.subject = Some(Subject::Program(name.to_owned()));
        self
    }

    #[cfg_attr(
        not(feature = "btf"),
        allow(dead_code, reason = "types are told with the feature `btf`")
    )]
    pub(crate) fn of_btf(mut self) -> Self {
        self.0.subject = Some(Subject::Btf);
        self
    }

    /// The kernel looked at it and refused it, for a reason that it gave. `details` draws what
    /// the alternate form shows besides.
    pub(crate) fn rejected(
        errno: Errno,
        details: impl Fn(&mut fmt::Formatter<'_>) -> fmt::Result + Send + Sync + 'static,
    ) -> Self {
        let mut error = Self::new(ErrorKind::Rejected);
        error.0.errno = Some(errno);
        error.0.details = Some(Box::new(details));
        error
    }

    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// The source line of a rejection: `src/main.rs:12:9`.
    pub(crate) fn at(mut self, place: Option<String>) -> Self {
        self.0.place = place;
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.0.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn with_log(mut self, log: String) -> Self {
        self.0.log = Some(log);
        self
    }

    pub(crate) fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }
}

impl Parts {
    /// Who failed in what: the line up to the reason.
    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.details.is_some() {
            return self.heading_of_rejection(f);
        }
        match (&self.object, &self.subject) {
            (Some(object), Some(subject)) => write!(f, "object `{object}`, {subject}: ")?,
            (Some(object), None) => write!(f, "object `{object}`: ")?,
            (None, Some(subject)) => write!(f, "{subject}: ")?,
            (None, None) => {}
        }
        if let Some(operation) = &self.operation {
            write!(f, "{operation} failed")?;
            if let Some(errno) = self.errno {
                write!(f, " with {errno}")?;
            }
            f.write_str(": ")?;
        }
        Ok(())
    }

    /// `opens::count: rejected by the kernel: `, as Rust would call the program.
    fn heading_of_rejection(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.subject {
            Some(Subject::Map(name) | Subject::Program(name)) => Some(name),
            Some(Subject::Btf) | None => None,
        };
        match (&self.object, name) {
            (Some(object), Some(name)) => write!(f, "{object}::{name}: ")?,
            (Some(name), None) | (None, Some(name)) => write!(f, "{name}: ")?,
            (None, None) => {}
        }
        if let Some(Subject::Btf) = self.subject {
            f.write_str("type information ")?;
        }
        f.write_str("rejected by the kernel: ")
    }

    fn reason(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reason, self.errno) {
            (Some(reason), _) => f.write_str(reason),
            (None, Some(errno)) => f.write_str(errno.description()),
            (None, None) => f.write_str("no reason is known"),
        }
    }

    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f)?;
        self.reason(f)?;
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }

    /// The line, or the drawing of a rejection, and the log below it.
    fn explained(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.details {
            Some(details) => {
                self.heading(f)?;
                self.reason(f)?;
                details(f)?;
                if let Some(remedy) = &self.remedy {
                    write!(f, "\nhelp: {remedy}")?;
                }
            }
            None => self.line(f)?,
        }
        match &self.log {
            Some(log) => {
                f.write_str("\nthe kernel's log:\n")?;
                shortened(log.trim_end(), f)
            }
            None => Ok(()),
        }
    }
}

/// A log, without its middle where it is too long to be read: of a loop with too many rounds it
/// has a million lines.
fn shortened(log: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const WHOLE: usize = 200;
    const HEAD: usize = 20;
    const TAIL: usize = 80;
    let lines = log.lines().count();
    if lines <= WHOLE {
        return f.write_str(log);
    }
    for line in log.lines().take(HEAD) {
        writeln!(f, "{line}")?;
    }
    let left_out = lines - HEAD - TAIL;
    write!(f, "({left_out} lines are left out; `Error::log` has all)")?;
    for line in log.lines().skip(HEAD + left_out) {
        write!(f, "\n{line}")?;
    }
    Ok(())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            self.0.explained(f)
        } else {
            self.0.line(f)
        }
    }
}

/// The alternate form of `Display`: what a `main` that returns the error prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.explained(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Permission => std::io::ErrorKind::PermissionDenied,
            ErrorKind::NotFound => std::io::ErrorKind::NotFound,
            ErrorKind::Exists => std::io::ErrorKind::AlreadyExists,
            ErrorKind::Unsupported => std::io::ErrorKind::Unsupported,
            ErrorKind::Invalid => std::io::ErrorKind::InvalidInput,
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_object_subject_operation_errno_reason_place_and_remedy() {
        let error = Error::failed("BPF_PROG_LOAD", Errno::EACCES)
            .in_object("opens")
            .of_program("count")
            .because("R0 !read_ok")
            .at(Some("src/main.rs:12:9".into()))
            .remedy("do this");
        assert_eq!(
            error.to_string(),
            "object `opens`, program `count`: BPF_PROG_LOAD failed with EACCES: R0 !read_ok at \
             src/main.rs:12:9; do this"
        );
        assert_eq!(
            Error::failed("mmap", Errno::ENOMEM).to_string(),
            "mmap failed with ENOMEM: out of memory"
        );
    }

    #[test]
    fn debug_shows_the_log() {
        let error = Error::invalid("no").with_log("line 1\nline 2\n".into());
        assert_eq!(error.to_string(), "no");
        assert_eq!(format!("{error:#}"), format!("{error:?}"));
        assert_eq!(
            format!("{error:?}"),
            "no\nthe kernel's log:\nline 1\nline 2"
        );
    }

    #[test]
    fn debug_shows_both_ends_of_a_long_log() {
        let log = |lines: usize| (1..=lines).map(|n| format!("line {n}\n")).collect();
        let shown = |lines| format!("{:?}", Error::invalid("no").with_log(log(lines)));
        assert_eq!(shown(200).lines().count(), 2 + 200);
        let long = shown(1000);
        let lines: Vec<_> = long.lines().skip(2).collect();
        assert_eq!(lines.len(), 20 + 1 + 80);
        assert_eq!(lines[19], "line 20");
        assert_eq!(lines[20], "(900 lines are left out; `Error::log` has all)");
        assert_eq!(lines[21], "line 921");
        assert_eq!(lines[100], "line 1000");
        assert_eq!(
            Error::invalid("no").with_log(log(1000)).log().map(str::len),
            Some(log(1000).len())
        );
    }

    #[test]
    fn a_rejection_is_called_as_rust_calls_it() {
        let rejected = || {
            let details = |f: &mut fmt::Formatter<'_>| f.write_str("\n  drawn");
            Error::rejected(Errno::EACCES, details).because("R0 !read_ok")
        };
        let error = rejected()
            .in_object("opens")
            .of_program("count")
            .at(Some("src/main.rs:14:17".into()))
            .remedy("do this")
            .with_log("0: (95) exit\n".into());
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(
            error.to_string(),
            "opens::count: rejected by the kernel: R0 !read_ok at src/main.rs:14:17; do this"
        );
        assert_eq!(
            format!("{error:#}"),
            "opens::count: rejected by the kernel: R0 !read_ok\n  drawn\nhelp: do this\n\
             the kernel's log:\n0: (95) exit"
        );
        assert_eq!(
            rejected().of_btf().in_object("opens").to_string(),
            "opens: type information rejected by the kernel: R0 !read_ok"
        );
        assert_eq!(
            rejected().to_string(),
            "rejected by the kernel: R0 !read_ok"
        );
    }

    #[test]
    fn errors_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
