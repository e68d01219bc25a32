//! What the kernel says about a link.

use crate::{Errno, Error, sys};
use ebpf_asm::{AttachType, LinkType};
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
    /// The number of the program that is attached; 0 of a table of functions.
    pub program_id: u32,
    /// What it is attached to, of some kinds.
    pub details: LinkDetails,
}

/// What a link says about where its program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkDetails {
    /// At a type of the kernel's BTF: fentry, fexit, fmod_ret, LSM, freplace.
    Tracing {
        /// How; `None` if it is newer than this crate, or of freplace.
        attach_type: Option<AttachType>,
        /// The number of the BTF that has the type, or of the program. Linux 5.13, else 0.
        #[doc(alias = "target_obj_id")]
        target_object_id: u32,
        /// The number of the type in that BTF. Linux 5.13, else 0.
        target_btf_id: u32,
    },
    /// At a cgroup.
    Cgroup {
        /// The cgroup's number: that of its directory's inode.
        cgroup_id: u64,
        /// How; `None` if it is newer than this crate.
        attach_type: Option<AttachType>,
    },
    /// A table of functions.
    StructOps {
        /// The number of the map that has it.
        map_id: u32,
    },
    /// Nothing that is told here.
    None,
}

impl LinkInfo {
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let info: sys::bpf::LinkInfo = sys::bpf::info(fd)?;
        Ok(Self {
            id: info.id,
            link_type: LinkType::from_raw(info.kind),
            program_id: info.prog_id,
            details: details(LinkType::from_raw(info.kind), info.details),
        })
    }
}

fn details(link_type: Option<LinkType>, words: [u32; 4]) -> LinkDetails {
    match link_type {
        Some(LinkType::Tracing) => LinkDetails::Tracing {
            // Extensions have the number 0, which is that of something else.
            attach_type: AttachType::from_raw(words[0]).filter(|_| words[0] != 0),
            target_object_id: words[1],
            target_btf_id: words[2],
        },
        Some(LinkType::Cgroup) => LinkDetails::Cgroup {
            cgroup_id: bytemuck::cast([words[0], words[1]]),
            attach_type: AttachType::from_raw(words[2]),
        },
        Some(LinkType::StructOps) => LinkDetails::StructOps { map_id: words[0] },
        _ => LinkDetails::None,
    }
}

pub(crate) fn failed(errno: Errno) -> Error {
    Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno)
}
