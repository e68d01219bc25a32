//! Security hooks.

use super::by_btf::attach_impls;
use super::{HasTarget, RawProgram, program_impls};
use crate::capabilities::{self, Capability};
use crate::links::LsmCgroupLink;
use crate::links::fd::Attachment;
use crate::{Errno, Error, sys};
use ebpf_asm::AttachType;
use ebpf_asm::object::ProgramKind;
use std::os::fd::AsFd;

/// A program that decides at a security hook: `#[lsm("file_open")]`. It returns 0 to allow what
/// is about to happen, or a negative error number; behind the hook's arguments its context has
/// what the programs before it returned. Linux 5.7.
///
/// The hooks are those of `linux/lsm_hook_defs.h`. With `sleepable` in the attribute the program
/// may wait, at hooks that may; Linux 5.10. [`target`](crate::load::ProgramOptions::target)
/// names another hook than the attribute.
///
/// The program runs only where BPF is in the kernel's list of security modules:
/// `/sys/kernel/security/lsm` has `bpf`, by the kernel's configuration or by `lsm=…,bpf` on its
/// command line. Attaching it works elsewhere, too.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{context::arg_offset, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod guard {
///         #[lsm("file_open")]
///         fn open(ctx: *mut c_void) -> i32 {
///             r0 = *(u64 *)(r1 + {arg_offset(1)});        // what the programs before it said
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     # if guard::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
///     #     return Ok(kernel_test::for_the_matrix("programs at security hooks"));
///     # }
///     let guard = guard::load()?;
///     assert_eq!(guard.progs.open.target(), Some("file_open"));
///     let _link = guard.progs.open.attach()?;
///     assert!(std::fs::File::open("/").is_ok());
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_LSM")]
#[doc(alias = "BPF_LSM_MAC")]
#[derive(Debug)]
pub struct Lsm {
    raw: RawProgram,
}

program_impls!(Lsm, ProgramKind::Lsm { .. });
attach_impls!(Lsm, LsmLink, "the hook");

/// A program that decides at a security hook, for what the tasks of a cgroup do:
/// `#[lsm_cgroup("socket_bind")]`. It returns 1 to allow it, 0 to refuse it with `EPERM` or
/// with what `bpf_set_retval` said. Linux 6.0.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::ebpf;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod guard {
///         #[lsm_cgroup("socket_bind")]
///         fn bind(ctx: *mut c_void) -> i32 {
///             r0 = 1;                             // allowed
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!(Kernel(6, 0));
///     # if guard::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
///     #     return Ok(kernel_test::for_the_matrix("programs at security hooks"));
///     # }
///     # let Some(mount) = kernel_test::cgroup2() else { return Ok(()) };
///     // `mount` is where cgroup2 is: /sys/fs/cgroup on most machines.
///     let guard = guard::load()?;
///     assert_eq!(guard.progs.bind.target(), Some("socket_bind"));
///     let _link = guard.progs.bind.attach_to(&std::fs::File::open(mount)?)?;
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_LSM_CGROUP")]
#[derive(Debug)]
pub struct LsmCgroup {
    raw: RawProgram,
}

program_impls!(LsmCgroup, ProgramKind::LsmCgroup { .. });
impl HasTarget for LsmCgroup {}

impl LsmCgroup {
    /// Attaches the program for a cgroup, given by its open directory, and those below it.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_NET_ADMIN`; what
    /// else `BPF_LINK_CREATE` says.
    #[doc(alias = "BPF_LINK_CREATE")]
    pub fn attach_to(&self, cgroup: &impl AsFd) -> Result<LsmCgroupLink, Error> {
        let program = self.raw.fd()?;
        sys::bpf::link_create(program, cgroup.as_fd(), AttachType::LsmCgroup)
            .map(|link| LsmCgroupLink::new(Attachment::Link(link)))
            .map_err(|errno| {
                let error = self.raw.error(Error::failed("BPF_LINK_CREATE", errno));
                match errno {
                    Errno::EPERM => {
                        capabilities::explain(error, &[Capability::Bpf, Capability::NetAdmin])
                    }
                    Errno::EBADF => {
                        error.because("the descriptor is not that of a cgroup's directory")
                    }
                    Errno::E2BIG | Errno::ENOSPC => error
                        .because("programs of this kind are at as many hooks as the kernel allows"),
                    _ => error,
                }
            })
    }

    /// The hook, as the attribute or the options said it before the program was loaded.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.raw.target()
    }
}
