use super::*;
use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, Instruction, JmpOp, Register, SignExtension, TABLE,
    Width,
};
use alloc::vec::Vec;

const INTERESTING: [u64; 16] = [
    0,
    1,
    2,
    7,
    31,
    32,
    63,
    64,
    0x7f,
    0x80,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// The same in 128 bits, where nothing wraps before the end.
fn alu_by_hand(op: AluOp, width: Width, dst: u64, src: u64) -> u64 {
    let bits = u32::from(width.bits());
    let mask = (1u128 << bits) - 1;
    let (a, b) = (u128::from(dst) & mask, u128::from(src) & mask);
    let signed = |value: u128| ((value << (128 - bits)) as i128) >> (128 - bits);
    let (sa, sb) = (signed(a), signed(b));
    let count = (b % u128::from(bits)) as u32;
    let result = match op {
        AluOp::Add => a + b,
        AluOp::Sub => (1 << bits) + a - b,
        AluOp::Mul => a.wrapping_mul(b),
        AluOp::Div => a.checked_div(b).unwrap_or(0),
        AluOp::Mod => a.checked_rem(b).unwrap_or(a),
        AluOp::SDiv => sa.checked_div(sb).unwrap_or(0) as u128,
        AluOp::SMod => sa.checked_rem(sb).unwrap_or(sa) as u128,
        AluOp::Or => a | b,
        AluOp::And => a & b,
        AluOp::Xor => a ^ b,
        AluOp::Mov => b,
        AluOp::Lsh => a << count,
        AluOp::Rsh => a >> count,
        AluOp::Arsh => (sa >> count) as u128,
    };
    (result & mask) as u64
}

#[test]
fn arithmetic_is_that_of_wider_numbers() {
    for &op in AluOp::ALL {
        for width in [Width::W32, Width::W64] {
            for dst in INTERESTING {
                for src in INTERESTING {
                    assert_eq!(
                        alu(op, width, dst, src),
                        alu_by_hand(op, width, dst, src),
                        "{op:?} {width:?} {dst:#x} {src:#x}"
                    );
                }
            }
        }
    }
}

#[test]
fn smallest_divided_by_minus_one() {
    let min = i64::MIN.cast_unsigned();
    assert_eq!(alu(AluOp::SDiv, Width::W64, min, u64::MAX), min);
    assert_eq!(alu(AluOp::SMod, Width::W64, min, u64::MAX), 0);
    assert_eq!(
        alu(AluOp::SDiv, Width::W32, 0x8000_0000, u64::MAX),
        0x8000_0000
    );
    // Of 32 bits the upper half of the destination does not count, and becomes zero.
    assert_eq!(alu(AluOp::Mod, Width::W32, 0xff_0000_0007, 0), 7);
    assert_eq!(alu(AluOp::SMod, Width::W32, (-7i64).cast_unsigned(), 3), {
        (-1i32).cast_unsigned().into()
    });
}

#[test]
fn comparisons_come_in_opposites() {
    let opposite = |op| match op {
        JmpOp::Eq => Some(JmpOp::Ne),
        JmpOp::Gt => Some(JmpOp::Le),
        JmpOp::Ge => Some(JmpOp::Lt),
        JmpOp::SGt => Some(JmpOp::SLe),
        JmpOp::SGe => Some(JmpOp::SLt),
        _ => None,
    };
    for width in [Width::W32, Width::W64] {
        for a in INTERESTING {
            for b in INTERESTING {
                for &op in JmpOp::ALL {
                    if let Some(other) = opposite(op) {
                        assert_ne!(compare(op, width, a, b), compare(other, width, a, b));
                    }
                }
                assert_eq!(
                    compare(JmpOp::Gt, width, a, b),
                    compare(JmpOp::Lt, width, b, a)
                );
                assert_eq!(
                    compare(JmpOp::SGt, width, a, b),
                    compare(JmpOp::SLt, width, b, a)
                );
            }
        }
    }
    assert!(compare(JmpOp::Gt, Width::W64, 1 << 32, 1));
    assert!(!compare(JmpOp::Gt, Width::W32, 1 << 32, 1));
    assert!(compare(JmpOp::SLt, Width::W64, u64::MAX, 0));
    assert!(!compare(JmpOp::Set, Width::W32, 1 << 32, u64::MAX));
    assert!(compare(JmpOp::Set, Width::W64, 1 << 32, u64::MAX));
}

#[test]
fn small_changes_of_a_register() {
    assert_eq!(negate(Width::W32, 1), 0xffff_ffff);
    assert_eq!(negate(Width::W64, 1), u64::MAX);
    assert_eq!(sign_extend(SignExtension::S8ToW32, 0x1280), 0xffff_ff80);
    assert_eq!(
        sign_extend(SignExtension::S16ToW64, 0x8000),
        0xffff_ffff_ffff_8000
    );
    assert_eq!(
        sign_extend(SignExtension::S32ToW64, 0x1_7fff_ffff),
        0x7fff_ffff
    );
    let number = 0x0102_0304_0506_0708;
    let be = |size| change_byte_order(EndianOp::Be, size, number);
    assert_eq!(be(EndianSize::Bits16), u64::from(0x0708u16.to_be()));
    assert_eq!(be(EndianSize::Bits32), u64::from(0x0506_0708u32.to_be()));
    assert_eq!(be(EndianSize::Bits64), number.to_be());
    let swap = |size| change_byte_order(EndianOp::Bswap, size, number);
    assert_eq!(swap(EndianSize::Bits16), 0x0807);
    assert_eq!(swap(EndianSize::Bits64), 0x0807_0605_0403_0201);
    let le = |size| change_byte_order(EndianOp::Le, size, number);
    assert_eq!(le(EndianSize::Bits32), u64::from(0x0506_0708u32.to_le()));
}

#[test]
fn atomics_keep_to_their_width() {
    let add = |width| atomic(AtomicOp::FetchAdd, width, 0xffff_ffff, 1);
    assert_eq!(add(Width::W32), 0);
    assert_eq!(add(Width::W64), 1 << 32);
    assert_eq!(atomic(AtomicOp::Xchg, Width::W32, 5, u64::MAX), 0xffff_ffff);
    // The upper half of r0 does not take part in a 32-bit comparison.
    assert_eq!(compare_exchange(Width::W32, 5, 5 | 1 << 40, 9), 9);
    assert_eq!(compare_exchange(Width::W64, 5, 5 | 1 << 40, 9), 5);
}

#[test]
fn every_row_that_programs_may_have_is_an_operation() {
    let mut kinds = Vec::new();
    for row in TABLE {
        let kind = Kind::from(row.form);
        if matches!(row.form, crate::isa::Form::Internal(_)) {
            assert_eq!(kind, Kind::Unknown, "{}", row.name);
        } else {
            assert_ne!(kind, Kind::Unknown, "{}", row.name);
            assert!(
                !kinds.contains(&kind),
                "{} is {kind:?}, as another row",
                row.name
            );
            kinds.push(kind);
        }
    }
}

#[test]
fn positions_are_slots() {
    let mut slots = Instruction::load_imm64(Register::R1, u64::MAX)
        .encode()
        .to_vec();
    slots.extend_from_slice(&Instruction::goto(-3).encode());
    slots.extend_from_slice(&Instruction::goto_long(i32::MIN).encode());
    let operations = Operation::decode_all(&slots);
    let kinds: Vec<Kind> = operations.iter().map(Operation::kind).collect();
    assert_eq!(
        kinds,
        [Kind::LoadImm64, Kind::Unknown, Kind::Goto, Kind::GotoLong]
    );
    assert_eq!(operations[2].target(), 0);
    assert_eq!(operations[3].target(), u32::MAX as usize);
}
