//! Programs decoded once, so that running them is one dispatch for each instruction.

use super::step::for_each_kind;
use crate::isa::{
    AluOp, AtomicOp, Decoded, EndianOp, EndianSize, Form, ImmediateSource, Insn, JmpOp, PacketSize,
    Register, SignExtension, SignedSize, Size, Source, Width, decode_all,
};
use alloc::vec::Vec;

/// An instruction with its operands where [`step`](super::step()) looks for them: 16 bytes.
///
/// ```
/// use ebpf_asm::semantics::{Kind, Operation};
///
/// let code = ebpf_asm::assemble("goto end; r0 = 1; end: exit")?;
/// let operations = Operation::decode_all(code.insns());
/// assert_eq!((operations[0].kind(), operations[0].target()), (Kind::Goto, 2));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    kind: Kind,
    pub(super) dst: Register,
    pub(super) src: Register,
    /// The offset of a memory access, or the slot that a jump or call goes to: `u32::MAX`, which
    /// no program has, if that lies outside of the numbers of slots.
    pub(super) place: u32,
    /// The immediate, extended as the instruction sees it.
    pub(super) imm: u64,
}

const _: () = assert!(size_of::<Operation>() == 16);

macro_rules! define_kinds {
    (
        alu { $($alu:ident $a32i:ident $a32r:ident $a64i:ident $a64r:ident,)* }
        branch { $($branch:ident $b32i:ident $b32r:ident $b64i:ident $b64r:ident,)* }
        neg { $($neg_width:ident $neg:ident,)* }
        sign_extend { $($extension:ident $movsx:ident,)* }
        endian { $($endian_op:ident $endian_size:ident $endian:ident,)* }
        memory { $($size:ident $load:ident $store_imm:ident $store_reg:ident $acquire:ident $release:ident,)* }
        load_signed { $($signed_size:ident $load_signed:ident,)* }
        load_imm64 { $($imm_source:ident $load_imm64:ident,)* }
        packet { $($packet_size:ident $absolute:ident $indirect:ident,)* }
        atomic { $($atomic:ident $at32:ident $at64:ident,)* }
        compare_exchange { $($cx_width:ident $cx:ident,)* }
        other { $($other:ident,)* }
    ) => {
        /// Which instruction, without its operands: the flat form of [`Form`], one number to
        /// dispatch on.
        ///
        /// ```
        /// use ebpf_asm::semantics::{Kind, Operation};
        ///
        /// let operations = Operation::decode_all(ebpf_asm::assemble("exit")?.insns());
        /// assert_eq!(operations[0].kind(), Kind::Exit);
        /// # Ok::<(), ebpf_asm::Diagnostics>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each is the form of the same name")]
        #[non_exhaustive]
        pub enum Kind {
            $($a32i, $a32r, $a64i, $a64r,)*
            $($b32i, $b32r, $b64i, $b64r,)*
            $($neg,)* $($movsx,)* $($endian,)*
            $($load, $store_imm, $store_reg, $acquire, $release,)*
            $($load_signed,)* $($load_imm64,)* $($absolute, $indirect,)*
            $($at32, $at64,)* $($cx,)* $($other,)*
            /// No instruction that a program may have.
            Unknown,
        }

        impl From<Form> for Kind {
            fn from(form: Form) -> Self {
                match form {
                    $(
                        Form::Alu(AluOp::$alu, Width::W32, Source::Imm) => Self::$a32i,
                        Form::Alu(AluOp::$alu, Width::W32, Source::Reg) => Self::$a32r,
                        Form::Alu(AluOp::$alu, Width::W64, Source::Imm) => Self::$a64i,
                        Form::Alu(AluOp::$alu, Width::W64, Source::Reg) => Self::$a64r,
                    )*
                    $(
                        Form::Branch(JmpOp::$branch, Width::W32, Source::Imm) => Self::$b32i,
                        Form::Branch(JmpOp::$branch, Width::W32, Source::Reg) => Self::$b32r,
                        Form::Branch(JmpOp::$branch, Width::W64, Source::Imm) => Self::$b64i,
                        Form::Branch(JmpOp::$branch, Width::W64, Source::Reg) => Self::$b64r,
                    )*
                    $(Form::Neg(Width::$neg_width) => Self::$neg,)*
                    $(Form::SignExtend(SignExtension::$extension) => Self::$movsx,)*
                    $(Form::Endian(EndianOp::$endian_op, EndianSize::$endian_size) => Self::$endian,)*
                    $(
                        Form::Load(Size::$size) => Self::$load,
                        Form::Store(Size::$size, Source::Imm) => Self::$store_imm,
                        Form::Store(Size::$size, Source::Reg) => Self::$store_reg,
                        Form::LoadAcquire(Size::$size) => Self::$acquire,
                        Form::StoreRelease(Size::$size) => Self::$release,
                    )*
                    $(Form::LoadSigned(SignedSize::$signed_size) => Self::$load_signed,)*
                    $(Form::LoadImm64(ImmediateSource::$imm_source) => Self::$load_imm64,)*
                    $(
                        Form::PacketAbsolute(PacketSize::$packet_size) => Self::$absolute,
                        Form::PacketIndirect(PacketSize::$packet_size) => Self::$indirect,
                    )*
                    $(
                        Form::Atomic(AtomicOp::$atomic, Width::W32) => Self::$at32,
                        Form::Atomic(AtomicOp::$atomic, Width::W64) => Self::$at64,
                    )*
                    $(Form::Atomic(AtomicOp::CmpXchg, Width::$cx_width) => Self::$cx,)*
                    $(Form::$other => Self::$other,)*
                    Form::Internal(_) => Self::Unknown,
                }
            }
        }
    };
}

for_each_kind!(define_kinds);

impl Operation {
    /// What stands where no instruction begins: an unknown slot, the second half of a 64-bit
    /// immediate.
    const UNKNOWN: Self = Self {
        kind: Kind::Unknown,
        dst: Register::R0,
        src: Register::R0,
        place: 0,
        imm: 0,
    };

    /// Decodes a program: one operation for each slot, so that positions are those of the
    /// program. What is no instruction is [`Kind::Unknown`], and so is the second slot of a
    /// 64-bit immediate: a program that jumps there stops there.
    ///
    /// ```
    /// use ebpf_asm::isa::Instruction;
    /// use ebpf_asm::semantics::{Kind, Operation};
    ///
    /// let operations = Operation::decode_all(&Instruction::exit().encode());
    /// assert_eq!(operations[0].kind(), Kind::Exit);
    /// ```
    #[must_use]
    pub fn decode_all(slots: &[Insn]) -> Vec<Self> {
        let mut operations = Vec::with_capacity(slots.len());
        for (at, decoded) in decode_all(slots) {
            operations.push(Self::new(at, decoded));
            // The second slot of a 64-bit immediate.
            operations.resize(at + decoded.slots(), Self::UNKNOWN);
        }
        operations
    }

    fn new(at: usize, decoded: Decoded) -> Self {
        let Decoded::Known(instruction) = decoded else {
            return Self::UNKNOWN;
        };
        let form = instruction.form();
        let imm = match form {
            Form::Alu(_, Width::W32, _) | Form::Branch(_, Width::W32, _) => {
                u64::from(instruction.imm().cast_unsigned())
            }
            Form::LoadImm64(_) => instruction.imm64(),
            _ => i64::from(instruction.imm()).cast_unsigned(),
        };
        let place = match instruction.jump_distance() {
            None => i32::from(instruction.offset()).cast_unsigned(),
            Some(distance) => i64::try_from(at)
                .ok()
                .and_then(|at| u32::try_from(at + 1 + i64::from(distance)).ok())
                .unwrap_or(u32::MAX),
        };
        Self {
            kind: Kind::from(form),
            dst: instruction.dst().unwrap_or(Register::R0),
            src: instruction.src().unwrap_or(Register::R0),
            place,
            imm,
        }
    }

    /// Which instruction it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The slot that a jump or local call goes to, which need not be one of the program. Of other
    /// instructions it means nothing.
    #[must_use]
    pub const fn target(&self) -> usize {
        self.place as usize
    }

    /// The offset of a memory access.
    #[must_use]
    #[inline]
    pub(super) const fn offset(&self) -> i16 {
        // The place was made of these 16 bits.
        self.place as i16
    }
}
