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
/// ```no_run
/// # fn f(leave: ebpf_rt::programs::Fexit) -> Result<(), ebpf_rt::Error> {
/// let _link = leave.attach()?;
/// # Ok(())
/// # }
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
/// ```no_run
/// # fn f(refuse: ebpf_rt::programs::FmodRet) -> Result<(), ebpf_rt::Error> {
/// let _link = refuse.attach()?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "BPF_MODIFY_RETURN")]
#[derive(Debug)]
pub struct FmodRet {
    raw: RawProgram,
}

program_impls!(FmodRet, ProgramKind::FmodRet { .. });
attach_impls!(FmodRet, FmodRetLink, "the function");
cookie_impls!(FmodRet, FmodRetLink, "5.19");
