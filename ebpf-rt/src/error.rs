//! The one error type.

use crate::Errno;
use core::fmt;
use std::error::Error as StdError;

/// What went wrong, where, and what to do about it.
///
/// `Display` is one line that names the object, the program or map, the operation, the errno
/// by name and the remedy. What does not fit into a line is behind it: the verifier's whole
/// [`log()`](Self::log), the [`errno()`](Self::errno), the [`kind()`](Self::kind) for
/// programs that react, and [`source()`](std::error::Error::source).
///
/// ```no_run
/// use ebpf_rt::{ErrorKind, HashMap};
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// let seen = HashMap::<u32, u64>::create(1)?;
/// seen.insert(1, 1)?;
/// let error = seen.insert(2, 1).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Full);
/// println!("{error}");
/// // map `hash_map`: BPF_MAP_UPDATE_ELEM failed with E2BIG: the map is full: its max_entries is 1
/// # Ok(())
/// # }
/// ```
pub struct Error(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    object: Option<String>,
    subject: Option<String>,
    operation: Option<String>,
    errno: Option<Errno>,
    reason: Option<String>,
    place: Option<String>,
    remedy: Option<String>,
    log: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`], for programs that react to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The process may not do this: a capability, or a security policy.
    Permission,
    /// The kernel's verifier refused the program; [`Error::log`] says why.
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
        self.0.subject = Some(format!("map `{name}`"));
        self
    }

    pub(crate) fn of_program(mut self, name: &str) -> Self {
        self.0.subject = Some(format!("program `{name}`"));
        self
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        match (&parts.object, &parts.subject) {
            (Some(object), Some(subject)) => write!(f, "object `{object}`, {subject}: ")?,
            (Some(object), None) => write!(f, "object `{object}`: ")?,
            (None, Some(subject)) => write!(f, "{subject}: ")?,
            (None, None) => {}
        }
        if let Some(operation) = &parts.operation {
            write!(f, "{operation} failed")?;
            if let Some(errno) = parts.errno {
                write!(f, " with {errno}")?;
            }
            f.write_str(": ")?;
        }
        match (&parts.reason, parts.errno) {
            (Some(reason), _) => f.write_str(reason)?,
            (None, Some(errno)) => f.write_str(errno.description())?,
            (None, None) => f.write_str("no reason is known")?,
        }
        if let Some(place) = &parts.place {
            write!(f, " at {place}")?;
        }
        if let Some(remedy) = &parts.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

/// The line of `Display`, and the verifier's log below it if there is one: what a `main` that
/// returns the error prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.0.log {
            Some(log) => write!(f, "\nthe verifier's log:\n{}", log.trim_end()),
            None => Ok(()),
        }
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
        assert_eq!(
            format!("{error:?}"),
            "no\nthe verifier's log:\nline 1\nline 2"
        );
    }

    #[test]
    fn errors_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
