//! Links that are a file descriptor: of a link of the kernel, or of a perf event.

use super::{LinkInfo, info};
use crate::{Errno, Error, ErrorKind, pins};
use ebpf_asm::LinkType;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// How a program is attached.
#[derive(Debug)]
pub(crate) enum Attachment {
    /// By a link of the kernel.
    Link(OwnedFd),
    /// By a perf event that it was set on: Linux before 5.15.
    Event(OwnedFd),
}

impl Attachment {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Link(fd) | Self::Event(fd) => fd.as_fd(),
        }
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        match self {
            Self::Link(fd) | Self::Event(fd) => fd,
        }
    }

    /// The descriptor, if it is that of a link.
    fn link(&self) -> Result<BorrowedFd<'_>, Error> {
        match self {
            Self::Link(fd) => Ok(fd.as_fd()),
            Self::Event(_) => Err(Error::new(ErrorKind::Unsupported)
                .because("the program is attached to a perf event, which is no link")
                .remedy("links of trace points and probes take Linux 5.15")),
        }
    }

    pub(crate) fn pin(&self, path: &Path) -> Result<(), Error> {
        pins::pin(self.link()?, path)
    }

    pub(crate) fn info(&self) -> Result<LinkInfo, Error> {
        LinkInfo::of(self.link()?).map_err(info::failed)
    }

    /// The link that is pinned there, if it is of this kind.
    pub(crate) fn from_pin(path: &Path, wanted: LinkType) -> Result<Self, Error> {
        let fd = pins::open(path)?;
        let shown = path.display();
        match LinkInfo::of(fd.as_fd()) {
            // What is pinned can be a map or a program, whose numbers for kinds mean others:
            // only a link has a program of that number.
            Ok(found)
                if found.link_type == Some(wanted) && pins::is_of_kind(fd.as_fd(), "link_id:") =>
            {
                Ok(Self::Link(fd))
            }
            Ok(_) | Err(Errno::EINVAL) => Err(Error::invalid(format!(
                "what is pinned at {shown} is not a link of type `{wanted}`"
            ))),
            Err(errno) => Err(info::failed(errno)),
        }
    }
}

macro_rules! fd_link {
    ($(#[$meta:meta])* $name:ident, $link_type:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[must_use = "dropping the link detaches the program: bind it to a name, `let _link = …` (`let _ = …` drops it at once)"]
        pub struct $name {
            attachment: crate::links::fd::Attachment,
        }

        impl $name {
            pub(crate) fn new(attachment: crate::links::fd::Attachment) -> Self {
                Self { attachment }
            }

            /// Detaches the program, unless the link is pinned. It may still be running on
            /// another CPU when this returns.
            ///
            /// # Errors
            /// Does not happen with this kind of link, which ends with its descriptor.
            pub fn detach(self) -> Result<(), crate::Error> {
                drop(self);
                Ok(())
            }

            /// The descriptor, which keeps the program attached until it is closed.
            #[must_use = "closing the descriptor detaches the program"]
            pub fn into_fd(self) -> std::os::fd::OwnedFd {
                self.attachment.into_fd()
            }

            /// Leaves the program attached until the process ends.
            pub fn forget(self) {
                core::mem::forget(self);
            }

            /// Gives the link a name in the file system for eBPF objects: the program stays
            /// attached after the process ends, until the name is removed. Linux 5.7, of
            /// trace points and probes 5.15.
            ///
            /// # Errors
            /// What `BPF_OBJ_PIN` says, with a hint where no such file system is mounted;
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is no link.
            #[doc(alias = "BPF_OBJ_PIN")]
            pub fn pin(&self, path: impl AsRef<std::path::Path>) -> Result<(), crate::Error> {
                self.attachment.pin(path.as_ref())
            }

            /// The link that was pinned there.
            ///
            /// # Errors
            /// What `BPF_OBJ_GET` says;
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is something else.
            #[doc(alias = "BPF_OBJ_GET")]
            pub fn from_pin(path: impl AsRef<std::path::Path>) -> Result<Self, crate::Error> {
                let link_type = ebpf_asm::LinkType::$link_type;
                crate::links::fd::Attachment::from_pin(path.as_ref(), link_type).map(Self::new)
            }

            /// What the kernel says about the link. Linux 5.8, of trace points and probes
            /// 5.15.
            ///
            /// # Errors
            /// What `BPF_OBJ_GET_INFO_BY_FD` says;
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is no link.
            #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
            pub fn info(&self) -> Result<crate::links::LinkInfo, crate::Error> {
                self.attachment.info()
            }
        }

        impl crate::links::Link for $name {
            fn pin(&self, path: &std::path::Path) -> Result<(), crate::Error> {
                self.attachment.pin(path)
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.attachment.fd()
            }
        }
    };
}
pub(crate) use fd_link;

/// Pins several attachments as one thing: a directory with a name for each.
pub(crate) fn pin_all(attachments: &[Attachment], directory: &Path) -> Result<(), Error> {
    // Nothing is made where it is known to be in vain.
    for attachment in attachments {
        attachment.link()?;
    }
    pins::make_directory(directory)?;
    for (index, attachment) in attachments.iter().enumerate() {
        if let Err(error) = attachment.pin(&directory.join(index.to_string())) {
            // What cannot be removed either adds nothing to the error.
            let _ = pins::remove_all(directory);
            return Err(error);
        }
    }
    Ok(())
}

/// What was pinned so.
pub(crate) fn all_from_pin(directory: &Path, wanted: LinkType) -> Result<Vec<Attachment>, Error> {
    let names = pins::names(directory)?;
    if names.is_empty() {
        return Err(Error::invalid(format!(
            "there is no link in the directory {}",
            directory.display()
        )));
    }
    let paths = names.iter().map(|name| directory.join(name));
    paths
        .map(|path| Attachment::from_pin(&path, wanted))
        .collect()
}

/// Several attachments that are one thing for the user.
macro_rules! set_link {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[must_use = "dropping the link detaches the program: bind it to a name, `let _link = …` (`let _ = …` drops it at once)"]
        pub struct $name {
            attachments: Vec<crate::links::fd::Attachment>,
        }

        impl $name {
            pub(crate) fn new(attachments: Vec<crate::links::fd::Attachment>) -> Self {
                Self { attachments }
            }

            /// At how many places the program is attached.
            #[must_use]
            #[expect(clippy::len_without_is_empty, reason = "there is always one")]
            pub fn len(&self) -> usize {
                self.attachments.len()
            }

            /// Detaches the program everywhere. It may still be running on another CPU when
            /// this returns.
            ///
            /// ```
            /// use core::ffi::c_void;
            /// use ebpf_rt::ebpf;
            /// use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
            /// # ebpf! { #[license = "GPL"] mod profile { #[perf_event] fn sample(ctx: *mut c_void) -> i32 { r0 = 0; exit; } } }
            ///
            /// # fn main() -> Result<(), ebpf_rt::Error> {
            /// #     kernel_test::example!();
            /// let point = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(9));
            /// let sample = profile::load()?.progs.sample;
            /// sample.attach_to(point)?.detach()?;             // for a while
            /// sample.attach_to(point)?.forget();              // until the process ends
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// Does not happen with this kind of link, which ends with its descriptors.
            pub fn detach(self) -> Result<(), crate::Error> {
                drop(self);
                Ok(())
            }

            /// The descriptors, each of which keeps the program attached at one place until
            /// it is closed.
            #[must_use = "closing the descriptors detaches the program"]
            pub fn into_fds(self) -> Vec<std::os::fd::OwnedFd> {
                let attachments = self.attachments.into_iter();
                attachments.map(crate::links::fd::Attachment::into_fd).collect()
            }

            /// Leaves the program attached until the process ends.
            pub fn forget(self) {
                core::mem::forget(self);
            }

            /// Gives the links names in a new directory of the file system for eBPF objects: the
            /// program stays attached after the process ends, until they are removed. Linux 5.15.
            ///
            /// # Errors
            /// Of the first step that fails, and no name stays then: what mkdir(2) and
            /// `BPF_OBJ_PIN` say, with a hint where no such file system is mounted;
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where they are no links.
            #[doc(alias = "BPF_OBJ_PIN")]
            pub fn pin(
                &self,
                directory: impl AsRef<std::path::Path>,
            ) -> Result<(), crate::Error> {
                crate::links::fd::pin_all(&self.attachments, directory.as_ref())
            }

            /// The links that were pinned in this directory.
            ///
            /// # Errors
            /// What `BPF_OBJ_GET` says;
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if there is something else, or
            /// nothing.
            #[doc(alias = "BPF_OBJ_GET")]
            pub fn from_pin(
                directory: impl AsRef<std::path::Path>,
            ) -> Result<Self, crate::Error> {
                let link_type = ebpf_asm::LinkType::PerfEvent;
                crate::links::fd::all_from_pin(directory.as_ref(), link_type).map(Self::new)
            }

            /// What the kernel says about the link at each place. Linux 5.15.
            ///
            /// # Errors
            /// What `BPF_OBJ_GET_INFO_BY_FD` says;
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is no link.
            #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
            pub fn info(&self) -> Result<Vec<crate::links::LinkInfo>, crate::Error> {
                let attachments = self.attachments.iter();
                attachments.map(crate::links::fd::Attachment::info).collect()
            }
        }

        impl crate::links::Link for $name {
            fn pin(&self, path: &std::path::Path) -> Result<(), crate::Error> {
                self.pin(path)
            }
        }
    };
}
pub(crate) use set_link;

/// What links have that older kernels do without: an `inner` that is `Inner::Link` or something
/// else, and `pinned`, which makes one of a descriptor.
macro_rules! link_or_older {
    ($name:ident, $link_type:ident, $since:literal, $without:literal, $links:literal) => {
        impl $name {
            fn fd(&self) -> Result<&std::os::fd::OwnedFd, crate::Error> {
                match &self.inner {
                    Some(Inner::Link(fd)) => Ok(fd),
                    _ => Err(crate::Error::new(crate::ErrorKind::Unsupported)
                        .because($without)
                        .remedy(concat!($links, " take Linux ", $since))),
                }
            }

            /// Gives the link a name in the file system for eBPF objects: it outlives the
            #[doc = concat!("process, until the name is removed. Linux ", $since, ".")]
            ///
            /// # Errors
            /// What `BPF_OBJ_PIN` says, with a hint where no such file system is mounted;
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is no link.
            #[doc(alias = "BPF_OBJ_PIN")]
            pub fn pin(&self, path: impl AsRef<std::path::Path>) -> Result<(), crate::Error> {
                crate::pins::pin(std::os::fd::AsFd::as_fd(self.fd()?), path.as_ref())
            }

            /// The link that was pinned there.
            ///
            /// # Errors
            /// What `BPF_OBJ_GET` says; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is
            /// something else.
            #[doc(alias = "BPF_OBJ_GET")]
            pub fn from_pin(path: impl AsRef<std::path::Path>) -> Result<Self, crate::Error> {
                let link_type = ebpf_asm::LinkType::$link_type;
                let link = crate::links::fd::Attachment::from_pin(path.as_ref(), link_type)?;
                Ok(Self::pinned(link.into_fd()))
            }

            #[doc = concat!("What the kernel says about the link. Linux ", $since, ".")]
            ///
            /// # Errors
            /// What `BPF_OBJ_GET_INFO_BY_FD` says;
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is no link.
            #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
            pub fn info(&self) -> Result<crate::links::LinkInfo, crate::Error> {
                let fd = std::os::fd::AsFd::as_fd(self.fd()?);
                crate::links::LinkInfo::of(fd).map_err(crate::links::info::failed)
            }
        }

        impl crate::links::Link for $name {
            fn pin(&self, path: &std::path::Path) -> Result<(), crate::Error> {
                self.pin(path)
            }
        }
    };
}
pub(crate) use link_or_older;
