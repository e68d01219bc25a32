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

// SAFETY: the pages belong to no thread. All access to them goes through atomics (see
// `maps::Global`), since the kernel writes to them at any time anyway.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// mmap(2) of the first `length` bytes of a map's values. Linux 5.5.
    pub(crate) fn new(map: BorrowedFd<'_>, length: usize) -> Result<Self> {
        let address = call(Call::Map { fd: map, length })?;
        let address = NonNull::new(address as usize as *mut u8).ok_or(Errno::EFAULT)?;
        Ok(Self { address, length })
    }

    /// The first byte; aligned to a page.
    pub(crate) const fn address(&self) -> NonNull<u8> {
        self.address
    }
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
