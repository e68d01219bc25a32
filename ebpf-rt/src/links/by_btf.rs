//! Programs attached by BTF: tracing, trace points, security hooks, iterators, replacements.

use super::fd::fd_link;
use crate::{Errno, Error, sys};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

fd_link! {
    /// A program where a function of the kernel or of another program begins.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod unlinks { #[fentry("vfs_unlink")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// # if unlinks::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
    /// #     return Ok(kernel_test::for_the_matrix("programs at functions of the kernel"));
    /// # }
    /// let link = unlinks::load()?.progs.enter.attach()?;
    /// println!("{:?}", link.info()?.details);         // the function's number in the kernel's BTF
    /// # Ok(())
    /// # }
    /// ```
    FentryLink, Tracing
}

fd_link! {
    /// A program where such a function returns.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod unlinks { #[fexit("vfs_unlink")] fn leave(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// # if unlinks::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
    /// #     return Ok(kernel_test::for_the_matrix("programs at functions of the kernel"));
    /// # }
    /// let unlinks = unlinks::load()?;
    /// let link = unlinks.progs.leave.attach()?;
    /// assert_eq!(link.info()?.program_id, unlinks.progs.leave.info()?.id);
    /// # Ok(())
    /// # }
    /// ```
    FexitLink, Tracing
}

fd_link! {
    /// A program that can take the place of a run of a function of the kernel.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod allow { #[fmod_ret("security_file_open")] fn open(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// # if allow::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
    /// #     return Ok(kernel_test::for_the_matrix("programs at functions of the kernel"));
    /// # }
    /// let link = allow::load()?.progs.open.attach()?;
    /// assert!(std::fs::File::open("/").is_ok());      // it returns 0: nothing is refused
    /// link.detach()?;
    /// # Ok(())
    /// # }
    /// ```
    FmodRetLink, Tracing
}

fd_link! {
    /// A program at a trace point, by BTF.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod switches { #[tp_btf("sched_switch")] fn switch(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// let switches = switches::load()?;
    /// let link = switches.progs.switch.attach()?;
    /// assert_eq!(link.info()?.program_id, switches.progs.switch.info()?.id);
    /// # Ok(())
    /// # }
    /// ```
    BtfTracepointLink, RawTracepoint
}

fd_link! {
    /// A program at a security hook.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod guard { #[lsm("file_open")] fn open(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// # if guard::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
    /// #     return Ok(kernel_test::for_the_matrix("programs at security hooks"));
    /// # }
    /// let link = guard::load()?.progs.open.attach()?;
    /// // The rule holds for as long as the link does: pinned, also without the process.
    /// link.detach()?;
    /// # Ok(())
    /// # }
    /// ```
    LsmLink, Tracing
}

fd_link! {
    /// A program at a security hook, for a cgroup.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod guard { #[lsm_cgroup("socket_bind")] fn bind(ctx: *mut core::ffi::c_void) -> i32 { r0 = 1; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!(Kernel(6, 0));
    /// # if guard::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
    /// #     return Ok(kernel_test::for_the_matrix("programs at security hooks"));
    /// # }
    /// # let Some(mount) = kernel_test::cgroup2() else { return Ok(()) };
    /// // `mount` is where cgroup2 is: /sys/fs/cgroup on most machines.
    /// let root = std::fs::File::open(mount)?;
    /// let link = guard::load()?.progs.bind.attach_to(&root)?;
    /// println!("{:?}", link.info()?.details);
    /// # Ok(())
    /// # }
    /// ```
    LsmCgroupLink, Cgroup
}

fd_link! {
    /// A program in the place of a function of another program, which comes back when the link
    /// goes.
    ///
    /// ```
    /// use ebpf_rt::{Error, links::ExtensionLink, programs::{Extension, Program}};
    ///
    /// /// A rule for a while: the old function comes back when the link goes.
    /// fn with_rule<T>(rule: &Extension, during: impl FnOnce() -> T) -> Result<T, Error> {
    ///     let link: ExtensionLink = rule.attach()?;
    ///     let result = during();
    ///     link.detach()?;
    ///     Ok(result)
    /// }
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod filter { #[socket_filter] fn keep(skb: *const core::ffi::c_void) -> i32 { call rule; exit; } pub fn rule() -> i32 { r0 = 0; exit; } } }
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod new { #[freplace("rule")] fn keep_all(ctx: *mut core::ffi::c_void) -> i32 { r0 = 65535; exit; } } }
    /// # fn main() -> Result<(), Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// #     let mut loader = filter::loader();
    /// #     loader.options.debug_info(true);
    /// #     let filter = loader.load()?;
    /// #     let mut loader = new::loader();
    /// #     loader.progs.keep_all.target_program(&filter.progs.keep)?;
    /// #     let Ok(new) = loader.load() else {
    /// #         return Ok(kernel_test::for_the_matrix("programs in the place of functions"));
    /// #     };
    /// assert_eq!(with_rule(&new.progs.keep_all, || 7)?, 7);
    /// #     Ok(())
    /// # }
    /// ```
    ExtensionLink, Tracing
}

fd_link! {
    /// An iterator, which [`open`](Self::open) reads. Pinned, it is a file that anybody who may
    /// can read.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod tasks { #[iter("task")] fn each(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!(Kernel(5, 8));
    /// #     let (_mount, dir) = kernel_test::bpf::file_system()?;
    /// // `dir` is in a bpffs: a file that anybody who may can read.
    /// tasks::load()?.progs.each.attach()?.pin(dir.join("tasks"))?;
    /// assert_eq!(std::fs::read_to_string(dir.join("tasks"))?, "");    // it writes nothing
    /// # Ok(())
    /// # }
    /// ```
    IterLink, Iter
}

impl IterLink {
    /// A file that runs the program for all that the iterator goes through while it is read, and
    /// gives what the program writes. Each file starts from the beginning.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod tasks { #[iter("task")] fn each(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!(Kernel(5, 8));
    /// let link = tasks::load()?.progs.each.attach()?;
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
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod tasks { #[iter("task")] fn each(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     kernel_test::example!(Kernel(5, 8));
/// use std::io::Read;
///
/// let link = tasks::load()?.progs.each.attach()?;
/// let mut text = String::new();
/// link.open()?.read_to_string(&mut text)?;        // each file starts from the beginning
/// assert_eq!(text, "");                           // the program writes nothing
/// # Ok(())
/// # }
/// ```
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
