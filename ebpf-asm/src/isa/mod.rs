//! The instruction set: registers, sizes, operations, the one table of instructions, and
//! encoder, decoder and printer that are driven from it.
//!
//! - [`TABLE`] has one [`Definition`] for each instruction: opcode, fixed fields, text, group
//!   of RFC 9669, level, first kernel.
//! - [`Instruction`] is an instruction with operands; [`Instruction::encode`] and [`decode()`]
//!   go to bytes and back.
//! - [`Insn`] is the raw slot of eight bytes.
//!
//! ```
//! use ebpf_asm::isa::{AluOp, Instruction, Register::*, Width, decode_all};
//!
//! let program = [
//!     Instruction::mov_imm(R0, 40),
//!     Instruction::alu_imm(Width::W64, AluOp::Add, R0, 2),
//!     Instruction::exit(),
//! ];
//! let slots: Vec<_> = program.iter().flat_map(|instruction| instruction.encode().to_vec()).collect();
//! for ((_, decoded), instruction) in decode_all(&slots).zip(&program) {
//!     assert_eq!(decoded.known(), Some(instruction));
//! }
//! assert_eq!(program[1].to_string(), "r0 += 2");
//! ```

mod decode;
mod dialect;
mod insn;
mod instruction;
mod ops;
#[cfg(feature = "listing")]
mod print;
mod register;
#[rustfmt::skip] // A row is a line.
mod table;
#[cfg(test)]
mod tests;

pub use decode::{Decoded, decode, decode_all};
pub use insn::Insn;
pub use instruction::{Encoded, Instruction};
pub use ops::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, SignExtension,
    SignedSize, Size, Source, Width,
};
#[cfg(feature = "listing")]
pub use print::{Names, Printed};
pub use register::Register;
pub use table::{
    ConformanceGroup, Definition, Field, Form, InternalForm, IsaLevel, TABLE, rows_of_opcode,
};
