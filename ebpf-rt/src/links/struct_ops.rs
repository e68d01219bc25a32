//! Tables of functions at work.

use super::fd::link_or_older;
use crate::maps::{Map, RawMap, StructOps};
use crate::{Errno, Error, sys};
use std::os::fd::{AsFd, OwnedFd};

/// A table of functions that the kernel calls: [`StructOps::attach`].
///
/// Dropping it takes the table away: what is using it (a connection its congestion control)
/// keeps it to its end.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod steady {
/// #     static STEADY: ebpf_rt::StructOps = ebpf_rt::StructOps::new("tcp_congestion_ops", &[ebpf_rt::object::StructOpsMember::text("name", "steady_two")]);
/// #     #[struct_ops("tcp_congestion_ops", "ssthresh")] fn ssthresh(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
/// #     #[struct_ops("tcp_congestion_ops", "undo_cwnd")] fn undo_cwnd(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
/// #     #[struct_ops("tcp_congestion_ops", "cong_avoid")] fn cong_avoid(ctx: *mut core::ffi::c_void) { exit; }
/// # } }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!(Kernel(6, 4));
/// // `STEADY` is a table of functions, a congestion control of TCP.
/// let link = steady::load()?.maps.STEADY.attach()?;
/// assert_eq!(link.info()?.link_type, Some(ebpf_rt::LinkType::StructOps));
/// link.detach()?;                                 // connections that have it keep it
/// # Ok(())
/// # }
/// ```
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod steady {
/// #     static STEADY: ebpf_rt::StructOps = ebpf_rt::StructOps::new("tcp_congestion_ops", &[ebpf_rt::object::StructOpsMember::text("name", "steady_five")]);
/// #     #[struct_ops("tcp_congestion_ops", "ssthresh")] fn ssthresh(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
/// #     #[struct_ops("tcp_congestion_ops", "undo_cwnd")] fn undo_cwnd(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
/// #     #[struct_ops("tcp_congestion_ops", "cong_avoid")] fn cong_avoid(ctx: *mut core::ffi::c_void) { exit; }
/// # } }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     kernel_test::example!(Kernel(6, 4));
/// #     let (_mount, dir) = kernel_test::bpf::file_system()?;
/// use ebpf_rt::links::StructOpsLink;
///
/// let link = steady::load()?.maps.STEADY.attach()?;
/// // `dir` is in a bpffs: the name keeps the table in the kernel.
/// link.pin(dir.join("steady"))?;
/// drop(link);
/// StructOpsLink::from_pin(dir.join("steady"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the link takes the table away: bind it to a name, `let _link = …` (`let _ = …` drops it at once)"]
pub struct StructOpsLink {
    /// Nothing once it is detached, or left to itself.
    inner: Option<Inner>,
}

#[derive(Debug)]
enum Inner {
    /// A link of the kernel. Linux 6.4.
    Link(OwnedFd),
    /// A table that is there for as long as its map has its only entry.
    Registered(RawMap),
}

impl StructOpsLink {
    pub(crate) fn link(fd: OwnedFd) -> Self {
        Self {
            inner: Some(Inner::Link(fd)),
        }
    }

    pub(crate) fn registered(map: RawMap) -> Self {
        Self {
            inner: Some(Inner::Registered(map)),
        }
    }

    /// Takes the table away.
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says, before Linux 6.4; later it does not fail.
    pub fn detach(mut self) -> Result<(), Error> {
        self.inner.take().map_or(Ok(()), end)
    }

    /// Puts another table of the same type in the place of this one, without a moment in
    /// between. Linux 6.4, for types that can do it.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod steady {
    /// #     static STEADY: ebpf_rt::StructOps = ebpf_rt::StructOps::new("tcp_congestion_ops", &[ebpf_rt::object::StructOpsMember::text("name", "steady_three")]);
    /// #     #[struct_ops("tcp_congestion_ops", "ssthresh")] fn ssthresh(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
    /// #     #[struct_ops("tcp_congestion_ops", "undo_cwnd")] fn undo_cwnd(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
    /// #     #[struct_ops("tcp_congestion_ops", "cong_avoid")] fn cong_avoid(ctx: *mut core::ffi::c_void) { exit; }
    /// # } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(6, 4));
    /// let mut link = steady::load()?.maps.STEADY.attach()?;
    /// // A new version of it, of the same name:
    /// link.update(&steady::load()?.maps.STEADY)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 6.4; what else `BPF_LINK_UPDATE` says: `EINVAL`
    /// if the table is of another type, or has another name.
    #[doc(alias = "BPF_LINK_UPDATE")]
    pub fn update(&mut self, table: &StructOps) -> Result<(), Error> {
        let map = table.as_raw();
        let link = self.fd().map_err(|error| map.error(error))?;
        sys::by_btf::update_struct_ops(link.as_fd(), map.as_fd()).map_err(|errno| {
            let error = map.error(Error::failed("BPF_LINK_UPDATE", errno));
            match errno {
                Errno::EINVAL => error.because(
                    "it cannot take the place of what is there: its type or its name differs",
                ),
                Errno::EOPNOTSUPP | Errno::ENOTSUPP => {
                    error.because("tables of this type cannot be replaced while they are in use")
                }
                _ => error,
            }
        })
    }

    /// Leaves the table in place: until the process ends, or before Linux 6.4 until the map's
    /// last descriptor and pin are gone.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod steady {
    /// #     static STEADY: ebpf_rt::StructOps = ebpf_rt::StructOps::new("tcp_congestion_ops", &[ebpf_rt::object::StructOpsMember::text("name", "steady_four")]);
    /// #     #[struct_ops("tcp_congestion_ops", "ssthresh")] fn ssthresh(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
    /// #     #[struct_ops("tcp_congestion_ops", "undo_cwnd")] fn undo_cwnd(ctx: *mut core::ffi::c_void) -> u32 { r0 = 10; exit; }
    /// #     #[struct_ops("tcp_congestion_ops", "cong_avoid")] fn cong_avoid(ctx: *mut core::ffi::c_void) { exit; }
    /// # } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(6, 4));
    /// let link = steady::load()?.maps.STEADY.attach()?;
    /// link.forget();                                  // until the process ends
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget(mut self) {
        core::mem::forget(self.inner.take());
    }

    fn pinned(fd: OwnedFd) -> Self {
        Self::link(fd)
    }
}

link_or_older! {
    StructOpsLink, StructOps, "6.4",
    "the table is in place without a link",
    "links of tables of functions"
}

fn end(inner: Inner) -> Result<(), Error> {
    match inner {
        Inner::Link(fd) => {
            drop(fd);
            Ok(())
        }
        Inner::Registered(map) => sys::bpf::map_delete(map.as_fd(), &0u32.to_ne_bytes())
            .map_err(|errno| map.error(Error::failed("BPF_MAP_DELETE_ELEM", errno))),
    }
}

impl Drop for StructOpsLink {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            // Who wants to know whether it worked calls `detach`.
            let _ = end(inner);
        }
    }
}
