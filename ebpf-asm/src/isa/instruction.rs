//! Instructions with their operands: what can be written down is an instruction.

use super::{
    AluOp, AtomicOp, Definition, EndianOp, EndianSize, Field, Form, ImmediateSource, Insn, JmpOp,
    PacketSize, Register, SignExtension, SignedSize, Size, Source, Width,
};
use core::ops::Deref;

/// An instruction with its operands.
///
/// Made by the constructors below, by [`decode`](super::decode()) or by the parser, so that a
/// combination which the machine does not have cannot be written down. All constructors are
/// `const`.
///
/// ```
/// use ebpf_asm::isa::{Instruction, JmpOp, Register::*, Size, Width};
///
/// const DROP_SHORT: [Instruction; 4] = [
///     Instruction::load(Size::Word, R1, R1, 0),
///     Instruction::branch_imm(Width::W64, JmpOp::Ge, R1, 64, 1),
///     Instruction::mov_imm(R0, 0),
///     Instruction::exit(),
/// ];
/// assert_eq!(DROP_SHORT[1].definition().name, "jge_imm");
/// assert_eq!(DROP_SHORT[3].encode()[0].to_le_bytes(), [0x95, 0, 0, 0, 0, 0, 0, 0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    form: Form,
    dst: Register,
    src: Register,
    offset: i16,
    imm: i32,
    imm_high: i32,
}

/// The slots of one instruction: two for a 64-bit immediate, else one. Dereferences to a
/// slice.
///
/// ```
/// use ebpf_asm::isa::{Encoded, Instruction, Register::*};
///
/// let load: Encoded = Instruction::load_imm64(R1, 1 << 40).encode();
/// assert_eq!(load.len(), 2);
/// assert!(load.as_slice()[0].is_wide());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    slots: [Insn; 2],
    wide: bool,
}

impl Encoded {
    pub(super) const fn single(slot: Insn) -> Self {
        Self {
            slots: [slot, Insn::from_fields(0, 0, 0, 0, 0)],
            wide: false,
        }
    }

    /// The slots.
    #[must_use]
    pub const fn as_slice(&self) -> &[Insn] {
        if self.wide {
            &self.slots
        } else {
            self.slots.split_at(1).0
        }
    }
}

impl Deref for Encoded {
    type Target = [Insn];

    fn deref(&self) -> &[Insn] {
        self.as_slice()
    }
}

use Register::R0;

impl Instruction {
    /// An instruction from its form and whatever operands the form has; the others are zeroed.
    /// The named constructors are for people, this is for the parser and the decoder.
    ///
    /// ```
    /// use ebpf_asm::isa::{AluOp, Form, Instruction, Register::*, Source, Width};
    ///
    /// let form = Form::Alu(AluOp::Add, Width::W64, Source::Imm);
    /// let add = Instruction::from_parts(form, R1, R0, 0, 10, 0);
    /// assert_eq!(add, Instruction::alu_imm(Width::W64, AluOp::Add, R1, 10));
    /// ```
    #[must_use]
    pub const fn from_parts(
        form: Form,
        dst: Register,
        src: Register,
        offset: i16,
        imm: i32,
        imm_high: i32,
    ) -> Self {
        let definition = form.definition();
        Self {
            form,
            dst: if is_operand(definition.dst) { dst } else { R0 },
            src: if is_operand(definition.src) { src } else { R0 },
            offset: if is_operand(definition.offset) {
                offset
            } else {
                0
            },
            imm: if is_operand(definition.imm) { imm } else { 0 },
            imm_high: if definition.slots() == 2 { imm_high } else { 0 },
        }
    }

    /// `r1 += 10`, `w1 s/= 3`: arithmetic with a constant.
    #[must_use]
    pub const fn alu_imm(width: Width, op: AluOp, dst: Register, imm: i32) -> Self {
        Self::from_parts(Form::Alu(op, width, Source::Imm), dst, R0, 0, imm, 0)
    }

    /// `r1 += r2`: arithmetic with a register.
    #[must_use]
    pub const fn alu_reg(width: Width, op: AluOp, dst: Register, src: Register) -> Self {
        Self::from_parts(Form::Alu(op, width, Source::Reg), dst, src, 0, 0, 0)
    }

    /// `r1 = 10`: a constant, sign-extended to 64 bits.
    #[must_use]
    #[doc(alias = "BPF_MOV64_IMM")]
    pub const fn mov_imm(dst: Register, imm: i32) -> Self {
        Self::alu_imm(Width::W64, AluOp::Mov, dst, imm)
    }

    /// `r1 = r2`: a whole register.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*, Width};
    ///
    /// assert_eq!(Instruction::mov_reg(R6, R1).to_string(), "r6 = r1");
    /// assert_eq!(Instruction::neg(Width::W64, R6).to_string(), "r6 = -r6");
    /// ```
    #[must_use]
    #[doc(alias = "BPF_MOV64_REG")]
    pub const fn mov_reg(dst: Register, src: Register) -> Self {
        Self::alu_reg(Width::W64, AluOp::Mov, dst, src)
    }

    /// `r1 = (s8)r2`: a move with sign extension.
    #[must_use]
    pub const fn sign_extend(extension: SignExtension, dst: Register, src: Register) -> Self {
        Self::from_parts(Form::SignExtend(extension), dst, src, 0, 0, 0)
    }

    /// `r1 = -r1`.
    #[must_use]
    #[doc(alias = "BPF_NEG")]
    pub const fn neg(width: Width, dst: Register) -> Self {
        Self::from_parts(Form::Neg(width), dst, R0, 0, 0, 0)
    }

    /// `r1 = be16 r1`: a change of byte order.
    #[must_use]
    #[doc(alias = "BPF_END")]
    pub const fn endian(op: EndianOp, size: EndianSize, dst: Register) -> Self {
        Self::from_parts(Form::Endian(op, size), dst, R0, 0, 0, 0)
    }

    /// `r1 = 0x1122334455667788 ll`: a 64-bit constant, in two slots.
    #[must_use]
    #[doc(alias = "BPF_LD_IMM64")]
    pub const fn load_imm64(dst: Register, value: u64) -> Self {
        let low = (value & 0xffff_ffff) as u32;
        let high = (value >> 32) as u32;
        Self::load_pseudo(
            dst,
            ImmediateSource::Value,
            low.cast_signed(),
            high.cast_signed(),
        )
    }

    /// `r1 = MAP ll`: the map with this file descriptor, in two slots.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*};
    ///
    /// // What a loader puts in the place of `r1 = COUNTS ll`:
    /// let load = Instruction::load_map_fd(R1, 5);
    /// assert_eq!((load.imm(), load.slots()), (5, 2));
    /// ```
    #[must_use]
    #[doc(alias = "BPF_LD_MAP_FD")]
    pub const fn load_map_fd(dst: Register, fd: i32) -> Self {
        Self::load_pseudo(dst, ImmediateSource::MapFd, fd, 0)
    }

    /// `ld_pseudo r1, SOURCE, LOW, HIGH`: what the kernel replaces while loading.
    #[must_use]
    pub const fn load_pseudo(dst: Register, source: ImmediateSource, low: i32, high: i32) -> Self {
        Self::from_parts(Form::LoadImm64(source), dst, R0, 0, low, high)
    }

    /// `r1 = *(u32 *)(r2 + 8)`: a load from memory.
    #[must_use]
    #[doc(alias = "BPF_LDX_MEM")]
    pub const fn load(size: Size, dst: Register, base: Register, offset: i16) -> Self {
        Self::from_parts(Form::Load(size), dst, base, offset, 0, 0)
    }

    /// `r1 = *(s32 *)(r2 + 8)`: a load that extends the sign.
    #[must_use]
    #[doc(alias = "BPF_MEMSX")]
    pub const fn load_signed(size: SignedSize, dst: Register, base: Register, offset: i16) -> Self {
        Self::from_parts(Form::LoadSigned(size), dst, base, offset, 0, 0)
    }

    /// `*(u32 *)(r1 + 8) = r2`: a store of a register.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*, Size};
    ///
    /// let key = Instruction::store_reg(Size::Word, R10, -4, R0);
    /// assert_eq!(key.to_string(), "*(u32 *)(r10 - 4) = r0");
    /// let zero = Instruction::store_imm(Size::Double, R10, -16, 0);
    /// assert_eq!(zero.to_string(), "*(u64 *)(r10 - 16) = 0");
    /// ```
    #[must_use]
    #[doc(alias = "BPF_STX_MEM")]
    pub const fn store_reg(size: Size, base: Register, offset: i16, src: Register) -> Self {
        Self::from_parts(Form::Store(size, Source::Reg), base, src, offset, 0, 0)
    }

    /// `*(u32 *)(r1 + 8) = 10`: a store of a constant.
    #[must_use]
    #[doc(alias = "BPF_ST_MEM")]
    pub const fn store_imm(size: Size, base: Register, offset: i16, imm: i32) -> Self {
        Self::from_parts(Form::Store(size, Source::Imm), base, R0, offset, imm, 0)
    }

    /// `r0 = *(u16 *)skb[10]`: a legacy packet load.
    #[must_use]
    #[doc(alias = "BPF_LD_ABS")]
    pub const fn packet_absolute(size: PacketSize, offset: i32) -> Self {
        Self::from_parts(Form::PacketAbsolute(size), R0, R0, 0, offset, 0)
    }

    /// `r0 = *(u16 *)skb[r1 + 10]`: a legacy packet load.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, PacketSize, Register::*};
    ///
    /// let byte = Instruction::packet_indirect(PacketSize::Byte, R7, 9);
    /// assert_eq!(byte.to_string(), "r0 = *(u8 *)skb[r7 + 9]");
    /// ```
    #[must_use]
    #[doc(alias = "BPF_LD_IND")]
    pub const fn packet_indirect(size: PacketSize, index: Register, offset: i32) -> Self {
        Self::from_parts(Form::PacketIndirect(size), R0, index, 0, offset, 0)
    }

    /// `lock *(u64 *)(r1 + 8) += r2` and the other atomic operations.
    #[must_use]
    #[doc(alias = "BPF_ATOMIC_OP")]
    pub const fn atomic(
        width: Width,
        op: AtomicOp,
        base: Register,
        offset: i16,
        src: Register,
    ) -> Self {
        Self::from_parts(Form::Atomic(op, width), base, src, offset, 0, 0)
    }

    /// `r1 = load_acquire((u64 *)(r2 + 8))`.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*, Size};
    ///
    /// let flag = Instruction::load_acquire(Size::Word, R1, R2, 0);
    /// assert_eq!(flag.to_string(), "w1 = load_acquire((u32 *)(r2 + 0))");
    /// let ready = Instruction::store_release(Size::Double, R2, 8, R1);
    /// assert_eq!(ready.to_string(), "store_release((u64 *)(r2 + 8), r1)");
    /// ```
    #[must_use]
    #[doc(alias = "BPF_LOAD_ACQ")]
    pub const fn load_acquire(size: Size, dst: Register, base: Register, offset: i16) -> Self {
        Self::from_parts(Form::LoadAcquire(size), dst, base, offset, 0, 0)
    }

    /// `store_release((u64 *)(r1 + 8), r2)`.
    #[must_use]
    #[doc(alias = "BPF_STORE_REL")]
    pub const fn store_release(size: Size, base: Register, offset: i16, src: Register) -> Self {
        Self::from_parts(Form::StoreRelease(size), base, src, offset, 0, 0)
    }

    /// `if r1 == 10 goto +3`: a conditional jump against a constant.
    #[must_use]
    #[doc(alias = "BPF_JMP_IMM")]
    pub const fn branch_imm(
        width: Width,
        op: JmpOp,
        dst: Register,
        imm: i32,
        distance: i16,
    ) -> Self {
        let form = Form::Branch(op, width, Source::Imm);
        Self::from_parts(form, dst, R0, distance, imm, 0)
    }

    /// `if r1 == r2 goto +3`: a conditional jump against a register.
    #[must_use]
    #[doc(alias = "BPF_JMP_REG")]
    pub const fn branch_reg(
        width: Width,
        op: JmpOp,
        dst: Register,
        src: Register,
        distance: i16,
    ) -> Self {
        let form = Form::Branch(op, width, Source::Reg);
        Self::from_parts(form, dst, src, distance, 0, 0)
    }

    /// `goto +3`: a jump; the distance counts slots from the next instruction.
    ///
    /// ```
    /// use ebpf_asm::isa::Instruction;
    ///
    /// for jump in [Instruction::goto(3), Instruction::goto_long(3), Instruction::may_goto(3)] {
    ///     assert_eq!(jump.jump_distance(), Some(3));  // from the next instruction
    /// }
    /// assert_eq!(Instruction::goto(-1).to_string(), "goto -1");
    /// ```
    #[must_use]
    #[doc(alias = "BPF_JA")]
    pub const fn goto(distance: i16) -> Self {
        Self::from_parts(Form::Goto, R0, R0, distance, 0, 0)
    }

    /// `gotol +3`: a jump with a 32-bit distance.
    #[must_use]
    pub const fn goto_long(distance: i32) -> Self {
        Self::from_parts(Form::GotoLong, R0, R0, 0, distance, 0)
    }

    /// `may_goto +3`: a jump that is taken when the loop budget is used up.
    #[must_use]
    #[doc(alias = "BPF_JCOND")]
    pub const fn may_goto(distance: i16) -> Self {
        Self::from_parts(Form::MayGoto, R0, R0, distance, 0, 0)
    }

    /// `call 1`: a call of a kernel helper by number.
    ///
    /// ```
    /// use ebpf_asm::isa::Instruction;
    ///
    /// let call = Instruction::call_helper(14);        // bpf_get_current_pid_tgid
    /// assert_eq!((call.imm(), call.to_string().as_str()), (14, "call 14"));
    /// assert_eq!(Instruction::call_local(2).to_string(), "call pc+2");
    /// assert_eq!(Instruction::call_kfunc(1234, 0).to_string(), "call kfunc(1234, 0)");
    /// ```
    #[must_use]
    #[doc(alias = "BPF_EMIT_CALL")]
    pub const fn call_helper(id: u32) -> Self {
        Self::from_parts(Form::CallHelper, R0, R0, 0, id.cast_signed(), 0)
    }

    /// `call pc+3`: a call of a function of the same program; the distance counts slots from
    /// the next instruction.
    #[must_use]
    #[doc(alias = "BPF_PSEUDO_CALL")]
    pub const fn call_local(distance: i32) -> Self {
        Self::from_parts(Form::CallLocal, R0, R0, 0, distance, 0)
    }

    /// `call kfunc(1234, 0)`: a call of a kernel function by BTF id and index into the load's
    /// `fd_array` (0: vmlinux).
    #[must_use]
    #[doc(alias = "BPF_PSEUDO_KFUNC_CALL")]
    pub const fn call_kfunc(btf_id: u32, fd_index: i16) -> Self {
        let id = btf_id.cast_signed();
        Self::from_parts(Form::CallKfunc, R0, R0, fd_index, id, 0)
    }

    /// `exit`: returns.
    #[must_use]
    #[doc(alias = "BPF_EXIT_INSN")]
    pub const fn exit() -> Self {
        Self::from_parts(Form::Exit, R0, R0, 0, 0, 0)
    }

    /// `r1 = addr_space_cast(r2, TO, FROM)`: an arena pointer of one address space as one of
    /// another.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*};
    ///
    /// let cast = Instruction::address_space_cast(R1, R2, 0, 1);
    /// assert_eq!(cast.to_string(), "r1 = addr_space_cast(r2, 0, 1)");
    /// ```
    #[must_use]
    pub const fn address_space_cast(dst: Register, src: Register, to: u16, from: u16) -> Self {
        let imm = ((to as u32) << 16 | from as u32).cast_signed();
        Self::from_parts(Form::AddressSpaceCast, dst, src, 0, imm, 0)
    }

    /// Which instruction it is.
    ///
    /// ```
    /// use ebpf_asm::isa::{Form, Instruction, Register::*, Size};
    ///
    /// let load = Instruction::load(Size::Word, R0, R1, 8);
    /// assert_eq!(load.form(), Form::Load(Size::Word));
    /// assert_eq!((load.dst(), load.src(), load.offset()), (Some(R0), Some(R1), 8));
    /// assert_eq!((load.imm(), load.slots(), load.jump_distance()), (0, 1, None));
    ///
    /// let wide = Instruction::load_imm64(R1, (7 << 32) | 5);
    /// assert_eq!((wide.imm(), wide.imm_high(), wide.imm64()), (5, 7, (7 << 32) | 5));
    /// assert_eq!(wide.slots(), 2);
    /// ```
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The row of the instruction table.
    #[must_use]
    pub const fn definition(&self) -> &'static Definition {
        self.form.definition()
    }

    /// The destination register, if the instruction has one. Of a store it is the base.
    #[must_use]
    pub const fn dst(&self) -> Option<Register> {
        if is_operand(self.definition().dst) {
            Some(self.dst)
        } else {
            None
        }
    }

    /// The source register, if the instruction has one. Of a load it is the base.
    #[must_use]
    pub const fn src(&self) -> Option<Register> {
        if is_operand(self.definition().src) {
            Some(self.src)
        } else {
            None
        }
    }

    /// The 16-bit offset of a memory access (bytes) or jump (slots); 0 if there is none.
    #[must_use]
    pub const fn offset(&self) -> i16 {
        self.offset
    }

    /// The 32-bit immediate; of a 64-bit one the lower half; 0 if there is none.
    #[must_use]
    pub const fn imm(&self) -> i32 {
        self.imm
    }

    /// The upper half of a 64-bit immediate; 0 if there is none.
    #[must_use]
    pub const fn imm_high(&self) -> i32 {
        self.imm_high
    }

    /// Both halves of a 64-bit immediate.
    #[must_use]
    pub const fn imm64(&self) -> u64 {
        (self.imm_high.cast_unsigned() as u64) << 32 | self.imm.cast_unsigned() as u64
    }

    /// The distance in slots of a jump or local call, counted from the next instruction.
    #[must_use]
    pub const fn jump_distance(&self) -> Option<i32> {
        match self.form {
            Form::Branch(..) | Form::Goto | Form::MayGoto => Some(self.offset as i32),
            Form::GotoLong | Form::CallLocal => Some(self.imm),
            _ => None,
        }
    }

    /// The number of slots it takes: two for a 64-bit immediate, else one.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.definition().slots()
    }

    /// The slots, by the row of the table.
    #[must_use]
    pub const fn encode(&self) -> Encoded {
        let d = self.definition();
        let first = Insn::from_fields(
            d.opcode,
            field_value(d.dst, self.dst as i32) as u8,
            field_value(d.src, self.src as i32) as u8,
            field_value(d.offset, self.offset as i32) as i16,
            field_value(d.imm, self.imm),
        );
        Encoded {
            slots: [first, Insn::from_fields(0, 0, 0, 0, self.imm_high)],
            wide: d.slots() == 2,
        }
    }
}

pub(super) const fn is_operand(field: Field) -> bool {
    matches!(field, Field::Operand)
}

const fn field_value(field: Field, operand: i32) -> i32 {
    match field {
        Field::Operand => operand,
        Field::Fixed(value) => value,
    }
}
