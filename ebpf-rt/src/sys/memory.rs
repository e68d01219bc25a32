//! Memory that is shared with the kernel.

use super::{Call, Result, call};
use crate::Errno;
use core::ptr::NonNull;
use std::os::fd::BorrowedFd;

/// Pages of a map, readable and writable, shared with the programs that use it. Unmapped on
/// drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: the pages belong to no thread. All access to them goes through atomics, since the
// kernel writes to them at any time, or is to parts that the kernel leaves alone meanwhile
// (records of rings), for which their one reader is responsible.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// mmap(2) of the first `length` bytes of a map's values. Linux 5.5.
    pub(crate) fn new(map: BorrowedFd<'_>, length: usize) -> Result<Self> {
        Self::part(map, 0, length, true)
    }

    /// mmap(2) of pages of a map's or a perf event's memory, only readable if not `writable`.
    pub(crate) fn part(
        fd: BorrowedFd<'_>,
        offset: usize,
        length: usize,
        writable: bool,
    ) -> Result<Self> {
        let address = call(Call::Map {
            fd,
            offset,
            length,
            writable,
        })?;
        let address = NonNull::new(address as usize as *mut u8).ok_or(Errno::EFAULT)?;
        Ok(Self { address, length })
    }

    /// The first byte; aligned to a page.
    pub(crate) const fn address(&self) -> NonNull<u8> {
        self.address
    }
}

/// Memory of this length behind a descriptor: what maps without a kernel are mapped from.
#[cfg(feature = "vm")]
pub(crate) fn memory_file(length: usize) -> Result<std::os::fd::OwnedFd> {
    super::call_for_fd(Call::MemoryFile { length })
}

/// Reads a whole buffer from such memory.
#[cfg(feature = "vm")]
pub(crate) fn read_at(fd: BorrowedFd<'_>, offset: usize, buffer: &mut [u8]) -> Result<()> {
    let length = buffer.len();
    match call(Call::ReadAt { fd, offset, buffer })? {
        read if read as usize == length => Ok(()),
        _ => Err(Errno::EIO),
    }
}

/// Writes all the bytes into such memory.
#[cfg(feature = "vm")]
pub(crate) fn write_at(fd: BorrowedFd<'_>, offset: usize, bytes: &[u8]) -> Result<()> {
    match call(Call::WriteAt { fd, offset, bytes })? {
        written if written as usize == bytes.len() => Ok(()),
        _ => Err(Errno::EIO),
    }
}

/// A file's bytes where the kernel has them: for as long as the process lives.
///
/// # Errors
/// `ENODEV` if the file cannot be mapped.
#[cfg(feature = "btf")]
pub(crate) fn map_file(fd: BorrowedFd<'_>) -> Result<&'static [u8]> {
    let length = call(Call::FileSize { fd })? as usize;
    let address = call(Call::MapFile { fd, length })?;
    let address = NonNull::new(address as usize as *mut u8).ok_or(Errno::EFAULT)?;
    // SAFETY: the pages are ours, readable, at least as long as the file, and stay mapped. Only
    // files are mapped that never change: the kernel's own data.
    Ok(unsafe { core::slice::from_raw_parts(address.as_ptr(), length) })
}

/// The size of a page.
pub(crate) fn page_size() -> usize {
    // SAFETY: takes a number. (It is no system call, and so not behind the seam.)
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    // It cannot fail for this name.
    usize::try_from(size).unwrap_or(4096)
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // It can fail only for arguments that mmap(2) did not give us.
        let _ = call(Call::Unmap {
            address: self.address.as_ptr() as usize,
            length: self.length,
        });
    }
}
