//! The eight bytes of an instruction slot.

use super::Register;

/// One slot of a program: eight bytes, in the layout and byte order in which the running
/// kernel reads them (`struct bpf_insn`).
///
/// Most instructions are one slot; `lddw` (a 64-bit immediate) is two. `Insn` is the raw
/// form: any eight bytes are one. [`Instruction`](super::Instruction) is the form in which
/// only real instructions can be written.
///
/// ```
/// use ebpf_asm::isa::{AluOp, Insn, Instruction, Register, Width};
///
/// let insn = Insn::from_le_bytes([0x07, 0x01, 0, 0, 10, 0, 0, 0]);
/// assert_eq!(insn.opcode(), 0x07);
/// assert_eq!(insn.dst(), 1);
/// assert_eq!(insn.imm(), 10);
/// assert_eq!(
///     Instruction::alu_imm(Width::W64, AluOp::Add, Register::R1, 10).encode()[..],
///     [insn],
/// );
/// ```
#[doc(alias = "bpf_insn")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Insn {
    opcode: u8,
    /// Two four-bit fields; which of them is the low one depends on the byte order, as C
    /// compilers lay out bit fields.
    registers: u8,
    offset: i16,
    imm: i32,
}

const _: () = assert!(size_of::<Insn>() == 8 && align_of::<Insn>() == 4);

impl Insn {
    /// A slot from its five fields. Of `dst` and `src` the lower four bits count.
    ///
    /// ```
    /// use ebpf_asm::isa::{Insn, Register};
    ///
    /// let load = Insn::from_fields(0x61, 0, 1, 8, 0); // r0 = *(u32 *)(r1 + 8)
    /// assert_eq!((load.src(), load.offset()), (1, 8));
    /// assert_eq!((load.dst_register(), load.src_register()), (Some(Register::R0), Some(Register::R1)));
    /// assert_eq!(load.to_le_bytes(), [0x61, 0x10, 8, 0, 0, 0, 0, 0]);
    /// let elsewhere = load.with_offset(12).with_src(6).with_imm(0);
    /// assert_eq!((elsewhere.offset(), elsewhere.src()), (12, 6));
    /// ```
    #[must_use]
    pub const fn from_fields(opcode: u8, dst: u8, src: u8, offset: i16, imm: i32) -> Self {
        let (dst, src) = (dst & 0xf, src & 0xf);
        let registers = if cfg!(target_endian = "big") {
            dst << 4 | src
        } else {
            src << 4 | dst
        };
        Self {
            opcode,
            registers,
            offset,
            imm,
        }
    }

    /// A slot from its bytes in canonical order, which is that of little-endian machines.
    #[must_use]
    pub const fn from_le_bytes(bytes: [u8; 8]) -> Self {
        let [opcode, registers, o0, o1, i0, i1, i2, i3] = bytes;
        Self::from_fields(
            opcode,
            registers & 0xf,
            registers >> 4,
            i16::from_le_bytes([o0, o1]),
            i32::from_le_bytes([i0, i1, i2, i3]),
        )
    }

    /// The bytes in canonical order, the same on every machine.
    #[must_use]
    pub const fn to_le_bytes(self) -> [u8; 8] {
        let [o0, o1] = self.offset.to_le_bytes();
        let [i0, i1, i2, i3] = self.imm.to_le_bytes();
        let registers = self.src() << 4 | self.dst();
        [self.opcode, registers, o0, o1, i0, i1, i2, i3]
    }

    /// The bytes as they lie in memory on this machine, as the kernel reads them.
    ///
    /// ```
    /// use ebpf_asm::isa::Insn;
    ///
    /// // What a loader of one's own hands to the kernel:
    /// let program = [Insn::from_le_bytes([0x95, 0, 0, 0, 0, 0, 0, 0])];
    /// let bytes: Vec<u8> = program.iter().flat_map(|insn| insn.to_ne_bytes()).collect();
    /// assert_eq!((bytes.len(), bytes[0]), (8, 0x95));
    /// ```
    #[must_use]
    pub const fn to_ne_bytes(self) -> [u8; 8] {
        let [o0, o1] = self.offset.to_ne_bytes();
        let [i0, i1, i2, i3] = self.imm.to_ne_bytes();
        [self.opcode, self.registers, o0, o1, i0, i1, i2, i3]
    }

    /// A whole program from its canonical bytes, at compile time: `BYTES` is `8 * N`.
    ///
    /// Macros emit a program as one byte string and turn it into slots with this; on
    /// little-endian targets it costs the compiler nothing per instruction.
    ///
    /// ```
    /// use ebpf_asm::isa::Insn;
    ///
    /// const PROGRAM: [Insn; 2] = Insn::array_from_le_bytes(b"\xb7\0\0\0\x07\0\0\0\x95\0\0\0\0\0\0\0");
    /// assert_eq!(PROGRAM[0].imm(), 7);
    /// ```
    ///
    /// # Panics
    /// If `BYTES` is not `8 * N`; in a constant that is a compile error.
    #[must_use]
    pub const fn array_from_le_bytes<const BYTES: usize, const N: usize>(
        bytes: &[u8; BYTES],
    ) -> [Self; N] {
        assert!(BYTES == 8 * N, "a slot has eight bytes");
        if cfg!(target_endian = "little") {
            // SAFETY: the sizes are equal (asserted above), every bit pattern is a valid
            // `Insn` (integers, no padding: asserted beside the type), and on this target
            // the canonical byte order is the one in memory.
            unsafe { core::mem::transmute_copy(bytes) }
        } else {
            let mut insns = [Self::from_fields(0, 0, 0, 0, 0); N];
            let mut i = 0;
            while i < N {
                let mut slot = [0; 8];
                let mut j = 0;
                while j < 8 {
                    slot[j] = bytes[8 * i + j];
                    j += 1;
                }
                insns[i] = Self::from_le_bytes(slot);
                i += 1;
            }
            insns
        }
    }

    /// The first byte: class, operation, source or size.
    #[must_use]
    pub const fn opcode(self) -> u8 {
        self.opcode
    }

    /// The four-bit destination field.
    #[must_use]
    pub const fn dst(self) -> u8 {
        if cfg!(target_endian = "big") {
            self.registers >> 4
        } else {
            self.registers & 0xf
        }
    }

    /// The four-bit source field: a register, or what the instruction keeps there.
    #[must_use]
    pub const fn src(self) -> u8 {
        if cfg!(target_endian = "big") {
            self.registers & 0xf
        } else {
            self.registers >> 4
        }
    }

    /// The 16-bit offset: of a memory access in bytes, of a jump in slots.
    #[must_use]
    pub const fn offset(self) -> i16 {
        self.offset
    }

    /// The 32-bit immediate.
    #[must_use]
    pub const fn imm(self) -> i32 {
        self.imm
    }

    /// The same slot with another offset.
    #[must_use]
    pub const fn with_offset(self, offset: i16) -> Self {
        Self { offset, ..self }
    }

    /// The same slot with another immediate.
    #[must_use]
    pub const fn with_imm(self, imm: i32) -> Self {
        Self { imm, ..self }
    }

    /// The same slot with another source field; `lddw` says there what its immediate means.
    #[must_use]
    pub const fn with_src(self, src: u8) -> Self {
        Self::from_fields(self.opcode, self.dst(), src, self.offset, self.imm)
    }

    /// Whether this is the first of the two slots of a 64-bit immediate load.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*};
    ///
    /// assert!(Instruction::load_imm64(R1, 0).encode()[0].is_wide());
    /// assert!(!Instruction::mov_imm(R1, 0).encode()[0].is_wide());
    /// ```
    #[must_use]
    pub const fn is_wide(self) -> bool {
        self.opcode == super::table::LDDW_OPCODE
    }

    /// The destination as a register; `None` if the field holds 11 to 15.
    #[must_use]
    pub const fn dst_register(self) -> Option<Register> {
        Register::from_index(self.dst())
    }

    /// The source as a register; `None` if the field holds 11 to 15.
    #[must_use]
    pub const fn src_register(self) -> Option<Register> {
        Register::from_index(self.src())
    }
}
