//! Small changes to programs.

use super::{Random, Sample};
use ebpf_asm::isa::Insn;

/// Numbers at the edges of what things can be.
const EDGES: [i32; 24] = [
    0,
    1,
    -1,
    2,
    3,
    4,
    7,
    8,
    9,
    15,
    16,
    31,
    32,
    33,
    47,
    48,
    49,
    63,
    64,
    65,
    0xffff,
    i32::MAX,
    i32::MIN,
    -8,
];

/// A program that differs from `seed` in one to four places.
pub(super) fn mutate(seed: &Sample, random: &mut Random) -> Sample {
    let mut sample = seed.clone();
    let times = if random.once_in(3) { 2 } else { 1 };
    for _ in 0..times {
        change(&mut sample, random);
    }
    sample
}

/// Whether a slot may be changed: the halves of 64-bit immediates are left alone.
fn is_free(insns: &[Insn], at: usize) -> bool {
    !insns[at].is_wide() && (at == 0 || !insns[at - 1].is_wide())
}

fn change(sample: &mut Sample, random: &mut Random) {
    let insns = &mut sample.insns;
    let at = random.below(insns.len());
    if !is_free(insns, at) {
        return;
    }
    let insn = insns[at];
    let class = insn.opcode() & 7;
    let is_jump = class == 5 || class == 6;
    let is_call = insn.opcode() == 0x85;
    // One in eight changes makes a field that is not used different from zero all the same.
    let odd = random.once_in(8);
    let has_source = matches!(class, 4..=7) && insn.opcode() & 8 != 0;
    let has_imm = odd || !is_call && (class == 2 || matches!(class, 4..=7) && !has_source);
    let has_offset = odd || matches!(class, 1..=3) || is_jump && !is_call && insn.opcode() != 0x95;
    // One in forty is a register that the machine does not have.
    let register = |random: &mut Random| match random.once_in(40) {
        true => random.pick(&[11, 12, 15]),
        false => random.below(11) as u8,
    };
    let with = |opcode: u8, dst: u8, src: u8, offset: i16, imm: i32| {
        Insn::from_fields(opcode, dst, src, offset, imm)
    };
    let (opcode, dst, src, offset, imm) = (
        insn.opcode(),
        insn.dst(),
        insn.src(),
        insn.offset(),
        insn.imm(),
    );
    insns[at] = match random.below(12) {
        // Another constant.
        0 | 1 if has_imm => with(opcode, dst, src, offset, random.pick(&EDGES)),
        2 | 3 if has_imm => {
            let by = random.pick(&[1, -1, 2, -2, 4, -4, 8, -8]);
            with(opcode, dst, src, offset, imm.wrapping_add(by))
        }
        // Another offset: of memory, or of a jump.
        4 | 5 if has_offset => {
            let by = if is_jump {
                random.pick(&[1, -1, 2])
            } else {
                random.pick(&[1, -1, 2, 4, -4, 8, -8, 16])
            };
            with(opcode, dst, src, offset.wrapping_add(by), imm)
        }
        // Another register.
        6 if !is_call && (odd || !matches!(insn.opcode(), 0x05 | 0x95)) => {
            with(opcode, register(random), src, offset, imm)
        }
        7 if !is_call && (has_source || matches!(class, 1 | 3)) => {
            with(opcode, dst, register(random), offset, imm)
        }
        // Another operation of the class.
        8 if !is_call => {
            let opcode = match class {
                4 | 7 => {
                    opcode & 0x0f
                        | random.pick(&[0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0])
                }
                5 | 6 if opcode & 0xf0 != 0x90 && opcode & 0xf0 != 0 => {
                    opcode & 0x0f
                        | random.pick(&[
                            0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0,
                        ])
                }
                // Another size.
                1..=3 if opcode & 0xe0 == 0x60 => {
                    opcode & !0x18 | random.pick(&[0, 0x08, 0x10, 0x18])
                }
                _ => opcode,
            };
            with(opcode, dst, src, offset, imm)
        }
        // The other width.
        9 if matches!(class, 4..=7) && !is_call && opcode != 0x95 && opcode != 0x05 => {
            with(opcode ^ 3, dst, src, offset, imm)
        }
        // Nothing in its place.
        10 => with(0x05, 0, 0, 0, 0),
        // A copy of another instruction.
        _ => {
            let from = random.below(insns.len());
            if is_free(insns, from) && insns[from].opcode() != 0x95 {
                insns[from]
            } else {
                insn
            }
        }
    };
}
