//! What a run does not decide by itself: contents of memory, results of helpers, the packet's
//! length. Chosen to hurt, from the program's own constants, and always the same.

use crate::check::facts::Program;
use crate::isa::{Decoded, Form, Source, decode_all};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The choices of a run: what was chosen so far, and how the rest is.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// The first choices.
    pub(super) choices: Vec<u64>,
    /// Decides about the others.
    pub(super) seed: u32,
}

/// A choice that a run made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    pub(super) value: u64,
    /// The bits that it can have.
    pub(super) mask: u64,
    /// The instruction that asked.
    pub(super) slot: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum InputKind {
    /// A number of so many bits.
    Number,
    /// 0 or 1.
    Choice,
    /// Bytes of a packet.
    Length,
}

/// Values at the edges of what numbers can be.
pub(super) const EXTREMES: [u64; 12] = [
    0,
    u64::MAX,
    1,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff_8000_0000,
    0xffff,
    0x1_0000_0000,
    0x1000,
];

/// Values that the program itself names, each with its neighbours.
pub(super) fn interesting(program: &Program<'_>) -> Vec<u64> {
    /// More than a run could try.
    const MOST: usize = 512;
    let mut values = BTreeSet::new();
    for (_, decoded) in decode_all(program.insns) {
        let Decoded::Known(instruction) = decoded else {
            continue;
        };
        let imm = match instruction.form() {
            Form::Branch(_, _, Source::Imm) | Form::Alu(_, _, Source::Imm) => {
                i64::from(instruction.imm())
            }
            _ => continue,
        };
        for value in [imm - 1, imm, imm + 1] {
            values.insert(value.cast_unsigned());
        }
        if values.len() > MOST {
            break;
        }
    }
    values.into_iter().collect()
}

/// A number from three that looks like none of them.
pub(super) const fn mix(seed: u32, index: u32, slot: u32) -> u64 {
    let mut x = (seed as u64) << 40 ^ (index as u64) << 20 ^ slot as u64;
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// What a run of this seed takes for its input number `index`.
pub(super) fn choose(
    seed: u32,
    index: u32,
    slot: u32,
    kind: InputKind,
    interesting: &[u64],
) -> u64 {
    let random = mix(seed, index, slot);
    match (kind, seed) {
        (InputKind::Choice, 0) => 1,
        (InputKind::Choice, 1) => 0,
        // More often there than not: behind a null there is little to see.
        (InputKind::Choice, _) => u64::from(!random.is_multiple_of(5)),
        (InputKind::Length, 0) => 64,
        (InputKind::Length, 1) => 0,
        (InputKind::Length, _) => {
            let lengths = [1, 14, 34, 54, 128, 1500, 13, 33, 2, 8];
            lengths[random as usize % lengths.len()]
        }
        (InputKind::Number, 0) => 0,
        (InputKind::Number, 1) => u64::MAX,
        (InputKind::Number, _) => {
            let at = (random >> 8) as usize;
            if !interesting.is_empty() && !random.is_multiple_of(3) {
                interesting[at % interesting.len()]
            } else if random.is_multiple_of(2) {
                EXTREMES[at % EXTREMES.len()]
            } else {
                1 << (at % 64)
            }
        }
    }
}
