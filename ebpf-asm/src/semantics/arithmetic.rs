//! The operations on plain numbers.

use crate::isa::{AluOp, AtomicOp, EndianOp, EndianSize, JmpOp, SignExtension, Size, Width};

/// The result of an arithmetic operation on `dst` and `src`.
///
/// An immediate is given sign-extended; 32-bit operations look at the lower halves only and
/// zero the upper half of the result. Addition, subtraction and multiplication wrap; counts of
/// shifts are masked to the width; division by zero gives zero, and the remainder of it is the
/// destination; the signed quotient of the smallest number and -1 is the smallest number.
///
/// ```
/// use ebpf_asm::isa::{AluOp, Width};
/// use ebpf_asm::semantics::alu;
///
/// assert_eq!(alu(AluOp::Div, Width::W64, 7, 0), 0);               // no trap
/// assert_eq!(alu(AluOp::Add, Width::W32, u64::MAX, 1), 0);        // the upper half is gone
/// ```
#[must_use]
#[inline]
pub const fn alu(op: AluOp, width: Width, dst: u64, src: u64) -> u64 {
    match width {
        Width::W64 => alu64(op, dst, src),
        Width::W32 => alu32(op, dst as u32, src as u32) as u64,
    }
}

/// The two widths differ in nothing but the type.
macro_rules! alu {
    ($name:ident, $unsigned:ty, $signed:ty) => {
        #[inline]
        const fn $name(op: AluOp, dst: $unsigned, src: $unsigned) -> $unsigned {
            match op {
                AluOp::Add => dst.wrapping_add(src),
                AluOp::Sub => dst.wrapping_sub(src),
                AluOp::Mul => dst.wrapping_mul(src),
                AluOp::Div => {
                    if src == 0 {
                        0
                    } else {
                        dst / src
                    }
                }
                AluOp::Or => dst | src,
                AluOp::And => dst & src,
                // `wrapping_sh*` mask the count to the width.
                AluOp::Lsh => dst.wrapping_shl(src as u32),
                AluOp::Rsh => dst.wrapping_shr(src as u32),
                AluOp::Mod => {
                    if src == 0 {
                        dst
                    } else {
                        dst % src
                    }
                }
                AluOp::Xor => dst ^ src,
                AluOp::Mov => src,
                AluOp::Arsh => (dst as $signed).wrapping_shr(src as u32) as $unsigned,
                AluOp::SDiv => {
                    if src == 0 {
                        0
                    } else {
                        (dst as $signed).wrapping_div(src as $signed) as $unsigned
                    }
                }
                AluOp::SMod => {
                    if src == 0 {
                        dst
                    } else {
                        (dst as $signed).wrapping_rem(src as $signed) as $unsigned
                    }
                }
            }
        }
    };
}

alu!(alu64, u64, i64);
alu!(alu32, u32, i32);

/// The negated value; in 32 bits the upper half becomes zero.
///
/// ```
/// use ebpf_asm::isa::Width;
/// use ebpf_asm::semantics::negate;
///
/// assert_eq!(negate(Width::W64, 1), u64::MAX);
/// assert_eq!(negate(Width::W32, 1), u64::from(u32::MAX));
/// ```
#[must_use]
#[inline]
pub const fn negate(width: Width, value: u64) -> u64 {
    match width {
        Width::W32 => (value as u32).wrapping_neg() as u64,
        Width::W64 => value.wrapping_neg(),
    }
}

/// The value of a sign-extending move or load: the lower bits, extended to 32 bits (with the
/// upper half zero) or 64.
///
/// ```
/// use ebpf_asm::isa::SignExtension;
/// use ebpf_asm::semantics::sign_extend;
///
/// for &extension in SignExtension::ALL {
///     assert_eq!(sign_extend(extension, 5), 5);   // what has no sign stays
/// }
/// ```
#[must_use]
#[inline]
pub const fn sign_extend(extension: SignExtension, value: u64) -> u64 {
    match extension {
        SignExtension::S8ToW32 => value as i8 as u32 as u64,
        SignExtension::S16ToW32 => value as i16 as u32 as u64,
        SignExtension::S8ToW64 => value as i8 as u64,
        SignExtension::S16ToW64 => value as i16 as u64,
        SignExtension::S32ToW64 => value as i32 as u64,
    }
}

/// The lower two, four or eight bytes in another byte order, the rest zero. `le` and `be`
/// convert from and to the byte order of this machine.
///
/// ```
/// use ebpf_asm::isa::{EndianOp, EndianSize};
/// use ebpf_asm::semantics::change_byte_order;
///
/// assert_eq!(change_byte_order(EndianOp::Bswap, EndianSize::Bits16, 0xff_1234), 0x3412);
/// ```
#[must_use]
#[inline]
pub const fn change_byte_order(op: EndianOp, size: EndianSize, value: u64) -> u64 {
    let swap = match op {
        EndianOp::Le => cfg!(target_endian = "big"),
        EndianOp::Be => cfg!(target_endian = "little"),
        EndianOp::Bswap => true,
    };
    match (size, swap) {
        (EndianSize::Bits16, false) => value as u16 as u64,
        (EndianSize::Bits16, true) => (value as u16).swap_bytes() as u64,
        (EndianSize::Bits32, false) => value as u32 as u64,
        (EndianSize::Bits32, true) => (value as u32).swap_bytes() as u64,
        (EndianSize::Bits64, false) => value,
        (EndianSize::Bits64, true) => value.swap_bytes(),
    }
}

/// Whether the condition of a jump holds. An immediate is given sign-extended; 32-bit jumps
/// look at the lower halves only.
///
/// ```
/// use ebpf_asm::isa::{JmpOp, Width};
/// use ebpf_asm::semantics::compare;
///
/// let minus_one = u64::MAX;
/// assert!(compare(JmpOp::Gt, Width::W64, minus_one, 0));
/// assert!(!compare(JmpOp::SGt, Width::W64, minus_one, 0));
/// ```
#[must_use]
#[inline]
pub const fn compare(op: JmpOp, width: Width, dst: u64, src: u64) -> bool {
    // Extended as the comparison sees it, the lower halves compare like whole registers.
    let (a, b, signed_a, signed_b) = match width {
        Width::W64 => (dst, src, dst as i64, src as i64),
        Width::W32 => (
            dst as u32 as u64,
            src as u32 as u64,
            dst as i32 as i64,
            src as i32 as i64,
        ),
    };
    match op {
        JmpOp::Eq => a == b,
        JmpOp::Ne => a != b,
        JmpOp::Gt => a > b,
        JmpOp::Ge => a >= b,
        JmpOp::Lt => a < b,
        JmpOp::Le => a <= b,
        JmpOp::Set => a & b != 0,
        JmpOp::SGt => signed_a > signed_b,
        JmpOp::SGe => signed_a >= signed_b,
        JmpOp::SLt => signed_a < signed_b,
        JmpOp::SLe => signed_a <= signed_b,
    }
}

/// What an atomic operation leaves in memory, whose old value is `old`. The old value, zero-
/// extended, is what the fetching forms return. For [`AtomicOp::CmpXchg`], which has a third
/// operand, there is [`compare_exchange`]; here it is an exchange.
///
/// ```
/// use ebpf_asm::isa::{AtomicOp, Width};
/// use ebpf_asm::semantics::atomic;
///
/// assert_eq!(atomic(AtomicOp::FetchAdd, Width::W64, 40, 2), 42);  // in memory
/// assert_eq!(atomic(AtomicOp::Xchg, Width::W64, 40, 2), 2);
/// ```
#[must_use]
#[inline]
pub const fn atomic(op: AtomicOp, width: Width, old: u64, src: u64) -> u64 {
    let new = match op {
        AtomicOp::Add | AtomicOp::FetchAdd => old.wrapping_add(src),
        AtomicOp::Or | AtomicOp::FetchOr => old | src,
        AtomicOp::And | AtomicOp::FetchAnd => old & src,
        AtomicOp::Xor | AtomicOp::FetchXor => old ^ src,
        AtomicOp::Xchg | AtomicOp::CmpXchg => src,
    };
    truncate(width_size(width), new)
}

/// What `cmpxchg` leaves in memory: `new` if memory held `expected` (32 bits compare in 32),
/// else what was there.
///
/// ```
/// use ebpf_asm::isa::Width;
/// use ebpf_asm::semantics::compare_exchange;
///
/// assert_eq!(compare_exchange(Width::W64, 1, 1, 2), 2);
/// assert_eq!(compare_exchange(Width::W64, 5, 1, 2), 5);           // somebody was faster
/// ```
#[must_use]
#[inline]
pub const fn compare_exchange(width: Width, old: u64, expected: u64, new: u64) -> u64 {
    let size = width_size(width);
    if truncate(size, old) == truncate(size, expected) {
        truncate(size, new)
    } else {
        truncate(size, old)
    }
}

/// The lower bytes that an access of this size has, the rest zero.
///
/// ```
/// use ebpf_asm::isa::Size;
/// use ebpf_asm::semantics::truncate;
///
/// assert_eq!(truncate(Size::Half, 0x12_3456), 0x3456);
/// ```
#[must_use]
#[inline]
pub const fn truncate(size: Size, value: u64) -> u64 {
    match size {
        Size::Byte => value as u8 as u64,
        Size::Half => value as u16 as u64,
        Size::Word => value as u32 as u64,
        Size::Double => value,
    }
}

const fn width_size(width: Width) -> Size {
    match width {
        Width::W32 => Size::Word,
        Width::W64 => Size::Double,
    }
}
