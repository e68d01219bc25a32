//! Which states were looked at before: a path that can show nothing new is not followed.

use super::kernel::Kernel;
use super::scalar::Scalar;
use super::stack::Stack;
use super::value::{Pointer, Value};
use super::walk::State;
use crate::check::facts::Program;
use crate::isa::{
    AluOp, Decoded, Form, ImmediateSource, Instruction, Register, Source, decode_all,
};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// What of a state matters at each slot.
pub(super) struct Needed {
    /// Registers whose value decides something further on.
    values: Vec<u16>,
    /// Where paths meet.
    joins: Vec<bool>,
}

const ALL_REGISTERS: u16 = 0x3ff;

impl Needed {
    /// Works backwards from comparisons, memory and calls.
    pub(super) fn of(program: &Program<'_>) -> Self {
        let length = program.insns.len();
        let mut needed = Self {
            values: vec![0; length + 1],
            joins: vec![false; length + 1],
        };
        let instructions: Vec<(usize, Decoded)> = decode_all(program.insns).collect();
        let target = |at: usize, instruction: &Instruction| {
            let distance = instruction.jump_distance()?;
            let target = usize::try_from(at as i64 + 1 + i64::from(distance)).ok()?;
            (target < length).then_some(target)
        };
        for (at, decoded) in &instructions {
            let Decoded::Known(instruction) = decoded else {
                continue;
            };
            if matches!(
                instruction.form(),
                Form::Goto | Form::GotoLong | Form::Branch(..) | Form::MayGoto
            ) && let Some(target) = target(*at, instruction)
            {
                needed.joins[target] = true;
            }
        }
        // Most jumps go forward. Who needs more is taken to need everything.
        for round in 0.. {
            let mut changed = false;
            for (at, decoded) in instructions.iter().rev() {
                let next = at + decoded.slots();
                let after = needed.values[next.min(length)];
                let before = match decoded {
                    Decoded::Unknown(_) => ALL_REGISTERS,
                    Decoded::Known(instruction) => {
                        let jumped = target(*at, instruction).map(|target| needed.values[target]);
                        transfer(instruction, after, jumped)
                    }
                };
                if needed.values[*at] != before {
                    needed.values[*at] = before;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
            if round == 16 {
                needed.values.fill(ALL_REGISTERS);
                break;
            }
        }
        needed
    }

    pub(super) fn is_join(&self, slot: usize) -> bool {
        self.joins[slot]
    }

    const fn has(mask: u16, register: usize) -> bool {
        mask >> register & 1 == 1
    }
}

/// What is needed before an instruction.
fn transfer(instruction: &Instruction, after: u16, jumped: Option<u16>) -> u16 {
    const ARGUMENTS: u16 = 0b11_1110;
    const RETURN: u16 = 1;
    let bit = |register: Option<Register>| match register {
        Some(register) => (1_u16 << register as u16) & ALL_REGISTERS,
        None => 0,
    };
    let (dst, src) = (bit(instruction.dst()), bit(instruction.src()));
    let is_needed = after & dst != 0;
    match instruction.form() {
        Form::Alu(AluOp::Mov, _, source) => {
            let rest = after & !dst;
            match source {
                Source::Reg if is_needed => rest | src,
                _ => rest,
            }
        }
        Form::Alu(_, _, Source::Reg) if is_needed => after | src,
        Form::Alu(..) | Form::Neg(_) | Form::Endian(..) => after,
        Form::SignExtend(_) | Form::AddressSpaceCast => {
            let rest = after & !dst;
            if is_needed { rest | src } else { rest }
        }
        Form::Load(_) | Form::LoadSigned(_) | Form::LoadAcquire(_) => after & !dst | src,
        Form::Store(_, Source::Imm) => after | dst,
        Form::Store(_, Source::Reg) | Form::StoreRelease(_) | Form::Atomic(..) => {
            after | dst | src | RETURN
        }
        Form::LoadImm64(ImmediateSource::Value) => after & !dst,
        Form::LoadImm64(_) => after & !dst,
        Form::Branch(_, _, source) => {
            let both = after | jumped.unwrap_or(ALL_REGISTERS) | dst;
            match source {
                Source::Reg => both | src,
                Source::Imm => both,
            }
        }
        Form::Goto | Form::GotoLong => jumped.unwrap_or(ALL_REGISTERS),
        Form::MayGoto => after | jumped.unwrap_or(ALL_REGISTERS),
        Form::Exit => RETURN,
        Form::CallHelper => after & !(ARGUMENTS | RETURN) | ARGUMENTS,
        // What the function needs of its arguments is not looked at here.
        Form::CallLocal => after & !(ARGUMENTS | RETURN) | ARGUMENTS,
        Form::PacketAbsolute(_) | Form::PacketIndirect(_) => {
            after & !(ARGUMENTS | RETURN) | 1 << 6 | src
        }
        _ => ALL_REGISTERS,
    }
}

/// A state that was noted.
struct Note {
    state: Box<State>,
    /// How often it was compared in vain.
    misses: u32,
}

/// What is known of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// All that can come from it was looked at.
    Before,
    /// It is the very state that led here.
    Again,
    New,
}

/// The states that were noted, by slot.
pub(super) struct Visited {
    notes: Vec<Note>,
    by_slot: Vec<Vec<u32>>,
    /// Whether something ends loops from outside.
    may_stop: bool,
}

/// States that are kept in all.
const MOST_NOTES: usize = 4096;
/// A state that was compared so often in vain is not compared any more, as in the kernel.
const MOST_MISSES: u32 = 8;

impl Visited {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            notes: Vec::new(),
            by_slot: vec![Vec::new(); slots],
            may_stop: false,
        }
    }

    pub(super) const fn loops_may_stop(&mut self) {
        self.may_stop = true;
    }

    /// Whether all that can come from this state was looked at; else the state is noted.
    pub(super) fn look(&mut self, kernel: Kernel, state: &mut State, needed: &Needed) -> Seen {
        let slot = state.at;
        let mut at = self.by_slot[slot].len();
        while at > 0 {
            at -= 1;
            let index = self.by_slot[slot][at];
            let note = &mut self.notes[index as usize];
            if is_within(kernel, state, &note.state, needed) {
                let again =
                    !self.may_stop && is_same(state, &note.state) && self.led_to(index, state);
                return if again { Seen::Again } else { Seen::Before };
            }
            note.misses += 1;
            if note.misses > MOST_MISSES {
                self.by_slot[slot].remove(at);
            }
        }
        if self.notes.len() < MOST_NOTES {
            let index = self.notes.len() as u32;
            self.by_slot[slot].push(index);
            self.notes.push(Note {
                state: Box::new(state.clone()),
                misses: 0,
            });
            state.noted = Some(index);
        }
        Seen::New
    }

    /// Whether a noted state is one that led to this one.
    fn led_to(&self, noted: u32, state: &State) -> bool {
        let mut next = state.noted;
        while let Some(index) = next {
            if index == noted {
                return true;
            }
            next = self.notes[index as usize].state.noted;
        }
        false
    }
}

/// Pairs of identities: those that are the same in both states have to stay the same.
struct Ids {
    pairs: Vec<(u32, u32)>,
    /// Before 6.2 what looks the same was not looked at.
    skips_equal: bool,
}

impl Ids {
    fn same(&mut self, new: u32, old: u32) -> bool {
        if (new == 0) != (old == 0) {
            return false;
        }
        if new == 0 {
            return true;
        }
        for &(one, other) in &self.pairs {
            if one == old || other == new {
                return one == old && other == new;
            }
        }
        self.pairs.push((old, new));
        true
    }
}

/// Whether an older state stands for this one.
fn is_within(kernel: Kernel, new: &State, old: &State, needed: &Needed) -> bool {
    if new.frames.len() != old.frames.len() || new.held.len() != old.held.len() {
        return false;
    }
    let mut ids = Ids {
        pairs: Vec::new(),
        skips_equal: !kernel.compared_identities(),
    };
    let mask = needed.values[new.at];
    for register in 0..10 {
        let (a, b) = (&new.registers[register], &old.registers[register]);
        if !value_within(a, b, Needed::has(mask, register), &mut ids) {
            return false;
        }
    }
    for (a, b) in new.frames.iter().zip(&old.frames) {
        if a.back != b.back {
            return false;
        }
        let mask = needed.values.get(a.back).copied().unwrap_or(ALL_REGISTERS);
        for (index, (x, y)) in a.saved.iter().zip(&b.saved).enumerate() {
            if !value_within(x, y, Needed::has(mask, index + 6), &mut ids) {
                return false;
            }
        }
    }
    for ((a, _), (b, _)) in new.held.iter().zip(&old.held) {
        if !ids.same(*a, *b) {
            return false;
        }
    }
    new.stacks.len() == old.stacks.len()
        && new
            .stacks
            .iter()
            .zip(&old.stacks)
            .all(|(a, b): (&Stack, &Stack)| {
                a.is_within(b, |x, y| value_within(x, y, true, &mut ids))
            })
}

fn value_within(new: &Value, old: &Value, is_needed: bool, ids: &mut Ids) -> bool {
    match (new, old) {
        (_, Value::Unwritten(_)) => true,
        _ if ids.skips_equal && new == old => true,
        (Value::Number(a), Value::Number(b)) => !is_needed || number_within(a, b, ids),
        (Value::Pointer(a), Value::Pointer(b)) => {
            if is_needed {
                pointer_within(a, b, ids)
            } else {
                a.kind == b.kind && a.null == b.null
            }
        }
        (Value::Opaque, Value::Opaque) => true,
        _ => false,
    }
}

fn number_within(new: &Scalar, old: &Scalar, ids: &mut Ids) -> bool {
    if !old.contains(new) {
        return false;
    }
    // An older number without copies stands for one with copies.
    old.id == 0 || old.link == new.link && ids.same(new.id, old.id)
}

fn pointer_within(new: &Pointer, old: &Pointer, ids: &mut Ids) -> bool {
    new.kind == old.kind
        && new.fixed == old.fixed
        && new.null == old.null
        && old.variable.contains(&new.variable)
        && (!new.kind.is_packet() || new.range >= old.range)
        && ids.same(new.id, old.id)
        && ids.same(new.held, old.held)
}

/// Whether two states are the same in everything.
fn is_same(a: &State, b: &State) -> bool {
    a.registers == b.registers
        && a.frames.len() == b.frames.len()
        && a.frames
            .iter()
            .zip(&b.frames)
            .all(|(x, y)| x.back == y.back && x.saved == y.saved)
        && a.held == b.held
        && a.stacks.len() == b.stacks.len()
        && a.stacks.iter().zip(&b.stacks).all(|(x, y)| x.is_same(y))
}
