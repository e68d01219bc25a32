//! One run: registers, frames, objects, and the machine that [`step`] drives.

use super::callbacks::Callback;
use super::input::{Input, InputKind, Plan, choose};
use super::stack::Stack;
use super::value::{Kind, Lost, Null, Number, Object, Pointer, Value};
use super::{Prepared, Start};
use crate::ProgramType;
use crate::check::facts::ReferenceKind;
use crate::check::finding::{Place, Trail};
use crate::check::{Assumption, Finding, bytes};
use crate::diag::Rule;
use crate::semantics::step;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

/// Why a run ended.
pub(super) enum Stop {
    /// The program ended, or something came that is not modelled.
    Over,
    /// It did what no kernel allows.
    Found(Box<Finding>),
}

pub(super) type Result<T> = core::result::Result<T, Stop>;

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Found(Box::new(finding))
    }
}

/// Another run that may show more than this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// The branch whose other side would be seen, with that side; or the access that would be
    /// further out.
    pub(super) slot: u32,
    pub(super) taken: Option<bool>,
    /// The input to change, counted from 0.
    pub(super) input: u16,
    pub(super) value: u64,
}

/// A caller that waits.
pub(super) struct Frame {
    pub(super) saved: [Value; 4],
    pub(super) writers: [Option<u32>; 11],
    pub(super) back: usize,
    pub(super) call: usize,
    /// What is left to do, if a helper called it.
    pub(super) callback: Option<Callback>,
}

/// As many objects as a run may meet.
const MOST_OBJECTS: usize = 4096;
/// As many inputs as a run may ask for.
const MOST_INPUTS: usize = 4096;
/// As many goals as a run may note.
const MOST_GOALS: usize = 256;
/// As many things as may depend on maps.
const MOST_OBLIGATIONS: usize = 4096;

pub(super) struct Run<'a> {
    pub(super) program: &'a Prepared<'a>,
    plan: &'a Plan,
    pub(super) at: usize,
    pub(super) registers: [Value; 11],
    /// Where each register was last written.
    pub(super) writers: [Option<u32>; 11],
    /// Where something was last compared with the packet's end.
    pub(super) compared: Option<u32>,
    pub(super) frames: Vec<Frame>,
    pub(super) stacks: Vec<Stack>,
    pub(super) objects: Vec<Object>,
    pub(super) inputs: Vec<Input>,
    /// Which way each conditional jump went: a kernel looks at the side that falls through first.
    pub(super) path: Vec<bool>,
    /// Where these jumps stand.
    branches: Vec<u32>,
    pub(super) goals: Vec<Goal>,
    /// Where numbers that are not known were added to pointers: the slot, the register that held
    /// the number, and the number.
    pub(super) variations: Vec<(u32, u8, i64)>,
    /// What inputs were compared with: values that would change the outcome.
    pub(super) bounds: Vec<(u16, u64)>,
    /// For each branch which sides were seen, in all runs.
    pub(super) seen: &'a mut BTreeMap<u32, [bool; 2]>,
    /// For each load and store the kind of pointer it was used with, in all runs.
    pub(super) kinds: &'a mut BTreeMap<u32, Kind>,
    /// Calls and registers that had null, in all runs.
    pub(super) nulls: &'a mut BTreeSet<(u32, u8)>,
    /// What else is to be run: what kernels look at on its own, once it is reached.
    pub(super) starts: &'a mut Vec<Start>,
    /// Where the spin lock was taken that is held, and which it is.
    pub(super) lock: Option<(u32, u16, i64)>,
    /// What the oldest kernel lacks, by instruction.
    pub(super) lacks: &'a mut Lacks,
    /// How many accesses of this run depend on which flag of which map.
    pub(super) flagged: BTreeMap<(u16, u32), u32>,
    /// What this run assumes of maps.
    pub(super) assumed: Vec<Assumption>,
    /// What holds if more is assumed than that.
    pub(super) obligations: &'a mut Obligations,
    /// The object of the packet, once it was looked at, and its length and metadata.
    pub(super) packet: Option<(u16, i64, i64)>,
    /// The input that is the packet's length, counted from 1; 0 without a packet.
    pub(super) packet_input: u16,
    /// The input that is the length of the metadata.
    pub(super) meta_input: u16,
    /// The input that decided where the last access went.
    culprit: u16,
    /// A state that was met before: registers and stacks, and how much was chosen by then.
    landmark: Option<Landmark>,
    back_jumps: u32,
    /// Whether something was met that ends loops from outside.
    pub(super) may_stop: bool,
    pub(super) steps: u32,
}

/// What the runs of a search know of each other.
#[derive(Default)]
pub(super) struct Shared {
    /// For each branch which sides were seen.
    pub(super) seen: BTreeMap<u32, [bool; 2]>,
    /// For each load and store the kind of pointer it was used with.
    pub(super) kinds: BTreeMap<u32, Kind>,
    /// Calls and registers that had null.
    pub(super) nulls: BTreeSet<(u32, u8)>,
    pub(super) obligations: Obligations,
    pub(super) starts: Vec<Start>,
    pub(super) lacks: Lacks,
}

/// What an oldest kernel lacks, by instruction.
pub(super) type Lacks = BTreeMap<u32, Finding>;

/// What was found under assumptions about maps.
#[derive(Default)]
pub(super) struct Obligations {
    pub(super) findings: Vec<Finding>,
    /// By instruction.
    known: Vec<Vec<Known>>,
}

/// What an instruction assumes, and what was assumed before: how much, and the last.
type Known = (Assumption, usize, Option<Assumption>);

impl Obligations {
    fn is_new(&mut self, at: usize, one: Known) -> bool {
        if self.known.len() <= at {
            self.known.resize(at + 1, Vec::new());
        }
        let here = &mut self.known[at];
        let is_new = !here.contains(&one);
        if is_new {
            here.push(one);
        }
        is_new
    }
}

struct Landmark {
    target: usize,
    inputs: usize,
    registers: [Value; 11],
    stacks: Vec<Stack>,
}

impl<'a> Run<'a> {
    pub(super) fn new(program: &'a Prepared<'a>, plan: &'a Plan, shared: &'a mut Shared) -> Self {
        let Shared {
            seen,
            kinds,
            nulls,
            obligations,
            starts,
            lacks,
        } = shared;
        let mut run = Self {
            program,
            plan,
            at: program.start.slot(),
            starts,
            lacks,
            flagged: BTreeMap::new(),
            lock: None,
            registers: [Value::Unwritten(Lost::Never); 11],
            writers: [None; 11],
            compared: None,
            frames: Vec::new(),
            stacks: alloc::vec![Stack::default()],
            objects: Vec::new(),
            inputs: Vec::new(),
            path: Vec::new(),
            branches: Vec::new(),
            goals: Vec::new(),
            variations: Vec::new(),
            bounds: Vec::new(),
            seen,
            kinds,
            nulls,
            assumed: Vec::new(),
            obligations,
            packet: None,
            packet_input: 0,
            meta_input: 0,
            culprit: 0,
            landmark: None,
            back_jumps: 0,
            may_stop: false,
            steps: 0,
        };
        let frame = run.object(Kind::Stack(0), Null::Never);
        run.registers[10] = frame;
        if program.facts.fragment {
            run.registers[..10].fill(Value::Opaque);
        } else if let Start::Async { map, .. } = program.start {
            run.map_element(map);
        } else if program.start.slot() != 0 || program.facts.program_type == Some(ProgramType::Ext)
        {
            // A global function, or one in its place: its arguments are what its types say.
            run.parameters(program.start.slot());
        } else if program.facts.program_type.is_some() {
            run.registers[1] = run.object(Kind::Context, Null::Never);
        } else {
            run.registers[1] = Value::Opaque;
        }
        run
    }

    /// Goes on until the program ends, `most` steps are done, or something is found.
    pub(super) fn go(&mut self, most: u32) -> Option<Finding> {
        let operations = &self.program.operations;
        while self.steps < most {
            self.steps += 1;
            let at = self.at;
            let operation = operations.get(at)?;
            self.culprit = 0;
            if self.program.facts.is_guessed(at) {
                self.assume(Assumption::OffsetIsGuessed(at as u32));
            }
            match step(self, at, operation) {
                Ok(next) => {
                    if next <= at && (self.loops(next) || !self.program.leads_out(next)) {
                        return Some(
                            Finding::new(
                                Rule::EndlessLoop,
                                at,
                                "the loop never ends: nothing changes from one round to the next",
                                format!("infinite loop detected at insn {next}"),
                            )
                            .with_help(
                                "change what the loop's condition looks at, or leave it on another",
                            ),
                        );
                    }
                    self.at = next;
                }
                Err(Stop::Over) => return None,
                Err(Stop::Found(finding)) => {
                    let mut finding = self.with_witness(*finding);
                    finding.assumptions.extend_from_slice(&self.assumed);
                    finding.trail = Some(self.trail());
                    return Some(finding);
                }
            }
        }
        None
    }

    /// The finding with the number that leads to it.
    pub(super) fn with_witness(&self, finding: Finding) -> Finding {
        let decides = matches!(
            finding.rule,
            Rule::StackBounds
                | Rule::MapValueBounds
                | Rule::MemoryBounds
                | Rule::PacketBounds
                | Rule::PointerOffset
                | Rule::ArgumentSize
                | Rule::ModifiedContext
                | Rule::ReturnRange
        );
        let index = if finding.rule == Rule::PacketBounds && self.culprit == 0 {
            self.packet_input
        } else {
            self.culprit
        };
        match self.inputs.get(usize::from(index).wrapping_sub(1)) {
            Some(input) if decides && index == self.packet_input => finding.because(
                format!("it happens when the packet has {}", bytes(input.value)),
                None,
            ),
            Some(input) if decides => {
                let value = input.value;
                let signed = value.cast_signed();
                let value = if signed < 0 && input.mask == u64::MAX {
                    format!("{signed}")
                } else {
                    format!("{value}")
                };
                finding.because(
                    format!("it happens when {value} is the value that comes from here,"),
                    Some(input.slot),
                )
            }
            _ => finding,
        }
    }

    /// Whether the state is one that was there before, with nothing chosen in between.
    fn loops(&mut self, target: usize) -> bool {
        if self.may_stop {
            return false;
        }
        self.back_jumps += 1;
        if let Some(mark) = &self.landmark
            && mark.target == target
            && mark.inputs == self.inputs.len()
            && mark.registers == self.registers
            && mark.stacks == self.stacks
        {
            return true;
        }
        if self.back_jumps.is_power_of_two() {
            self.landmark = Some(Landmark {
                target,
                inputs: self.inputs.len(),
                registers: self.registers,
                stacks: self.stacks.clone(),
            });
        }
        false
    }

    /// Something that this run chooses.
    pub(super) fn input(&mut self, kind: InputKind, mask: u64) -> Result<Number> {
        let index = self.inputs.len();
        if index >= MOST_INPUTS {
            return Err(Stop::Over);
        }
        let slot = self.at as u32;
        let value = match self.plan.choices.get(index) {
            Some(&value) => value,
            None => choose(
                self.plan.seed,
                index as u32,
                slot,
                kind,
                self.program.interesting,
            ),
        };
        let value = value & mask;
        self.inputs.push(Input { value, mask, slot });
        Ok(Number {
            bits: value,
            known: false,
            input: index as u16 + 1,
        })
    }

    /// A number of any value in so many bytes.
    pub(super) fn any(&mut self, bytes: u8) -> Result<Value> {
        let mask = if bytes >= 8 {
            u64::MAX
        } else {
            (1 << (8 * bytes)) - 1
        };
        Ok(Value::Number(self.input(InputKind::Number, mask)?))
    }

    /// Yes or no.
    pub(super) fn choice(&mut self) -> Result<(bool, u16)> {
        let number = self.input(InputKind::Choice, 1)?;
        Ok((number.bits != 0, number.input))
    }

    pub(super) fn object(&mut self, kind: Kind, null: Null) -> Value {
        self.objects.push(Object {
            kind,
            null,
            origin: self.at as u32,
            held: false,
            born: self.callbacks_active(),
            gone: None,
            checked: None,
            part_of: None,
            absent_from: None,
        });
        if self.objects.len() > MOST_OBJECTS {
            self.steps = u32::MAX;
        }
        Value::Pointer(Pointer {
            object: (self.objects.len() - 1) as u16,
            offset: 0,
            known: true,
            input: 0,
            from_stack: false,
            varied: 0,
        })
    }

    pub(super) fn of(&self, pointer: Pointer) -> &Object {
        &self.objects[usize::from(pointer.object)]
    }

    pub(super) fn finding(
        &self,
        rule: Rule,
        message: impl Into<alloc::string::String>,
        kernel: impl Into<alloc::string::String>,
    ) -> Finding {
        Finding::new(rule, self.at, message, kernel)
    }

    /// Notes what the rest of the run depends on.
    pub(super) fn assume(&mut self, assumption: Assumption) {
        if !self.assumed.contains(&assumption) {
            self.assumed.push(assumption);
        }
    }

    /// Notes what is wrong if maps are like this, and like the rest of the run assumes.
    pub(super) fn oblige(
        &mut self,
        assumptions: &[Assumption],
        finding: impl FnOnce(&Self) -> Finding,
    ) {
        // Most instructions are met in every run, and say the same.
        let [first, ..] = assumptions else { return };
        let known = (*first, self.assumed.len(), self.assumed.last().copied());
        if self.obligations.findings.len() >= MOST_OBLIGATIONS
            || !self.obligations.is_new(self.at, known)
        {
            return;
        }
        let mut finding = self.with_witness(finding(self));
        finding.assumptions = assumptions.iter().chain(&self.assumed).copied().collect();
        finding.trail = Some(self.trail());
        self.obligations.findings.push(finding);
    }

    /// How many functions wait for this one.
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// A value as it is now: what was compared with null is a number, what is gone is nothing.
    pub(super) fn now(&self, value: Value) -> Value {
        match value {
            Value::Pointer(pointer) => {
                let object = self.of(pointer);
                if let Some(slot) = object.gone {
                    Value::Unwritten(Lost::Gone(slot))
                } else if object.null == Null::Is {
                    Value::Number(Number::known(0))
                } else {
                    value
                }
            }
            value => value,
        }
    }

    /// A register that has to hold something.
    pub(super) fn written(&mut self, index: usize) -> Result<Value> {
        let value = self.now(self.registers[index]);
        let Value::Unwritten(lost) = value else {
            return Ok(value);
        };
        let finding = match lost {
            // Older kernels take it for a number then: whoever uses it as a pointer says so.
            Lost::Gone(_) => return Ok(value),
            Lost::Never => self
                .finding(
                    Rule::UnwrittenRegister,
                    format!("`r{index}` is read before anything was written to it"),
                    format!("R{index} !read_ok"),
                )
                .with_help(match index {
                    0 => "set `r0` on every path that leads here: it is the return value".into(),
                    6..=9 if self.depth() > 0 => format!(
                        "a function gets `r1` to `r5` from its caller, and `r6` to `r9` anew: pass it in one of the first five, `r1 = r{index};` before the call"
                    ),
                    _ => format!("write to `r{index}` first, on every path that leads here"),
                }),
            Lost::Call(call) => self
                .finding(
                    Rule::UnwrittenRegister,
                    format!("`r{index}` is read, but the call before this has clobbered it"),
                    format!("R{index} !read_ok"),
                )
                .about(index as u8)
                .because(format!("`r{index}` is lost in the call"), Some(call))
                .with_help(match index {
                    0 => "the helper returns nothing: set `r0` after the call".into(),
                    _ => format!(
                        "calls keep only `r6` to `r9`: save it before the call, for example `r6 = r{index};`"
                    ),
                }),
        };
        Err(finding.into())
    }

    /// Whether this instruction has a number that is not known yet.
    pub(super) fn has_unknown(&self, kind: ReferenceKind) -> bool {
        self.program.has_references
            && self
                .program
                .facts
                .reference(self.at)
                .is_some_and(|reference| {
                    reference.kind == kind || reference.kind == ReferenceKind::Unknown
                })
    }

    /// The offset of this instruction's memory access, if it is known.
    pub(super) fn offset_is_known(&self) -> bool {
        !self.has_unknown(ReferenceKind::Offset)
    }

    pub(super) fn branch(&mut self, taken: bool) -> bool {
        if self.path.len() < 1 << 16 {
            self.path.push(taken);
            self.branches.push(self.at as u32);
        }
        let sides = self.seen.entry(self.at as u32).or_default();
        sides[usize::from(taken)] = true;
        taken
    }

    /// Whether the kernel comes here with this pointer, and not with a number in its place.
    pub(super) fn is_certain(&self, pointer: Pointer) -> bool {
        !pointer.from_stack || self.is_only_path()
    }

    /// Whether no other path leads to this instruction: of none of the branches on the way could
    /// the other side have come here too.
    pub(super) fn is_only_path(&self) -> bool {
        if self.path.is_empty() {
            // Whatever is called: nothing was decided yet.
            return self.is_first_time();
        }
        if self.depth() > 0 || self.path.len() >= 1 << 16 {
            return false;
        }
        let leads = self.program.leading_to(self.at);
        let other_side = |(&at, &taken): (&u32, &bool)| {
            let at = at as usize;
            if taken {
                at + 1
            } else {
                self.program.operations[at].target()
            }
        };
        !self
            .branches
            .iter()
            .zip(&self.path)
            .map(other_side)
            .any(|slot| leads.get(slot).is_none_or(|&leads| leads))
    }

    /// Notes that other values of an input would lead elsewhere.
    pub(super) fn wish(&mut self, taken: Option<bool>, input: u16, value: u64) {
        if input == 0 || self.goals.len() >= MOST_GOALS {
            return;
        }
        let chosen = self.inputs[usize::from(input) - 1];
        let value = value & chosen.mask;
        if value == chosen.value {
            return;
        }
        self.goals.push(Goal {
            slot: self.at as u32,
            taken,
            input: input - 1,
            value,
        });
    }

    /// Notes that this input decides where memory is accessed: its extremes hurt.
    pub(super) fn hurt(&mut self, input: u16) {
        self.culprit = input;
        if input == 0 {
            return;
        }
        for at in 0..self.bounds.len() {
            let (of, value) = self.bounds[at];
            if of == input {
                self.wish(None, input, value);
            }
        }
        for value in [u64::MAX, 0, 1 << 63, u64::MAX >> 1, 0x7fff_ffff] {
            self.wish(None, input, value);
        }
    }

    fn clobber(&mut self) {
        let call = self.at as u32;
        for register in 1..=5 {
            self.registers[register] = Value::Unwritten(Lost::Call(call));
        }
    }

    pub(super) fn after_call(&mut self, result: Value) -> usize {
        self.clobber();
        self.registers[0] = result;
        self.writers[..6].fill(Some(self.at as u32));
        self.at + 1
    }

    /// How the run came here.
    fn trail(&self) -> Box<Trail> {
        let mut trail = Trail {
            writers: self.writers,
            kinds: [None; 11],
            null_since: [None; 11],
            packet_end: None,
            compared: self.compared,
            held_in: None,
            held_unchecked: false,
            branches: self.branches.iter().rev().take(16).copied().collect(),
        };
        for (register, value) in (0..).zip(self.registers) {
            let Value::Pointer(pointer) = value else {
                continue;
            };
            let object = self.of(pointer);
            let index = usize::from(register);
            if object.null == Null::Is {
                trail.null_since[index] = object.checked;
                continue;
            }
            trail.kinds[index] = Some(object.kind.name());
            if object.kind == Kind::PacketEnd && object.gone.is_none() {
                trail.packet_end = trail.packet_end.or(Some(register));
            }
            if object.held && trail.held_in.is_none() {
                trail.held_in = Some(Place::Register(register));
            }
        }
        trail.held_unchecked = self
            .objects
            .iter()
            .any(|object| object.held && object.null != Null::Never);
        if trail.held_in.is_none()
            && let Some(stack) = self.stacks.last()
        {
            trail.held_in = stack
                .pointers()
                .find(|(_, pointer)| self.of(*pointer).held)
                .map(|(at, _)| Place::Stack(at));
        }
        Box::new(trail)
    }
}
