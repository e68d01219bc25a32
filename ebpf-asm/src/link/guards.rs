//! Which instructions a load-time constant can switch off.
//!
//! The verifier does not look at code that it proves dead, and a jump that depends on a load-time
//! constant is decided before it looks. So what an old kernel lacks may stand in a program that is
//! for that kernel, too, if some value of the constants keeps every path away from it.
//!
//! The answer errs on one side: what may depend on a constant counts as a guard, and what may be
//! avoided by any choice at the guards counts as avoidable.

use super::{Linked, RelocationTarget};
use crate::KernelVersion;
use crate::isa::Insn;
use crate::object::Linkage;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// From this kernel on a global function that nothing reaches is not checked.
const LAZY_GLOBALS: KernelVersion = KernelVersion::new(6, 8);

/// Whether the program can be kept away from each of the slots.
pub(super) fn avoidable(linked: &Linked, oldest: KernelVersion, slots: &[u32]) -> Vec<bool> {
    if slots.is_empty() {
        return Vec::new();
    }
    let graph = Graph::new(linked);
    let guards = guards(linked, &graph);
    // Who hands a function to the kernel does not run it yet; whether a helper does that is
    // guarded, is then hard to say.
    let guarded = guards.contains(&true);
    let mut predecessors: Vec<Vec<u32>> = vec![Vec::new(); graph.successors.len()];
    for (slot, successors) in graph.successors.iter().enumerate() {
        let handed = graph.handed[slot].filter(|_| !guarded);
        for &next in successors.iter().chain(&graph.called[slot]).chain(&handed) {
            predecessors[next as usize].push(slot as u32);
        }
    }
    let roots: Vec<usize> = linked
        .functions
        .iter()
        .enumerate()
        .filter(|(index, function)| {
            let global = function.linkage == Linkage::Global && oldest < LAZY_GLOBALS;
            *index == 0 || global
        })
        .map(|(_, function)| function.insn as usize)
        .collect();
    slots
        .iter()
        .map(|&slot| {
            let reached = unavoidable(&graph, &guards, &predecessors, slot);
            !roots.iter().any(|&root| reached[root])
        })
        .collect()
}

/// The slots from which every choice at the guards may end at `target`.
fn unavoidable(
    graph: &Graph,
    guards: &[bool],
    predecessors: &[Vec<u32>],
    target: u32,
) -> Vec<bool> {
    let mut reached = vec![false; graph.successors.len()];
    let mut pending = vec![target];
    reached[target as usize] = true;
    while let Some(slot) = pending.pop() {
        for &before in &predecessors[slot as usize] {
            let at = before as usize;
            let ways_out = || {
                graph.successors[at]
                    .iter()
                    .all(|&next| reached[next as usize])
            };
            if !reached[at] && (!guards[at] || ways_out()) {
                reached[at] = true;
                pending.push(before);
            }
        }
    }
    reached
}

const CLASS_LD: u8 = 0;
const CLASS_LDX: u8 = 1;
const CLASS_ST: u8 = 2;
const CLASS_STX: u8 = 3;
const CLASS_ALU: u8 = 4;
const CLASS_JMP: u8 = 5;
const CLASS_JMP32: u8 = 6;
const CLASS_ALU64: u8 = 7;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const GOTO: u8 = 0x05;
const GOTOL: u8 = 0x06;
const MAY_GOTO: u8 = 0xe5;
const PSEUDO_CALL: u8 = 1;
const PSEUDO_FUNC: u8 = 4;
/// The bit of the opcode that says that the second operand is a register.
const SOURCE: u8 = 8;

const fn class(insn: Insn) -> u8 {
    insn.opcode() & 7
}

const fn is_conditional(insn: Insn) -> bool {
    matches!(class(insn), CLASS_JMP | CLASS_JMP32)
        && !matches!(insn.opcode(), CALL | EXIT | GOTO | GOTOL | MAY_GOTO)
}

/// Where control goes from each slot.
struct Graph {
    successors: Vec<Vec<u32>>,
    /// The function that a slot calls.
    called: Vec<Option<u32>>,
    /// The function whose address it takes.
    handed: Vec<Option<u32>>,
}

impl Graph {
    fn new(linked: &Linked) -> Self {
        let insns = &linked.insns;
        let inside = |to: i64| {
            u32::try_from(to)
                .ok()
                .filter(|&to| (to as usize) < insns.len())
        };
        let mut graph = Self {
            successors: vec![Vec::new(); insns.len()],
            called: vec![None; insns.len()],
            handed: vec![None; insns.len()],
        };
        let mut slot = 0;
        while let Some(&insn) = insns.get(slot) {
            let next = slot as i64 + if insn.is_wide() { 2 } else { 1 };
            let jump = slot as i64 + 1 + i64::from(insn.offset());
            let far = slot as i64 + 1 + i64::from(insn.imm());
            let (first, second) = match insn.opcode() {
                EXIT => (None, None),
                GOTO => (inside(jump), None),
                GOTOL => (inside(far), None),
                _ if is_conditional(insn) || insn.opcode() == MAY_GOTO => {
                    (inside(next), inside(jump))
                }
                _ => (inside(next), None),
            };
            graph.successors[slot].extend(first.into_iter().chain(second));
            if insn.opcode() == CALL && insn.src() == PSEUDO_CALL {
                graph.called[slot] = inside(far);
            }
            if insn.is_wide() && insn.src() == PSEUDO_FUNC {
                graph.handed[slot] = inside(far);
            }
            slot = next as usize;
        }
        graph
    }
}

/// What the registers may hold: a bit for each register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    /// Whether the slot is reached at all.
    reached: bool,
    /// A number that is known when the program is loaded.
    known: u16,
    /// Of those, one that a load-time constant has a part in.
    constant: u16,
    /// The address of a map's data, which may be read-only and known, too.
    data: u16,
    /// Whether such a number may lie on the stack.
    stored: bool,
}

impl State {
    /// What holds of either.
    fn join(&mut self, other: Self) -> bool {
        let before = *self;
        self.reached |= other.reached;
        self.known |= other.known;
        self.constant |= other.constant;
        self.data |= other.data;
        self.stored |= other.stored;
        *self != before
    }

    fn clear(&mut self, registers: u16) {
        self.known &= !registers;
        self.constant &= !registers;
        self.data &= !registers;
    }

    fn set(&mut self, register: u16, known: bool, constant: bool, data: bool) {
        self.clear(register);
        if known {
            self.known |= register;
        }
        if constant {
            self.constant |= register;
        }
        if data {
            self.data |= register;
        }
    }
}

/// `r0` to `r5`: what a call leaves unknown.
const SCRATCH: u16 = 0x3f;

/// The jumps that may depend on nothing but load-time constants.
fn guards(linked: &Linked, graph: &Graph) -> Vec<bool> {
    let mut constants = vec![false; linked.insns.len()];
    let mut maps = vec![false; linked.insns.len()];
    for relocation in &linked.relocations {
        let list = match relocation.target {
            // Facts about the kernel are decided at load time, too.
            RelocationTarget::Constant { .. }
            | RelocationTarget::KernelConstant { .. }
            | RelocationTarget::KernelAddress { .. } => &mut constants,
            RelocationTarget::KernelFunction { .. } => continue,
            RelocationTarget::Map { .. } => &mut maps,
        };
        list[relocation.insn as usize] = true;
    }
    let mut guards = vec![false; linked.insns.len()];
    if !constants.contains(&true) && !maps.contains(&true) {
        return guards;
    }
    let mut states = vec![State::default(); linked.insns.len()];
    let mut pending = Vec::new();
    for function in &linked.functions {
        states[function.insn as usize].reached = true;
        pending.push(function.insn);
    }
    // Where to go on after a function has returned.
    let mut callers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (slot, called) in graph.called.iter().enumerate() {
        if let Some(called) = called {
            callers.entry(*called).or_default().push(slot as u32);
        }
    }
    let starts: Vec<u32> = linked.functions.iter().map(|f| f.insn).collect();
    while let Some(slot) = pending.pop() {
        let at = slot as usize;
        let insn = linked.insns[at];
        let mut state = states[at];
        guards[at] |= is_conditional(insn) && is_guard(insn, state, constants[at]);
        let mut send = |to: u32, state: State| {
            if states[to as usize].join(state) {
                pending.push(to);
            }
        };
        if let Some(called) = graph.called[at] {
            // The arguments; its stack is its own, but may be the caller's by a pointer.
            let mut inside = state;
            inside.clear(!0x3e);
            send(called, inside);
        }
        step(&mut state, insn, constants[at], maps[at]);
        if insn.opcode() == EXIT {
            let start = starts.iter().rev().find(|&&start| start <= slot);
            for &caller in start
                .and_then(|start| callers.get(start))
                .into_iter()
                .flatten()
            {
                for &next in &graph.successors[caller as usize] {
                    let mut result = State {
                        stored: state.stored,
                        ..state
                    };
                    result.clear(!1);
                    send(next, result);
                }
            }
        }
        for &next in &graph.successors[at] {
            send(next, state);
        }
    }
    guards
}

fn is_guard(insn: Insn, state: State, constant: bool) -> bool {
    let dst = 1 << insn.dst();
    if state.known & dst == 0 {
        return false;
    }
    let src = match insn.opcode() & SOURCE {
        0 => 0,
        _ => 1 << insn.src(),
    };
    let known = src == 0 || state.known & src != 0;
    known && (constant || state.constant & (dst | src) != 0)
}

/// What holds after the instruction.
fn step(state: &mut State, insn: Insn, constant: bool, map: bool) {
    let dst = 1_u16 << insn.dst();
    let src = 1_u16 << insn.src();
    match class(insn) {
        CLASS_ALU | CLASS_ALU64 => {
            let is_mov = insn.opcode() & 0xf0 == 0xb0;
            // The byte swaps have no second operand, whatever that bit says.
            let by_register = insn.opcode() & SOURCE != 0 && insn.opcode() & 0xf0 != 0xd0;
            let (known, constant_src, data) = match by_register {
                true => (
                    state.known & src != 0,
                    state.constant & src != 0,
                    state.data & src != 0,
                ),
                false => (true, constant, false),
            };
            match is_mov {
                true => state.set(dst, known, constant_src && known, data),
                false => {
                    let known_both = known && state.known & dst != 0;
                    let either = constant_src || state.constant & dst != 0;
                    // A pointer that something is added to is one.
                    let data = data || state.data & dst != 0;
                    state.set(dst, known_both, known_both && either, data);
                }
            }
        }
        CLASS_LD if insn.is_wide() => state.set(dst, !map, constant, map),
        CLASS_LD => state.clear(SCRATCH),
        CLASS_LDX => {
            // What lies on the stack is reached through any register.
            let known = state.data & src != 0 || state.stored;
            state.set(dst, known, known, false);
        }
        CLASS_ST => state.stored |= constant,
        CLASS_STX => {
            state.stored |= state.constant & src != 0;
            // Exchanges write a register: the source, or r0.
            if insn.opcode() & 0xe0 == 0xc0 && insn.imm() & 1 != 0 {
                state.clear(src | 1);
            }
        }
        CLASS_JMP if insn.opcode() == CALL => state.clear(SCRATCH),
        _ => {}
    }
}
