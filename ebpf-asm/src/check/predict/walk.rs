//! A walk over the paths of a program, in the kernel's order: of two sides of a jump the one that
//! falls through first.

use super::kernel::Kernel;
use super::scalar::Scalar;
use super::stack::Stack;
use super::value::{Kind, Null, Pointer, Value};
use super::visited::{Needed, Seen, Visited};
use super::{arithmetic, words};
use crate::ProgramType;
use crate::check::facts::{Program, ReferenceKind};
use crate::check::finding::Finding;
use crate::diag::Rule;
use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, Register,
    SignExtension, SignedSize, Size, Width,
};
use crate::object::Linkage;
use crate::semantics::{Machine, Operation, step};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// Why a path ended.
pub(super) enum Stop {
    /// The program ended, or something came that is not modelled.
    Over,
    /// The kernel refuses.
    Refused(Box<Finding>),
}

pub(super) type Result<T> = core::result::Result<T, Stop>;

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Refused(Box::new(finding))
    }
}

/// A program, ready to be walked.
pub(super) struct Prepared<'a> {
    pub(super) facts: &'a Program<'a>,
    pub(super) operations: &'a [Operation],
    pub(super) needed: &'a Needed,
}

/// A caller that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) saved: [Value; 4],
    pub(super) back: usize,
    pub(super) call: u32,
}

/// Where a path is.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) at: usize,
    pub(super) registers: [Value; 11],
    pub(super) frames: Vec<Frame>,
    pub(super) stacks: Vec<Stack>,
    /// References that have to be given back: identity and slot.
    pub(super) held: Vec<(u32, u32)>,
    /// The state, noted before, that this one comes from.
    pub(super) noted: Option<u32>,
}

/// Instructions that the kernel looks at before it gives up (`BPF_COMPLEXITY_LIMIT_INSNS`).
const MOST_INSTRUCTIONS: u64 = 1_000_000;

/// As many paths as may wait (the kernel's limit is 8192).
const MOST_PENDING: usize = 1024;

/// A jump back that is decided by constants.
#[derive(Clone, Copy, Default)]
pub(super) struct Loop {
    slot: usize,
    value: u64,
    delta: u64,
    steps: u64,
    period: u64,
    rounds: u32,
}

pub(super) struct Walk<'a> {
    pub(super) program: &'a Prepared<'a>,
    pub(super) kernel: Kernel,
    pub(super) state: State,
    pub(super) pending: Vec<State>,
    pub(super) visited: Visited,
    next_id: u32,
    pub(super) steps: u64,
    /// Whether there was ever more than one path.
    forked: bool,
    /// Whether something was met that ends loops from outside.
    may_stop: bool,
    round: Loop,
}

impl<'a> Walk<'a> {
    pub(super) fn new(program: &'a Prepared<'a>, kernel: Kernel, entry: usize) -> Self {
        let facts = program.facts;
        let mut registers = [Value::Unwritten(None); 11];
        registers[10] = Value::Pointer(Pointer::new(Kind::Stack(0), entry as u32));
        if facts.fragment {
            registers[..10].fill(Value::Opaque);
        } else if entry != 0 || facts.program_type == Some(ProgramType::Ext) {
            registers[1..=5].fill(Value::Opaque);
        } else if facts.program_type.is_some() {
            registers[1] = Value::Pointer(Pointer::new(Kind::Context, 0));
        } else {
            registers[1] = Value::Opaque;
        }
        Self {
            program,
            kernel,
            state: State {
                at: entry,
                registers,
                frames: Vec::new(),
                stacks: alloc::vec![Stack::default()],
                held: Vec::new(),
                noted: None,
            },
            pending: Vec::new(),
            visited: Visited::new(program.operations.len()),
            next_id: 0,
            steps: 0,
            forked: false,
            may_stop: false,
            round: Loop::default(),
        }
    }

    /// Goes over all paths, or as far as `most` steps lead; what the kernel refuses first.
    pub(super) fn go(&mut self, most: u64) -> Option<Finding> {
        let operations = self.program.operations;
        while self.steps < most {
            let at = self.state.at;
            let outcome = match operations.get(at) {
                None => Err(Stop::Over),
                Some(operation) => match self.look() {
                    Seen::Before => Err(Stop::Over),
                    Seen::Again => Err(words::endless(self).into()),
                    Seen::New => {
                        self.steps += 1;
                        step(self, at, operation)
                    }
                },
            };
            match outcome {
                Ok(next) => self.state.at = next,
                Err(Stop::Refused(finding)) => return Some(*finding),
                Err(Stop::Over) => match self.pending.pop() {
                    Some(state) => self.state = state,
                    None => return None,
                },
            }
        }
        None
    }

    /// Whether what can come from here was looked at before.
    fn look(&mut self) -> Seen {
        let needed = self.program.needed;
        match needed.is_join(self.state.at) {
            true => self.visited.look(self.kernel, &mut self.state, needed),
            false => Seen::New,
        }
    }

    pub(super) fn at(&self) -> u32 {
        self.state.at as u32
    }

    pub(super) fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn insn(&self) -> crate::isa::Insn {
        self.program.facts.insns[self.state.at]
    }

    /// Whether the second operand is in the instruction.
    pub(super) fn has_immediate(&self) -> bool {
        self.insn().opcode() & 0x08 == 0
    }

    pub(super) fn finding(
        &self,
        rule: Rule,
        message: impl Into<String>,
        kernel: impl Into<String>,
    ) -> Finding {
        Finding::new(rule, self.state.at, message, kernel)
    }

    /// Whether this instruction has a number that is not known yet.
    pub(super) fn has_unknown(&self, kind: ReferenceKind) -> bool {
        !self.program.facts.references.is_empty()
            && self
                .program
                .facts
                .reference(self.state.at)
                .is_some_and(|reference| {
                    reference.kind == kind || reference.kind == ReferenceKind::Unknown
                })
    }

    /// Goes both ways: the other side, which `change` is told, waits.
    pub(super) fn fork(&mut self, change: impl FnOnce(&mut State)) -> Result<bool> {
        self.forked = true;
        if self.pending.len() >= MOST_PENDING {
            self.steps = u64::MAX;
            return Err(Stop::Over);
        }
        let mut other = self.state.clone();
        other.at = self.program.operations[self.state.at].target();
        change(&mut other);
        self.pending.push(other);
        Ok(false)
    }

    /// Counts the rounds of a loop whose condition is decided by constants: on a single path the
    /// kernel walks all of them.
    pub(super) fn count_round(
        &mut self,
        op: JmpOp,
        width: Width,
        value: u64,
        bound: u64,
        taken: bool,
    ) -> Result<()> {
        let at = self.state.at;
        let back = self.program.operations[at].target() <= at;
        if self.forked || self.may_stop || !(back && taken) {
            return Ok(());
        }
        let round = self.round;
        let delta = value.wrapping_sub(round.value);
        let period = self.steps - round.steps;
        let same = round.slot == at && round.delta == delta && round.period == period;
        self.round = Loop {
            slot: at,
            value,
            delta,
            steps: self.steps,
            period,
            rounds: if same { round.rounds + 1 } else { 0 },
        };
        // After so many equal rounds the others are taken to be like them.
        if self.round.rounds < 256 {
            return Ok(());
        }
        let Some(left) = rounds_left(op, width, value, delta, bound) else {
            return Ok(());
        };
        let total = self.steps.saturating_add(left.saturating_mul(period));
        if total <= MOST_INSTRUCTIONS {
            return Ok(());
        }
        Err(words::too_complex(self, total).into())
    }

    pub(super) fn after_call(&mut self, result: Value) -> usize {
        let call = Some(self.at());
        for register in 1..=5 {
            self.state.registers[register] = Value::Unwritten(call);
        }
        self.state.registers[0] = result;
        self.state.at + 1
    }

    /// Copies of an unknown number share an identity; of a sum they have a new one.
    fn identify(&mut self, register: usize) {
        if let Value::Number(number) = self.state.registers[register]
            && number.wants_identity()
        {
            let id = self.new_id();
            if let Value::Number(number) = &mut self.state.registers[register] {
                number.id = id;
                number.link = super::scalar::Link::Same;
            }
        }
    }

    /// A number in the destination of an operation that makes a new one.
    fn of_number(&mut self, value: Value, make: impl FnOnce(Scalar, u32) -> Scalar) -> Value {
        let at = self.at();
        match value {
            Value::Number(number) => {
                let mut result = make(number, at);
                result.id = 0;
                result.link = super::scalar::Link::Same;
                Value::Number(result)
            }
            Value::Pointer(_) => Value::Number(Scalar::unknown(at)),
            _ => Value::Opaque,
        }
    }
}

/// In how many rounds more the condition will not hold; `None` if that cannot be told.
fn rounds_left(op: JmpOp, width: Width, value: u64, delta: u64, bound: u64) -> Option<u64> {
    if width == Width::W32 {
        let (value, bound) = (u64::from(value as u32), u64::from(bound as u32));
        let delta = i64::from(delta as i32);
        return distance(op, value, delta, bound, u64::from(u32::MAX));
    }
    distance(op, value, delta.cast_signed(), bound, u64::MAX)
}

fn distance(op: JmpOp, value: u64, delta: i64, bound: u64, most: u64) -> Option<u64> {
    let step = delta.unsigned_abs();
    if step == 0 {
        return None;
    }
    let half = most / 2;
    match op {
        JmpOp::Lt | JmpOp::Le if delta > 0 && bound >= value => Some((bound - value) / step),
        JmpOp::SLt | JmpOp::SLe if delta > 0 && bound >= value && bound <= half => {
            Some((bound - value) / step)
        }
        JmpOp::Gt | JmpOp::Ge if delta < 0 && value >= bound => Some((value - bound) / step),
        JmpOp::SGt | JmpOp::SGe if delta < 0 && value >= bound && value <= half => {
            Some((value - bound) / step)
        }
        JmpOp::Ne if delta > 0 && bound > value && (bound - value).is_multiple_of(step) => {
            Some((bound - value) / step)
        }
        JmpOp::Ne if delta < 0 && value > bound && (value - bound).is_multiple_of(step) => {
            Some((value - bound) / step)
        }
        _ => None,
    }
}

impl Machine for Walk<'_> {
    type Value = Value;
    type Stop = Stop;

    fn constant(&self, value: u64) -> Value {
        if self.has_unknown(ReferenceKind::Immediate) {
            return Value::Opaque;
        }
        Value::Number(Scalar::known(value, self.at()))
    }

    fn register(&mut self, register: Register) -> Result<Value> {
        let index = register as usize;
        match self.state.registers[index] {
            Value::Unwritten(call) => Err(words::unwritten(self, index, call).into()),
            value => Ok(value),
        }
    }

    fn set_register(&mut self, register: Register, value: Value) -> Result<()> {
        if register == Register::R10 {
            return Err(Stop::Over);
        }
        let mut value = value;
        let insn = self.insn();
        // A 64-bit move makes a copy.
        if insn.opcode() == 0xbf && insn.offset() == 0 && insn.imm() == 0 {
            self.identify(usize::from(insn.src()));
            value = self.state.registers[usize::from(insn.src())];
        }
        self.state.registers[register as usize] = value;
        Ok(())
    }

    fn alu(&mut self, op: AluOp, width: Width, dst: Value, src: Value) -> Result<Value> {
        if op == AluOp::Mov {
            return Ok(self.narrow_move(src));
        }
        self.arithmetic(op, width, dst, src)
    }

    fn negate(&mut self, width: Width, value: Value) -> Result<Value> {
        let kernel = self.kernel;
        Ok(self.of_number(value, |number, at| {
            arithmetic::negate(kernel, width, number, at)
        }))
    }

    fn sign_extend(&mut self, extension: SignExtension, value: Value) -> Result<Value> {
        let (bytes, narrow) = match extension {
            SignExtension::S8ToW32 => (1, true),
            SignExtension::S16ToW32 => (2, true),
            SignExtension::S8ToW64 => (1, false),
            SignExtension::S16ToW64 => (2, false),
            SignExtension::S32ToW64 => (4, false),
        };
        // A number whose sign is not there stays the same number.
        let register = usize::from(self.insn().src());
        if let Value::Number(number) = value
            && number.umax < 1 << (8 * bytes - 1)
            && self.insn().opcode() & 7 != 1
        {
            self.identify(register);
            return Ok(self.state.registers[register]);
        }
        Ok(self.of_number(value, |mut number, _| {
            match narrow {
                true => number.sign_extend32(bytes),
                false => number.sign_extend(bytes),
            }
            number
        }))
    }

    fn change_byte_order(&mut self, op: EndianOp, size: EndianSize, value: Value) -> Result<Value> {
        // The machine is taken to be little-endian: of what stays as it is kernels do not forget
        // that it is a copy.
        if op == EndianOp::Le
            && let Value::Number(number) = value
        {
            let mut result = number;
            result.truncate(size.bits() / 8);
            return Ok(Value::Number(result));
        }
        Ok(self.of_number(value, |number, at| arithmetic::swap_bytes(size, number, at)))
    }

    fn compare(&mut self, op: JmpOp, width: Width, dst: Value, src: Value) -> Result<bool> {
        self.comparison(op, width, dst, src)
    }

    fn load(&mut self, size: Size, base: Value, offset: i16) -> Result<Value> {
        self.read(size.bytes(), base, offset)
    }

    fn load_signed(&mut self, size: SignedSize, base: Value, offset: i16) -> Result<Value> {
        let bytes = match size {
            SignedSize::S8 => 1,
            SignedSize::S16 => 2,
            SignedSize::S32 => 4,
        };
        let value = self.read(bytes, base, offset)?;
        Ok(self.of_number(value, |mut number, _| {
            number.sign_extend(bytes);
            number
        }))
    }

    fn store(&mut self, size: Size, base: Value, offset: i16, value: Value) -> Result<()> {
        self.write(size.bytes(), base, offset, value)
    }

    fn atomic(
        &mut self,
        _: AtomicOp,
        width: Width,
        base: Value,
        offset: i16,
        _: Value,
    ) -> Result<Value> {
        self.read_modify_write(width, base, offset)
    }

    fn compare_exchange(
        &mut self,
        width: Width,
        base: Value,
        offset: i16,
        _: Value,
        _: Value,
    ) -> Result<Value> {
        self.read_modify_write(width, base, offset)
    }

    fn load_imm64(&mut self, at: usize, source: ImmediateSource, imm: u64) -> Result<Value> {
        let reference = self.program.facts.reference(at).map(|r| r.kind);
        let pointer = |kind| Pointer::new(kind, at as u32);
        Ok(match (reference, source) {
            (Some(ReferenceKind::Map(map)), _) => Value::Pointer(pointer(Kind::Map(map))),
            (Some(ReferenceKind::MapValue(map, offset)), _) => Value::Pointer(Pointer {
                fixed: i64::from(offset),
                ..pointer(Kind::MapValue(map))
            }),
            (None, ImmediateSource::Value) => Value::Number(Scalar::known(imm, at as u32)),
            _ => Value::Opaque,
        })
    }

    fn packet_load(&mut self, _: PacketSize, _: Option<Value>, _: i32) -> Result<Option<Value>> {
        let legacy = matches!(
            self.program.facts.program_type,
            Some(ProgramType::SocketFilter | ProgramType::SchedCls | ProgramType::SchedAct)
        );
        if !legacy {
            return Err(Stop::Over);
        }
        match self.state.registers[6] {
            Value::Pointer(pointer)
                if pointer.kind == Kind::Context && pointer.is_fixed() && pointer.offset() == 0 => {
            }
            _ => return Err(Stop::Over),
        }
        let at = self.at();
        let _ = self.after_call(Value::Opaque);
        // Kernels know nothing of it, not even its size.
        Ok(Some(Value::Number(Scalar::unknown(at))))
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
        self.may_stop = true;
        Err(Stop::Over)
    }

    fn call_local(&mut self, at: usize, target: usize) -> Result<usize> {
        let functions = &self.program.facts.functions;
        let function = functions
            .iter()
            .find(|function| function.insn as usize == target);
        if function.map(|function| function.linkage) == Some(Linkage::Global) {
            let number = Value::Number(Scalar::unknown(at as u32));
            return Ok(self.after_call(number));
        }
        if self.state.frames.len() >= 7 {
            return Err(Stop::Over);
        }
        let state = &mut self.state;
        let [_, _, _, _, _, _, r6, r7, r8, r9, _] = state.registers;
        state.frames.push(Frame {
            saved: [r6, r7, r8, r9],
            back: at + 1,
            call: at as u32,
        });
        for register in [0, 6, 7, 8, 9] {
            state.registers[register] = Value::Unwritten(None);
        }
        state.stacks.push(Stack::default());
        let frame = Kind::Stack(state.frames.len() as u8);
        state.registers[10] = Value::Pointer(Pointer::new(frame, at as u32));
        Ok(target)
    }

    fn call_indirect(&mut self, _: usize, _: Value) -> Result<usize> {
        Err(Stop::Over)
    }

    fn exit(&mut self, _: usize) -> Result<usize> {
        let Some(frame) = self.state.frames.pop() else {
            self.leave()?;
            return Err(Stop::Over);
        };
        let state = &mut self.state;
        match state.registers[0] {
            Value::Pointer(pointer) if matches!(pointer.kind, Kind::Stack(_)) => {
                return Err(Stop::Over);
            }
            _ => {}
        }
        state.registers[6..10].copy_from_slice(&frame.saved);
        for register in 1..=5 {
            state.registers[register] = Value::Unwritten(Some(frame.call));
        }
        state.stacks.pop();
        let caller = Kind::Stack(state.frames.len() as u8);
        state.registers[10] = Value::Pointer(Pointer::new(caller, frame.call));
        Ok(frame.back)
    }

    fn may_goto(&mut self, _: usize) -> Result<bool> {
        self.may_stop = true;
        self.visited.loops_may_stop();
        self.fork(|_| {})
    }

    fn goto_indirect(&mut self, _: usize, _: Value) -> Result<usize> {
        Err(Stop::Over)
    }

    fn unknown(&mut self, _: usize) -> Stop {
        Stop::Over
    }
}

impl Walk<'_> {
    /// A 32-bit move: the lower half of a number, which stays the same number if it fits.
    fn narrow_move(&mut self, src: Value) -> Value {
        let at = self.at();
        let mut number = match src {
            Value::Number(number) => number,
            Value::Pointer(_) => Scalar::unknown(at),
            _ => return Value::Opaque,
        };
        if !self.has_immediate() && number.width() <= 32 && self.kernel.compared_registers() {
            let register = usize::from(self.insn().src());
            self.identify(register);
            if let Value::Number(identified) = self.state.registers[register] {
                number = identified;
            }
        } else {
            number.id = 0;
        }
        number.zero_extend();
        number.sync();
        Value::Number(number)
    }

    /// Changes all pointers and numbers of a state where `wanted` says so.
    pub(super) fn change_values(
        state: &mut State,
        wanted: impl Fn(&Value) -> bool,
        mut change: impl FnMut(&mut Value),
    ) {
        for value in &mut state.registers {
            if wanted(value) {
                change(value);
            }
        }
        for frame in &mut state.frames {
            for value in &mut frame.saved {
                if wanted(value) {
                    change(value);
                }
            }
        }
        for stack in &mut state.stacks {
            stack.change(&wanted, &mut change);
        }
    }

    /// The end of the program.
    fn leave(&mut self) -> Result<()> {
        let facts = self.program.facts;
        if facts.fragment {
            return Ok(());
        }
        if let Some(&(_, origin)) = self.state.held.first() {
            return Err(words::not_given_back(self, origin).into());
        }
        let free = matches!(
            facts.program_type,
            None | Some(
                ProgramType::StructOps | ProgramType::Ext | ProgramType::Lsm | ProgramType::Tracing
            )
        );
        let Some(program_type) = facts.program_type.filter(|_| !free) else {
            return Ok(());
        };
        let value = match self.state.registers[0] {
            Value::Unwritten(call) => return Err(words::unwritten(self, 0, call).into()),
            value => value,
        };
        let range = crate::check::tables::return_range(program_type, facts.attach_type);
        let Some((least, most)) = range else {
            return Ok(());
        };
        if !self.kernel.precise_returns() && self.forked {
            return Ok(());
        }
        match value {
            Value::Number(number) => {
                let outside = number.smin < least || number.smax > most;
                let outside32 = i64::from(number.smin32) < least || i64::from(number.smax32) > most;
                if outside && outside32 {
                    return Err(
                        words::return_range(self, &number, program_type, least, most).into(),
                    );
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn not_null(state: &mut State, id: u32) {
        let wanted = |value: &Value| matches!(value, Value::Pointer(pointer) if pointer.id == id && pointer.null == Null::Maybe);
        Self::change_values(state, wanted, |value| {
            if let Value::Pointer(pointer) = value {
                pointer.null = Null::Never;
                if !pointer.kind.is_packet() {
                    pointer.id = 0;
                }
            }
        });
    }

    /// The pointers of this identity are null, and what they held is not held.
    pub(super) fn is_null(state: &mut State, id: u32) {
        let wanted = |value: &Value| matches!(value, Value::Pointer(pointer) if pointer.id == id && pointer.null == Null::Maybe);
        let mut held = 0;
        Self::change_values(state, wanted, |value| {
            if let Value::Pointer(pointer) = value {
                if pointer.held == id {
                    held = pointer.held;
                }
                *value = Value::Number(Scalar::known(0, pointer.origin));
            }
        });
        if held != 0 {
            state.held.retain(|&(reference, _)| reference != held);
        }
    }
}
