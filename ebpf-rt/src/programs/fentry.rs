//! Functions of the kernel and of programs, by BTF: entry, return, and instead of.

use super::by_btf::{attach_impls, cookie_impls};
use super::{HasTargetProgram, RawProgram, program_impls};
use ebpf_asm::object::ProgramKind;

/// A program that runs where a function of the kernel begins: `#[fentry("vfs_unlink")]`. It
/// costs less than a kprobe, and gets the function's arguments with their types, so that it can
/// follow pointers by plain loads. Linux 5.5.
///
/// Its context is the arguments, eight bytes each
/// ([`arg_offset`](crate::context::arg_offset)). The function is looked for in the kernel's BTF
/// when the program is loaded, then in the modules'; `module:function` names one.
/// [`target`](crate::load::ProgramOptions::target) names another one than the attribute, or
/// one for an attribute that names none;
/// [`target_program`](crate::load::ProgramOptions::target_program) makes it a function of
/// another program. With `sleepable` in the attribute the program may wait, at functions that
/// may. Linux 5.10.
///
/// ```
/// # use core::ffi::c_void;
/// # use ebpf_rt::{Global, context::arg_offset, ebpf};
/// ebpf! {
///     #[license = "GPL"]
///     mod exits {
///         static CODE: Global<u64> = Global::new(0);
///
///         #[fentry("do_exit")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r2 = *(u64 *)(r1 + {arg_offset(0)});
///             r1 = CODE ll;
///             *(u64 *)(r1 + 0) = r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// # fn run() -> Result<(), ebpf_rt::Error> {
/// let mut loader = exits::loader();
/// loader.progs.enter.target("do_group_exit");
/// let exits = loader.load()?;
/// let _link = exits.progs.enter.attach()?;
/// # Ok(())
/// # }
/// # fn main() {}
/// ```
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, context::arg_offset, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod exits {
///         static CODE: Global<u64> = Global::new(0);
///
///         #[fentry("do_exit")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r2 = *(u64 *)(r1 + {arg_offset(0)});        // long code
///             r1 = CODE ll;
///             *(u64 *)(r1 + 0) = r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     # if exits::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
///     #     return Ok(kernel_test::for_the_matrix("programs at functions of the kernel"));
///     # }
///     let mut loader = exits::loader();
///     loader.progs.enter.target("do_group_exit"); // another function than the attribute says
///     let exits = loader.load()?;
///     let _link = exits.progs.enter.attach()?;
///     std::process::Command::new("false").status()?;
///     assert_eq!(exits.maps.CODE.get(), 1 << 8);
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_TRACE_FENTRY")]
#[derive(Debug)]
pub struct Fentry {
    raw: RawProgram,
}

program_impls!(Fentry, ProgramKind::Fentry { .. });
attach_impls!(Fentry, FentryLink, "the function");
cookie_impls!(Fentry, FentryLink, "5.19");
impl HasTargetProgram for Fentry {}

/// A program that runs where a function of the kernel returns: `#[fexit("vfs_unlink")]`. Its
/// context is the function's arguments, eight bytes each, and behind them the result. Linux 5.5.
///
/// Where it goes is said and found as for [`Fentry`].
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, context::arg_offset, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod unlinks {
///         static FAILED: Global<u64> = Global::new(0);
///
///         #[fexit("vfs_unlink")]
///         fn leave(ctx: *mut c_void) -> i32 {
///             r0 = *(u64 *)(r1 + {arg_offset(4)});        // behind the arguments: the result
///             r1 = FAILED ll;
///             if r0 == 0 goto done;
///             r2 = 1;
///             lock *(u64 *)(r1 + 0) += r2;
///         done:
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     # if unlinks::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
///     #     return Ok(kernel_test::for_the_matrix("programs at functions of the kernel"));
///     # }
///     let unlinks = unlinks::load()?;
///     assert_eq!(unlinks.progs.leave.target(), Some("vfs_unlink"));
///     let _link = unlinks.progs.leave.attach()?;
///     println!("{} failed", unlinks.maps.FAILED.get());
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_TRACE_FEXIT")]
#[derive(Debug)]
pub struct Fexit {
    raw: RawProgram,
}

program_impls!(Fexit, ProgramKind::Fexit { .. });
attach_impls!(Fexit, FexitLink, "the function");
cookie_impls!(Fexit, FexitLink, "5.19");
impl HasTargetProgram for Fexit {}

/// A program that runs where a function of the kernel begins and, if it returns something other
/// than 0, instead of it: `#[fmod_ret("security_file_open")]`. Linux 5.7.
///
/// That goes for functions that the kernel has opened for it: those in its list for error
/// injection, security hooks (`security_…`), and later some more. The program's context is the
/// arguments, and behind them the result of the programs that ran before it.
///
/// Where it goes is said and found as for [`Fentry`].
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::ebpf;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod locked {
///         #[fmod_ret("security_file_open")]
///         fn refuse(ctx: *mut c_void) -> i32 {
///             r0 = -1;                            // EPERM, for every process
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     # if locked::load().is_err_and(|error| error.kind() == ebpf_rt::ErrorKind::Permission) {
///     #     return Ok(kernel_test::for_the_matrix("programs at functions of the kernel"));
///     # }
///     let locked = locked::load()?;
///     assert_eq!(locked.progs.refuse.target(), Some("security_file_open"));
///     # /*
///     let link = locked.progs.refuse.attach()?;   // nobody opens a file until it is dropped
///     # */
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_MODIFY_RETURN")]
#[derive(Debug)]
pub struct FmodRet {
    raw: RawProgram,
}

program_impls!(FmodRet, ProgramKind::FmodRet { .. });
attach_impls!(FmodRet, FmodRetLink, "the function");
cookie_impls!(FmodRet, FmodRetLink, "5.19");
