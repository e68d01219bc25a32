//! Error numbers of the kernel, by name.

use core::fmt;

/// An error number of the kernel.
///
/// Prints as the kernel's name for it, also for [`ENOTSUPP`](Self::ENOTSUPP), which user
/// space headers do not have although bpf(2) returns it.
///
/// ```
/// use ebpf_rt::Errno;
///
/// assert_eq!(Errno::EPERM.to_string(), "EPERM");
/// assert_eq!(Errno::from_raw(524).to_string(), "ENOTSUPP");
/// assert_eq!(Errno::from_raw(9999).to_string(), "errno 9999");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(i32);

macro_rules! errnos {
    ($($name:ident $text:literal),* $(,)?) => {
        impl Errno {
            $(#[doc = concat!("`", stringify!($name), "`: ", $text, ".")]
              pub const $name: Self = Self(libc::$name);)*

            /// The kernel's name; `None` for a number without one here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    Self::ENOTSUPP_NUMBER => Some("ENOTSUPP"),
                    $(libc::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// What it means in general, in a few words.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self.0 {
                    Self::ENOTSUPP_NUMBER => "operation not supported",
                    $(libc::$name => $text,)*
                    _ => "unknown error",
                }
            }
        }
    };
}

errnos! {
    EPERM "operation not permitted",
    ENOENT "no such entry",
    ESRCH "no such process",
    EINTR "interrupted by a signal",
    EIO "input/output error",
    ENXIO "no such device or address",
    E2BIG "too big",
    ENOEXEC "wrong format",
    EBADF "bad file descriptor",
    ECHILD "no child process",
    EAGAIN "try again",
    ENOMEM "out of memory",
    EACCES "permission denied",
    EFAULT "bad address",
    EBUSY "busy",
    EEXIST "exists already",
    EXDEV "crosses devices",
    ENODEV "no such device",
    ENOTDIR "not a directory",
    EISDIR "is a directory",
    EINVAL "invalid argument",
    ENFILE "too many open files in the system",
    EMFILE "too many open files in the process",
    ENOTTY "wrong ioctl for this file",
    EFBIG "file too large",
    ENOSPC "no space left",
    ESPIPE "illegal seek",
    EROFS "read-only file system",
    EPIPE "broken pipe",
    EDOM "argument out of domain",
    ERANGE "result out of range",
    EDEADLK "would deadlock",
    ENAMETOOLONG "name too long",
    ENOLCK "no locks available",
    ENOSYS "not in this kernel",
    ELOOP "too many symbolic links",
    ENODATA "no data",
    ETIME "timer expired",
    EPROTO "protocol error",
    EBADMSG "bad message",
    EOVERFLOW "value too large",
    EBADFD "file descriptor in bad state",
    EUSERS "too many users",
    ENOTSOCK "not a socket",
    EMSGSIZE "message too long",
    EPROTOTYPE "wrong protocol type",
    ENOPROTOOPT "protocol option not available",
    EPROTONOSUPPORT "protocol not supported",
    EOPNOTSUPP "operation not supported",
    EAFNOSUPPORT "address family not supported",
    EADDRINUSE "address in use",
    EADDRNOTAVAIL "address not available",
    EILSEQ "wrong sequence of bytes",
    ENETDOWN "network is down",
    ENOBUFS "no buffer space",
    EISCONN "connected already",
    ENOTCONN "not connected",
    ETIMEDOUT "timed out",
    EALREADY "under way already",
    EINPROGRESS "in progress",
    ESTALE "stale handle",
    EDQUOT "quota exceeded",
    ECANCELED "cancelled",
    EKEYREJECTED "key rejected",
    ENOKEY "no key",
    EUCLEAN "structure needs cleaning",
}

impl Errno {
    const ENOTSUPP_NUMBER: i32 = 524;

    /// `ENOTSUPP`: operation not supported. A number that the kernel keeps to itself and that
    /// bpf(2) lets out all the same; not the same as [`EOPNOTSUPP`](Self::EOPNOTSUPP).
    pub const ENOTSUPP: Self = Self(Self::ENOTSUPP_NUMBER);

    /// The error with this number.
    ///
    /// ```
    /// use ebpf_rt::Errno;
    ///
    /// let errno = Errno::from_raw(524);               // what strace shows as a bare number
    /// assert_eq!((errno, errno.raw()), (Errno::ENOTSUPP, 524));
    /// assert_eq!(errno.name(), Some("ENOTSUPP"));
    /// assert_eq!(errno.description(), "operation not supported");
    /// ```
    #[must_use]
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// Of an error of the standard library; `EIO` if it carries no number.
    pub(crate) fn from_io(error: &std::io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.0)
    }
}
