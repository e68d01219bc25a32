//! What the language can say: the one place for the rule.

use super::{AluOp, AtomicOp, Form, Instruction, Register, Size, Source, Width};

impl Instruction {
    /// The register that the instruction writes, if it names one. Calls write `r0` without
    /// naming it, and packet loads always do.
    #[must_use]
    pub(crate) const fn named_result(&self) -> Option<Register> {
        match self.form() {
            Form::Alu(..)
            | Form::Neg(_)
            | Form::SignExtend(_)
            | Form::Endian(..)
            | Form::Load(_)
            | Form::LoadSigned(_)
            | Form::LoadImm64(_)
            | Form::LoadAcquire(_)
            | Form::AddressSpaceCast => self.dst(),
            Form::Atomic(AtomicOp::CmpXchg, _) => None,
            Form::Atomic(op, _) if op.fetches() => self.src(),
            _ => None,
        }
    }

    /// Whether the language can say this instruction: whether its `Display` is text that
    /// assembles to the same bytes.
    ///
    /// It cannot say what only the kernel makes, and refuses what is always wrong: a write to
    /// `r10`, a shift by a constant of the width or more, a division by the constant zero, a
    /// stored constant that its size would cut. All of these are decoded and can be inserted
    /// with `.8byte`, which is how a listing shows them. Where a jump goes depends on the
    /// program around it and is not looked at.
    ///
    /// ```
    /// use ebpf_asm::isa::{AluOp, Instruction, Register::*, Width};
    ///
    /// let shift = |count| Instruction::alu_imm(Width::W32, AluOp::Lsh, R1, count);
    /// assert!(shift(31).is_in_dialect());
    /// assert!(!shift(32).is_in_dialect());
    /// assert!(!Instruction::mov_imm(R10, 0).is_in_dialect());
    /// ```
    #[must_use]
    pub const fn is_in_dialect(&self) -> bool {
        if !self.definition().is_parseable() || matches!(self.named_result(), Some(Register::R10)) {
            return false;
        }
        let imm = self.imm();
        match self.form() {
            Form::Alu(AluOp::Lsh | AluOp::Rsh | AluOp::Arsh, width, Source::Imm) => {
                let bits = match width {
                    Width::W32 => 32,
                    Width::W64 => 64,
                };
                imm >= 0 && imm < bits
            }
            Form::Alu(AluOp::Div | AluOp::Mod | AluOp::SDiv | AluOp::SMod, _, Source::Imm) => {
                imm != 0
            }
            Form::Store(Size::Byte, Source::Imm) => imm >= i8::MIN as i32 && imm <= u8::MAX as i32,
            Form::Store(Size::Half, Source::Imm) => {
                imm >= i16::MIN as i32 && imm <= u16::MAX as i32
            }
            // The index of a kernel function's BTF counts from 0.
            Form::CallKfunc => self.offset() >= 0,
            _ => true,
        }
    }
}
