//! Iterators: files that programs write while they are read.

use super::{HasTarget, RawProgram, program_impls};
use crate::capabilities::{self, Capability};
use crate::links::IterLink;
use crate::links::fd::Attachment;
use crate::{Errno, Error, sys};
use core::marker::PhantomData;
use ebpf_asm::object::ProgramKind;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// A program that runs for each of a kind of things that the kernel has, and writes about it
/// what it likes: `#[iter("task")]`. What it writes with `bpf_seq_write` or `bpf_seq_printf` is
/// what is read from a file that its link opens. Linux 5.8.
///
/// What can be gone through depends on the kernel: `task`, `task_file`, `task_vma`, `bpf_map`,
/// `bpf_map_elem`, `bpf_prog`, `bpf_link`, `cgroup`, `netlink`, `ipv6_route`, `tcp`, `udp`,
/// `unix`, `ksym`, …: the functions `bpf_iter_…` of its BTF. Their context types are in
/// [`context`](crate::context). The program returns 0, or 1 to be run for the same thing again;
/// after the last it may be run once more with a null pointer in the place of the thing.
///
/// ```
/// # use core::ffi::c_void;
/// # use core::mem::offset_of;
/// # use ebpf_rt::{context::bpf_iter__bpf_map, context::bpf_iter_meta, ebpf};
/// ebpf! {
///     #[license = "GPL"]
///     mod maps {
///         /// Writes a byte for each map.
///         #[iter("bpf_map")]
///         fn dots(ctx: *mut bpf_iter__bpf_map) -> i32 {
///             r2 = *(u64 *)(r1 + {offset_of!(bpf_iter__bpf_map, map)});
///             if r2 == 0 goto end;            // after the last
///             r1 = *(u64 *)(r1 + {offset_of!(bpf_iter__bpf_map, meta)});
///             r1 = *(u64 *)(r1 + {offset_of!(bpf_iter_meta, seq)});
///             *(u8 *)(r10 - 8) = b'.';
///             r2 = r10;
///             r2 += -8;
///             r3 = 1;
///             call bpf_seq_write;
///         end:
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let maps = maps::load()?;
/// let link = maps.progs.dots.attach()?;
/// let dots = std::io::read_to_string(link.open()?)?;
/// println!("{} maps", dots.len());
/// # Ok(())
/// # }
/// # fn main() {}
/// ```
#[doc(alias = "BPF_TRACE_ITER")]
#[derive(Debug)]
pub struct Iter {
    raw: RawProgram,
}

program_impls!(Iter, ProgramKind::Iter { .. });
impl HasTarget for Iter {}

/// Which of the things an iterator goes through.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{ebpf, programs::IterParameters};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod tasks {
///         #[iter("task")]
///         fn each(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!(Kernel(6, 1));
///     let tasks = tasks::load()?;
///     let me = std::process::id();
///     for parameters in [IterParameters::process(me), IterParameters::task(me)] {
///         let link = tasks.progs.each.attach_to(parameters)?;
///         assert_eq!(std::io::read_to_string(link.open()?)?, "");     // it writes nothing
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
#[doc(alias = "bpf_iter_link_info")]
pub struct IterParameters<'a> {
    /// The members of the kernel's union, as words; and how many there are.
    words: [u32; 4],
    length: usize,
    descriptor: PhantomData<BorrowedFd<'a>>,
}

/// How an iterator goes through cgroups.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{ebpf, programs::{CgroupOrder, IterParameters}};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod groups {
///         #[iter("cgroup")]
///         fn each(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!(Kernel(6, 1));
///     # let Some(mount) = kernel_test::cgroup2() else { return Ok(()) };
///     // `mount` is where cgroup2 is: /sys/fs/cgroup on most machines.
///     let root = std::fs::File::open(mount)?;
///     let groups = groups::load()?;
///     let below = IterParameters::cgroup(&root, CgroupOrder::DescendantsPre);
///     let link = groups.progs.each.attach_to(below)?;
///     assert_eq!(std::io::read_to_string(link.open()?)?, "");     // it writes nothing
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[doc(alias = "bpf_cgroup_iter_order")]
pub enum CgroupOrder {
    /// Only the one that is given.
    #[doc(alias = "BPF_CGROUP_ITER_SELF_ONLY")]
    SelfOnly = 1,
    /// It and those below it, each before those below.
    #[doc(alias = "BPF_CGROUP_ITER_DESCENDANTS_PRE")]
    DescendantsPre = 2,
    /// It and those below it, each after those below.
    #[doc(alias = "BPF_CGROUP_ITER_DESCENDANTS_POST")]
    DescendantsPost = 3,
    /// It and those above it, up to the root.
    #[doc(alias = "BPF_CGROUP_ITER_ANCESTORS_UP")]
    AncestorsUp = 4,
}

impl<'a> IterParameters<'a> {
    const fn new(words: [u32; 4], length: usize) -> Self {
        Self {
            words,
            length,
            descriptor: PhantomData,
        }
    }

    fn descriptor(fd: BorrowedFd<'_>) -> u32 {
        fd.as_raw_fd().cast_unsigned()
    }

    /// The entries of this map: for `bpf_map_elem` and `bpf_sk_storage_map`. Linux 5.9.
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::{HashMap, ebpf, programs::IterParameters};
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod entries {
    ///         #[iter("bpf_map_elem")]
    ///         fn each(ctx: *mut c_void) -> i32 {
    ///             r0 = 0;
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), ebpf_rt::Error> {
    ///     # kernel_test::example!(Kernel(5, 9));
    ///     let entries = entries::load()?;
    ///     let counts = HashMap::<u32, u64>::create(16)?;
    ///     let link = entries.progs.each.attach_to(IterParameters::map(&counts))?;
    ///     assert_eq!(link.info()?.program_id, entries.progs.each.info()?.id);
    ///     Ok(())
    /// }
    /// ```
    pub fn map(map: &'a impl AsFd) -> Self {
        Self::new([Self::descriptor(map.as_fd()), 0, 0, 0], 1)
    }

    /// This task, by its thread number: for `task`, `task_file` and `task_vma`. Linux 6.1.
    pub const fn task(tid: u32) -> Self {
        Self::new([tid, 0, 0, 0], 3)
    }

    /// All tasks of this process: for `task`, `task_file` and `task_vma`. Linux 6.1.
    pub const fn process(pid: u32) -> Self {
        Self::new([0, pid, 0, 0], 3)
    }

    /// All tasks of the process of this pidfd: for `task`, `task_file` and `task_vma`. Linux
    /// 6.1.
    ///
    /// ```
    /// use ebpf_rt::programs::IterParameters;
    /// use std::os::fd::OwnedFd;
    ///
    /// /// A process that cannot be mixed up with a later one of its number.
    /// fn of(pidfd: &OwnedFd) -> IterParameters<'_> {
    ///     IterParameters::pidfd(pidfd)
    /// }
    ///
    /// # let file = std::fs::File::open("/dev/null")?;
    /// assert!(format!("{:?}", of(&file.into())).starts_with("IterParameters"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "pid_fd")]
    pub fn pidfd(pidfd: &'a impl AsFd) -> Self {
        Self::new([0, 0, Self::descriptor(pidfd.as_fd()), 0], 3)
    }

    /// A cgroup, given by its open directory, and others around it: for `cgroup`. Linux 6.1.
    pub fn cgroup(cgroup: &'a impl AsFd, order: CgroupOrder) -> Self {
        Self::new([order as u32, Self::descriptor(cgroup.as_fd()), 0, 0], 4)
    }
}

impl Iter {
    /// Makes the iterator of all that its target has.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<IterLink, Error> {
        if matches!(self.target(), Some("bpf_map_elem" | "bpf_sk_storage_map")) {
            return Err(self.raw.error(
                Error::invalid("it goes through the entries of a map, and none is given")
                    .remedy("say which: attach_to(IterParameters::map(&map))"),
            ));
        }
        self.link(&[])
    }

    /// Makes the iterator of those things of its target that the parameters name.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the kernel is too old for
    /// the parameters; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such
    /// task; what else `BPF_LINK_CREATE` says: `EINVAL` or `EBADF` if the parameters are for
    /// another target.
    ///
    /// ```no_run
    /// use ebpf_rt::programs::IterParameters;
    ///
    /// # fn f(dump: ebpf_rt::programs::Iter) -> Result<(), ebpf_rt::Error> {
    /// let link = dump.attach_to(IterParameters::process(std::process::id()))?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "BPF_LINK_CREATE")]
    pub fn attach_to(&self, parameters: IterParameters<'_>) -> Result<IterLink, Error> {
        self.link(&parameters.words[..parameters.length])
    }

    fn link(&self, parameters: &[u32]) -> Result<IterLink, Error> {
        let program = self.raw.fd()?;
        sys::by_btf::link_iter(program, bytemuck::cast_slice(parameters))
            .map(|link| IterLink::new(Attachment::Link(link)))
            .map_err(|errno| self.explain(errno, parameters.len()))
    }

    fn explain(&self, errno: Errno, parameters: usize) -> Error {
        let error = self.raw.error(Error::failed("BPF_LINK_CREATE", errno));
        let target = self.target().unwrap_or_default();
        match errno {
            Errno::EPERM => capabilities::explain(error, &[Capability::Bpf, Capability::Perfmon]),
            Errno::EACCES => error.because(
                "the program reads or writes more than the keys or values of this map have, or \
                 writes what may only be read",
            ),
            Errno::ESRCH => error
                .with_kind(crate::ErrorKind::NotFound)
                .because("there is no such task"),
            Errno::EINVAL | Errno::E2BIG | Errno::EBADF => {
                let error = match parameters {
                    0 => error.because(format!(
                        "`{target}` cannot be gone through without parameters"
                    )),
                    _ => error.because(format!("these parameters are not for `{target}`")),
                };
                match parameters {
                    // The members of tasks and cgroups.
                    3 | 4 if errno != Errno::EBADF => capabilities::explain_since(
                        error,
                        6,
                        1,
                        "an iterator with these parameters",
                    ),
                    _ => error,
                }
            }
            _ => error,
        }
    }

    /// What is gone through, as the attribute or the options said it before the program was
    /// loaded.
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::ebpf;
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod tasks {
    ///         #[iter("task")]
    ///         fn each(ctx: *mut c_void) -> i32 {
    ///             r0 = 0;
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), ebpf_rt::Error> {
    ///     # kernel_test::example!();
    ///     assert_eq!(tasks::load()?.progs.each.target(), Some("task"));
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.raw.target()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::programs::raw::for_test;
    use crate::sys::script::{Recorded, Script, run};
    use std::fs::File;

    fn link(
        script: Script,
        parameters: IterParameters<'_>,
    ) -> (Result<IterLink, Error>, Vec<Recorded>) {
        run(script, || {
            let kind = ProgramKind::Iter {
                target: "task",
                sleepable: false,
            };
            let raw = for_test(kind);
            Iter { raw }.attach_to(parameters)
        })
    }

    #[test]
    fn parameters_are_as_long_as_their_member_of_the_union() {
        let file = File::open("/dev/null").unwrap();
        let cases = [
            (IterParameters::map(&file), 4),
            (IterParameters::task(7), 12),
            (IterParameters::process(7), 12),
            (IterParameters::pidfd(&file), 12),
            (IterParameters::cgroup(&file, CgroupOrder::AncestorsUp), 16),
        ];
        for (parameters, length) in cases {
            let (result, calls) = link(Script::new().fd(), parameters);
            drop(result.unwrap());
            assert_eq!((calls[0].u32(8), calls[0].u32(24)), (28, length));
        }
    }

    #[test]
    fn refusals_say_what_is_missing() {
        let old = Script::new().release("5.15.0").fails(Errno::EINVAL);
        let error = link(old, IterParameters::task(1)).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("needs Linux 6.1"), "{error}");
        let gone = Script::new().fails(Errno::ESRCH);
        let error = link(gone, IterParameters::task(1)).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
