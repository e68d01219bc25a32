//! The seam: every system call of this crate that can fail goes through [`call`].
//!
//! Above it there are safe functions, one per operation. Below it there are `libc` and, in
//! unit tests, a script that answers instead of the kernel (see [`script`]). Closing a file
//! descriptor is the one exception: `OwnedFd` does that.

pub(crate) mod bpf;
#[cfg(feature = "btf")]
pub(crate) mod by_btf;
pub(crate) mod fs;
mod kernel;
pub(crate) mod memory;
pub(crate) mod perf;
#[cfg(feature = "features")]
pub(crate) mod probe;
pub(crate) mod process;
#[cfg(test)]
pub(crate) mod script;
pub(crate) mod socket;

use crate::Errno;
use core::ffi::{CStr, c_int};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

pub(crate) type Result<T> = core::result::Result<T, Errno>;

/// A system call with its arguments.
#[derive(Debug)]
pub(crate) enum Call<'a> {
    /// bpf(2). The attribute struct is read and, by some commands, written.
    Bpf {
        command: bpf::Command,
        attr: &'a mut [u8],
    },
    /// bpf(2) with what all of its commands can be asked for: a log. Linux 7.0 or later.
    BpfWithLog {
        command: bpf::Command,
        attr: &'a mut [u8],
        common: &'a mut [u8],
    },
    /// perf_event_open(2) without a group. -1 is any process, and any CPU.
    PerfEventOpen {
        attr: &'a mut [u8],
        pid: c_int,
        cpu: c_int,
    },
    /// ioctl(2) with a number as its argument.
    Ioctl {
        fd: BorrowedFd<'a>,
        request: u32,
        argument: u64,
    },
    /// setsockopt(2) at level `SOL_SOCKET` with an `int`.
    SetSockOpt {
        fd: BorrowedFd<'a>,
        option: c_int,
        value: c_int,
    },
    /// fcntl(2), `F_DUPFD_CLOEXEC`.
    Duplicate { fd: BorrowedFd<'a> },
    /// mmap(2): shared and readable.
    Map {
        fd: BorrowedFd<'a>,
        offset: usize,
        length: usize,
        writable: bool,
    },
    /// memfd_create(2) and ftruncate(2): memory of this length behind a descriptor.
    #[cfg(feature = "vm")]
    MemoryFile { length: usize },
    /// pread(2).
    #[cfg(feature = "vm")]
    ReadAt {
        fd: BorrowedFd<'a>,
        offset: usize,
        buffer: &'a mut [u8],
    },
    /// pwrite(2).
    #[cfg(feature = "vm")]
    WriteAt {
        fd: BorrowedFd<'a>,
        offset: usize,
        bytes: &'a [u8],
    },
    /// mmap(2) of a file: private and readable.
    #[cfg(feature = "btf")]
    MapFile { fd: BorrowedFd<'a>, length: usize },
    /// The size of an open file.
    #[cfg(feature = "btf")]
    FileSize { fd: BorrowedFd<'a> },
    /// munmap(2).
    Unmap { address: usize, length: usize },
    /// fsopen(2).
    FsOpen { name: &'a CStr },
    /// fsconfig(2), `FSCONFIG_CMD_CREATE`.
    FsCreate { fd: BorrowedFd<'a> },
    /// fsmount(2): read-only, attached nowhere.
    FsMount { fd: BorrowedFd<'a> },
    /// openat(2); from the current directory if there is no other.
    OpenAt {
        directory: Option<BorrowedFd<'a>>,
        path: &'a CStr,
        flags: c_int,
    },
    /// read(2).
    Read {
        fd: BorrowedFd<'a>,
        buffer: &'a mut [u8],
    },
    /// poll(2) for input; the result is whether there is some.
    Poll {
        fd: BorrowedFd<'a>,
        milliseconds: c_int,
    },
    /// poll(2) of several descriptors for input or, if `output`, for room; the result is how
    /// many are ready, and `ready` which.
    PollMany {
        fds: &'a [BorrowedFd<'a>],
        output: bool,
        ready: &'a mut [bool],
        milliseconds: c_int,
    },
    /// unlink(2).
    Unlink { path: &'a CStr },
    /// mkdir(2), for the owner only.
    MakeDirectory { path: &'a CStr },
    /// rmdir(2).
    RemoveDirectory { path: &'a CStr },
    /// A whole file of `/proc` or `/sys`.
    ReadFile {
        path: &'a str,
        into: &'a mut Vec<u8>,
    },
    /// The names in a directory.
    ListDirectory {
        path: &'a str,
        into: &'a mut Vec<String>,
    },
    /// uname(2): the release.
    Release { into: &'a mut String },
    /// setrlimit(2): `RLIMIT_MEMLOCK` without limit.
    UnlimitMemlock,
}

impl Call<'_> {
    /// poll(2) counts its time anew when it is repeated, so its caller has to do that.
    const fn is_repeated(&self) -> bool {
        !matches!(self, Self::Poll { .. } | Self::PollMany { .. })
    }
}

/// Makes a system call, again if a signal interrupted it.
#[inline]
pub(crate) fn call(mut call: Call<'_>) -> Result<i64> {
    loop {
        let result = once(&mut call);
        if result != Err(Errno::EINTR) || !call.is_repeated() {
            return result;
        }
    }
}

#[cfg(not(test))]
use kernel::once;

#[cfg(test)]
#[inline]
fn once(call: &mut Call<'_>) -> Result<i64> {
    match script::answer(call) {
        Some(result) => result,
        None => kernel::once(call),
    }
}

/// Makes a system call whose result is a new file descriptor.
fn call_for_fd(request: Call<'_>) -> Result<OwnedFd> {
    let fd = call(request)?;
    let fd = c_int::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel (or the script, which duplicates a real one) just made this
    // descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
