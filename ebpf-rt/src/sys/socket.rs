//! Socket options that attach programs, and duplicates of descriptors.

use super::{Call, Result, call, call_for_fd};
use core::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// The numbers of `asm-generic/socket.h`, or those of the two architectures with their own.
/// (`libc` has them for some targets only.)
mod option {
    use super::c_int;
    const SPARC: bool = cfg!(any(target_arch = "sparc", target_arch = "sparc64"));
    pub(super) const SO_ATTACH_BPF: c_int = if SPARC { 0x34 } else { 50 };
    /// The same number as `SO_DETACH_BPF`.
    pub(super) const SO_DETACH_FILTER: c_int = 27;
    pub(super) const SO_ATTACH_REUSEPORT_EBPF: c_int = if SPARC { 0x36 } else { 52 };
    pub(super) const SO_DETACH_REUSEPORT_BPF: c_int = if SPARC { 0x47 } else { 68 };
}

fn set(fd: BorrowedFd<'_>, option: c_int, value: c_int) -> Result<()> {
    call(Call::SetSockOpt { fd, option, value }).map(drop)
}

/// `SO_ATTACH_BPF`: takes the place of the filter that was there.
pub(crate) fn attach_filter(socket: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    set(socket, option::SO_ATTACH_BPF, program.as_raw_fd())
}

/// `SO_DETACH_FILTER`.
pub(crate) fn detach_filter(socket: BorrowedFd<'_>) -> Result<()> {
    set(socket, option::SO_DETACH_FILTER, 0)
}

/// `SO_ATTACH_REUSEPORT_EBPF`.
pub(crate) fn attach_reuseport(socket: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    set(
        socket,
        option::SO_ATTACH_REUSEPORT_EBPF,
        program.as_raw_fd(),
    )
}

/// `SO_DETACH_REUSEPORT_BPF`. Linux 5.3.
pub(crate) fn detach_reuseport(socket: BorrowedFd<'_>) -> Result<()> {
    set(socket, option::SO_DETACH_REUSEPORT_BPF, 0)
}

/// A second descriptor of the same file.
pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    call_for_fd(Call::Duplicate { fd })
}
