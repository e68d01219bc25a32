//! What holds on every path: which registers are written, which values are copies of each other.
//!
//! A small forward analysis, for words only. It decides nothing: what is found, witnesses found;
//! this says what may be written in its place.

mod words;

pub(super) use words::explain;

use super::facts::Program;
use crate::isa::{
    AluOp, AtomicOp, Decoded, Form, ImmediateSource, Instruction, Size, Source, Width, decode_all,
};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::OnceCell;

/// Where a value was made: its slot, times eleven, plus the register. Equal numbers are the same
/// value.
type Origin = u64;

/// What is known of a register, on every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing was written, or a call has clobbered it.
    Nothing,
    /// This value.
    Value(Origin),
    /// One value or another, or nothing on some paths.
    Varies,
}

impl Holds {
    fn join(self, other: Self) -> Self {
        if self == other { self } else { Self::Varies }
    }
}

/// What is known before an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    registers: [Holds; 11],
    /// Whole values on the stack, by their offset.
    stack: BTreeMap<i16, Origin>,
}

impl State {
    pub(super) fn register(&self, register: u8) -> Holds {
        let holds = self.registers.get(usize::from(register));
        holds.copied().unwrap_or(Holds::Varies)
    }

    /// The registers that hold a value.
    pub(super) fn holders(&self, value: Holds) -> impl Iterator<Item = u8> + '_ {
        (0..10).filter(move |&at| {
            matches!(value, Holds::Value(_)) && self.registers[usize::from(at)] == value
        })
    }

    /// Where on the stack a value is saved.
    pub(super) fn saved(&self, value: Holds) -> Option<i16> {
        let mut slots = self.stack.iter();
        slots
            .find(|(_, origin)| Holds::Value(**origin) == value)
            .map(|(&at, _)| at)
    }

    /// Whether something is known to be saved at this place of the stack.
    pub(super) fn is_saved_at(&self, offset: i16) -> bool {
        self.stack.contains_key(&offset)
    }

    fn join(&mut self, other: &Self) -> bool {
        let before = self.clone();
        for (mine, theirs) in self.registers.iter_mut().zip(other.registers) {
            *mine = mine.join(theirs);
        }
        self.stack
            .retain(|at, origin| other.stack.get(at) == Some(origin));
        *self != before
    }
}

/// A function, with what is known before each of its instructions.
pub(super) struct Analysis<'a> {
    program: &'a Program<'a>,
    /// The function's first slot, and the one behind its last.
    pub(super) first: usize,
    pub(super) end: usize,
    /// Made when it is first asked for: most words need none.
    states: OnceCell<States>,
}

struct States {
    first: usize,
    states: Vec<Option<State>>,
    /// Where the part of the stack begins that others have pointers to.
    exposed: i16,
}

/// Rounds over a function: values that go around loops settle in two or three.
const MOST_ROUNDS: usize = 12;

impl<'a> Analysis<'a> {
    /// The function around a slot.
    pub(super) fn around(program: &'a Program<'a>, slot: usize) -> Self {
        let mut starts: Vec<usize> = vec![0, program.insns.len()];
        starts.extend(
            program
                .functions
                .iter()
                .map(|function| function.insn as usize),
        );
        for (at, decoded) in decode_all(program.insns) {
            starts.extend(callee(at, &decoded));
        }
        starts.sort_unstable();
        let after = starts.partition_point(|&start| start <= slot);
        let first = starts[after.saturating_sub(1)];
        let end = starts.get(after).copied().unwrap_or(program.insns.len());
        Self {
            program,
            first,
            end,
            states: OnceCell::new(),
        }
    }

    /// What is known before an instruction; `None` where no path leads.
    pub(super) fn before(&self, slot: usize) -> Option<&State> {
        let states = self
            .states
            .get_or_init(|| States::of(self.program, self.first, self.end));
        states.before(slot)
    }
}

impl States {
    fn of(program: &Program<'_>, first: usize, end: usize) -> Self {
        let instructions: Vec<(usize, Decoded)> = decode_all(program.insns).collect();
        let mut analysis = Self {
            first,
            states: vec![None; end - first],
            exposed: exposed(&instructions),
        };
        let mut entry = State {
            registers: [Holds::Nothing; 11],
            stack: BTreeMap::new(),
        };
        let arguments = if first == 0 && !program.fragment {
            1..=1
        } else {
            1..=5
        };
        for register in arguments {
            entry.registers[register] = Holds::Value(u64::MAX - register as u64);
        }
        entry.registers[10] = Holds::Value(u64::MAX - 10);
        analysis.reach(first as i64, &entry);
        for _ in 0..MOST_ROUNDS {
            let mut changed = false;
            for (at, decoded) in &instructions {
                changed |= (first..end).contains(at) && analysis.step(*at, decoded);
            }
            if !changed {
                break;
            }
        }
        analysis
    }

    fn before(&self, slot: usize) -> Option<&State> {
        self.states.get(slot.checked_sub(self.first)?)?.as_ref()
    }

    /// Another path to an instruction; whether that changes what is known.
    fn reach(&mut self, slot: i64, state: &State) -> bool {
        let place = slot.checked_sub(self.first as i64);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let Some(known) = place.and_then(|place| self.states.get_mut(place)) else {
            return false;
        };
        match known {
            Some(known) => known.join(state),
            None => {
                *known = Some(state.clone());
                true
            }
        }
    }

    fn step(&mut self, at: usize, decoded: &Decoded) -> bool {
        let Some(mut state) = self.before(at).cloned() else {
            return false;
        };
        let next = (at + decoded.slots()) as i64;
        let Decoded::Known(instruction) = decoded else {
            return self.reach(next, &state);
        };
        let distance = instruction.jump_distance().map(i64::from);
        let target = distance.map(|distance| at as i64 + 1 + distance);
        effect(&mut state, at, instruction, self.exposed);
        match instruction.form() {
            Form::Exit | Form::GotoIndirect => false,
            Form::Goto | Form::GotoLong => target.is_some_and(|to| self.reach(to, &state)),
            Form::Branch(..) | Form::MayGoto => {
                let jumps = target.is_some_and(|to| self.reach(to, &state));
                self.reach(next, &state) || jumps
            }
            _ => self.reach(next, &state),
        }
    }
}

/// The lowest offset of the stack that a pointer other than `r10` may lead to.
fn exposed(instructions: &[(usize, Decoded)]) -> i16 {
    let mut lowest = 8;
    for (_, decoded) in instructions {
        let Decoded::Known(instruction) = decoded else {
            continue;
        };
        let offset = match instruction.form() {
            Form::Alu(AluOp::Mov, _, Source::Reg)
                if instruction.src().is_some_and(|src| src.index() == 10) =>
            {
                0
            }
            Form::Alu(AluOp::Add, _, Source::Imm) => instruction.imm().clamp(-512, 0) as i16,
            Form::Alu(AluOp::Add | AluOp::Sub, _, Source::Reg) => -512,
            _ => continue,
        };
        lowest = lowest.min(offset);
    }
    lowest
}

/// The function that an instruction names.
fn callee(at: usize, decoded: &Decoded) -> Option<usize> {
    let Decoded::Known(instruction) = decoded else {
        return None;
    };
    let distance = match instruction.form() {
        Form::CallLocal => instruction.jump_distance()?,
        Form::LoadImm64(ImmediateSource::Function) => instruction.imm(),
        _ => return None,
    };
    usize::try_from(at as i64 + 1 + i64::from(distance)).ok()
}

/// Which registers an instruction writes, and whether they have a value then.
pub(super) fn written(instruction: &Instruction) -> impl Iterator<Item = u8> {
    let register = match instruction.form() {
        Form::CallHelper | Form::CallLocal | Form::CallKfunc => Some(0),
        Form::PacketAbsolute(_) | Form::PacketIndirect(_) => Some(0),
        Form::Atomic(AtomicOp::CmpXchg, _) => Some(0),
        Form::Atomic(op, _) if op.fetches() => instruction.src().map(|src| src.index()),
        Form::Store(..)
        | Form::StoreRelease(_)
        | Form::Atomic(..)
        | Form::Branch(..)
        | Form::Goto
        | Form::GotoLong
        | Form::GotoIndirect
        | Form::MayGoto
        | Form::Exit => None,
        _ => instruction.dst().map(|dst| dst.index()),
    };
    register.into_iter()
}

/// What an instruction does. Others may write to the stack from `exposed` on upwards.
fn effect(state: &mut State, at: usize, instruction: &Instruction, exposed: i16) {
    let index = |register: crate::isa::Register| usize::from(register.index());
    let source = instruction.src().map(index);
    // What is saved, and what is loaded again.
    let frame = matches!(instruction.dst().map(index), Some(10));
    match instruction.form() {
        Form::Alu(AluOp::Mov, Width::W64, Source::Reg) => {
            if let (Some(dst), Some(src)) = (instruction.dst().map(index), source) {
                state.registers[dst] = state.registers[src];
            }
            return;
        }
        Form::Store(size, from) => {
            if frame {
                let offset = instruction.offset();
                state
                    .stack
                    .retain(|&at, _| at + 8 <= offset || offset + i16::from(size.bytes()) <= at);
                if let (Size::Double, Source::Reg, Some(src)) = (size, from, source)
                    && let Holds::Value(origin) = state.registers[src]
                {
                    state.stack.insert(offset, origin);
                }
            } else {
                // It may go to the stack.
                state.stack.retain(|&at, _| at + 8 <= exposed);
            }
            return;
        }
        Form::Load(Size::Double) if source == Some(10) => {
            if let (Some(dst), Some(&origin)) = (
                instruction.dst().map(index),
                state.stack.get(&instruction.offset()),
            ) {
                state.registers[dst] = Holds::Value(origin);
                return;
            }
        }
        Form::CallHelper | Form::CallLocal | Form::CallKfunc => {
            for register in 1..=5 {
                state.registers[register] = Holds::Nothing;
            }
            state.stack.retain(|&at, _| at + 8 <= exposed);
        }
        Form::PacketAbsolute(_) | Form::PacketIndirect(_) => {
            for register in 1..=5 {
                state.registers[register] = Holds::Nothing;
            }
        }
        Form::Atomic(..) | Form::StoreRelease(_) => state.stack.clear(),
        _ => {}
    }
    for register in written(instruction) {
        let value = at as u64 * 11 + u64::from(register);
        state.registers[usize::from(register)] = Holds::Value(value);
    }
}
