//! The way that the verifier took to where it gave up.
//!
//! The log is in the order of the verifier's work: at a branch it goes on and puts the other
//! side off; later it comes back, says `from 7 to 9:`, and goes on there. The way to the last
//! instruction is put together from such pieces.

use super::line::{Line, LineKind, LoggedInstruction, LoggedSource};
use super::state::{StatePlace, Value, registers};
use crate::few::FewMap;
use std::collections::HashMap;

/// The instructions from the program's start to the one that was refused.
///
/// ```
/// use ebpf_rt::verifier_log::{Origin, VerifierLog};
///
/// let log = VerifierLog::parse(
///     "0: R1=ctx() R10=fp0\n\
///      0: (b7) r0 = 2    ; R0=2\n\
///      1: (95) exit\n\
///      At program exit the register R0 has value (0x2; 0x0) should have been in (0x0; 0x1)\n",
/// );
/// let path = log.path();
/// assert_eq!((path.steps().len(), path.depth()), (2, 0));
/// assert_eq!(path.value(0).unwrap().constant(), Some(2));
/// assert_eq!(path.origin(0), Some(Origin::Written(0)));       // by the first step
/// ```
#[derive(Clone, Debug)]
pub struct Path<'a> {
    steps: Vec<Step<'a>>,
    state: State<'a>,
    origins: Vec<[Option<Origin>; 11]>,
}

/// An instruction on a [`Path`].
///
/// ```
/// use ebpf_rt::verifier_log::VerifierLog;
///
/// let log = VerifierLog::parse(
///     "0: (35) if r1 >= 0x0 goto pc+2\n\
///      from 0 to 3: R1=ctx(id=0,off=0,imm=0) R10=fp0\n\
///      3: (95) exit\n\
///      R0 !read_ok\n",
/// );
/// let path = log.path();
/// let [jump, exit] = path.steps() else { unreachable!() };
/// assert_eq!((jump.taken, exit.instruction.slot), (Some(true), 3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The instruction.
    pub instruction: LoggedInstruction<'a>,
    /// The line of source that the kernel printed last, if it has them.
    pub source: Option<LoggedSource<'a>>,
    /// Of a conditional jump, whether it was taken.
    pub taken: Option<bool>,
}

/// Where a register's value comes from.
///
/// ```
/// use ebpf_rt::verifier_log::{Origin, VerifierLog};
///
/// let log = VerifierLog::parse(
///     "0: (b7) r1 = 1    ; R1=1\n\
///      1: (85) call bpf_get_smp_processor_id#8    ; R0=scalar()\n\
///      2: (bf) r2 = r1\n\
///      R1 !read_ok\n",
/// );
/// // "It was lost in the call", not "it was never written":
/// assert_eq!(log.path().origin(1), Some(Origin::Lost(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The instruction at this position of the path wrote it.
    Written(usize),
    /// The call at this position of the path took its value away.
    Lost(usize),
}

/// An instruction of the trace, and the one that was followed before it.
struct Item {
    line: usize,
    slot: usize,
    before: Option<usize>,
}

impl<'a> Path<'a> {
    pub(super) fn new(lines: &[Line<'a>], refused: Option<usize>) -> Self {
        let items = items(lines);
        let mut way = Vec::new();
        let mut next = items.len().checked_sub(1);
        while let Some(at) = next {
            way.push(&items[at]);
            // Always to an earlier one.
            next = items[at].before;
        }
        way.reverse();
        if let Some(last) = way.iter().rposition(|item| Some(item.slot) == refused) {
            way.truncate(last + 1);
        }
        let mut path = Self {
            steps: Vec::with_capacity(way.len()),
            state: State::default(),
            origins: vec![[None; 11]],
        };
        let is_function = |line: &Line<'_>| matches!(line.kind, LineKind::Function { .. });
        if !lines.iter().any(is_function) {
            // Before Linux 5.18 the log says so at level 2 only.
            path.state.apply("R1=ctx() R10=fp0", true);
        }
        for (position, item) in way.iter().enumerate() {
            let next = way.get(position + 1).map(|item| item.slot);
            path.step(lines, item, next);
        }
        path
    }

    fn step(&mut self, lines: &[Line<'a>], item: &Item, next: Option<usize>) {
        let mut source = self.steps.last().and_then(|step| step.source);
        for line in above(lines, item.line) {
            match line.kind {
                LineKind::Source(text) => source = Some(text),
                LineKind::State { registers, .. } => self.state.apply(registers, false),
                LineKind::Branch { registers, .. } => self.state.apply(registers, true),
                _ => {}
            }
        }
        let LineKind::Instruction(instruction) = lines[item.line].kind else {
            return;
        };
        let taken = next
            .filter(|_| is_conditional(&instruction))
            .map(|next| next != instruction.slot + 1);
        let position = self.steps.len();
        self.steps.push(Step {
            instruction,
            source,
            taken,
        });
        // What the refused instruction would have done did not happen.
        if let Some(next) = next {
            self.follow(&instruction, position, next);
        }
    }

    fn follow(&mut self, instruction: &LoggedInstruction<'a>, position: usize, next: usize) {
        let effect = effect(instruction);
        if let Effect::Call = effect
            && instruction.text.starts_with("call pc")
            && next != instruction.slot + 1
        {
            self.state.enter();
            let mut origins = self.origins.last().copied().unwrap_or_default();
            for register in [0, 6, 7, 8, 9] {
                origins[register] = None;
            }
            self.origins.push(origins);
        } else if let Effect::Exit = effect {
            if self.origins.len() > 1 {
                self.origins.pop();
                self.state.leave();
                self.set(0, Origin::Written(position));
                (1..=5).for_each(|register| self.set(register, Origin::Lost(position)));
            }
        } else {
            self.state.forget(&effect);
            match effect {
                Effect::Call => {
                    self.set(0, Origin::Written(position));
                    (1..=5).for_each(|register| self.set(register, Origin::Lost(position)));
                }
                Effect::Writes { register, .. } => self.set(register, Origin::Written(position)),
                Effect::Nothing | Effect::Exit => {}
            }
        }
        self.state.apply(instruction.registers, false);
    }

    fn set(&mut self, register: u8, origin: Origin) {
        if let Some(origins) = self.origins.last_mut()
            && let Some(place) = origins.get_mut(usize::from(register))
        {
            *place = Some(origin);
        }
    }

    /// The instructions, the refused one last.
    #[must_use]
    pub fn steps(&self) -> &[Step<'a>] {
        &self.steps
    }

    /// How many calls of the program's own functions the last instruction is in.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.origins.len() - 1
    }

    /// What a register held when the last instruction was to be done; `None` if the log does
    /// not say.
    #[must_use]
    pub fn value(&self, register: u8) -> Option<Value<'a>> {
        let key = (self.state.frame, register);
        self.state.registers.get(&key).copied()
    }

    /// Where the value of a register comes from; `None` if it was there from the start.
    #[must_use]
    pub fn origin(&self, register: u8) -> Option<Origin> {
        *self.origins.last()?.get(usize::from(register))?
    }
}

/// The lines between the instruction before and this one.
fn above<'l, 'a>(lines: &'l [Line<'a>], at: usize) -> &'l [Line<'a>] {
    let before = lines[..at]
        .iter()
        .rposition(|line| matches!(line.kind, LineKind::Instruction(_)));
    &lines[before.map_or(0, |before| before + 1)..at]
}

fn items(lines: &[Line<'_>]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    // For each slot, its conditional jumps whose other side may have been put off.
    let mut pending: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut before: Option<usize> = None;
    for (line, kind) in lines.iter().map(|line| line.kind).enumerate() {
        match kind {
            LineKind::Instruction(instruction) => {
                let at = items.len();
                items.push(Item {
                    line,
                    slot: instruction.slot,
                    before,
                });
                if may_be_put_off(&instruction) {
                    pending.entry(instruction.slot).or_default().push(at);
                }
                before = Some(at);
            }
            LineKind::Branch { from, .. } => {
                before = pending.get_mut(&from).and_then(Vec::pop);
            }
            LineKind::Function { .. } => before = None,
            _ => {}
        }
    }
    items
}

const JUMP: u8 = 5;
const JUMP32: u8 = 6;

fn is_conditional(instruction: &LoggedInstruction<'_>) -> bool {
    // `goto`, `call` and `exit` are 0, 8 and 9.
    matches!(instruction.opcode & 7, JUMP | JUMP32) && !matches!(instruction.opcode >> 4, 0 | 8 | 9)
}

/// Conditional jumps, and calls: of functions that call back.
fn may_be_put_off(instruction: &LoggedInstruction<'_>) -> bool {
    is_conditional(instruction) || matches!(effect(instruction), Effect::Call)
}

/// What an instruction does to the registers.
enum Effect {
    Nothing,
    /// It writes one; the kind stays if it only adds to it, and `from` is what it copies.
    Writes {
        register: u8,
        adds: bool,
        from: Option<u8>,
    },
    Call,
    Exit,
}

fn effect(instruction: &LoggedInstruction<'_>) -> Effect {
    match instruction.opcode {
        // Calls, and loads from the packet that clobber as calls do.
        0x85 | 0x8d | 0x20 | 0x28 | 0x30 | 0x40 | 0x48 | 0x50 => return Effect::Call,
        0x95 => return Effect::Exit,
        _ => {}
    }
    let mut words = instruction.text.split_whitespace();
    let register = |word: Option<&str>| -> Option<u8> {
        let number = word?.strip_prefix(['r', 'w'])?;
        number.parse().ok().filter(|&number| number <= 10)
    };
    let Some(target) = register(words.next()) else {
        return Effect::Nothing;
    };
    let Some(operator) = words.next().filter(|word| word.ends_with('=')) else {
        return Effect::Nothing;
    };
    let operand = register(words.next());
    Effect::Writes {
        register: target,
        adds: matches!(operator, "+=" | "-="),
        // `r6 = r0`, and not `w6 = w0`, which cuts it off.
        from: operand.filter(|_| instruction.opcode == 0xbf && words.next().is_none()),
    }
}

/// What the registers hold, by frame and number.
#[derive(Clone, Debug, Default)]
struct State<'a> {
    registers: FewMap<(u32, u8), Value<'a>>,
    frame: u32,
}

impl<'a> State<'a> {
    fn apply(&mut self, text: &'a str, whole: bool) {
        let mut cleared = None;
        for state in registers(text) {
            if whole && cleared != Some(state.frame) {
                self.clear(state.frame);
                cleared = Some(state.frame);
            }
            self.frame = state.frame;
            if let StatePlace::Register(register) = state.place {
                self.registers.insert((state.frame, register), state.value);
            }
        }
    }

    fn clear(&mut self, frame: u32) {
        self.registers.retain(|&(of, _)| of != frame);
    }

    /// A function of the program is called, with what `r1` to `r5` hold.
    fn enter(&mut self) {
        let callee = self.frame.saturating_add(1);
        self.clear(callee);
        for register in 1..=5 {
            if let Some(value) = self.registers.get(&(self.frame, register)).copied() {
                self.registers.insert((callee, register), value);
            }
        }
        self.frame = callee;
    }

    fn leave(&mut self) {
        let result = self.registers.get(&(self.frame, 0)).copied();
        self.clear(self.frame);
        self.frame = self.frame.saturating_sub(1);
        self.forget(&Effect::Call);
        if let Some(result) = result {
            self.registers.insert((self.frame, 0), result);
        }
    }

    /// What is not known any more after an instruction, where the log does not say it: before
    /// Linux 5.18, and of registers that nothing reads later.
    fn forget(&mut self, effect: &Effect) {
        let frame = self.frame;
        match *effect {
            Effect::Call => {
                self.registers
                    .retain(|&(of, register)| of != frame || register > 5);
            }
            Effect::Writes {
                register,
                adds,
                from,
            } => {
                let value = match from {
                    Some(from) => self.registers.get(&(frame, from)).copied(),
                    // A pointer stays one of its kind; where it points is not known.
                    None if adds => self
                        .registers
                        .get(&(frame, register))
                        .map(|value| value.kind())
                        .filter(|kind| *kind != "scalar" && *kind != "fp")
                        .map(Value::new),
                    None => None,
                };
                match value {
                    Some(value) => self.registers.insert((frame, register), value),
                    None => self.registers.remove(&(frame, register)),
                };
            }
            Effect::Nothing | Effect::Exit => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::verifier_log::{Origin, VerifierLog};

    fn slots(log: &VerifierLog<'_>) -> Vec<(usize, Option<bool>)> {
        let path = log.path();
        let steps = path.steps().iter();
        steps
            .map(|step| (step.instruction.slot, step.taken))
            .collect()
    }

    #[test]
    fn a_branch_that_was_put_off_continues_where_it_began() {
        let log = VerifierLog::parse(
            "0: (85) call bpf_get_prandom_u32#7 ; R0=scalar()\n\
             1: (15) if r0 == 0x5 goto pc+3     ; R0=scalar()\n\
             2: (15) if r0 == 0x6 goto pc+1     ; R0=scalar()\n\
             3: (b7) r0 = 0                     ; R0=0\n\
             6: (95) exit\n\n\
             from 2 to 4: R0=6 R10=fp0\n\
             4: (95) exit\n\n\
             from 1 to 5: R0=5 R10=fp0\n\
             5: (79) r2 = *(u64 *)(r3 +0)\n\
             R3 !read_ok\n",
        );
        assert_eq!(slots(&log), [(0, None), (1, Some(true)), (5, None)]);
        let path = log.path();
        assert_eq!(path.value(0).and_then(|value| value.constant()), Some(5));
        assert_eq!(path.origin(0), Some(Origin::Written(0)));
        assert_eq!(path.origin(3), Some(Origin::Lost(0)));
        assert_eq!(path.origin(6), None);
    }

    #[test]
    fn functions_have_their_own_registers() {
        let log = VerifierLog::parse(
            "0: R1=ctx() R10=fp0\n\
             0: (b7) r6 = 5                        ; R6=5\n\
             1: (85) call pc+1\n\
             caller:\n R6=5 R10=fp0\n\
             callee:\n frame1: R1=ctx() R10=fp0\n\
             3: frame1: R1=ctx() R10=fp0\n\
             3: (bf) r0 = r1                       ; frame1: R0=ctx() R1=ctx()\n\
             4: (79) r0 = *(u64 *)(r6 +0)\n\
             R6 !read_ok\n",
        );
        let path = log.path();
        assert_eq!(path.value(6), None);
        assert_eq!(path.value(1).map(|value| value.kind()), Some("ctx"));
        assert_eq!(path.origin(0), Some(Origin::Written(2)));
        assert_eq!(path.origin(6), None);
        assert_eq!(path.depth(), 1);
    }

    #[test]
    fn old_kernels_say_the_state_at_branches_only() {
        let log = VerifierLog::parse(
            "0: (85) call bpf_map_lookup_elem#1\n\
             1: (15) if r0 == 0x0 goto pc+4\n \
             R0_w=map_value(id=0,off=0,ks=4,vs=8,imm=0) R10=fp0\n\
             2: (bf) r6 = r0\n\
             3: (07) r6 += 16\n\
             4: (b7) r0 = 0\n\
             5: (79) r1 = *(u64 *)(r6 +0)\n\
             invalid access to map value, value_size=8 off=16 size=8\n\
             R6 min value is outside of the allowed memory range\n",
        );
        let path = log.path();
        assert_eq!(path.value(6).map(|value| value.as_str()), Some("map_value"));
        assert_eq!(path.value(0), None);
        assert_eq!(path.steps()[1].taken, Some(false));
    }

    #[test]
    fn a_path_ends_at_the_instruction_that_is_named() {
        let log = VerifierLog::parse(
            "0: (b7) r0 = 0                        ; R0=0\n\
             1: (07) r0 += 0                       ; R0=0\n\
             2: (15) if r0 == 0x0 goto pc-2\n\
             infinite loop detected at insn 1\n\
             cur state: R0=0\nold state: R0=P0\n",
        );
        assert_eq!(log.instruction(), Some(1));
        assert_eq!(slots(&log), [(0, None), (1, None)]);
        assert_eq!(
            log.reason().unwrap().to_string(),
            "infinite loop detected at insn 1"
        );
    }
}
