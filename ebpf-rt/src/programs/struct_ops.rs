//! Functions of tables that the kernel calls.

use super::{RawProgram, program_impls};
use ebpf_asm::object::ProgramKind;

/// A program that is one function of a table that the kernel calls:
/// `#[struct_ops("tcp_congestion_ops", "cong_avoid")]`. Its context is the function's arguments,
/// eight bytes each ([`arg_offset`](crate::context::arg_offset)). Linux 5.6.
///
/// It is not attached by itself: the table is, a map of the same object
/// ([`maps::StructOps`](crate::maps::StructOps)).
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{StructOps, ebpf, object::StructOpsMember};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod steady {
///         static STEADY: StructOps = StructOps::new("tcp_congestion_ops", &[
///             StructOpsMember::text("name", "steady_one"),
///         ]);
///
///         #[struct_ops("tcp_congestion_ops", "ssthresh")]
///         fn ssthresh(ctx: *mut c_void) -> u32 { r0 = 10; exit; }
///
///         #[struct_ops("tcp_congestion_ops", "undo_cwnd")]
///         fn undo_cwnd(ctx: *mut c_void) -> u32 { r0 = 10; exit; }
///
///         #[struct_ops("tcp_congestion_ops", "cong_avoid")]
///         fn cong_avoid(ctx: *mut c_void) { exit; }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let steady = steady::load()?;
///     assert_eq!(steady.progs.ssthresh.target(), Some("tcp_congestion_ops.ssthresh"));
///     let _link = steady.maps.STEADY.attach()?;   // the table, with its three programs
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_STRUCT_OPS")]
#[derive(Debug)]
pub struct StructOps {
    raw: RawProgram,
}

program_impls!(StructOps, ProgramKind::StructOps { .. });

impl StructOps {
    /// The table's type and the member that the program is: `tcp_congestion_ops.cong_avoid`.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.raw.target()
    }
}
