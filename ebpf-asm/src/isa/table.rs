//! The one table of instructions. Encoder, decoder, printer, version checks and the reference
//! page of the book are driven from it; a new instruction is a new row here, with its
//! [`Form`].

use super::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, SignExtension,
    SignedSize, Size, Source, Width,
};
use crate::KernelVersion;

/// The opcode of the only two-slot instruction.
pub(super) const LDDW_OPCODE: u8 = 0x18;

/// Which instruction, without its operands: one value for each row of the table.
///
/// ```
/// use ebpf_asm::isa::{Form, Instruction, TABLE};
///
/// // Whether a program calls kernel functions, say:
/// let call = Instruction::call_kfunc(1234, 0);
/// assert!(matches!(call.form(), Form::CallKfunc));
/// assert_eq!(TABLE[call.form().index()].form, Form::CallKfunc);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Arithmetic with a destination and a source.
    Alu(AluOp, Width, Source),
    /// Conditional jump.
    Branch(JmpOp, Width, Source),
    /// Negation.
    Neg(Width),
    /// Move with sign extension.
    SignExtend(SignExtension),
    /// Change of byte order.
    Endian(EndianOp, EndianSize),
    /// Load from memory, zero-extending.
    Load(Size),
    /// Load from memory, sign-extending.
    LoadSigned(SignedSize),
    /// Store to memory.
    Store(Size, Source),
    /// Load of a 64-bit immediate: two slots.
    LoadImm64(ImmediateSource),
    /// Legacy packet load at a constant offset.
    PacketAbsolute(PacketSize),
    /// Legacy packet load at a register plus a constant.
    PacketIndirect(PacketSize),
    /// Atomic change of memory.
    Atomic(AtomicOp, Width),
    /// Load that later accesses stay behind.
    LoadAcquire(Size),
    /// Store that earlier accesses stay before.
    StoreRelease(Size),
    /// Jump with a 16-bit distance.
    Goto,
    /// Jump with a 32-bit distance.
    GotoLong,
    /// Jump that is taken when the program's loop budget is used up.
    MayGoto,
    /// Jump to an address from an instruction array.
    GotoIndirect,
    /// Call of a kernel helper.
    CallHelper,
    /// Call of a function of the same program.
    CallLocal,
    /// Call of a kernel function by BTF id.
    CallKfunc,
    /// Call through a register; no kernel accepts it.
    CallIndirect,
    /// Return from the function or program.
    Exit,
    /// Arena pointer from one address space to another.
    AddressSpaceCast,
    /// What the kernel itself inserts: seen in dumps, never loadable.
    Internal(InternalForm),
}

/// Instructions of the kernel's own making, found in dumps of verified programs.
///
/// ```
/// use ebpf_asm::isa::{Form, InternalForm, TABLE};
///
/// let internal = TABLE.iter().find(|row| row.form == Form::Internal(InternalForm::Nospec)).unwrap();
/// assert_eq!(internal.min_kernel, None);          // seen in dumps, accepted by none
/// println!("{}", internal.doc);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is described by its row's doc line")]
pub enum InternalForm {
    Nospec,
    MovPercpu,
    TailCall,
    ProbeMemW,
    ProbeMemH,
    ProbeMemB,
    ProbeMemDw,
    ProbeMemSxW,
    ProbeMemSxH,
    ProbeMemSxB,
    ProbeMem32LoadW,
    ProbeMem32LoadH,
    ProbeMem32LoadB,
    ProbeMem32LoadDw,
    ProbeMem32StoreImmW,
    ProbeMem32StoreImmH,
    ProbeMem32StoreImmB,
    ProbeMem32StoreImmDw,
    ProbeMem32StoreW,
    ProbeMem32StoreH,
    ProbeMem32StoreB,
    ProbeMem32StoreDw,
    ProbeMem32SxW,
    ProbeMem32SxH,
    ProbeMem32SxB,
    ProbeAtomicW,
    ProbeAtomicH,
    ProbeAtomicB,
    ProbeAtomicDw,
}

/// What one of the four variable fields of a slot holds.
///
/// ```
/// use ebpf_asm::isa::{Field, Instruction};
///
/// // Of `exit` nothing is an operand: reserved fields are zero.
/// let exit = Instruction::exit();
/// assert_eq!(exit.definition().imm, Field::Fixed(0));
/// assert_eq!(Instruction::call_helper(1).definition().imm, Field::Operand);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Always this value: part of the instruction's identity.
    Fixed(i32),
    /// An operand: a register, an offset, a jump distance or an immediate.
    Operand,
}

/// The conformance groups of RFC 9669.
///
/// ```
/// use ebpf_asm::isa::{ConformanceGroup, TABLE};
///
/// // What a device that has the base groups only does not take:
/// let rest = TABLE.iter().filter(|row| row.group > Some(ConformanceGroup::Base64));
/// let names: Vec<&str> = rest.filter_map(|row| Some(row.group?.name())).collect();
/// assert!(names.contains(&"divmul64") && !names.contains(&"base32"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConformanceGroup {
    /// 32-bit arithmetic, loads, stores, jumps, calls.
    Base32,
    /// The 64-bit forms.
    Base64,
    /// 32-bit atomic operations.
    Atomic32,
    /// 64-bit atomic operations.
    Atomic64,
    /// 32-bit multiplication, division, remainder.
    Divmul32,
    /// 64-bit multiplication, division, remainder.
    Divmul64,
    /// Legacy packet access.
    Packet,
}

impl ConformanceGroup {
    /// The group's name in RFC 9669.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base32 => "base32",
            Self::Base64 => "base64",
            Self::Atomic32 => "atomic32",
            Self::Atomic64 => "atomic64",
            Self::Divmul32 => "divmul32",
            Self::Divmul64 => "divmul64",
            Self::Packet => "packet",
        }
    }
}

/// LLVM's levels of the instruction set (`-mcpu=v1` to `v4`).
///
/// ```
/// use ebpf_asm::isa::{Instruction, IsaLevel};
///
/// // Old compilers and devices go by LLVM's levels.
/// let long = Instruction::goto_long(100_000).definition();
/// assert_eq!(long.level, Some(IsaLevel::V4));
/// assert!(long.level > Some(IsaLevel::V3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum IsaLevel {
    /// The first.
    V1 = 1,
    /// Adds the unsigned and signed less-than jumps.
    V2 = 2,
    /// Adds 32-bit jumps and the atomic operations beyond addition.
    V3 = 3,
    /// Adds signed division, sign extension, swaps, long jumps.
    V4 = 4,
}

/// A row of the instruction table.
///
/// ```
/// use ebpf_asm::KernelVersion;
/// use ebpf_asm::isa::{Instruction, TABLE};
///
/// let row = Instruction::may_goto(3).definition();
/// assert_eq!((row.name, row.opcode), ("may_goto", 0xe5));
/// assert_eq!(row.min_kernel, Some(KernelVersion::new(6, 9)));
/// assert_eq!(row.slots(), 1);
/// println!("{}: {}", row.text, row.doc);
/// // What can be written, of all that there is:
/// assert!(TABLE.iter().filter(|row| row.is_parseable()).count() < TABLE.len());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// Which instruction this is.
    pub form: Form,
    /// A name that no other row has: `add64_imm`.
    pub name: &'static str,
    /// The first byte.
    pub opcode: u8,
    /// The destination field.
    pub dst: Field,
    /// The source field.
    pub src: Field,
    /// The offset field.
    pub offset: Field,
    /// The immediate field.
    pub imm: Field,
    /// The canonical text, operands in braces.
    pub text: &'static str,
    /// The conformance group of RFC 9669; `None` for what the RFC does not have.
    pub group: Option<ConformanceGroup>,
    /// LLVM's level; `None` for what belongs to none.
    pub level: Option<IsaLevel>,
    /// The first kernel that accepts it; `None` if none does.
    pub min_kernel: Option<KernelVersion>,
    /// What it does, in a line.
    pub doc: &'static str,
}

impl Definition {
    /// Whether the dialect has a spelling for it that parses. The kernel's internal
    /// instructions and `callx` are decoded and printed only.
    #[must_use]
    pub const fn is_parseable(&self) -> bool {
        !matches!(self.form, Form::Internal(_) | Form::CallIndirect)
    }

    /// The number of slots it takes: two for a 64-bit immediate, else one.
    #[must_use]
    pub const fn slots(&self) -> usize {
        if self.opcode == LDDW_OPCODE { 2 } else { 1 }
    }
}

const V3_18: Option<KernelVersion> = Some(KernelVersion::new(3, 18));
const V4_14: Option<KernelVersion> = Some(KernelVersion::new(4, 14));
const V4_16: Option<KernelVersion> = Some(KernelVersion::new(4, 16));
const V5_1: Option<KernelVersion> = Some(KernelVersion::new(5, 1));
const V5_2: Option<KernelVersion> = Some(KernelVersion::new(5, 2));
const V5_10: Option<KernelVersion> = Some(KernelVersion::new(5, 10));
const V5_12: Option<KernelVersion> = Some(KernelVersion::new(5, 12));
const V5_13: Option<KernelVersion> = Some(KernelVersion::new(5, 13));
const V5_14: Option<KernelVersion> = Some(KernelVersion::new(5, 14));
const V6_6: Option<KernelVersion> = Some(KernelVersion::new(6, 6));
const V6_9: Option<KernelVersion> = Some(KernelVersion::new(6, 9));
const V6_15: Option<KernelVersion> = Some(KernelVersion::new(6, 15));
const V6_19: Option<KernelVersion> = Some(KernelVersion::new(6, 19));

use ConformanceGroup::{Atomic32, Atomic64, Base32, Base64, Divmul32, Divmul64, Packet};
use IsaLevel::{V1, V2, V3, V4};

/// `_` is an operand, a number is a fixed field.
macro_rules! field {
    (_) => {
        Field::Operand
    };
    ($value:expr) => {
        Field::Fixed($value)
    };
}

/// One row: form, name, opcode, the four fields, text, group, level, first kernel, doc line.
macro_rules! row {
    ($form:expr, $name:expr, $opcode:expr, [$dst:tt $src:tt $offset:tt $imm:tt], $text:expr,
     $group:expr, $level:expr, $min_kernel:expr, $doc:expr) => {
        Definition {
            form: $form,
            name: $name,
            opcode: $opcode,
            dst: field!($dst),
            src: field!($src),
            offset: field!($offset),
            imm: field!($imm),
            text: $text,
            group: $group,
            level: $level,
            min_kernel: $min_kernel,
            doc: $doc,
        }
    };
}

/// The four rows of an arithmetic operation: 32 and 64 bits, immediate and register.
macro_rules! alu {
    ($op:ident, $name:literal, $symbol:literal, $code:literal, $offset:tt, $g32:ident, $g64:ident,
     $level:ident, $min_kernel:ident, $does:literal) => {
        [
            row!(Form::Alu(AluOp::$op, Width::W32, Source::Imm), concat!($name, "32_imm"), $code | 0x04,
                [_ 0 $offset _], concat!("w{dst} ", $symbol, " {imm}"), Some($g32), Some($level), $min_kernel,
                concat!($does, " with a constant, in 32 bits; the upper half becomes zero")),
            row!(Form::Alu(AluOp::$op, Width::W32, Source::Reg), concat!($name, "32_reg"), $code | 0x0c,
                [_ _ $offset 0], concat!("w{dst} ", $symbol, " w{src}"), Some($g32), Some($level), $min_kernel,
                concat!($does, " with a register, in 32 bits; the upper half becomes zero")),
            row!(Form::Alu(AluOp::$op, Width::W64, Source::Imm), concat!($name, "64_imm"), $code | 0x07,
                [_ 0 $offset _], concat!("r{dst} ", $symbol, " {imm}"), Some($g64), Some($level), $min_kernel,
                concat!($does, " with a sign-extended constant, in 64 bits")),
            row!(Form::Alu(AluOp::$op, Width::W64, Source::Reg), concat!($name, "64_reg"), $code | 0x0f,
                [_ _ $offset 0], concat!("r{dst} ", $symbol, " r{src}"), Some($g64), Some($level), $min_kernel,
                concat!($does, " with a register, in 64 bits")),
        ]
    };
}

/// The four rows of a conditional jump: 32 and 64 bits, immediate and register.
macro_rules! branch {
    ($op:ident, $name:literal, $symbol:literal, $code:literal, $level:ident, $min_kernel:ident, $if:literal) => {
        [
            row!(Form::Branch(JmpOp::$op, Width::W32, Source::Imm), concat!($name, "32_imm"), $code | 0x06,
                [_ 0 _ _], concat!("if w{dst} ", $symbol, " {imm} goto {jump}"), Some(Base32), Some(V3), V5_1,
                concat!("jumps if the lower half ", $if, " a constant")),
            row!(Form::Branch(JmpOp::$op, Width::W32, Source::Reg), concat!($name, "32_reg"), $code | 0x0e,
                [_ _ _ 0], concat!("if w{dst} ", $symbol, " w{src} goto {jump}"), Some(Base32), Some(V3), V5_1,
                concat!("jumps if the lower half ", $if, " the lower half of another register")),
            row!(Form::Branch(JmpOp::$op, Width::W64, Source::Imm), concat!($name, "_imm"), $code | 0x05,
                [_ 0 _ _], concat!("if r{dst} ", $symbol, " {imm} goto {jump}"), Some(Base64), Some($level), $min_kernel,
                concat!("jumps if the register ", $if, " a sign-extended constant")),
            row!(Form::Branch(JmpOp::$op, Width::W64, Source::Reg), concat!($name, "_reg"), $code | 0x0d,
                [_ _ _ 0], concat!("if r{dst} ", $symbol, " r{src} goto {jump}"), Some(Base64), Some($level), $min_kernel,
                concat!("jumps if the register ", $if, " another register")),
        ]
    };
}

macro_rules! endian {
    ($op:ident, $bits:ident, $name:literal, $opcode:literal, $width:literal, $group:ident, $level:ident, $min_kernel:ident, $doc:literal) => {
        row!(Form::Endian(EndianOp::$op, EndianSize::$bits), $name, $opcode, [_ 0 0 $width],
            concat!("r{dst} = ", $name, " r{dst}"), Some($group), Some($level), $min_kernel, $doc)
    };
}

macro_rules! memory {
    ($size:ident, $suffix:literal, $type:literal, $mode:literal, $group:ident, $bytes:literal) => {
        (
            row!(Form::Load(Size::$size), concat!("ldx", $suffix), $mode | 0x61, [_ _ _ 0],
                concat!("r{dst} = *(", $type, " *)(r{src}{offset})"), Some($group), Some(V1), V3_18,
                concat!("loads ", $bytes, ", zero-extended")),
            [
                row!(Form::Store(Size::$size, Source::Imm), concat!("st", $suffix, "_imm"), $mode | 0x62, [_ 0 _ _],
                    concat!("*(", $type, " *)(r{dst}{offset}) = {imm}"), Some($group), Some(V1), V3_18,
                    concat!("stores a constant as ", $bytes)),
                row!(Form::Store(Size::$size, Source::Reg), concat!("stx", $suffix), $mode | 0x63, [_ _ _ 0],
                    concat!("*(", $type, " *)(r{dst}{offset}) = r{src}"), Some($group), Some(V1), V3_18,
                    concat!("stores the lower ", $bytes, " of a register")),
            ],
        )
    };
}

macro_rules! atomic {
    ($op:ident, $name:literal, $imm:literal, $level:ident, $min_kernel:ident, $text32:expr, $text64:expr, $doc:literal) => {
        [
            row!(Form::Atomic(AtomicOp::$op, Width::W32), concat!("atomic32_", $name), 0xc3, [_ _ _ $imm],
                $text32, Some(Atomic32), Some($level), $min_kernel, concat!($doc, ", four bytes")),
            row!(Form::Atomic(AtomicOp::$op, Width::W64), concat!("atomic64_", $name), 0xdb, [_ _ _ $imm],
                $text64, Some(Atomic64), Some($level), $min_kernel, concat!($doc, ", eight bytes")),
        ]
    };
}

macro_rules! locked {
    ($op:ident, $name:literal, $symbol:literal, $imm:literal, $level:ident, $min_kernel:ident, $doc:literal) => {
        atomic!($op, $name, $imm, $level, $min_kernel,
            concat!("lock *(u32 *)(r{dst}{offset}) ", $symbol, " w{src}"),
            concat!("lock *(u64 *)(r{dst}{offset}) ", $symbol, " r{src}"), $doc)
    };
}

macro_rules! fetching {
    ($op:ident, $name:literal, $imm:literal, $doc:literal) => {
        atomic!($op, $name, $imm, V3, V5_12,
            concat!("w{src} = atomic_", $name, "((u32 *)(r{dst}{offset}), w{src})"),
            concat!("r{src} = atomic_", $name, "((u64 *)(r{dst}{offset}), r{src})"), $doc)
    };
}

macro_rules! ordered {
    ($size:ident, $type:literal, $opcode:literal, $w:literal) => {
        (
            row!(Form::LoadAcquire(Size::$size), concat!("load_acquire_", $type), $opcode, [_ _ _ 0x100],
                concat!($w, "{dst} = load_acquire((", $type, " *)(r{src}{offset}))"), None, Some(V4), V6_15,
                "loads, and later accesses stay behind it"),
            row!(Form::StoreRelease(Size::$size), concat!("store_release_", $type), $opcode, [_ _ _ 0x110],
                concat!("store_release((", $type, " *)(r{dst}{offset}), ", $w, "{src})"), None, Some(V4), V6_15,
                "stores, and earlier accesses stay before it"),
        )
    };
}

macro_rules! packet {
    ($size:ident, $suffix:literal, $type:literal, $abs:literal, $ind:literal) => {
        (
            row!(Form::PacketAbsolute(PacketSize::$size), concat!("ldabs", $suffix), $abs, [0 0 0 _],
                concat!("r0 = *(", $type, " *)skb[{imm}]"), Some(Packet), Some(V1), V3_18,
                "loads from the packet at a constant offset, in host byte order; r6 is the context"),
            row!(Form::PacketIndirect(PacketSize::$size), concat!("ldind", $suffix), $ind, [0 _ 0 _],
                concat!("r0 = *(", $type, " *)skb[r{src}{index}]"), Some(Packet), Some(V1), V3_18,
                "loads from the packet at a register plus a constant, in host byte order; r6 is the context"),
        )
    };
}

macro_rules! internal {
    ($form:ident, $name:literal, $opcode:literal, [$dst:tt $src:tt $offset:tt $imm:tt], $text:literal, $doc:literal) => {
        row!(Form::Internal(InternalForm::$form), $name, $opcode, [$dst $src $offset $imm], $text, None, None, None, $doc)
    };
}

const ALU: [[Definition; 4]; AluOp::ALL.len()] = [
    alu!(Add, "add", "+=", 0x00, 0, Base32, Base64, V1, V3_18, "adds"),
    alu!(Sub, "sub", "-=", 0x10, 0, Base32, Base64, V1, V3_18, "subtracts"),
    alu!(Mul, "mul", "*=", 0x20, 0, Divmul32, Divmul64, V1, V3_18, "multiplies"),
    alu!(Div, "div", "/=", 0x30, 0, Divmul32, Divmul64, V1, V3_18, "unsigned division (by zero: 0)"),
    alu!(Or, "or", "|=", 0x40, 0, Base32, Base64, V1, V3_18, "bitwise or"),
    alu!(And, "and", "&=", 0x50, 0, Base32, Base64, V1, V3_18, "bitwise and"),
    alu!(Lsh, "lsh", "<<=", 0x60, 0, Base32, Base64, V1, V3_18, "left shift"),
    alu!(Rsh, "rsh", ">>=", 0x70, 0, Base32, Base64, V1, V3_18, "logical right shift"),
    alu!(Mod, "mod", "%=", 0x90, 0, Divmul32, Divmul64, V1, V3_18, "unsigned remainder (by zero: unchanged)"),
    alu!(Xor, "xor", "^=", 0xa0, 0, Base32, Base64, V1, V3_18, "bitwise exclusive or"),
    alu!(Mov, "mov", "=", 0xb0, 0, Base32, Base64, V1, V3_18, "assignment"),
    alu!(Arsh, "arsh", "s>>=", 0xc0, 0, Base32, Base64, V1, V3_18, "arithmetic right shift"),
    alu!(SDiv, "sdiv", "s/=", 0x30, 1, Divmul32, Divmul64, V4, V6_6, "signed division (by zero: 0)"),
    alu!(SMod, "smod", "s%=", 0x90, 1, Divmul32, Divmul64, V4, V6_6, "signed remainder (by zero: unchanged)"),
];

const BRANCH: [[Definition; 4]; JmpOp::ALL.len()] = [
    branch!(Eq, "jeq", "==", 0x10, V1, V3_18, "equals"),
    branch!(Gt, "jgt", ">", 0x20, V1, V3_18, "is above (unsigned)"),
    branch!(Ge, "jge", ">=", 0x30, V1, V3_18, "is above or equal to (unsigned)"),
    branch!(Set, "jset", "&", 0x40, V1, V3_18, "has a bit in common with"),
    branch!(Ne, "jne", "!=", 0x50, V1, V3_18, "differs from"),
    branch!(SGt, "jsgt", "s>", 0x60, V1, V3_18, "is greater (signed) than"),
    branch!(SGe, "jsge", "s>=", 0x70, V1, V3_18, "is greater (signed) than or equal to"),
    branch!(Lt, "jlt", "<", 0xa0, V2, V4_14, "is below (unsigned)"),
    branch!(Le, "jle", "<=", 0xb0, V2, V4_14, "is below or equal to (unsigned)"),
    branch!(SLt, "jslt", "s<", 0xc0, V2, V4_14, "is less (signed) than"),
    branch!(SLe, "jsle", "s<=", 0xd0, V2, V4_14, "is less (signed) than or equal to"),
];

const NEG: [Definition; 2] = [
    row!(Form::Neg(Width::W32), "neg32", 0x84, [_ 0 0 0], "w{dst} = -w{dst}", Some(Base32), Some(V1), V3_18,
        "negates in 32 bits; the upper half becomes zero"),
    row!(Form::Neg(Width::W64), "neg64", 0x87, [_ 0 0 0], "r{dst} = -r{dst}", Some(Base64), Some(V1), V3_18,
        "negates in 64 bits"),
];

const SIGN_EXTEND: [Definition; SignExtension::ALL.len()] = [
    row!(Form::SignExtend(SignExtension::S8ToW32), "movsx8_32", 0xbc, [_ _ 8 0], "w{dst} = (s8)w{src}",
        Some(Base32), Some(V4), V6_6, "copies the lowest byte, sign-extended to 32 bits"),
    row!(Form::SignExtend(SignExtension::S16ToW32), "movsx16_32", 0xbc, [_ _ 16 0], "w{dst} = (s16)w{src}",
        Some(Base32), Some(V4), V6_6, "copies the lowest two bytes, sign-extended to 32 bits"),
    row!(Form::SignExtend(SignExtension::S8ToW64), "movsx8_64", 0xbf, [_ _ 8 0], "r{dst} = (s8)r{src}",
        Some(Base64), Some(V4), V6_6, "copies the lowest byte, sign-extended to 64 bits"),
    row!(Form::SignExtend(SignExtension::S16ToW64), "movsx16_64", 0xbf, [_ _ 16 0], "r{dst} = (s16)r{src}",
        Some(Base64), Some(V4), V6_6, "copies the lowest two bytes, sign-extended to 64 bits"),
    row!(Form::SignExtend(SignExtension::S32ToW64), "movsx32_64", 0xbf, [_ _ 32 0], "r{dst} = (s32)r{src}",
        Some(Base64), Some(V4), V6_6, "copies the lower half, sign-extended to 64 bits"),
];

const ENDIAN: [Definition; 9] = [
    endian!(Le, Bits16, "le16", 0xd4, 16, Base32, V1, V3_18, "converts two bytes to or from little-endian"),
    endian!(Le, Bits32, "le32", 0xd4, 32, Base32, V1, V3_18, "converts four bytes to or from little-endian"),
    endian!(Le, Bits64, "le64", 0xd4, 64, Base64, V1, V3_18, "converts eight bytes to or from little-endian"),
    endian!(Be, Bits16, "be16", 0xdc, 16, Base32, V1, V3_18, "converts two bytes to or from big-endian"),
    endian!(Be, Bits32, "be32", 0xdc, 32, Base32, V1, V3_18, "converts four bytes to or from big-endian"),
    endian!(Be, Bits64, "be64", 0xdc, 64, Base64, V1, V3_18, "converts eight bytes to or from big-endian"),
    endian!(Bswap, Bits16, "bswap16", 0xd7, 16, Base32, V4, V6_6, "swaps two bytes"),
    endian!(Bswap, Bits32, "bswap32", 0xd7, 32, Base32, V4, V6_6, "swaps four bytes"),
    endian!(Bswap, Bits64, "bswap64", 0xd7, 64, Base64, V4, V6_6, "swaps eight bytes"),
];

const MEMORY: [(Definition, [Definition; 2]); 4] = [
    memory!(Byte, "b", "u8", 0x10, Base32, "one byte"),
    memory!(Half, "h", "u16", 0x08, Base32, "two bytes"),
    memory!(Word, "w", "u32", 0x00, Base32, "four bytes"),
    memory!(Double, "dw", "u64", 0x18, Base64, "eight bytes"),
];

const LOAD_SIGNED: [Definition; 3] = [
    row!(Form::LoadSigned(SignedSize::S8), "ldxsb", 0x91, [_ _ _ 0], "r{dst} = *(s8 *)(r{src}{offset})",
        Some(Base64), Some(V4), V6_6, "loads one byte, sign-extended to 64 bits"),
    row!(Form::LoadSigned(SignedSize::S16), "ldxsh", 0x89, [_ _ _ 0], "r{dst} = *(s16 *)(r{src}{offset})",
        Some(Base64), Some(V4), V6_6, "loads two bytes, sign-extended to 64 bits"),
    row!(Form::LoadSigned(SignedSize::S32), "ldxsw", 0x81, [_ _ _ 0], "r{dst} = *(s32 *)(r{src}{offset})",
        Some(Base64), Some(V4), V6_6, "loads four bytes, sign-extended to 64 bits"),
];

const LOAD_IMM64: [Definition; ImmediateSource::ALL.len()] = [
    row!(Form::LoadImm64(ImmediateSource::Value), "lddw", LDDW_OPCODE, [_ 0 0 _], "r{dst} = {imm64} ll",
        Some(Base64), Some(V1), V3_18, "loads a 64-bit constant"),
    row!(Form::LoadImm64(ImmediateSource::MapFd), "lddw_map_fd", LDDW_OPCODE, [_ 1 0 _], "ld_pseudo r{dst}, 1, {words}",
        Some(Base64), Some(V1), V3_18, "loads the address of a map, given by file descriptor"),
    row!(Form::LoadImm64(ImmediateSource::MapValue), "lddw_map_value", LDDW_OPCODE, [_ 2 0 _], "ld_pseudo r{dst}, 2, {low}, {high}",
        Some(Base64), Some(V1), V5_2, "loads the address of a map's only value plus an offset"),
    row!(Form::LoadImm64(ImmediateSource::BtfId), "lddw_btf_id", LDDW_OPCODE, [_ 3 0 _], "ld_pseudo r{dst}, 3, {words}",
        Some(Base64), Some(V1), V5_10, "loads the address of a kernel variable, given by BTF id"),
    row!(Form::LoadImm64(ImmediateSource::Function), "lddw_func", LDDW_OPCODE, [_ 4 0 _], "ld_pseudo r{dst}, 4, {words}",
        Some(Base64), Some(V1), V5_13, "loads the address of a function of the same program"),
    row!(Form::LoadImm64(ImmediateSource::MapIndex), "lddw_map_idx", LDDW_OPCODE, [_ 5 0 _], "ld_pseudo r{dst}, 5, {words}",
        Some(Base64), Some(V1), V5_14, "loads the address of a map, given by index into fd_array"),
    row!(Form::LoadImm64(ImmediateSource::MapIndexValue), "lddw_map_idx_value", LDDW_OPCODE, [_ 6 0 _], "ld_pseudo r{dst}, 6, {low}, {high}",
        Some(Base64), Some(V1), V5_14, "loads the address of a map's only value plus an offset, the map given by index"),
];

const PACKET: [(Definition, Definition); 3] = [
    packet!(Byte, "b", "u8", 0x30, 0x50),
    packet!(Half, "h", "u16", 0x28, 0x48),
    packet!(Word, "w", "u32", 0x20, 0x40),
];

const ATOMIC: [[Definition; 2]; AtomicOp::ALL.len()] = [
    locked!(Add, "add", "+=", 0x00, V1, V3_18, "atomic addition to memory"),
    locked!(Or, "or", "|=", 0x40, V3, V5_12, "atomic or into memory"),
    locked!(And, "and", "&=", 0x50, V3, V5_12, "atomic and into memory"),
    locked!(Xor, "xor", "^=", 0xa0, V3, V5_12, "atomic exclusive or into memory"),
    fetching!(FetchAdd, "fetch_add", 0x01, "atomic addition that returns the old value"),
    fetching!(FetchOr, "fetch_or", 0x41, "atomic or that returns the old value"),
    fetching!(FetchAnd, "fetch_and", 0x51, "atomic and that returns the old value"),
    fetching!(FetchXor, "fetch_xor", 0xa1, "atomic exclusive or that returns the old value"),
    atomic!(Xchg, "xchg", 0xe1, V3, V5_12, "w{src} = xchg32_32(r{dst}{offset}, w{src})",
        "r{src} = xchg_64(r{dst}{offset}, r{src})", "atomic exchange"),
    atomic!(CmpXchg, "cmpxchg", 0xf1, V3, V5_12, "w0 = cmpxchg32_32(r{dst}{offset}, w0, w{src})",
        "r0 = cmpxchg_64(r{dst}{offset}, r0, r{src})", "atomic exchange if memory equals r0, which gets the old value"),
];

const ORDERED: [(Definition, Definition); 4] = [
    ordered!(Byte, "u8", 0xd3, "w"),
    ordered!(Half, "u16", 0xcb, "w"),
    ordered!(Word, "u32", 0xc3, "w"),
    ordered!(Double, "u64", 0xdb, "r"),
];

const CONTROL: [Definition; 10] = [
    row!(Form::Goto, "ja", 0x05, [0 0 _ 0], "goto {jump}", Some(Base32), Some(V1), V3_18,
        "jumps; the distance in slots has 16 bits"),
    row!(Form::GotoLong, "gotol", 0x06, [0 0 0 _], "gotol {jump}", Some(Base32), Some(V4), V6_6,
        "jumps; the distance in slots has 32 bits"),
    row!(Form::MayGoto, "may_goto", 0xe5, [0 0 _ 0], "may_goto {jump}", None, None, V6_9,
        "jumps once the loop budget that the kernel keeps for it is used up"),
    row!(Form::GotoIndirect, "gotox", 0x0d, [_ 0 0 0], "gotox r{dst}", None, Some(V4), V6_19,
        "jumps to an address taken from an instruction array map"),
    row!(Form::CallHelper, "call_helper", 0x85, [0 0 0 _], "call {helper}", Some(Base32), Some(V1), V3_18,
        "calls a kernel helper by number"),
    row!(Form::CallLocal, "call_local", 0x85, [0 1 0 _], "call pc{jump}", Some(Base32), Some(V1), V4_16,
        "calls a function of the same program, by distance in slots"),
    row!(Form::CallKfunc, "call_kfunc", 0x85, [0 2 _ _], "call kfunc({helper}, {index_of_fd})", Some(Base32), Some(V1), V5_13,
        "calls a kernel function by BTF id and index into fd_array"),
    row!(Form::CallIndirect, "callx", 0x8d, [_ 0 0 0], "callx r{dst}", None, None, None,
        "calls through a register; LLVM emits it, no kernel accepts it"),
    row!(Form::Exit, "exit", 0x95, [0 0 0 0], "exit", Some(Base32), Some(V1), V3_18,
        "returns r0 to the caller or the kernel"),
    row!(Form::AddressSpaceCast, "addr_space_cast", 0xbf, [_ _ 1 _], "r{dst} = addr_space_cast(r{src}, {space_to}, {space_from})",
        None, None, V6_9, "turns an arena pointer of one address space into one of another"),
];

const INTERNAL: [Definition; 29] = [
    internal!(Nospec, "nospec", 0xc2, [_ _ _ _], "nospec", "speculation barrier, inserted by the verifier"),
    internal!(MovPercpu, "mov_percpu", 0xbf, [_ _ (-1) _], "r{dst} = &(void __percpu *)(r{src})", "address of this CPU's copy, inserted by the verifier"),
    internal!(TailCall, "tail_call", 0xf5, [_ _ _ _], "tail_call {imm}", "what a call of bpf_tail_call becomes"),
    internal!(ProbeMemW, "probe_mem_w", 0x21, [_ _ _ _], "r{dst} = probe_mem *(u32 *)(r{src}{offset})", "load that survives a fault"),
    internal!(ProbeMemH, "probe_mem_h", 0x29, [_ _ _ _], "r{dst} = probe_mem *(u16 *)(r{src}{offset})", "load that survives a fault"),
    internal!(ProbeMemB, "probe_mem_b", 0x31, [_ _ _ _], "r{dst} = probe_mem *(u8 *)(r{src}{offset})", "load that survives a fault"),
    internal!(ProbeMemDw, "probe_mem", 0x39, [_ _ _ _], "r{dst} = probe_mem *(u64 *)(r{src}{offset})", "load that survives a fault"),
    internal!(ProbeMemSxW, "probe_memsx", 0x41, [_ _ _ _], "r{dst} = probe_mem *(s32 *)(r{src}{offset})", "sign-extending load that survives a fault"),
    internal!(ProbeMemSxH, "probe_memsx_h", 0x49, [_ _ _ _], "r{dst} = probe_mem *(s16 *)(r{src}{offset})", "sign-extending load that survives a fault"),
    internal!(ProbeMemSxB, "probe_memsx_b", 0x51, [_ _ _ _], "r{dst} = probe_mem *(s8 *)(r{src}{offset})", "sign-extending load that survives a fault"),
    internal!(ProbeMem32LoadW, "probe_mem32_w", 0xa1, [_ _ _ _], "r{dst} = probe_mem32 *(u32 *)(r{src}{offset})", "load from an arena"),
    internal!(ProbeMem32LoadH, "probe_mem32_h", 0xa9, [_ _ _ _], "r{dst} = probe_mem32 *(u16 *)(r{src}{offset})", "load from an arena"),
    internal!(ProbeMem32LoadB, "probe_mem32_b", 0xb1, [_ _ _ _], "r{dst} = probe_mem32 *(u8 *)(r{src}{offset})", "load from an arena"),
    internal!(ProbeMem32LoadDw, "probe_mem32", 0xb9, [_ _ _ _], "r{dst} = probe_mem32 *(u64 *)(r{src}{offset})", "load from an arena"),
    internal!(ProbeMem32StoreImmW, "probe_mem32_st_w", 0xa2, [_ _ _ _], "probe_mem32 *(u32 *)(r{dst}{offset}) = {imm}", "store of a constant to an arena"),
    internal!(ProbeMem32StoreImmH, "probe_mem32_st_h", 0xaa, [_ _ _ _], "probe_mem32 *(u16 *)(r{dst}{offset}) = {imm}", "store of a constant to an arena"),
    internal!(ProbeMem32StoreImmB, "probe_mem32_st_b", 0xb2, [_ _ _ _], "probe_mem32 *(u8 *)(r{dst}{offset}) = {imm}", "store of a constant to an arena"),
    internal!(ProbeMem32StoreImmDw, "probe_mem32_st_dw", 0xba, [_ _ _ _], "probe_mem32 *(u64 *)(r{dst}{offset}) = {imm}", "store of a constant to an arena"),
    internal!(ProbeMem32StoreW, "probe_mem32_stx_w", 0xa3, [_ _ _ _], "probe_mem32 *(u32 *)(r{dst}{offset}) = r{src}", "store to an arena"),
    internal!(ProbeMem32StoreH, "probe_mem32_stx_h", 0xab, [_ _ _ _], "probe_mem32 *(u16 *)(r{dst}{offset}) = r{src}", "store to an arena"),
    internal!(ProbeMem32StoreB, "probe_mem32_stx_b", 0xb3, [_ _ _ _], "probe_mem32 *(u8 *)(r{dst}{offset}) = r{src}", "store to an arena"),
    internal!(ProbeMem32StoreDw, "probe_mem32_stx_dw", 0xbb, [_ _ _ _], "probe_mem32 *(u64 *)(r{dst}{offset}) = r{src}", "store to an arena"),
    internal!(ProbeMem32SxW, "probe_mem32sx_w", 0xc1, [_ _ _ _], "r{dst} = probe_mem32 *(s32 *)(r{src}{offset})", "sign-extending load from an arena"),
    internal!(ProbeMem32SxH, "probe_mem32sx_h", 0xc9, [_ _ _ _], "r{dst} = probe_mem32 *(s16 *)(r{src}{offset})", "sign-extending load from an arena"),
    internal!(ProbeMem32SxB, "probe_mem32sx_b", 0xd1, [_ _ _ _], "r{dst} = probe_mem32 *(s8 *)(r{src}{offset})", "sign-extending load from an arena"),
    internal!(ProbeAtomicW, "probe_atomic_w", 0xe3, [_ _ _ _], "probe_atomic (u32 *)(r{dst}{offset}), r{src}, {imm}", "atomic operation on an arena"),
    internal!(ProbeAtomicH, "probe_atomic_h", 0xeb, [_ _ _ _], "probe_atomic (u16 *)(r{dst}{offset}), r{src}, {imm}", "atomic operation on an arena"),
    internal!(ProbeAtomicB, "probe_atomic_b", 0xf3, [_ _ _ _], "probe_atomic (u8 *)(r{dst}{offset}), r{src}, {imm}", "atomic operation on an arena"),
    internal!(ProbeAtomicDw, "probe_atomic", 0xfb, [_ _ _ _], "probe_atomic (u64 *)(r{dst}{offset}), r{src}, {imm}", "atomic operation on an arena"),
];

/// Where each group of rows begins; [`Form::index`] counts with these.
mod start {
    use super::{
        ALU, ATOMIC, BRANCH, CONTROL, ENDIAN, INTERNAL, LOAD_IMM64, LOAD_SIGNED, MEMORY, NEG, ORDERED, PACKET,
        SIGN_EXTEND,
    };
    pub(super) const BRANCH_AT: usize = 4 * ALU.len();
    pub(super) const NEG_AT: usize = BRANCH_AT + 4 * BRANCH.len();
    pub(super) const SIGN_EXTEND_AT: usize = NEG_AT + NEG.len();
    pub(super) const ENDIAN_AT: usize = SIGN_EXTEND_AT + SIGN_EXTEND.len();
    pub(super) const LOAD_AT: usize = ENDIAN_AT + ENDIAN.len();
    pub(super) const LOAD_SIGNED_AT: usize = LOAD_AT + MEMORY.len();
    pub(super) const STORE_AT: usize = LOAD_SIGNED_AT + LOAD_SIGNED.len();
    pub(super) const LOAD_IMM64_AT: usize = STORE_AT + 2 * MEMORY.len();
    pub(super) const PACKET_AT: usize = LOAD_IMM64_AT + LOAD_IMM64.len();
    pub(super) const ATOMIC_AT: usize = PACKET_AT + 2 * PACKET.len();
    pub(super) const ORDERED_AT: usize = ATOMIC_AT + 2 * ATOMIC.len();
    pub(super) const CONTROL_AT: usize = ORDERED_AT + 2 * ORDERED.len();
    pub(super) const INTERNAL_AT: usize = CONTROL_AT + CONTROL.len();
    pub(super) const END: usize = INTERNAL_AT + INTERNAL.len();
}

impl Form {
    /// The row's position in [`TABLE`].
    #[must_use]
    pub const fn index(self) -> usize {
        use start::*;
        match self {
            Self::Alu(op, width, source) => 4 * op as usize + 2 * width as usize + source as usize,
            Self::Branch(op, width, source) => {
                BRANCH_AT + 4 * op as usize + 2 * width as usize + source as usize
            }
            Self::Neg(width) => NEG_AT + width as usize,
            Self::SignExtend(extension) => SIGN_EXTEND_AT + extension as usize,
            Self::Endian(op, size) => ENDIAN_AT + 3 * op as usize + size as usize,
            Self::Load(size) => LOAD_AT + size as usize,
            Self::LoadSigned(size) => LOAD_SIGNED_AT + size as usize,
            Self::Store(size, source) => STORE_AT + 2 * size as usize + source as usize,
            Self::LoadImm64(source) => LOAD_IMM64_AT + source as usize,
            Self::PacketAbsolute(size) => PACKET_AT + size as usize,
            Self::PacketIndirect(size) => PACKET_AT + PACKET.len() + size as usize,
            Self::Atomic(op, width) => ATOMIC_AT + 2 * op as usize + width as usize,
            Self::LoadAcquire(size) => ORDERED_AT + size as usize,
            Self::StoreRelease(size) => ORDERED_AT + ORDERED.len() + size as usize,
            Self::Goto => CONTROL_AT,
            Self::GotoLong => CONTROL_AT + 1,
            Self::MayGoto => CONTROL_AT + 2,
            Self::GotoIndirect => CONTROL_AT + 3,
            Self::CallHelper => CONTROL_AT + 4,
            Self::CallLocal => CONTROL_AT + 5,
            Self::CallKfunc => CONTROL_AT + 6,
            Self::CallIndirect => CONTROL_AT + 7,
            Self::Exit => CONTROL_AT + 8,
            Self::AddressSpaceCast => CONTROL_AT + 9,
            Self::Internal(form) => INTERNAL_AT + form as usize,
        }
    }

    /// The row of the instruction table.
    #[must_use]
    pub const fn definition(self) -> &'static Definition {
        &TABLE[self.index()]
    }
}

/// Every instruction, each in one row.
pub static TABLE: [Definition; start::END] = build_table();

const fn build_table() -> [Definition; start::END] {
    let mut table = [NEG[0]; start::END];
    let mut at = 0;
    macro_rules! place {
        ($($count:expr, |$i:ident| $row:expr;)*) => { $(
            let mut $i = 0;
            while $i < $count {
                // Each row lands where `Form::index` looks for it, or the build fails.
                let row = $row;
                assert!(row.form.index() == at, "the table and Form::index disagree");
                table[at] = row;
                at += 1;
                $i += 1;
            }
        )* };
    }
    place! {
        4 * ALU.len(), |i| ALU[i / 4][i % 4];
        4 * BRANCH.len(), |i| BRANCH[i / 4][i % 4];
        NEG.len(), |i| NEG[i];
        SIGN_EXTEND.len(), |i| SIGN_EXTEND[i];
        ENDIAN.len(), |i| ENDIAN[i];
        MEMORY.len(), |i| MEMORY[i].0;
        LOAD_SIGNED.len(), |i| LOAD_SIGNED[i];
        2 * MEMORY.len(), |i| MEMORY[i / 2].1[i % 2];
        LOAD_IMM64.len(), |i| LOAD_IMM64[i];
        PACKET.len(), |i| PACKET[i].0;
        PACKET.len(), |i| PACKET[i].1;
        2 * ATOMIC.len(), |i| ATOMIC[i / 2][i % 2];
        ORDERED.len(), |i| ORDERED[i].0;
        ORDERED.len(), |i| ORDERED[i].1;
        CONTROL.len(), |i| CONTROL[i];
        INTERNAL.len(), |i| INTERNAL[i];
    }
    table
}

/// The most rows that share an opcode: the atomic operations.
const MAX_ROWS_PER_OPCODE: usize = 12;

/// For each opcode the rows that have it, as positions plus one; zero ends a list.
static BY_OPCODE: [[u8; MAX_ROWS_PER_OPCODE]; 256] = {
    let mut lists = [[0; MAX_ROWS_PER_OPCODE]; 256];
    let table = build_table();
    let mut row = 0;
    while row < table.len() {
        let list = &mut lists[table[row].opcode as usize];
        let mut at = 0;
        while list[at] != 0 {
            at += 1;
        }
        assert!(row < 255);
        #[expect(clippy::cast_possible_truncation, reason = "asserted in the line above")]
        {
            list[at] = row as u8 + 1;
        }
        row += 1;
    }
    lists
};

/// The rows with this opcode, in table order.
///
/// ```
/// use ebpf_asm::isa::rows_of_opcode;
///
/// // One opcode, and what tells its instructions apart is in other fields.
/// let names: Vec<&str> = rows_of_opcode(0xdb).map(|row| row.name).collect();
/// assert!(names.len() > 1, "atomic operations on 64 bits: {names:?}");
/// ```
pub fn rows_of_opcode(opcode: u8) -> impl Iterator<Item = &'static Definition> {
    BY_OPCODE[opcode as usize]
        .iter()
        .take_while(|&&row| row != 0)
        .map(|&row| &TABLE[row as usize - 1])
}
