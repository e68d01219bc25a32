//! Loads, stores and atomic operations, and memory that helpers work on.

use super::pointer::{MAX_OFFSET, stack_of};
use super::scalar::{Link, Scalar};
use super::stack::{Read, STACK_SIZE, number_of};
use super::value::{Kind, Null, Pointer, Value};
use super::walk::{Result, Stop, Walk};
use super::words;
use crate::KernelVersion;
use crate::check::facts::ReferenceKind;
use crate::check::tables::{self, Becomes, ContextAccess};
use crate::isa::Width;

/// What is done to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    /// A helper reads or writes so many bytes.
    Helper,
}

/// Since then the constant part of a packet's offset is no part of its own, and some kernels count
/// ranges from elsewhere.
const FOLDED_OFFSETS: KernelVersion = KernelVersion::new(7, 0);

/// An access: through which register, and to how many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) register: u8,
    /// From the pointer.
    pub(super) offset: i64,
    pub(super) size: i64,
    pub(super) access: Access,
}

impl Walk<'_> {
    /// The pointer behind a value that memory is accessed through.
    fn base(&self, value: Value, register: u8) -> Result<Pointer> {
        match value {
            Value::Pointer(pointer) => match pointer.null {
                Null::Never => Ok(pointer),
                Null::Uncertain => Err(Stop::Over),
                Null::Maybe => Err(words::possibly_null(self, &pointer, register).into()),
            },
            Value::Number(number) => Err(words::not_a_pointer(self, &number, register).into()),
            _ => Err(Stop::Over),
        }
    }

    pub(super) fn read(&mut self, size: u8, base: Value, offset: i16) -> Result<Value> {
        let register = self.insn().src();
        let pointer = self.base(base, register)?;
        if self.has_unknown(ReferenceKind::Offset) {
            return Ok(Value::Opaque);
        }
        let span = Span {
            register,
            offset: i64::from(offset),
            size: i64::from(size),
            access: Access::Read,
        };
        self.reach(&pointer, span)?;
        let at = self.at();
        let number = || number_of(usize::from(size), at);
        Ok(match pointer.kind {
            Kind::Stack(frame) => self.read_stack(&pointer, frame, span)?,
            Kind::Context => self.read_context(pointer.offset() + span.offset, size),
            Kind::MapValue(map) => match self.program.facts.map(map) {
                Some(facts) if facts.frozen => Value::Opaque,
                Some(_) => number(),
                None => Value::Opaque,
            },
            Kind::Packet | Kind::PacketMeta | Kind::Record(_) => number(),
            Kind::Socket | Kind::SockCommon if size < 8 => number(),
            _ => Value::Opaque,
        })
    }

    fn read_stack(&mut self, pointer: &Pointer, frame: u8, span: Span) -> Result<Value> {
        let Some(stack) = stack_of(&self.state, frame) else {
            return Err(Stop::Over);
        };
        if !pointer.is_fixed() {
            let first = pointer.fixed + pointer.variable.smin + span.offset;
            let last = pointer.fixed + pointer.variable.smax + span.offset + span.size;
            let known = stack.are_numbers(first, last - first);
            return Ok(match known {
                true => number_of(span.size as usize, self.at()),
                false => Value::Opaque,
            });
        }
        let offset = pointer.offset() + span.offset;
        match stack.load(self.kernel, offset, span.size as u8, self.at()) {
            Read::Value(Value::Number(number)) => {
                // A copy of what is saved.
                let whole = span.size == 8;
                if whole && number.wants_identity() {
                    return Ok(self.identify_saved(frame, offset, number));
                }
                Ok(Value::Number(number))
            }
            Read::Value(value) => Ok(value),
            Read::Unwritten if self.program.facts.fragment => Ok(Value::Opaque),
            Read::Unwritten => Err(words::stack_not_written(self, span, offset).into()),
            Read::PartOfPointer => Err(Stop::Over),
        }
    }

    fn identify_saved(&mut self, frame: u8, offset: i64, number: Scalar) -> Value {
        let id = self.new_id();
        let kernel = self.kernel;
        let identified = Value::Number(Scalar {
            id,
            link: Link::Same,
            ..number
        });
        // Only what was saved whole is the same number.
        let stack = &mut self.state.stacks[usize::from(frame)];
        if matches!(stack.saved(offset), Value::Number(saved) if *saved == number) {
            stack.store(kernel, offset, 8, identified, true);
            return identified;
        }
        Value::Number(number)
    }

    fn read_context(&mut self, at: i64, size: u8) -> Value {
        let facts = self.program.facts;
        let Some(program_type) = facts.program_type else {
            return Value::Opaque;
        };
        let slot = self.at();
        let answer = tables::context_access(
            (program_type, facts.attach_type),
            facts.min_kernel,
            at,
            size,
            false,
        );
        let ContextAccess::Becomes(becomes) = answer else {
            return Value::Opaque;
        };
        let pointer = |kind| Value::Pointer(Pointer::new(kind, slot));
        match becomes {
            Becomes::Number => number_of(usize::from(size), slot),
            Becomes::Packet => pointer(Kind::Packet),
            Becomes::PacketEnd => pointer(Kind::PacketEnd),
            Becomes::PacketMeta => pointer(Kind::PacketMeta),
            Becomes::Socket => pointer(Kind::Socket),
            Becomes::SocketOrNull => self.maybe(Kind::Socket),
            Becomes::SockCommonOrNull => self.maybe(Kind::SockCommon),
            Becomes::FlowKeys | Becomes::Other => Value::Opaque,
        }
    }

    /// A pointer that may be null.
    pub(super) fn maybe(&mut self, kind: Kind) -> Value {
        let id = self.new_id();
        Value::Pointer(Pointer {
            id,
            null: Null::Maybe,
            ..Pointer::new(kind, self.at())
        })
    }

    pub(super) fn write(&mut self, size: u8, base: Value, offset: i16, value: Value) -> Result<()> {
        let register = self.insn().dst();
        let pointer = self.base(base, register)?;
        if self.has_unknown(ReferenceKind::Offset) {
            return Err(Stop::Over);
        }
        let span = Span {
            register,
            offset: i64::from(offset),
            size: i64::from(size),
            access: Access::Write,
        };
        self.reach(&pointer, span)?;
        let Kind::Stack(frame) = pointer.kind else {
            return Ok(());
        };
        if stack_of(&self.state, frame).is_none() {
            return Err(Stop::Over);
        }
        let is_pointer = matches!(value, Value::Pointer(_));
        let elsewhere = usize::from(frame) != self.state.frames.len();
        if is_pointer && (size != 8 || elsewhere) {
            return Err(Stop::Over);
        }
        let is_register = self.insn().opcode() & 7 == 3;
        if !pointer.is_fixed() {
            let first = pointer.fixed + pointer.variable.smin + span.offset;
            let last = pointer.fixed + pointer.variable.smax + span.offset + span.size;
            self.state.stacks[usize::from(frame)].blur(first, last - first, true);
            return Ok(());
        }
        let mut value = value;
        // What is saved and what stays in the register are one number.
        if is_register
            && let Value::Number(number) = value
            && number.wants_identity()
            && number.width() <= 8 * u32::from(size)
        {
            let id = self.new_id();
            value = Value::Number(Scalar {
                id,
                link: Link::Same,
                ..number
            });
            let source = usize::from(self.insn().src());
            self.state.registers[source] = value;
        }
        let offset = pointer.offset() + span.offset;
        let kernel = self.kernel;
        let stack = &mut self.state.stacks[usize::from(frame)];
        stack.store(kernel, offset, size, value, is_register);
        Ok(())
    }

    pub(super) fn read_modify_write(
        &mut self,
        width: Width,
        base: Value,
        offset: i16,
    ) -> Result<Value> {
        let size = width.bits() / 8;
        let register = self.insn().dst();
        let pointer = self.base(base, register)?;
        if self.has_unknown(ReferenceKind::Offset) {
            return Err(Stop::Over);
        }
        let span = Span {
            register,
            offset: i64::from(offset),
            size: i64::from(size),
            access: Access::Write,
        };
        match pointer.kind {
            Kind::Stack(_) | Kind::MapValue(_) | Kind::Record(_) => {}
            // What no kernel allows, runs find.
            _ => return Err(Stop::Over),
        }
        self.reach(&pointer, span)?;
        if let Kind::Stack(frame) = pointer.kind {
            if !pointer.is_fixed() || stack_of(&self.state, frame).is_none() {
                return Err(Stop::Over);
            }
            let offset = pointer.offset() + span.offset;
            let (kernel, at) = (self.kernel, self.at());
            let stack = &mut self.state.stacks[usize::from(frame)];
            let old = match stack.load(kernel, offset, size, at) {
                Read::Value(value @ Value::Number(_)) => value,
                Read::Unwritten => {
                    return Err(words::stack_not_written(self, span, offset).into());
                }
                Read::Value(_) | Read::PartOfPointer => Value::Opaque,
            };
            stack.fill(offset, span.size);
            return Ok(old);
        }
        Ok(number_of(usize::from(size), self.at()))
    }

    /// Checks an access as kernels do.
    pub(super) fn reach(&mut self, pointer: &Pointer, span: Span) -> Result<()> {
        match pointer.kind {
            Kind::Stack(_) => self.reach_stack(pointer, span),
            Kind::MapValue(map) => {
                let facts = self.program.facts.map(map);
                if facts.is_some_and(|map| map.map_type == crate::MapType::Arena) {
                    return Err(Stop::Over);
                }
                let size = facts.map(|map| i64::from(map.value_size));
                self.reach_memory(pointer, span, size)
            }
            Kind::Record(size) => self.reach_memory(pointer, span, i64::try_from(size).ok()),
            Kind::Packet | Kind::PacketMeta => self.reach_packet(pointer, span),
            Kind::Context => {
                if !pointer.is_fixed() || pointer.offset() != 0 {
                    return Err(Stop::Over);
                }
                Ok(())
            }
            Kind::Socket | Kind::SockCommon => {
                if pointer.is_fixed() && span.access == Access::Read {
                    Ok(())
                } else {
                    Err(Stop::Over)
                }
            }
            Kind::Map(_) | Kind::PacketEnd => Err(Stop::Over),
        }
    }

    fn reach_memory(&self, pointer: &Pointer, span: Span, size: Option<i64>) -> Result<()> {
        let number = &pointer.variable;
        let offset = pointer.fixed + span.offset;
        let fits =
            |at: i64| size.is_none_or(|size| at >= 0 && at.saturating_add(span.size) <= size);
        let least = offset.saturating_add(number.smin);
        if number.smin < 0
            && (number.smin == i64::MIN || i32::try_from(least).is_err() || least < 0)
        {
            return Err(words::index_may_be_negative(self, pointer, span).into());
        }
        if least < 0 || !fits(least) {
            return Err(words::index_outside(self, pointer, span, size, least, false).into());
        }
        if number.umax >= MAX_OFFSET.cast_unsigned() {
            return Err(words::index_unbounded(self, pointer, span, size).into());
        }
        let most = offset.saturating_add(number.umax.cast_signed());
        if !fits(most) {
            return Err(words::index_outside(self, pointer, span, size, most, true).into());
        }
        Ok(())
    }

    fn reach_packet(&self, pointer: &Pointer, span: Span) -> Result<()> {
        let offset = pointer.fixed + span.offset;
        let is_fixed = pointer.is_fixed();
        if pointer.variable.smin < 0 {
            return Err(words::index_may_be_negative(self, pointer, span).into());
        }
        let covered = pointer.range >= 0 && offset >= 0 && offset + span.size <= pointer.range;
        if covered {
            return Ok(());
        }
        let counts_otherwise = !is_fixed && pointer.range > 0 || pointer.kind == Kind::PacketMeta;
        if self.kernel.version >= FOLDED_OFFSETS && counts_otherwise {
            return Err(Stop::Over);
        }
        Err(words::packet_not_covered(self, pointer, span, offset).into())
    }

    fn reach_stack(&mut self, pointer: &Pointer, span: Span) -> Result<()> {
        let number = &pointer.variable;
        let offset = pointer.fixed + span.offset;
        if span.access != Access::Helper {
            let place = number
                .bits
                .add(super::tnum::Tnum::known(offset.cast_unsigned()));
            if !place.is_aligned(span.size.cast_unsigned()) {
                return Err(words::stack_misaligned(self, pointer, span).into());
            }
        }
        let (least, most) = if pointer.is_fixed() {
            let at = pointer.offset() + span.offset;
            (at, at + span.size)
        } else {
            if number.smax >= MAX_OFFSET || number.smin <= -MAX_OFFSET {
                return Err(words::stack_unbounded(self, pointer, span).into());
            }
            (offset + number.smin, offset + number.smax + span.size)
        };
        if least < -STACK_SIZE || most > 0 {
            return Err(words::stack_outside(self, pointer, span, least, most).into());
        }
        Ok(())
    }
}
