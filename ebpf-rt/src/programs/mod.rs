//! Programs in the kernel, one type for each kind: where they can be attached differs.
//!
//! The kernel takes 15 bytes of a program's name, of letters, digits, `_` and `.`: longer
//! names are cut there, and other characters become `_`. Errors show the whole name.
//!
//! A program that was left out by [`skip`](crate::load::ProgramOptions::skip), or was
//! [`optional`](crate::load::ProgramOptions::optional) and refused, has a handle too;
//! attaching it is an error that says so.
//!
//! ```
//! use core::ffi::c_void;
//! use ebpf_rt::ebpf;
//!
//! ebpf! {
//!     #[license = "GPL"]
//!     mod calls {
//!         #[raw_tracepoint("sys_enter")]
//!         fn enter(ctx: *mut c_void) -> i32 {
//!             r0 = 0;
//!             exit;
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), ebpf_rt::Error> {
//!     # kernel_test::example!();
//!     let mut loader = calls::loader();
//!     loader.progs.enter.optional();
//!     let calls = loader.load()?;
//!     match calls.progs.enter.load_error() {
//!         None => drop(calls.progs.enter.attach()?),
//!         Some(error) => println!("without it: {error}"),
//!     }
//!     Ok(())
//! }
//! ```

mod attach;
#[cfg(feature = "btf")]
mod btf_tracepoint;
#[cfg(feature = "btf")]
mod by_btf;
#[cfg(feature = "btf")]
mod extension;
#[cfg(feature = "btf")]
mod fentry;
mod info;
#[cfg(feature = "btf")]
mod iter;
mod kprobe;
mod kprobe_multi;
#[cfg(feature = "btf")]
mod lsm;
mod perf_event;
mod raw;
mod raw_tracepoint;
mod sk_skb;
mod socket_filter;
#[cfg(feature = "btf")]
mod struct_ops;
mod test_run;
mod tracepoint;
#[cfg(feature = "uprobes")]
mod uprobe;
#[cfg(feature = "uprobes")]
mod uprobe_multi;
#[cfg(feature = "uprobes")]
mod usdt;

#[cfg(feature = "btf")]
pub use btf_tracepoint::BtfTracepoint;
#[cfg(feature = "btf")]
pub use by_btf::{HasTarget, HasTargetProgram};
#[cfg(feature = "btf")]
pub use extension::Extension;
#[cfg(feature = "btf")]
pub use fentry::{Fentry, Fexit, FmodRet};
pub use info::{ProgramInfo, Statistics};
#[cfg(feature = "btf")]
pub use iter::{CgroupOrder, Iter, IterParameters};
pub use kprobe::{Kprobe, KprobePoint};
pub use kprobe_multi::{KprobeMulti, KprobeMultiPoint};
#[cfg(feature = "btf")]
pub use lsm::{Lsm, LsmCgroup};
pub use perf_event::{PerfCounter, PerfEvent, PerfEventPoint, PerfSample};
pub use raw::RawProgram;
pub use raw_tracepoint::RawTracepoint;
pub use sk_skb::SkSkb;
pub use socket_filter::SocketFilter;
#[cfg(feature = "btf")]
pub use struct_ops::StructOps;
pub use test_run::{TestResult, TestRun};
pub use tracepoint::Tracepoint;
#[cfg(feature = "uprobes")]
pub use uprobe::{Uprobe, UprobePoint};
#[cfg(feature = "uprobes")]
pub use uprobe_multi::{UprobeMulti, UprobeMultiPoint};
#[cfg(feature = "uprobes")]
pub use usdt::{Usdt, UsdtPlace, UsdtPoint};

#[cfg(feature = "uprobes")]
pub use crate::user_space::{UsdtArgument, UsdtLocation};

use crate::Error;

/// A kind of program: what the typed handles have in common.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// use ebpf_rt::programs::{Program, SocketFilter};
///
/// /// Any kind of program, by name and number.
/// fn show(program: &impl Program) -> Result<String, ebpf_rt::Error> {
///     let raw = program.as_raw();
///     Ok(format!("{} {}", raw.name(), raw.id()?))
/// }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!();
/// #     let (_mount, dir) = kernel_test::bpf::file_system().expect("a bpffs");
/// let calls = calls::load()?;
/// assert!(show(&calls.progs.enter)?.starts_with("enter "));
///
/// // Back to a typed handle: the kind is compared.
/// calls.progs.enter.pin(dir.join("enter"))?;
/// let raw = ebpf_rt::programs::RawProgram::from_pin(dir.join("enter"), calls.progs.enter.as_raw().kind())?;
/// assert!(SocketFilter::from_raw(raw).is_err());
/// # Ok(())
/// # }
/// ```
pub trait Program: Sized {
    /// The typed handle of a program.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is a program of another kind.
    fn from_raw(raw: RawProgram) -> Result<Self, Error>;

    /// The handle without its kind.
    fn as_raw(&self) -> &RawProgram;
}

/// What all typed handles have.
macro_rules! program_impls {
    ($name:ident, $kinds:pat) => {
        impl $name {
            /// Whether the program is in the kernel: not if it was left out, or optional and
            /// refused.
            ///
            /// ```
            /// use core::ffi::c_void;
            /// use ebpf_rt::ebpf;
            ///
            /// ebpf! {
            ///     #[license = "GPL"]
            ///     mod calls {
            ///         #[raw_tracepoint("sys_enter")]
            ///         fn enter(ctx: *mut c_void) -> i32 {
            ///             r0 = 0;
            ///             exit;
            ///         }
            ///     }
            /// }
            ///
            /// fn main() -> Result<(), ebpf_rt::Error> {
            ///     # kernel_test::example!();
            ///     let mut loader = calls::loader();
            ///     loader.options.log_level(1);
            ///     let enter = loader.load()?.progs.enter;
            ///     assert!(enter.is_loaded() && enter.load_error().is_none());
            ///     assert!(enter.log().is_some_and(|log| log.contains("processed 2 insns")));
            ///
            ///     let mut loader = calls::loader();
            ///     loader.progs.enter.skip();
            ///     assert!(!loader.load()?.progs.enter.is_loaded());
            ///     Ok(())
            /// }
            /// ```
            #[must_use]
            pub fn is_loaded(&self) -> bool {
                self.raw.is_loaded()
            }

            /// Why the kernel refused the program, if it is optional and was refused.
            #[must_use]
            pub fn load_error(&self) -> Option<&crate::Error> {
                self.raw.load_error()
            }

            /// The verifier's log, if
            /// [`Options::log_level`](crate::load::Options::log_level) asked for it.
            #[must_use]
            pub fn log(&self) -> Option<&str> {
                self.raw.log()
            }

            /// Runs the program in the machine that it was loaded into with `vm()`: on this
            /// context, and with what it returns as the result. What the program writes to the
            /// context is there afterwards.
            ///
            /// # Errors
            /// [`ErrorKind::Fault`](crate::ErrorKind::Fault) if the program does something that
            /// it must not; [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if it was left
            /// out, or is in the kernel.
            #[cfg(feature = "vm")]
            pub fn run(&self, context: &mut [u8]) -> Result<u64, crate::Error> {
                self.run_on(crate::vm::Input::context(context))
            }

            /// Runs the program in its machine, as [`run`](Self::run), on a packet or a context
            /// with a packet.
            ///
            /// ```
            /// use core::ffi::c_void;
            /// use ebpf_rt::{ebpf, vm::Input};
            ///
            /// ebpf! {
            ///     #[license = "GPL"]
            ///     mod short {
            ///         #[socket_filter]
            ///         fn keep(skb: *const c_void) -> i32 {
            ///             r0 = *(u32 *)(r1 + 0);              // __sk_buff.len
            ///             exit;
            ///         }
            ///     }
            /// }
            ///
            /// fn main() -> Result<(), ebpf_rt::Error> {
            ///     let keep = short::vm()?.progs.keep;
            ///     keep.machine()?.with(|vm| vm.set_clock(0));
            ///     let mut packet = [0; 60];
            ///     assert_eq!(keep.run_on(Input::skb(&mut packet))?, 60);
            ///     Ok(())
            /// }
            /// ```
            ///
            /// # Errors
            /// As of [`run`](Self::run).
            #[cfg(feature = "vm")]
            pub fn run_on(&self, input: crate::vm::Input<'_>) -> Result<u64, crate::Error> {
                self.raw.run_on(input)
            }

            /// The machine that the program was loaded into with `vm()`: its clock, its user,
            /// its helpers.
            ///
            /// # Errors
            /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if it was left out, or is
            /// in the kernel.
            #[cfg(feature = "vm")]
            pub fn machine(&self) -> Result<&crate::vm::Machine, crate::Error> {
                Ok(self.raw.vm()?.machine())
            }

            /// What the kernel says about the program.
            ///
            /// # Errors
            /// As of [`RawProgram::info`](crate::programs::RawProgram::info).
            #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
            pub fn info(&self) -> Result<crate::programs::ProgramInfo, crate::Error> {
                self.raw.info()
            }

            /// The program that is pinned at this path, as one of this kind. The kernel says
            /// of which type it is, which is compared, and not where it was to be attached:
            /// that, `kind` says.
            ///
            /// # Errors
            /// As of [`RawProgram::from_pin`](crate::programs::RawProgram::from_pin), and
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the kind is that of another
            /// handle.
            #[doc(alias = "BPF_OBJ_GET")]
            pub fn from_pin(
                path: impl AsRef<std::path::Path>,
                kind: ebpf_asm::object::ProgramKind,
            ) -> Result<Self, crate::Error> {
                let raw = crate::programs::RawProgram::from_pin(path, kind)?;
                <Self as crate::programs::Program>::from_raw(raw)
            }

            /// Gives the program a name in the file system for eBPF objects: it stays in the
            /// kernel after the process ends, until the name is removed.
            ///
            /// ```
            /// use core::ffi::c_void;
            /// use ebpf_rt::{ebpf, object::ProgramKind, programs::SocketFilter};
            ///
            /// ebpf! {
            ///     #[license = "GPL"]
            ///     mod short {
            ///         #[socket_filter]
            ///         fn keep(skb: *const c_void) -> i32 {
            ///             r0 = 0;
            ///             exit;
            ///         }
            ///     }
            /// }
            ///
            /// fn main() -> Result<(), Box<dyn std::error::Error>> {
            ///     # kernel_test::example!();
            ///     # let (_mount, dir) = kernel_test::bpf::file_system()?;
            ///     // `dir` is in a bpffs: /sys/fs/bpf on most machines.
            ///     let keep = short::load()?.progs.keep;
            ///     keep.pin(dir.join("keep"))?;
            ///     let again = SocketFilter::from_pin(dir.join("keep"), ProgramKind::SocketFilter)?;
            ///     assert_eq!(keep.info()?.id, again.info()?.id);
            ///     Ok(())
            /// }
            /// ```
            ///
            /// # Errors
            /// As of [`RawProgram::pin`](crate::programs::RawProgram::pin).
            #[doc(alias = "BPF_OBJ_PIN")]
            pub fn pin(&self, path: impl AsRef<std::path::Path>) -> Result<(), crate::Error> {
                self.raw.pin(path)
            }
        }

        impl crate::programs::Program for $name {
            fn from_raw(raw: crate::programs::RawProgram) -> Result<Self, crate::Error> {
                raw.expect(stringify!($name), matches!(raw.kind(), $kinds))?;
                Ok(Self { raw })
            }

            fn as_raw(&self) -> &crate::programs::RawProgram {
                &self.raw
            }
        }
    };
}
use program_impls;

/// Of kinds that the kernel can run by request.
macro_rules! test_run_impl {
    ($name:ident, $what:literal) => {
        impl $name {
            #[doc = concat!("Runs the program now, with ", $what, " that is given.")]
            ///
            /// # Errors
            /// As of [`RawProgram::test_run`](crate::programs::RawProgram::test_run).
            #[doc(alias = "BPF_PROG_TEST_RUN")]
            pub fn test_run(
                &self,
                run: crate::programs::TestRun<'_>,
            ) -> Result<crate::programs::TestResult, crate::Error> {
                self.raw.test_run(run)
            }
        }
    };
}
use test_run_impl;
