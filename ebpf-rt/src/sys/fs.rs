//! Files: those of `/proc` and `/sys` by path, those of tracefs by directory.

use super::{Call, Result, call, call_for_fd};
use core::ffi::{CStr, c_int};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// A whole text file; bytes that are not UTF-8 are replaced.
pub(crate) fn read_file(path: &str) -> Result<String> {
    Ok(String::from_utf8_lossy(&read_bytes(path)?).into_owned())
}

/// A whole file.
pub(crate) fn read_bytes(path: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    call(Call::ReadFile {
        path,
        into: &mut bytes,
    })?;
    Ok(bytes)
}

/// The names in a directory, sorted.
pub(crate) fn list_directory(path: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    call(Call::ListDirectory {
        path,
        into: &mut names,
    })?;
    names.sort_unstable();
    Ok(names)
}

/// openat(2).
pub(crate) fn open_at(
    directory: Option<BorrowedFd<'_>>,
    path: &CStr,
    flags: c_int,
) -> Result<OwnedFd> {
    call_for_fd(Call::OpenAt {
        directory,
        path,
        flags,
    })
}

/// A file system of its own that is mounted nowhere: the descriptor of its root. It goes away
/// with the last descriptor. Linux 5.2.
pub(crate) fn detached_mount(name: &CStr) -> Result<OwnedFd> {
    let context = call_for_fd(Call::FsOpen { name })?;
    call(Call::FsCreate {
        fd: context.as_fd(),
    })?;
    call_for_fd(Call::FsMount {
        fd: context.as_fd(),
    })
}

/// read(2).
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    call(Call::Read { fd, buffer }).map(|length| length as usize)
}

/// poll(2) for input: whether there is some (or the end) before the time is over. `EINTR` is
/// the caller's to handle.
pub(crate) fn poll_input(fd: BorrowedFd<'_>, timeout: Duration) -> Result<bool> {
    // Rounded up, so that waiting for less than a millisecond does not become a busy loop.
    let milliseconds = timeout.as_micros().div_ceil(1000);
    let milliseconds = c_int::try_from(milliseconds).unwrap_or(c_int::MAX);
    call(Call::Poll { fd, milliseconds }).map(|ready| ready > 0)
}

/// poll(2) of several descriptors, for input or for room to put something out; which of them
/// are ready. Forever without a time. `EINTR` is the caller's to handle.
pub(crate) fn poll_many(
    fds: &[BorrowedFd<'_>],
    output: bool,
    timeout: Option<Duration>,
) -> Result<Vec<bool>> {
    let milliseconds = match timeout {
        None => -1,
        // Rounded up, so that waiting for less than a millisecond is no busy loop.
        Some(timeout) => c_int::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX),
    };
    let mut ready = vec![false; fds.len()];
    call(Call::PollMany {
        fds,
        output,
        ready: &mut ready,
        milliseconds,
    })?;
    Ok(ready)
}

/// unlink(2).
pub(crate) fn unlink(path: &CStr) -> Result<()> {
    call(Call::Unlink { path }).map(drop)
}

/// mkdir(2), for the owner only.
pub(crate) fn make_directory(path: &CStr) -> Result<()> {
    call(Call::MakeDirectory { path }).map(drop)
}

/// rmdir(2).
pub(crate) fn remove_directory(path: &CStr) -> Result<()> {
    call(Call::RemoveDirectory { path }).map(drop)
}
