//! From bytes to instructions. Any bytes decode: to what the table knows, or to a raw slot
//! that keeps them.

use super::{Definition, Encoded, Field, Insn, Instruction, rows_of_opcode};

/// What a slot, or a pair of them, turned out to be.
///
/// ```
/// use ebpf_asm::isa::{Decoded, Insn, decode};
///
/// let slots = [Insn::from_le_bytes([0x95, 0, 0, 0, 0, 0, 0, 0])];
/// let decoded = decode(&slots).unwrap();
/// assert_eq!(decoded.known().unwrap().to_string(), "exit");
/// assert_eq!(decoded.slots(), 1);
/// assert_eq!(decoded.encode()[..], slots);        // whatever it was, it comes back
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// An instruction of the table.
    Known(Instruction),
    /// Eight bytes that are no instruction: an unused opcode, a reserved field that is not
    /// zero, a register above 10, half of a two-slot load.
    Unknown(Insn),
}

impl Decoded {
    /// The number of slots: two for a 64-bit immediate, else one.
    #[must_use]
    pub const fn slots(&self) -> usize {
        match self {
            Self::Known(instruction) => instruction.slots(),
            Self::Unknown(_) => 1,
        }
    }

    /// The instruction, if it is one.
    #[must_use]
    pub const fn known(&self) -> Option<&Instruction> {
        match self {
            Self::Known(instruction) => Some(instruction),
            Self::Unknown(_) => None,
        }
    }
}

/// Decodes the instruction at the start of `slots`; `None` if there is no slot.
///
/// ```
/// use ebpf_asm::isa::{decode, Decoded, Insn};
///
/// let exit = Insn::from_le_bytes([0x95, 0, 0, 0, 0, 0, 0, 0]);
/// let Some(Decoded::Known(instruction)) = decode(&[exit]) else { panic!() };
/// assert_eq!(instruction.definition().name, "exit");
///
/// // A reserved field that is not zero: kept as it is.
/// let odd = exit.with_imm(7);
/// assert_eq!(decode(&[odd]), Some(Decoded::Unknown(odd)));
/// ```
#[must_use]
pub fn decode(slots: &[Insn]) -> Option<Decoded> {
    let (&first, rest) = slots.split_first()?;
    let known = rows_of_opcode(first.opcode()).find_map(|row| decode_as(row, first, rest));
    Some(known.map_or(Decoded::Unknown(first), Decoded::Known))
}

fn decode_as(row: &Definition, first: Insn, rest: &[Insn]) -> Option<Instruction> {
    let register = |field: Field, value: u8| match field {
        Field::Fixed(fixed) => (i32::from(value) == fixed).then_some(super::Register::R0),
        Field::Operand => super::Register::from_index(value),
    };
    let fits = |field: Field, value: i32| match field {
        Field::Fixed(fixed) => value == fixed,
        Field::Operand => true,
    };
    let dst = register(row.dst, first.dst())?;
    let src = register(row.src, first.src())?;
    if !fits(row.offset, i32::from(first.offset())) || !fits(row.imm, first.imm()) {
        return None;
    }
    let mut imm_high = 0;
    if row.slots() == 2 {
        imm_high = rest.first()?.imm();
        if rest[0] != Insn::from_fields(0, 0, 0, 0, imm_high) {
            return None;
        }
    }
    Some(Instruction::from_parts(
        row.form,
        dst,
        src,
        first.offset(),
        first.imm(),
        imm_high,
    ))
}

/// Iterates over the instructions of a program, each with the slot it begins at.
///
/// ```
/// use ebpf_asm::isa::{decode_all, Insn, Instruction, Register};
///
/// let slots = [
///     Instruction::load_imm64(Register::R0, 1 << 40).encode().to_vec(),
///     Instruction::exit().encode().to_vec(),
/// ]
/// .concat();
/// let starts: Vec<usize> = decode_all(&slots).map(|(at, _)| at).collect();
/// assert_eq!(starts, [0, 2]);
/// ```
pub fn decode_all(slots: &[Insn]) -> impl Iterator<Item = (usize, Decoded)> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let decoded = decode(slots.get(at..)?)?;
        let start = at;
        at += decoded.slots();
        Some((start, decoded))
    })
}

impl Decoded {
    /// The slots it was decoded from.
    #[must_use]
    pub const fn encode(&self) -> Encoded {
        match self {
            Self::Known(instruction) => instruction.encode(),
            Self::Unknown(insn) => Encoded::single(*insn),
        }
    }
}
