//! Calls of helpers: what they demand of their arguments, what they do to the state, and what
//! they give back.

use super::memory::{Access, Span};
use super::pointer::{MAX_OFFSET, stack_of};
use super::scalar::Scalar;
use super::value::{Kind, Null, Pointer, Value};
use super::walk::{Result, State, Stop, Walk};
use super::words;
use crate::MapType;
use crate::check::tables;
use crate::helpers::{
    self, Argument, ArgumentFlags, ArgumentKind, Helper, ReturnFlags, ReturnKind, ReturnValue,
};

/// What the arguments said.
#[derive(Default)]
struct Told {
    map: Option<u16>,
    /// Whether the key is a constant, and which; an error if that is not certain.
    key: Option<core::result::Result<Option<u64>, ()>>,
    released: u32,
    allocated: Option<u64>,
    /// The largest size of memory.
    size: u64,
}

impl Walk<'_> {
    pub(super) fn helper(&mut self, id: u32) -> Result<usize> {
        let facts = self.program.facts;
        let Some(helper) = helpers::by_id(id) else {
            return Err(Stop::Over);
        };
        let form = match facts.program_type {
            Some(program_type) if helper.callable_from(program_type) => helper.form(program_type),
            Some(_) => return Err(Stop::Over),
            None if !helper.variants.is_empty() => return Err(Stop::Over),
            None => helper.form(crate::ProgramType::SocketFilter),
        };
        if helper.since > self.kernel.version
            || form.gpl_only && facts.gpl_compatible == Some(false)
        {
            return Err(Stop::Over);
        }
        let mut told = Told::default();
        for (index, argument) in form.args.iter().enumerate() {
            self.argument(helper, form.args, index, *argument, &mut told)?;
        }
        if let Some(map) = told.map.and_then(|map| facts.map(map))
            && !tables::takes_map(id, map.map_type)
        {
            return Err(Stop::Over);
        }
        if helper.name == "bpf_tail_call" && !self.state.held.is_empty() {
            return Err(Stop::Over);
        }
        if told.released != 0 {
            release(&mut self.state, told.released);
        }
        if tables::changes_packet(helper.name) {
            let wanted = |value: &Value| {
                matches!(value, Value::Pointer(pointer)
                    if pointer.kind.is_packet() || pointer.kind == Kind::PacketEnd)
            };
            Self::change_values(&mut self.state, wanted, |value| *value = Value::Opaque);
        }
        let result = self.result(helper, form.ret, &told)?;
        Ok(self.after_call(result))
    }

    fn argument(
        &mut self,
        helper: &Helper,
        arguments: &[Argument],
        index: usize,
        argument: Argument,
        told: &mut Told,
    ) -> Result<()> {
        use ArgumentKind as K;
        let register = index + 1;
        if argument.kind == K::Dontcare {
            return Ok(());
        }
        let value = match self.state.registers[register] {
            Value::Unwritten(call) => return Err(words::unwritten(self, register, call).into()),
            value => value,
        };
        if argument.kind == K::Anything {
            return Ok(());
        }
        if argument.kind.is_size() {
            return self.size(helper, arguments, index, value, told);
        }
        let nullable = argument.flags.contains(ArgumentFlags::NULLABLE);
        match argument.kind {
            K::Scalar => return Ok(()),
            K::ConstAllocSizeOrZero => {
                let Value::Number(number) = value else {
                    return Err(Stop::Over);
                };
                told.allocated = number.constant();
                return match told.allocated {
                    Some(_) => Ok(()),
                    None => Err(Stop::Over),
                };
            }
            K::ConstMapPtr
            | K::PtrToMapKey
            | K::PtrToMapValue
            | K::PtrToMem
            | K::PtrToCtx
            | K::PtrToSocket
            | K::PtrToSockCommon
            | K::PtrToBtfIdSockCommon
            | K::PtrToRingbufMem => {}
            _ => return Err(Stop::Over),
        }
        let pointer = match value {
            Value::Number(number) if nullable => {
                return match number.constant() {
                    Some(0) => Ok(()),
                    // Whether it is null, older kernels look at on one path only.
                    _ => Err(Stop::Over),
                };
            }
            Value::Number(number) => {
                return Err(
                    words::number_as_argument(self, helper.name, &number, register as u8).into(),
                );
            }
            Value::Pointer(pointer) => pointer,
            _ => return Err(Stop::Over),
        };
        match pointer.null {
            Null::Never => {}
            Null::Maybe if !nullable => {
                return Err(
                    words::null_as_argument(self, helper.name, &pointer, register as u8).into(),
                );
            }
            _ => return Err(Stop::Over),
        }
        let releases = argument.flags.contains(ArgumentFlags::RELEASE);
        if releases {
            let found = self.state.held.iter().any(|&(id, _)| id == pointer.held);
            if !found || !pointer.is_fixed() || pointer.offset() != 0 {
                return Err(Stop::Over);
            }
            told.released = pointer.held;
        }
        match (argument.kind, pointer.kind) {
            (K::ConstMapPtr, Kind::Map(map)) => {
                told.map = Some(map);
                Ok(())
            }
            (K::PtrToCtx, Kind::Context) if pointer.is_fixed() && pointer.offset() == 0 => Ok(()),
            (K::PtrToSocket, Kind::Socket)
            | (K::PtrToSockCommon | K::PtrToBtfIdSockCommon, Kind::Socket | Kind::SockCommon)
            | (K::PtrToRingbufMem, Kind::Record(_)) => Ok(()),
            (K::PtrToMapKey | K::PtrToMapValue, _) => {
                let facts = self.program.facts;
                let Some(map) = told.map.and_then(|map| facts.map(map)) else {
                    // Of what size it has to be, only rustc knows.
                    return self.forget_memory(&pointer);
                };
                let is_key = argument.kind == K::PtrToMapKey;
                if is_key {
                    told.key = Some(match pointer.kind {
                        Kind::Stack(frame) if map.key_size == 4 && pointer.is_fixed() => {
                            let stack = stack_of(&self.state, frame);
                            stack.map_or(Err(()), |stack| {
                                stack.constant(self.kernel, pointer.offset(), 4)
                            })
                        }
                        Kind::Stack(_) => Err(()),
                        _ => Ok(None),
                    });
                }
                let size = if is_key { map.key_size } else { map.value_size };
                let size = Scalar::known(size.into(), self.at());
                self.memory(helper, &pointer, &size, argument.flags, register as u8, 0)
            }
            (K::PtrToMem, _) => {
                let Some(size) = argument.size else {
                    return Ok(());
                };
                if argument.flags.contains(ArgumentFlags::ALIGNED) && !pointer.is_fixed() {
                    return Err(Stop::Over);
                }
                let size = Scalar::known(size.into(), self.at());
                self.memory(helper, &pointer, &size, argument.flags, register as u8, 0)
            }
            _ => Err(Stop::Over),
        }
    }

    /// Checks the size of the memory in the argument before.
    fn size(
        &mut self,
        helper: &Helper,
        arguments: &[Argument],
        index: usize,
        value: Value,
        told: &mut Told,
    ) -> Result<()> {
        let register = (index + 1) as u8;
        let Value::Number(number) = value else {
            return Err(Stop::Over);
        };
        let before = index.checked_sub(1).map(|index| arguments[index]);
        let Some(memory) = before.filter(|memory| memory.kind == ArgumentKind::PtrToMem) else {
            return Err(Stop::Over);
        };
        let room = self.room_at(index);
        if number.smin < 0 {
            return Err(words::size_may_be_negative(self, &number, register, room).into());
        }
        if number.umin == 0 && arguments[index].kind == ArgumentKind::MemSize {
            return Err(words::size_may_be_zero(self, &number, register).into());
        }
        if number.umax >= MAX_OFFSET.cast_unsigned() {
            return Err(words::size_unbounded(self, &number, register, room).into());
        }
        told.size = number.umax;
        match self.state.registers[index] {
            Value::Pointer(pointer) if pointer.null == Null::Never => self.memory(
                helper,
                &pointer,
                &number,
                memory.flags,
                index as u8,
                register,
            ),
            Value::Number(null) if null.constant() == Some(0) && number.umax == 0 => Ok(()),
            _ => Err(Stop::Over),
        }
    }

    /// How many bytes there are where a register points to, if that is one number.
    pub(super) fn room_at(&self, register: usize) -> Option<i64> {
        let Value::Pointer(pointer) = self.state.registers[register] else {
            return None;
        };
        if !pointer.is_fixed() {
            return None;
        }
        let at = pointer.offset();
        let room = match pointer.kind {
            Kind::Stack(_) => -at,
            Kind::MapValue(map) => i64::from(self.program.facts.map(map)?.value_size) - at,
            Kind::Record(size) => i64::try_from(size).ok()? - at,
            _ => return None,
        };
        (room > 0).then_some(room)
    }

    /// Checks memory that a helper reads or writes. `size_register` is 0 where the size is not in
    /// a register.
    fn memory(
        &mut self,
        helper: &Helper,
        pointer: &Pointer,
        size: &Scalar,
        flags: ArgumentFlags,
        register: u8,
        size_register: u8,
    ) -> Result<()> {
        let most = size.umax.cast_signed();
        if most == 0 {
            return Ok(());
        }
        let writes = flags.contains(ArgumentFlags::UNINIT) || flags.contains(ArgumentFlags::WRITE);
        if pointer.kind.is_packet() {
            let by_type = self
                .program
                .facts
                .program_type
                .is_some_and(tables::hands_packets_to_helpers);
            if !helper.packet_access || !by_type || writes {
                return Err(Stop::Over);
            }
        }
        if matches!(
            pointer.kind,
            Kind::Context | Kind::Socket | Kind::SockCommon
        ) {
            return Err(Stop::Over);
        }
        let span = Span {
            register,
            offset: 0,
            size: most,
            access: Access::Helper,
        };
        self.reach(pointer, span)
            .map_err(|stop| words::of_size(self, stop, size, size_register))?;
        let Kind::Stack(frame) = pointer.kind else {
            return Ok(());
        };
        let Some(stack) = stack_of(&self.state, frame) else {
            return Err(Stop::Over);
        };
        let is_fixed = pointer.is_fixed();
        let first = pointer.fixed + pointer.variable.smin;
        let last = pointer.fixed + pointer.variable.smax + most;
        // Memory that is filled need not be written before, if it is known which it is.
        let raw = flags.contains(ArgumentFlags::UNINIT) && is_fixed && size.constant().is_some();
        if !raw && !self.kernel.unwritten_stack() && !stack.reaches(first) {
            return Err(words::stack_not_written(self, span, first).into());
        }
        let kernel = self.kernel;
        let stack = &mut self.state.stacks[usize::from(frame)];
        if raw {
            stack.fill(first, last - first);
        } else if writes || !kernel.read_only_arguments() {
            stack.blur(first, last - first, writes);
        }
        Ok(())
    }

    /// A helper works on memory of a size that is not known.
    fn forget_memory(&mut self, pointer: &Pointer) -> Result<()> {
        if let Kind::Stack(frame) = pointer.kind {
            if !pointer.is_fixed() {
                return Err(Stop::Over);
            }
            let at = pointer.offset();
            if !(-super::stack::STACK_SIZE..0).contains(&at) {
                return Err(Stop::Over);
            }
            let writes = !self.kernel.read_only_arguments();
            let stack = &mut self.state.stacks[usize::from(frame)];
            if writes {
                stack.blur(at, -at, false);
            }
        }
        Ok(())
    }

    fn result(&mut self, helper: &Helper, ret: ReturnValue, told: &Told) -> Result<Value> {
        let at = self.at();
        let nullable = ret.flags.contains(ReturnFlags::NULLABLE);
        let acquires = ret.flags.contains(ReturnFlags::ACQUIRE);
        let kind = match ret.kind {
            ReturnKind::Void => return Ok(Value::Unwritten(Some(at))),
            ReturnKind::Integer => return Ok(number_from(helper.name, told, at)),
            // Of what is always there (`bpf_get_local_storage`) there is nothing to compare.
            ReturnKind::PtrToMapValue if !nullable => return Ok(Value::Opaque),
            ReturnKind::PtrToMapValue => {
                let Some(map) = told.map else {
                    return Ok(Value::Opaque);
                };
                return Ok(self.looked_up(map, told));
            }
            ReturnKind::PtrToSocket => Kind::Socket,
            ReturnKind::PtrToSockCommon => Kind::SockCommon,
            ReturnKind::PtrToRingbufMem => match told.allocated {
                Some(size) => Kind::Record(size),
                None => return Ok(Value::Opaque),
            },
            _ => return Ok(Value::Opaque),
        };
        if !nullable {
            return Ok(Value::Opaque);
        }
        // What gives another view of a socket belongs to its reference.
        if !acquires && !matches!(kind, Kind::Record(_)) {
            return Ok(Value::Opaque);
        }
        let value = self.maybe(kind);
        let Value::Pointer(mut pointer) = value else {
            return Ok(value);
        };
        if acquires {
            pointer.held = pointer.id;
            self.state.held.push((pointer.id, at));
        }
        Ok(Value::Pointer(pointer))
    }

    /// A map's value, that may not be there.
    fn looked_up(&mut self, map: u16, told: &Told) -> Value {
        let facts = self.program.facts.map(map);
        let is_array = match facts.map(|map| map.map_type) {
            Some(MapType::Array | MapType::PercpuArray) => Some(true),
            Some(
                MapType::ArrayOfMaps
                | MapType::HashOfMaps
                | MapType::Sockmap
                | MapType::Sockhash
                | MapType::Xskmap,
            ) => return Value::Opaque,
            Some(_) => Some(false),
            None => None,
        };
        let null = match (is_array, told.key) {
            _ if !self.kernel.constant_keys() => Null::Maybe,
            (Some(false), _) => Null::Maybe,
            (Some(true), Some(Ok(None))) => Null::Maybe,
            (Some(true), Some(Ok(Some(key)))) => {
                let entries = facts.map_or(0, |map| u64::from(map.max_entries));
                if key < entries {
                    Null::Never
                } else {
                    Null::Maybe
                }
            }
            _ => Null::Uncertain,
        };
        let value = self.maybe(Kind::MapValue(map));
        match value {
            Value::Pointer(pointer) => Value::Pointer(Pointer { null, ..pointer }),
            value => value,
        }
    }
}

/// What is given back is gone.
fn release(state: &mut State, held: u32) {
    state.held.retain(|&(id, _)| id != held);
    let wanted = |value: &Value| matches!(value, Value::Pointer(pointer) if pointer.held == held);
    Walk::change_values(state, wanted, |value| *value = Value::Opaque);
}

/// A number that a helper returns.
fn number_from(name: &str, told: &Told, at: u32) -> Value {
    /// The largest number of an error (`MAX_ERRNO`).
    const MAX_ERRNO: i32 = 4095;
    match name {
        // How many processors there are, newer kernels know.
        "bpf_get_smp_processor_id" | "bpf_get_numa_node_id" => Value::Opaque,
        "bpf_probe_read_str"
        | "bpf_probe_read_kernel_str"
        | "bpf_probe_read_user_str"
        | "bpf_get_stack"
        | "bpf_get_task_stack" => {
            let mut number = Scalar::unknown(at);
            number.smin = -i64::from(MAX_ERRNO);
            number.smin32 = -MAX_ERRNO;
            number.smax = told.size.cast_signed();
            number.smax32 = told.size as i32;
            number.sync();
            Value::Number(number)
        }
        _ => Value::Number(Scalar::unknown(at)),
    }
}
