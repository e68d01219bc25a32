//! A run: registers, frames, and the machine that `semantics::step` works on.

use super::fault::{Fault, FaultKind, Trap};
use super::helpers::{self, Effect, Helper, HelperCall};
use super::memory::{Memory, RegionId};
use super::program::Program;
use super::state::{STACK_SIZE, State};
use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, Register,
    SignExtension, Size, Width,
};
use crate::semantics::{self, Machine, step};
use alloc::boxed::Box;
use alloc::format;

/// The kernel's limit of tail calls in a row.
const MAX_TAIL_CALLS: u32 = 33;

const R0: usize = 0;
const R1: usize = 1;
const R10: usize = 10;
/// The registers that a function gives back as it found them.
const SAVED: core::ops::Range<usize> = 6..10;

/// A function that waits for the one it called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    program: usize,
    return_slot: usize,
    saved: [u64; 4],
    may_goto: u32,
    then: Then,
}

/// What happens when the called function returns.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// The caller goes on.
    Return,
    /// It is a callback of `bpf_loop`.
    Loop {
        callback: usize,
        context: u64,
        done: u32,
        count: u32,
    },
    /// It is a callback of `bpf_for_each_map_elem`.
    ForEach {
        callback: usize,
        context: u64,
        map: u32,
        position: usize,
        done: u64,
    },
}

/// Why stepping stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The program has returned.
    Finished,
    /// It goes on in another program, at this slot.
    Switch(usize),
    Trap(Box<Trap>),
}

impl Stop {
    #[cold]
    fn new(kind: FaultKind, message: impl Into<alloc::string::String>) -> Self {
        Self::Trap(Box::new(Trap::new(kind, message)))
    }
}

#[derive(Debug)]
pub(super) struct Engine<'a> {
    pub(super) registers: [u64; Register::ALL.len()],
    pub(super) state: &'a mut State,
    pub(super) programs: &'a [Program],
    /// The program that runs.
    pub(super) program: usize,
    tail_calls: u32,
    may_goto: u32,
    /// Whether it has returned.
    pub(super) finished: bool,
}

impl<'a> Engine<'a> {
    /// A run that is about to begin; the caller has put arguments in order.
    pub(super) fn new(
        state: &'a mut State,
        programs: &'a [Program],
        program: usize,
        arguments: &[u64],
    ) -> Self {
        state.begin();
        let mut registers = [0; Register::ALL.len()];
        registers[R1..R1 + arguments.len()].copy_from_slice(arguments);
        registers[R10] = stack_top(state.stacks[0]);
        Self {
            registers,
            may_goto: state.may_goto_budget,
            state,
            programs,
            program,
            tail_calls: 0,
            finished: false,
        }
    }

    /// Runs from a slot to the end.
    pub(super) fn run(&mut self, slot: usize) -> Result<u64, Fault> {
        if self.state.records_coverage {
            let mut at = slot;
            while !self.finished {
                at = self.single_step(at)?;
            }
            return Ok(self.registers[R0]);
        }
        let mut at = slot;
        let mut remaining = self.state.remaining;
        loop {
            let programs = self.programs;
            let operations = programs[self.program].operations();
            let stop = loop {
                let Some(operation) = operations.get(at) else {
                    break self.no_instruction(at);
                };
                if remaining == 0 {
                    break self.out_of_budget();
                }
                remaining -= 1;
                match step(self, at, operation) {
                    Ok(next) => at = next,
                    Err(stop) => break stop,
                }
            };
            self.state.remaining = remaining;
            match stop {
                Stop::Switch(slot) => at = slot,
                Stop::Finished => {
                    self.finished = true;
                    return Ok(self.registers[R0]);
                }
                Stop::Trap(trap) => return Err(self.fault(*trap, at)),
            }
        }
    }

    /// Does one instruction; the slot of the next one.
    pub(super) fn single_step(&mut self, at: usize) -> Result<usize, Fault> {
        let program = self.program;
        let Some(operation) = self.programs[program].operations().get(at) else {
            let Stop::Trap(trap) = self.no_instruction(at) else {
                return Ok(at);
            };
            return Err(self.fault(*trap, at));
        };
        let result = if self.state.remaining == 0 {
            Err(self.out_of_budget())
        } else {
            self.state.remaining -= 1;
            if let Some(count) = self.state.covered(program, self.programs, at) {
                *count += 1;
            }
            step(self, at, operation)
        };
        match result {
            Ok(next) | Err(Stop::Switch(next)) => Ok(next),
            Err(Stop::Finished) => {
                self.finished = true;
                Ok(at)
            }
            Err(Stop::Trap(trap)) => Err(self.fault(*trap, at)),
        }
    }

    fn fault(&self, trap: Trap, at: usize) -> Fault {
        trap.at(&self.programs[self.program], at, self.registers)
    }

    #[cold]
    fn no_instruction(&self, at: usize) -> Stop {
        let end = self.programs[self.program].operations().len();
        Stop::new(
            FaultKind::NoInstruction,
            if at == end {
                "the program ends without `exit`".into()
            } else {
                format!("the program goes on at {at}, and it has {end} instructions")
            },
        )
    }

    #[cold]
    fn out_of_budget(&self) -> Stop {
        Stop::new(
            FaultKind::Budget,
            format!(
                "the budget of {} instructions is used up; an endless loop?",
                self.state.budget
            ),
        )
    }

    #[cold]
    #[inline(never)]
    fn refused(&self, address: u64, size: Size, write: bool) -> Stop {
        let length = usize::from(size.bytes());
        Stop::Trap(Box::new(Trap::access(
            &self.state.memory,
            address,
            length,
            write,
        )))
    }

    /// The memory of an atomic operation: aligned, and there to be read and written.
    #[inline]
    fn atomic_operand(
        &mut self,
        width: Width,
        base: u64,
        offset: i16,
    ) -> Result<(Size, u64, u64), Stop> {
        let size = match width {
            Width::W32 => Size::Word,
            Width::W64 => Size::Double,
        };
        let address = base.wrapping_add_signed(i64::from(offset));
        let old = self.state.memory.load(size, address);
        match old {
            Some(old) if address.is_multiple_of(u64::from(size.bytes())) => {
                Ok((size, address, old))
            }
            _ => Err(self.refused(address, size, false)),
        }
    }

    fn push(&mut self, return_slot: usize, then: Then) -> Result<(), Stop> {
        let depth = self.state.frames.len() + 1;
        let Some(&stack) = self.state.stacks.get(depth) else {
            return Err(Stop::new(
                FaultKind::CallDepth,
                format!(
                    "the call nests deeper than the {} frames there are",
                    self.state.stacks.len()
                ),
            ));
        };
        let mut saved = [0; 4];
        saved.copy_from_slice(&self.registers[SAVED]);
        self.state.frames.push(Frame {
            program: self.program,
            return_slot,
            saved,
            may_goto: self.may_goto,
            then,
        });
        self.state.deepest = self.state.deepest.max(depth);
        self.registers[R10] = stack_top(stack);
        self.may_goto = self.state.may_goto_budget;
        Ok(())
    }

    /// The slot of a function of the running program.
    fn function(&self, address: u64) -> Result<usize, Stop> {
        match Memory::function_of(address) {
            Some((program, slot)) if program == self.program => Ok(slot),
            _ => Err(Stop::new(
                FaultKind::NoFunction,
                format!("{address:#x} is no function of this program"),
            )),
        }
    }

    fn effect(&mut self, at: usize, effect: Effect) -> Result<usize, Stop> {
        match effect {
            Effect::Return(value) => {
                self.registers[R0] = value;
                Ok(at + 1)
            }
            Effect::TailCall { map, index } => {
                let program = helpers::program_at(&self.state.maps, map, index)
                    .filter(|&program| program < self.programs.len());
                let Some(program) = program.filter(|_| self.tail_calls < MAX_TAIL_CALLS) else {
                    // -ENOENT: what the kernel documents; it leaves r0 as it is.
                    self.registers[R0] = super::MapError::ENOENT.result();
                    return Ok(at + 1);
                };
                self.tail_calls += 1;
                self.program = program;
                Err(Stop::Switch(0))
            }
            Effect::Loop {
                count: 0,
                callback: _,
                context: _,
            } => {
                self.registers[R0] = 0;
                Ok(at + 1)
            }
            Effect::Loop {
                count,
                callback,
                context,
            } => {
                let callback = self.function(callback)?;
                let done = 0;
                self.push(
                    at + 1,
                    Then::Loop {
                        callback,
                        context,
                        done,
                        count,
                    },
                )?;
                self.registers[R1] = 0;
                self.registers[2] = context;
                Ok(callback)
            }
            Effect::ForEach {
                map,
                callback,
                context,
            } => {
                let callback = self.function(callback)?;
                self.push(at + 1, Then::Return)?;
                self.next_entry(map, callback, context, 0, 0)
            }
        }
    }

    /// Calls the callback for the next entry of a map, or ends the loop. The frame is there.
    fn next_entry(
        &mut self,
        map: u32,
        callback: usize,
        context: u64,
        position: usize,
        done: u64,
    ) -> Result<usize, Stop> {
        let state = &mut *self.state;
        let cpu = state.world.cpu as usize;
        let entry = state
            .maps
            .get(map as usize)
            .and_then(|map| map.entry_from(&state.memory, position, cpu));
        let Some((position, key, value)) = entry else {
            return self.leave(done);
        };
        let key = key.unwrap_or_else(|| {
            // The keys of an array are nowhere: each frame has room for one.
            let at = 8 * (state.frames.len() - 1);
            let keys = &mut state.memory.region_mut(state.array_keys).bytes;
            keys[at..at + 4].copy_from_slice(&(position as u32).to_ne_bytes());
            Memory::address_of(state.array_keys, at)
        });
        if let Some(frame) = state.frames.last_mut() {
            frame.then = Then::ForEach {
                callback,
                context,
                map,
                position: position + 1,
                done: done + 1,
            };
        }
        self.registers[1..5].copy_from_slice(&[helpers::handle(map), key, value, context]);
        Ok(callback)
    }

    /// Goes back to the caller.
    fn leave(&mut self, result: u64) -> Result<usize, Stop> {
        let Some(frame) = self.state.frames.pop() else {
            return Err(Stop::Finished);
        };
        self.registers[R0] = result;
        self.registers[SAVED].copy_from_slice(&frame.saved);
        self.registers[R10] = stack_top(self.state.stacks[self.state.frames.len()]);
        self.may_goto = frame.may_goto;
        if frame.program != self.program {
            self.program = frame.program;
            return Err(Stop::Switch(frame.return_slot));
        }
        Ok(frame.return_slot)
    }
}

/// What `r10` is in a frame.
const fn stack_top(stack: RegionId) -> u64 {
    Memory::address_of(stack, STACK_SIZE)
}

impl Machine for Engine<'_> {
    type Value = u64;
    type Stop = Stop;

    #[inline]
    fn constant(&self, value: u64) -> u64 {
        value
    }

    #[inline]
    fn register(&mut self, register: Register) -> Result<u64, Stop> {
        Ok(self.registers[register as usize])
    }

    #[inline]
    fn set_register(&mut self, register: Register, value: u64) -> Result<(), Stop> {
        self.registers[register as usize] = value;
        Ok(())
    }

    #[inline]
    fn alu(&mut self, op: AluOp, width: Width, dst: u64, src: u64) -> Result<u64, Stop> {
        Ok(semantics::alu(op, width, dst, src))
    }

    #[inline]
    fn negate(&mut self, width: Width, value: u64) -> Result<u64, Stop> {
        Ok(semantics::negate(width, value))
    }

    #[inline]
    fn sign_extend(&mut self, extension: SignExtension, value: u64) -> Result<u64, Stop> {
        Ok(semantics::sign_extend(extension, value))
    }

    #[inline]
    fn change_byte_order(
        &mut self,
        op: EndianOp,
        size: EndianSize,
        value: u64,
    ) -> Result<u64, Stop> {
        Ok(semantics::change_byte_order(op, size, value))
    }

    #[inline]
    fn compare(&mut self, op: JmpOp, width: Width, dst: u64, src: u64) -> Result<bool, Stop> {
        Ok(semantics::compare(op, width, dst, src))
    }

    #[inline]
    fn load(&mut self, size: Size, base: u64, offset: i16) -> Result<u64, Stop> {
        let address = base.wrapping_add_signed(i64::from(offset));
        match self.state.memory.load(size, address) {
            Some(value) => Ok(value),
            None => Err(self.refused(address, size, false)),
        }
    }

    #[inline]
    fn store(&mut self, size: Size, base: u64, offset: i16, value: u64) -> Result<(), Stop> {
        let address = base.wrapping_add_signed(i64::from(offset));
        match self.state.memory.store(size, address, value) {
            Some(()) => Ok(()),
            None => Err(self.refused(address, size, true)),
        }
    }

    #[inline]
    fn atomic(
        &mut self,
        op: AtomicOp,
        width: Width,
        base: u64,
        offset: i16,
        src: u64,
    ) -> Result<u64, Stop> {
        let (size, address, old) = self.atomic_operand(width, base, offset)?;
        let new = semantics::atomic(op, width, old, src);
        match self.state.memory.store(size, address, new) {
            Some(()) => Ok(old),
            None => Err(self.refused(address, size, true)),
        }
    }

    #[inline]
    fn compare_exchange(
        &mut self,
        width: Width,
        base: u64,
        offset: i16,
        expected: u64,
        new: u64,
    ) -> Result<u64, Stop> {
        let (size, address, old) = self.atomic_operand(width, base, offset)?;
        let new = semantics::compare_exchange(width, old, expected, new);
        match self.state.memory.store(size, address, new) {
            Some(()) => Ok(old),
            None => Err(self.refused(address, size, true)),
        }
    }

    #[inline]
    fn load_imm64(&mut self, at: usize, source: ImmediateSource, imm: u64) -> Result<u64, Stop> {
        match source {
            ImmediateSource::Value => Ok(imm),
            source => self.symbol(at, source, imm),
        }
    }

    fn packet_load(
        &mut self,
        size: PacketSize,
        index: Option<u64>,
        imm: i32,
    ) -> Result<Option<u64>, Stop> {
        let context = self.registers[6];
        if context != Memory::address(self.state.context) {
            return Err(Stop::new(
                FaultKind::Helper,
                format!("a packet load wants the context in r6, which is {context:#x}"),
            ));
        }
        // As the kernel counts: in 32 bits, with sign.
        let offset = (index.unwrap_or(0) as i32).wrapping_add(imm);
        let packet = &self.state.memory.region(self.state.packet).bytes;
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|offset| packet.get(offset..));
        Ok(bytes.and_then(|bytes| match size {
            PacketSize::Byte => bytes
                .first_chunk()
                .map(|&b| u64::from(u8::from_be_bytes(b))),
            PacketSize::Half => bytes
                .first_chunk()
                .map(|&b| u64::from(u16::from_be_bytes(b))),
            PacketSize::Word => bytes
                .first_chunk()
                .map(|&b| u64::from(u32::from_be_bytes(b))),
        }))
    }

    fn address_space_cast(&mut self, _: u64, _: i32) -> Result<u64, Stop> {
        Err(not_modelled("there are no arenas"))
    }

    fn call_helper(&mut self, at: usize, id: u32) -> Result<usize, Stop> {
        let mut arguments = [0; 5];
        arguments.copy_from_slice(&self.registers[1..6]);
        let state = &mut *self.state;
        let Some(helper) = state.helpers.get(id) else {
            let name = helpers::describe(id);
            return Err(Stop::new(
                FaultKind::NoHelper { id },
                format!("the interpreter has no {name}; give it one with `Vm::helper({id}, …)`"),
            ));
        };
        let mut call = HelperCall {
            id,
            arguments,
            memory: &mut state.memory,
            maps: &mut state.maps,
            world: &mut state.world,
            packet: state.packet,
            context: state.context,
            scratch: &mut state.scratch,
        };
        let effect = match helper {
            Helper::Builtin(builtin) => builtin(&mut call),
            Helper::Custom(custom) => custom(&mut call).map(Effect::Return),
        };
        match effect {
            Ok(effect) => self.effect(at, effect),
            Err(error) => Err(Stop::Trap(error.0)),
        }
    }

    fn call_kfunc(&mut self, _: usize, btf_id: u32, _: i16) -> Result<usize, Stop> {
        Err(not_modelled(format!(
            "the kernel function with BTF id {btf_id} is only in a kernel"
        )))
    }

    fn call_local(&mut self, at: usize, target: usize) -> Result<usize, Stop> {
        self.push(at + 1, Then::Return)?;
        Ok(target)
    }

    fn call_indirect(&mut self, at: usize, target: u64) -> Result<usize, Stop> {
        let target = self.function(target)?;
        self.call_local(at, target)
    }

    fn exit(&mut self, at: usize) -> Result<usize, Stop> {
        let result = self.registers[R0];
        let _ = at;
        let Some(frame) = self.state.frames.last_mut() else {
            return Err(Stop::Finished);
        };
        match &mut frame.then {
            Then::Return => self.leave(result),
            Then::Loop {
                callback,
                context,
                done,
                count,
            } => {
                *done += 1;
                if result == 0 && done < count {
                    let (callback, context, done) = (*callback, *context, *done);
                    self.registers[R1] = u64::from(done);
                    self.registers[2] = context;
                    return Ok(callback);
                }
                let done = u64::from(*done);
                self.leave(done)
            }
            Then::ForEach {
                callback,
                context,
                map,
                position,
                done,
            } => {
                let (callback, context, map) = (*callback, *context, *map);
                let (position, done) = (*position, *done);
                if result != 0 {
                    return self.leave(done);
                }
                self.next_entry(map, callback, context, position, done)
            }
        }
    }

    fn may_goto(&mut self, _: usize) -> Result<bool, Stop> {
        if self.may_goto == 0 {
            return Ok(true);
        }
        self.may_goto -= 1;
        Ok(false)
    }

    fn goto_indirect(&mut self, _: usize, _: u64) -> Result<usize, Stop> {
        Err(not_modelled("there are no instruction arrays"))
    }

    fn unknown(&mut self, _: usize) -> Stop {
        Stop::new(FaultKind::NoInstruction, "this is no instruction")
    }
}

#[cold]
fn not_modelled(message: impl Into<alloc::string::String>) -> Stop {
    Stop::new(FaultKind::NotModelled, message)
}

impl Engine<'_> {
    /// The addresses that 64-bit loads stand for.
    fn symbol(&mut self, at: usize, source: ImmediateSource, imm: u64) -> Result<u64, Stop> {
        let (low, high) = (imm as u32, (imm >> 32) as u32);
        let map = self.state.maps.get(low as usize);
        match source {
            ImmediateSource::Value => Ok(imm),
            ImmediateSource::MapFd | ImmediateSource::MapIndex if map.is_some() => {
                Ok(Memory::map_handle(low))
            }
            ImmediateSource::MapValue | ImmediateSource::MapIndexValue => {
                match map.and_then(super::maps::Map::only_value) {
                    Some(values) => Ok(Memory::address(values) + u64::from(high)),
                    None => Err(Stop::new(
                        FaultKind::NotModelled,
                        format!("there is no array with the number {low}"),
                    )),
                }
            }
            ImmediateSource::Function => {
                let slot = (at as i64 + 1 + i64::from(low.cast_signed())) as usize;
                Ok(Memory::function(self.program, slot))
            }
            ImmediateSource::BtfId => Err(not_modelled("kernel variables are only in a kernel")),
            _ => Err(Stop::new(
                FaultKind::NotModelled,
                format!("there is no map with the number {low}"),
            )),
        }
    }
}
