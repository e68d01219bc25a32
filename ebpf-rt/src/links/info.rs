//! What the kernel says about a link.

use crate::{Errno, Error, sys};
use ebpf_asm::LinkType;
use std::os::fd::BorrowedFd;

/// What the kernel says about a link. Linux 5.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "bpf_link_info")]
pub struct LinkInfo {
    /// The kernel's number for the link, as `bpftool link` shows it.
    pub id: u32,
    /// The kind of link; `None` if it is newer than this crate.
    pub link_type: Option<LinkType>,
    /// The number of the program that is attached.
    pub program_id: u32,
}

impl LinkInfo {
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let info: sys::bpf::LinkInfo = sys::bpf::info(fd)?;
        Ok(Self {
            id: info.id,
            link_type: LinkType::from_raw(info.kind),
            program_id: info.prog_id,
        })
    }
}

pub(crate) fn failed(errno: Errno) -> Error {
    Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno)
}
