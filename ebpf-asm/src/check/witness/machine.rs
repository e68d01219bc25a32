//! The machine that [`step`](crate::semantics::step) drives: a run.

use super::run::{Frame, Result, Run, Stop};
use super::value::{Kind, Lost, Null, Number, Pointer, Value};
use crate::check::Assumption;
use crate::check::facts::ReferenceKind;
use crate::diag::Rule;
use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, Register,
    SignExtension, Size, Width,
};
use crate::object::Linkage;
use crate::semantics::{self, Machine};

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
        self.writers[register as usize] = Some(self.at as u32);
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
                let second = self.program.facts.insns.get(at + 1);
                let offset = second.map_or(0, |slot| i64::from(slot.imm()));
                if offset != 0 {
                    // Nothing is so many bytes into a map: that is said elsewhere.
                    self.assume(Assumption::IsGlobal(map));
                }
                match self.object(Kind::Symbol(map), Null::Never) {
                    Value::Pointer(pointer) => Value::Pointer(Pointer { offset, ..pointer }),
                    value => value,
                }
            }
            (Some(_), _) => Value::Opaque,
            (None, ImmediateSource::Value) => Value::Number(Number::known(imm)),
            (None, ImmediateSource::Function) => {
                let distance = i64::from(self.program.facts.insns[at].imm());
                match u32::try_from(at as i64 + 1 + distance) {
                    Ok(target) => self.object(Kind::Function(target), Null::Never),
                    Err(_) => Value::Opaque,
                }
            }
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
        self.kernel_function()
    }

    fn call_local(&mut self, at: usize, target: usize) -> Result<usize> {
        let facts = self.program.facts;
        let mut functions = facts.functions.iter();
        if let Some(function) = functions.find(|function| function.insn as usize == target)
            && function.linkage == Linkage::Global
        {
            return self.call_global(function);
        }
        if self.frames.len() >= 15 {
            // More than sixteen at a time: said without running.
            return Err(Stop::Over);
        }
        let [_, _, _, _, _, _, r6, r7, r8, r9, _] = self.registers;
        self.frames.push(Frame {
            saved: [r6, r7, r8, r9],
            writers: self.writers,
            back: at + 1,
            call: at,
            callback: None,
        });
        for register in [0, 6, 7, 8, 9] {
            self.registers[register] = Value::Unwritten(Lost::Never);
        }
        self.new_stack();
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
        if let Some(callback) = &frame.callback {
            self.leave_callback(callback)?;
        }
        self.registers[6..10].copy_from_slice(&frame.saved);
        self.writers[6..10].copy_from_slice(&frame.writers[6..10]);
        let call = frame.call as u32;
        for register in 1..=5 {
            self.registers[register] = Value::Unwritten(Lost::Call(call));
        }
        if let Some(left) = self.stacks.pop()
            && let Some(caller) = self.stacks.last_mut()
        {
            let (used, calls) = left.below;
            let chain = (i64::from(left.depth) + used, calls + 1);
            caller.below = caller.below.max(chain);
        }
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
            varied: 0,
        });
        match frame.callback {
            Some(callback) => self.after_callback(callback, frame.call),
            None => Ok(frame.back),
        }
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
