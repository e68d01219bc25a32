//! One run: registers, frames, objects, and the machine that [`step`] drives.

use super::Prepared;
use super::input::{Input, InputKind, Plan, choose};
use super::stack::Stack;
use super::value::{Kind, Lost, Null, Number, Object, Pointer, Value};
use crate::ProgramType;
use crate::check::facts::ReferenceKind;
use crate::check::{Assumption, Finding};
use crate::diag::Rule;
use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, Register,
    SignExtension, Size, Width,
};
use crate::object::Linkage;
use crate::semantics::{self, Machine, step};
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
struct Frame {
    saved: [Value; 4],
    back: usize,
    call: usize,
}

/// As many objects as a run may meet.
const MOST_OBJECTS: usize = 4096;
/// As many inputs as a run may ask for.
const MOST_INPUTS: usize = 4096;
/// As many goals as a run may note.
const MOST_GOALS: usize = 256;

pub(super) struct Run<'a> {
    pub(super) program: &'a Prepared<'a>,
    plan: &'a Plan,
    pub(super) at: usize,
    pub(super) registers: [Value; 11],
    frames: Vec<Frame>,
    pub(super) stacks: Vec<Stack>,
    pub(super) objects: Vec<Object>,
    pub(super) inputs: Vec<Input>,
    /// Which way each conditional jump went: a kernel looks at the side that falls through first.
    pub(super) path: Vec<bool>,
    /// Where these jumps stand.
    branches: Vec<u32>,
    pub(super) goals: Vec<Goal>,
    /// What inputs were compared with: values that would change the outcome.
    pub(super) bounds: Vec<(u16, u64)>,
    /// For each branch which sides were seen, in all runs.
    pub(super) seen: &'a mut BTreeMap<u32, [bool; 2]>,
    /// For each load and store the kind of pointer it was used with, in all runs.
    pub(super) kinds: &'a mut BTreeMap<u32, Kind>,
    /// Calls and registers that had null, in all runs.
    pub(super) nulls: &'a mut BTreeSet<(u32, u8)>,
    /// What this run assumes of maps.
    pub(super) assumed: Vec<Assumption>,
    /// What holds if more is assumed than that.
    pub(super) obligations: Vec<Finding>,
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

struct Landmark {
    target: usize,
    inputs: usize,
    registers: [Value; 11],
    stacks: Vec<Stack>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        program: &'a Prepared<'a>,
        plan: &'a Plan,
        seen: &'a mut BTreeMap<u32, [bool; 2]>,
        kinds: &'a mut BTreeMap<u32, Kind>,
        nulls: &'a mut BTreeSet<(u32, u8)>,
        entry: usize,
    ) -> Self {
        let mut run = Self {
            program,
            plan,
            at: entry,
            registers: [Value::Unwritten(Lost::Never); 11],
            frames: Vec::new(),
            stacks: alloc::vec![Stack::default()],
            objects: Vec::new(),
            inputs: Vec::new(),
            path: Vec::new(),
            branches: Vec::new(),
            goals: Vec::new(),
            bounds: Vec::new(),
            seen,
            kinds,
            nulls,
            assumed: Vec::new(),
            obligations: Vec::new(),
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
        let is_program = entry == 0;
        if program.facts.fragment {
            run.registers[..10].fill(Value::Opaque);
        } else if !is_program || program.facts.program_type == Some(ProgramType::Ext) {
            // A global function, or one in its place: its arguments are what its types say.
            for register in 1..=5 {
                run.registers[register] = Value::Opaque;
            }
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
                format!("it happens when the packet has {} bytes", input.value),
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
            gone: None,
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
                    _ => format!("write to `r{index}` first, on every path that leads here"),
                }),
            Lost::Call(call) => self
                .finding(
                    Rule::UnwrittenRegister,
                    format!("`r{index}` is read, but the call before this has clobbered it"),
                    format!("R{index} !read_ok"),
                )
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
    fn has_unknown(&self, kind: ReferenceKind) -> bool {
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
        self.at + 1
    }
}

impl Machine for Run<'_> {
    type Value = Value;
    type Stop = Stop;

    fn constant(&self, value: u64) -> Value {
        if self.program.has_references && self.has_unknown(ReferenceKind::Immediate) {
            return Value::Opaque;
        }
        Value::Number(Number::known(value))
    }

    fn register(&mut self, register: Register) -> Result<Value> {
        self.written(register as usize)
    }

    fn set_register(&mut self, register: Register, value: Value) -> Result<()> {
        if register == Register::R10 {
            return Err(self
                .finding(
                    Rule::WriteToFramePointer,
                    "`r10` is the frame pointer, which cannot be written",
                    "frame pointer is read only",
                )
                .into());
        }
        self.registers[register as usize] = value;
        Ok(())
    }

    fn alu(&mut self, op: AluOp, width: Width, dst: Value, src: Value) -> Result<Value> {
        self.arithmetic(op, width, dst, src)
    }

    fn negate(&mut self, width: Width, value: Value) -> Result<Value> {
        self.unary(value, width.bits() / 8, |bits| {
            semantics::negate(width, bits)
        })
    }

    fn sign_extend(&mut self, extension: SignExtension, value: Value) -> Result<Value> {
        self.unary(value, 8, |bits| semantics::sign_extend(extension, bits))
    }

    fn change_byte_order(&mut self, op: EndianOp, size: EndianSize, value: Value) -> Result<Value> {
        // Which of them swaps, the machine decides.
        match value {
            Value::Number(_) if op == EndianOp::Bswap => self.unary(value, 8, |bits| {
                semantics::change_byte_order(op, size, bits)
            }),
            Value::Number(number) => Ok(Value::Number(Number {
                bits: semantics::change_byte_order(op, size, number.bits),
                known: false,
                input: number.input,
            })),
            Value::Pointer(_) => self.any(8),
            _ => Ok(Value::Opaque),
        }
    }

    fn compare(&mut self, op: JmpOp, width: Width, dst: Value, src: Value) -> Result<bool> {
        let taken = self.comparison(op, width, dst, src)?;
        Ok(self.branch(taken))
    }

    fn load(&mut self, size: Size, base: Value, offset: i16) -> Result<Value> {
        self.read(size.bytes(), base, offset)
    }

    fn load_acquire(&mut self, size: Size, base: Value, offset: i16) -> Result<Value> {
        self.ordered(base, "loads from", offset, size.bytes())?;
        self.read(size.bytes(), base, offset)
    }

    fn store_release(&mut self, size: Size, base: Value, offset: i16, value: Value) -> Result<()> {
        self.ordered(base, "stores into", offset, size.bytes())?;
        self.write(size.bytes(), base, offset, value)
    }

    fn store(&mut self, size: Size, base: Value, offset: i16, value: Value) -> Result<()> {
        self.write(size.bytes(), base, offset, value)
    }

    fn atomic(
        &mut self,
        op: AtomicOp,
        width: Width,
        base: Value,
        offset: i16,
        src: Value,
    ) -> Result<Value> {
        self.read_modify_write(width, base, offset, |old| match src {
            Value::Number(number) => Some(semantics::atomic(op, width, old, number.bits)),
            _ => None,
        })
    }

    fn compare_exchange(
        &mut self,
        width: Width,
        base: Value,
        offset: i16,
        expected: Value,
        new: Value,
    ) -> Result<Value> {
        self.read_modify_write(width, base, offset, |old| match (expected, new) {
            (Value::Number(expected), Value::Number(new)) => Some(semantics::compare_exchange(
                width,
                old,
                expected.bits,
                new.bits,
            )),
            _ => None,
        })
    }

    fn load_imm64(&mut self, at: usize, source: ImmediateSource, imm: u64) -> Result<Value> {
        let reference = match self.program.has_references {
            true => self.program.facts.reference(at).map(|r| r.kind),
            false => None,
        };
        Ok(match (reference, source) {
            (Some(ReferenceKind::Map(map)), _) => self.object(Kind::Map(map), Null::Never),
            (Some(ReferenceKind::MapValue(map, offset)), _) => {
                let value = self.object(Kind::MapValue(map), Null::Never);
                match value {
                    Value::Pointer(pointer) => Value::Pointer(Pointer {
                        offset: i64::from(offset),
                        ..pointer
                    }),
                    value => value,
                }
            }
            (Some(ReferenceKind::MapOrValue(map)), _) => {
                self.object(Kind::Symbol(map), Null::Never)
            }
            (Some(_), _) => Value::Opaque,
            (None, ImmediateSource::Value) => Value::Number(Number::known(imm)),
            (None, ImmediateSource::Function) => self.object(Kind::Function, Null::Never),
            (None, _) => Value::Opaque,
        })
    }

    fn packet_load(&mut self, size: PacketSize, _: Option<Value>, _: i32) -> Result<Option<Value>> {
        self.legacy_load(size).map(Some)
    }

    fn address_space_cast(&mut self, _: Value, _: i32) -> Result<Value> {
        Ok(Value::Opaque)
    }

    fn call_helper(&mut self, _: usize, id: u32) -> Result<usize> {
        if self.has_unknown(ReferenceKind::Immediate) {
            return Err(Stop::Over);
        }
        self.helper(id)
    }

    fn call_kfunc(&mut self, _: usize, _: u32, _: i16) -> Result<usize> {
        Err(Stop::Over)
    }

    fn call_local(&mut self, at: usize, target: usize) -> Result<usize> {
        let linkage = self
            .program
            .facts
            .functions
            .iter()
            .find(|function| function.insn as usize == target)
            .map(|function| function.linkage);
        if linkage == Some(Linkage::Global) {
            let result = self.any(8)?;
            return Ok(self.after_call(result));
        }
        if self.frames.len() >= 15 {
            // More than sixteen at a time: said without running.
            return Err(Stop::Over);
        }
        let [_, _, _, _, _, _, r6, r7, r8, r9, _] = self.registers;
        self.frames.push(Frame {
            saved: [r6, r7, r8, r9],
            back: at + 1,
            call: at,
        });
        for register in [0, 6, 7, 8, 9] {
            self.registers[register] = Value::Unwritten(Lost::Never);
        }
        self.stacks.push(Stack::default());
        let frame = self.object(Kind::Stack(self.frames.len() as u8), Null::Never);
        self.registers[10] = frame;
        Ok(target)
    }

    fn call_indirect(&mut self, _: usize, _: Value) -> Result<usize> {
        Err(Stop::Over)
    }

    fn exit(&mut self, _: usize) -> Result<usize> {
        let Some(frame) = self.frames.pop() else {
            self.leave()?;
            return Err(Stop::Over);
        };
        let depth = self.frames.len() + 1;
        if let Value::Pointer(pointer) = self.now(self.registers[0])
            && !pointer.from_stack
            && let Kind::Stack(_) = self.of(pointer).kind
        {
            return Err(self
                .finding(
                    Rule::StalePointer,
                    "the function returns a pointer to the stack",
                    "cannot return stack pointer to the caller",
                )
                .into());
        }
        self.registers[6..10].copy_from_slice(&frame.saved);
        let call = frame.call as u32;
        for register in 1..=5 {
            self.registers[register] = Value::Unwritten(Lost::Call(call));
        }
        self.stacks.truncate(depth);
        // The caller's frame pointer: the object of its stack.
        let caller = Kind::Stack(depth as u8 - 1);
        let at = self
            .objects
            .iter()
            .rposition(|object| object.kind == caller);
        self.registers[10] = Value::Pointer(Pointer {
            object: at.unwrap_or(0) as u16,
            offset: 0,
            known: true,
            input: 0,
            from_stack: false,
        });
        Ok(frame.back)
    }

    fn may_goto(&mut self, _: usize) -> Result<bool> {
        self.may_stop = true;
        let (taken, input) = self.choice()?;
        self.wish(Some(!taken), input, u64::from(!taken));
        Ok(self.branch(taken))
    }

    fn goto_indirect(&mut self, _: usize, _: Value) -> Result<usize> {
        Err(Stop::Over)
    }

    fn unknown(&mut self, at: usize) -> Stop {
        self.not_an_instruction(at)
    }
}
