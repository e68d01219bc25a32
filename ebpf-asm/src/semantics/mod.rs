//! What an instruction does: the one definition, for every domain of values.
//!
//! Two rooms run programs: the interpreter, whose values are numbers, and the checker, whose
//! values are numbers, pointers into objects, or nothing yet. Both decode with
//! [`Operation::decode_all`] and go on with [`step()`], so that they cannot disagree about which
//! operands an instruction reads, what it writes and where it goes. What the values are, and
//! what memory and calls do, each says in its [`Machine`].
//!
//! On plain numbers the meaning of each operation is here as a function: [`alu`], [`negate`],
//! [`sign_extend`], [`change_byte_order`], [`compare`], [`atomic`], [`compare_exchange`]. They
//! are those of RFC 9669 and the kernel, with no exceptions:
//!
//! ```
//! use ebpf_asm::isa::{AluOp, JmpOp, Width};
//! use ebpf_asm::semantics::{alu, compare};
//!
//! // Division by zero gives zero, the remainder leaves the destination as it is.
//! assert_eq!(alu(AluOp::Div, Width::W64, 7, 0), 0);
//! assert_eq!(alu(AluOp::Mod, Width::W64, 7, 0), 7);
//! // 32-bit operations see the lower halves and zero the upper one.
//! assert_eq!(alu(AluOp::Add, Width::W32, u64::MAX, 1), 0);
//! assert!(compare(JmpOp::SLt, Width::W32, 0xffff_ffff, 0));
//! assert!(!compare(JmpOp::SLt, Width::W64, 0xffff_ffff, 0));
//! ```

mod arithmetic;
mod machine;
mod operation;
mod step;
#[cfg(test)]
mod tests;

pub use arithmetic::{
    alu, atomic, change_byte_order, compare, compare_exchange, negate, sign_extend, truncate,
};
pub use machine::Machine;
pub use operation::{Kind, Operation};
pub use step::step;
