//! Trace points with typed arguments.

use super::by_btf::{attach_impls, cookie_impls};
use super::{RawProgram, program_impls, test_run_impl};
use ebpf_asm::object::ProgramKind;

/// A program that runs at a trace point of the kernel: `#[tp_btf("sched_switch")]`. Its context
/// is the trace point's arguments as they are, eight bytes each, and the verifier knows their
/// types: pointers can be followed by plain loads. Linux 5.5.
///
/// The trace point is looked for in the kernel's BTF when the program is loaded, then in the
/// modules'. [`target`](crate::load::ProgramOptions::target) names another one than the
/// attribute.
///
/// ```
/// use core::ffi::c_void;
/// use core::mem::offset_of;
/// use ebpf_rt::{Global, context::arg_offset, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod switches {
///         static LAST: Global<u32> = Global::new(0);
///
///         #[tp_btf("sched_switch")]
///         fn switch(ctx: *mut c_void) -> i32 {
///             r1 = *(u64 *)(r1 + {arg_offset(2)});        // struct task_struct *next
///             r1 = *(u32 *)(r1 + offsetof(task_struct.pid));
///             r2 = LAST ll;
///             *(u32 *)(r2 + 0) = w1;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let switches = switches::load()?;
///     assert_eq!(switches.progs.switch.target(), Some("sched_switch"));
///     let _link = switches.progs.switch.attach()?;
///     std::thread::sleep(std::time::Duration::from_millis(20));
///     assert_ne!(switches.maps.LAST.get(), 0);    // this thread woke up
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_TRACE_RAW_TP")]
#[doc(alias = "tp_btf")]
#[derive(Debug)]
pub struct BtfTracepoint {
    raw: RawProgram,
}

program_impls!(BtfTracepoint, ProgramKind::BtfTracepoint { .. });
attach_impls!(BtfTracepoint, BtfTracepointLink, "the trace point");
cookie_impls!(BtfTracepoint, BtfTracepointLink, "6.10");
test_run_impl!(BtfTracepoint, "a context (the arguments, eight bytes each)");
