//! Programs attached by BTF: tracing, trace points, security hooks, iterators, replacements.

use super::fd::fd_link;
use crate::{Errno, Error, sys};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

fd_link! {
    /// A program where a function of the kernel or of another program begins.
    FentryLink, Tracing
}

fd_link! {
    /// A program where such a function returns.
    FexitLink, Tracing
}

fd_link! {
    /// A program that can take the place of a run of a function of the kernel.
    FmodRetLink, Tracing
}

fd_link! {
    /// A program at a trace point, by BTF.
    BtfTracepointLink, RawTracepoint
}

fd_link! {
    /// A program at a security hook.
    LsmLink, Tracing
}

fd_link! {
    /// A program at a security hook, for a cgroup.
    LsmCgroupLink, Cgroup
}

fd_link! {
    /// A program in the place of a function of another program, which comes back when the link
    /// goes.
    ExtensionLink, Tracing
}

fd_link! {
    /// An iterator, which [`open`](Self::open) reads. Pinned, it is a file that anybody who may
    /// can read.
    IterLink, Iter
}

impl IterLink {
    /// A file that runs the program for all that the iterator goes through while it is read, and
    /// gives what the program writes. Each file starts from the beginning.
    ///
    /// ```no_run
    /// # fn f(link: ebpf_rt::links::IterLink) -> Result<(), Box<dyn std::error::Error>> {
    /// print!("{}", std::io::read_to_string(link.open()?)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `BPF_ITER_CREATE` says.
    #[doc(alias = "BPF_ITER_CREATE")]
    pub fn open(&self) -> Result<IterFile, Error> {
        let file = sys::by_btf::iter_create(self.as_fd())
            .map_err(|errno| Error::failed("BPF_ITER_CREATE", errno))?;
        Ok(IterFile { file: file.into() })
    }
}

/// What an iterator's program writes, see [`IterLink::open`].
#[derive(Debug)]
pub struct IterFile {
    file: File,
}

impl io::Read for IterFile {
    /// # Errors
    /// `E2BIG` if the program writes more about one thing than the kernel keeps: eight pages.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match sys::fs::read(self.file.as_fd(), buffer) {
                // A million things in a row about which nothing was written: the kernel lets
                // others run, and wants to be asked again.
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno.into()),
                Ok(length) => return Ok(length),
            }
        }
    }
}

impl AsFd for IterFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl From<IterFile> for File {
    fn from(file: IterFile) -> Self {
        file.file
    }
}

impl From<IterFile> for OwnedFd {
    fn from(file: IterFile) -> Self {
        file.file.into()
    }
}
