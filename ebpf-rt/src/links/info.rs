//! What the kernel says about a link.

use crate::{Errno, Error, sys};
use ebpf_asm::{AttachType, LinkType};
use std::os::fd::BorrowedFd;

/// What the kernel says about a link. Linux 5.8.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// use ebpf_rt::LinkType;
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!(Kernel(5, 15));
/// let calls = calls::load()?;
/// let info = calls.progs.enter.attach()?.info()?;
/// assert_eq!(info.link_type, Some(LinkType::RawTracepoint));
/// assert_eq!(info.program_id, calls.progs.enter.info()?.id);
/// # Ok(())
/// # }
/// ```
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
///
/// ```
/// use ebpf_rt::{inventory, links::LinkDetails};
///
/// # kernel_test::example!(Kernel(5, 8));
/// for link in inventory::links() {
///     match link?.details {
///         LinkDetails::Cgroup { cgroup_id, .. } => println!("at cgroup {cgroup_id}"),
///         LinkDetails::Tracing { target_btf_id, .. } => println!("at type {target_btf_id}"),
///         _ => {}
///     }
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
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
