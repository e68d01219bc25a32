//! Listing: instructions put together from their fields.

// ANCHOR: file
use ebpf_rt::{Code, ebpf_asm};

// ANCHOR: encode
/// Destination and source.
type Registers = (u8, u8);

const fn encode(code: u8, regs: Registers, off: i16, imm: i32) -> u64 {
    let (dst, src) = regs;
    let registers = src << 4 | dst;
    let low = code as u64 | (registers as u64) << 8;
    let high = off as u16 as u64 | (imm as u32 as u64) << 16;
    low | high << 16
}
// ANCHOR_END: encode

// ANCHOR: by_hand
/// The class in the lower three bits.
const JMP: u8 = 0x05;
const ALU64: u8 = 0x07;
/// Where the second operand is.
const K: u8 = 0x00; // in `imm`
const X: u8 = 0x08; // in a register
/// The operation in the upper four bits.
const MOV: u8 = 0xb0;
const JGT: u8 = 0x20;
const EXIT: u8 = 0x90;

const BY_HAND: [u64; 4] = [
    encode(ALU64 | X | MOV, (0, 2), 0, 0),
    encode(JMP | K | JGT, (1, 0), 1, 3),
    encode(ALU64 | K | MOV, (0, 0), 0, 5),
    encode(JMP | EXIT, (0, 0), 0, 0),
];
// ANCHOR_END: by_hand

// ANCHOR: macro
const BY_MACRO: Code = ebpf_asm! {
    r0 = r2;
    if r1 > 3 goto done;
    r0 = 5;
done:
    exit;
};
// ANCHOR_END: macro

// ANCHOR: main
fn main() {
    println!("{}", BY_MACRO);
    let same = BY_MACRO.to_le_bytes() == BY_HAND.map(u64::to_le_bytes).concat();
    println!("the same bytes by hand: {same}");
}
// ANCHOR_END: main
// ANCHOR_END: file
