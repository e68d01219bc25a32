//! Functions of tables that the kernel calls.

use super::{RawProgram, program_impls};
use ebpf_asm::object::ProgramKind;

/// A program that is one function of a table that the kernel calls:
/// `#[struct_ops("tcp_congestion_ops", "cong_avoid")]`. Its context is the function's arguments,
/// eight bytes each ([`arg_offset`](crate::context::arg_offset)). Linux 5.6.
///
/// It is not attached by itself: the table is, a map of the same object
/// ([`maps::StructOps`](crate::maps::StructOps)).
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
