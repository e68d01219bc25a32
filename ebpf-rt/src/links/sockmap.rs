//! Programs attached to sockmaps.

use super::fd::link_or_older;
use crate::programs::{Program, SkSkb};
use crate::{Errno, Error, sys};
use ebpf_asm::AttachType;
use std::os::fd::{AsFd, OwnedFd};

/// A program at a sockmap, which runs for the sockets that are put into it.
///
/// A socket takes the map's programs along when it is put into the map: detaching or updating
/// the link changes what later sockets get, and those that are in the map keep what they have
/// until they are taken out.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod wall { #[sk_skb_verdict] fn verdict(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!(Kernel(5, 13));
/// let wall = wall::load()?;
/// let sockets = ebpf_rt::SockMap::create(2)?;
/// let mut link = wall.progs.verdict.attach_to(&sockets)?;
/// // A new version of the program, without a moment in between:
/// link.update(&wall::load()?.progs.verdict)?;
/// link.detach()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the link detaches the program: bind it to a name, `let _link = …` (`let _ = …` drops it at once)"]
pub struct SkSkbLink {
    /// Nothing once it is detached, or left to itself.
    inner: Option<Inner>,
    /// Which of the map's programs it is; not known of a link that was pinned.
    attach_type: Option<AttachType>,
}

#[derive(Debug)]
enum Inner {
    /// A link of the kernel. Linux 6.10.
    Link(OwnedFd),
    /// Descriptors of our own, so that detaching works after the user's are closed.
    Attached { map: OwnedFd, program: OwnedFd },
}

impl SkSkbLink {
    pub(crate) fn link(fd: OwnedFd, attach_type: AttachType) -> Self {
        Self {
            inner: Some(Inner::Link(fd)),
            attach_type: Some(attach_type),
        }
    }

    pub(crate) fn attached(map: OwnedFd, program: OwnedFd, attach_type: AttachType) -> Self {
        Self {
            inner: Some(Inner::Attached { map, program }),
            attach_type: Some(attach_type),
        }
    }

    /// Detaches the program.
    ///
    /// # Errors
    /// What `BPF_LINK_DETACH` or, before Linux 6.10, `BPF_PROG_DETACH` says: `ENOENT` if
    /// another program is there meanwhile.
    #[doc(alias = "BPF_LINK_DETACH")]
    #[doc(alias = "BPF_PROG_DETACH")]
    pub fn detach(mut self) -> Result<(), Error> {
        match self.inner.take() {
            Some(Inner::Link(fd)) => sys::bpf::link_detach(fd.as_fd())
                .map_err(|errno| Error::failed("BPF_LINK_DETACH", errno)),
            Some(attached) => self.detach_attached(&attached).map_err(|errno| {
                let error = Error::failed("BPF_PROG_DETACH", errno);
                match errno {
                    Errno::ENOENT => error.because("the map has another program meanwhile"),
                    _ => error,
                }
            }),
            None => Ok(()),
        }
    }

    fn detach_attached(&self, inner: &Inner) -> Result<(), Errno> {
        match (inner, self.attach_type) {
            (Inner::Attached { map, program }, Some(attach_type)) => {
                sys::bpf::prog_detach(program.as_fd(), map.as_fd(), attach_type)
            }
            // Ends with its descriptor.
            _ => Ok(()),
        }
    }

    /// Puts another program of the same attribute in the place of this one, for sockets that
    /// are put into the map from now on.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is
    /// for something else; what `BPF_LINK_UPDATE` or, before Linux 6.10, `BPF_PROG_ATTACH`
    /// says.
    #[doc(alias = "BPF_LINK_UPDATE")]
    pub fn update(&mut self, program: &SkSkb) -> Result<(), Error> {
        let raw = program.as_raw();
        let fd = raw.fd()?;
        let kind = raw.kind().expected_attach_type();
        if self.attach_type.is_some() && self.attach_type != kind {
            return Err(raw.error(Error::invalid(format!(
                "it is a {} program, and that is not what it is to replace",
                raw.kind().name()
            ))));
        }
        let failed = |operation: &str, errno| raw.error(Error::failed(operation, errno));
        match (&mut self.inner, self.attach_type) {
            (Some(Inner::Link(link)), _) => sys::bpf::link_update(link.as_fd(), fd)
                .map_err(|errno| failed("BPF_LINK_UPDATE", errno)),
            (Some(Inner::Attached { map, program }), Some(attach_type)) => {
                let ours = sys::socket::duplicate(fd).map_err(|errno| failed("dup", errno))?;
                sys::bpf::prog_attach(fd, map.as_fd(), attach_type)
                    .map_err(|errno| failed("BPF_PROG_ATTACH", errno))?;
                *program = ours;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Leaves the program attached: until the process ends, or before Linux 6.10 until the map
    /// goes away.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod wall { #[sk_skb_verdict] fn verdict(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!(Kernel(6, 10));
    /// #     let (_mount, dir) = kernel_test::bpf::file_system()?;
    /// let sockets = ebpf_rt::SockMap::create(2)?;
    /// let link = wall::load()?.progs.verdict.attach_to(&sockets)?;
    /// // `dir` is in a bpffs: the name keeps the program attached, whatever becomes of us.
    /// link.pin(dir.join("wall"))?;
    /// assert!(ebpf_rt::links::SkSkbLink::from_pin(dir.join("wall"))?.info()?.link_type.is_some());
    /// link.forget();                                  // until the process ends
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget(mut self) {
        core::mem::forget(self.inner.take());
    }

    fn pinned(fd: OwnedFd) -> Self {
        Self {
            inner: Some(Inner::Link(fd)),
            attach_type: None,
        }
    }
}

link_or_older! {
    SkSkbLink, Sockmap, "6.10",
    "the program is attached to the map without a link",
    "links of sockmaps"
}

impl Drop for SkSkbLink {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            // Who wants to know whether it worked calls `detach`.
            let _ = self.detach_attached(&inner);
        }
    }
}
