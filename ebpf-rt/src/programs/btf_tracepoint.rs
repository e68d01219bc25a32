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
/// ```no_run
/// # fn f(switch: ebpf_rt::programs::BtfTracepoint) -> Result<(), ebpf_rt::Error> {
/// let _link = switch.attach()?;
/// # Ok(())
/// # }
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
