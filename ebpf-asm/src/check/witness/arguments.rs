//! What helpers demand of their arguments.

use super::calls::Told;
use super::memory::Access;
use super::run::{Result, Run, Stop};
use super::stack::STACK_SIZE;
use super::value::{Kind, Lost, Null, Pointer, Socket, Value};
use crate::check::{Assumption, Finding, tables};
use crate::diag::Rule;
use crate::helpers::{Argument, ArgumentFlags, ArgumentKind, Helper};
use crate::{KernelVersion, MapType, ProgramType};
use alloc::format;

/// Since then what is released must be a pointer to its beginning.
const RELEASE_AT_START: KernelVersion = KernelVersion::new(5, 18);

/// Sizes from here on no kernel accepts (`BPF_MAX_VAR_SIZ`).
const MAX_SIZE: i64 = 1 << 29;

impl Run<'_> {
    fn wrong_kind(&self, helper: &Helper, register: usize, is: Value, wanted: &str) -> Finding {
        let (what, kernel) = match is {
            Value::Pointer(pointer) => {
                let object = self.of(pointer);
                let or_null = matches!(object.null, Null::Unchecked(_));
                (
                    object.kind.name(),
                    format!(
                        "{}{}",
                        object.kind.kernel_name(),
                        if or_null { "_or_null" } else { "" }
                    ),
                )
            }
            _ => ("a number", "scalar".into()),
        };
        self.finding(
            Rule::ArgumentKind,
            format!(
                "`{}` takes {wanted} in `r{register}`, and this is {what}",
                helper.name
            ),
            format!("R{register} type={kernel} expected={}", expected(wanted)),
        )
    }

    /// Checks one argument.
    pub(super) fn argument(
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
        let value = self.written(register)?;
        let nullable = argument.flags.contains(ArgumentFlags::NULLABLE);
        if argument.kind == K::Anything {
            return Ok(());
        }
        if argument.kind.is_size() {
            return self.size(helper, arguments, index, value, told);
        }
        let Some(wanted) = wanted(argument.kind) else {
            // Neither looked at here nor modelled.
            if matches!(argument.kind, K::Scalar) {
                return Ok(());
            }
            if argument.kind == K::PtrToFunc {
                return self.function_argument(helper, register, value, told);
            }
            if argument.kind == K::ConstAllocSizeOrZero {
                return match value {
                    Value::Number(number) if number.known => {
                        told.allocated = Some(number.bits);
                        Ok(())
                    }
                    Value::Pointer(_) => Err(self
                        .wrong_kind(helper, register, value, "a constant size")
                        .into()),
                    _ => Err(Stop::Over),
                };
            }
            return Err(Stop::Over);
        };
        let releases = argument.flags.contains(ArgumentFlags::RELEASE);
        let pointer = match value {
            // What is given back here, this run does not know.
            Value::Opaque if releases => return Err(Stop::Over),
            Value::Opaque => {
                told.opaque = true;
                return Ok(());
            }
            Value::Unwritten(Lost::Gone(slot)) => {
                return Err(self.stale(register as u8, slot).into());
            }
            Value::Unwritten(_) => return Ok(()),
            Value::Number(number) => {
                if nullable && number.bits == 0 {
                    self.nulls.insert((self.at as u32, register as u8));
                    return Ok(());
                }
                if nullable {
                    self.wish(None, number.input, 0);
                }
                self.hurt(number.input);
                let mut finding = self.wrong_kind(helper, register, value, wanted);
                finding.unless_null = nullable.then_some(register as u8);
                return Err(finding.into());
            }
            Value::Pointer(pointer) => pointer,
        };
        let object = *self.of(pointer);
        match object.null {
            Null::Never => {}
            Null::Uncertain | Null::Is | Null::Unchecked(_) if releases && nullable => {
                return Err(Stop::Over);
            }
            Null::Uncertain | Null::Is if releases => return Err(Stop::Over),
            Null::Uncertain | Null::Is => {
                told.opaque = true;
                return Ok(());
            }
            Null::Unchecked(_) if nullable => {
                told.opaque = true;
                return Ok(());
            }
            Null::Unchecked(_) => {
                let name = object.kind.kernel_name();
                return Err(self
                    .finding(
                        Rule::PossiblyNull,
                        format!(
                            "`{}` takes no null in `r{register}`, and this pointer to {} may be null",
                            helper.name,
                            object.kind.name()
                        ),
                        format!("R{register} type={name}_or_null expected={}", expected(wanted)),
                    )
                    .about(register as u8)
                    .because(format!("it may be null since the {}", self.origin(object.origin)), Some(object.origin))
                    .with_help(format!("compare it before the call: `if r{register} == 0 goto out;`"))
                    .assuming(object.absent_from.map(Assumption::MayBeAbsent))
                    .into());
            }
        }
        let fits = match argument.kind {
            _ if releases && matches!(object.kind, Kind::Symbol(_) | Kind::KernelObject) => {
                return Err(Stop::Over);
            }
            _ if matches!(object.kind, Kind::Symbol(_)) => {
                self.symbol_argument(helper, register, pointer, argument.kind);
                true
            }
            K::ConstMapPtr => matches!(object.kind, Kind::Map(_) | Kind::InnerMap),
            K::PtrToCtx => object.kind == Kind::Context,
            K::PtrToSockCommon | K::PtrToBtfIdSockCommon => {
                matches!(object.kind, Kind::Socket(_) | Kind::KernelObject)
            }
            K::PtrToSocket => object.kind == Kind::Socket(Socket::Full),
            K::PtrToRingbufMem => matches!(object.kind, Kind::Record(_)),
            K::PtrToStack => matches!(object.kind, Kind::Stack(_)),
            K::PtrToTimer => matches!(object.kind, Kind::MapValue(_)),
            K::PtrToDynptr => match object.kind {
                // What is in it is not modelled.
                Kind::Stack(_) | Kind::KernelObject => return Err(Stop::Over),
                _ => false,
            },
            K::PtrToSpinLock if object.kind == Kind::KernelObject => return Err(Stop::Over),
            K::PtrToSpinLock => matches!(object.kind, Kind::MapValue(_)),
            _ if object.kind == Kind::KernelObject => {
                told.opaque = true;
                return Ok(());
            }
            // Maps of sockets take a socket as the value (`resolve_map_arg_type`). A map of which
            // only its definition knows more may be one.
            K::PtrToMapValue if matches!(object.kind, Kind::Socket(_)) => {
                let facts = told.map.and_then(|map| self.program.facts.map(map));
                match facts.map(|map| map.map_type) {
                    Some(MapType::Sockmap | MapType::Sockhash) | None => {
                        told.opaque = true;
                        return Ok(());
                    }
                    Some(_) => false,
                }
            }
            K::PtrToMem | K::PtrToMapKey | K::PtrToMapValue => match object.kind {
                Kind::Context => {
                    if self.program.facts.program_type == Some(ProgramType::Syscall) {
                        told.opaque = true;
                        return Ok(());
                    }
                    false
                }
                Kind::Stack(_)
                | Kind::MapValue(_)
                | Kind::Packet
                | Kind::PacketMeta
                | Kind::Record(_)
                | Kind::Memory(_) => true,
                Kind::MapKey(_) if access(argument.flags) == Some(Access::Read) => true,
                Kind::MapKey(_) | Kind::Function(_) => return Err(Stop::Over),
                _ => false,
            },
            // Kernel objects: pointers to them are not modelled, and sockets may pass for some.
            _ => !matches!(
                object.kind,
                Kind::Stack(_) | Kind::Packet | Kind::PacketMeta | Kind::PacketEnd
            ),
        };
        if !fits {
            return Err(self.wrong_kind(helper, register, value, wanted).into());
        }
        match argument.kind {
            K::ConstMapPtr => {
                let (Kind::Map(map) | Kind::Symbol(map)) = object.kind else {
                    // Of what kind the inner map is, its creator says.
                    told.opaque = true;
                    return Ok(());
                };
                told.map = Some(map);
            }
            K::PtrToTimer => {
                if let Kind::MapValue(map) | Kind::Symbol(map) = object.kind {
                    told.map_of_value = Some(map);
                }
            }
            K::PtrToSpinLock => told.lock = Some((pointer.object, pointer.offset)),
            K::PtrToCtx => {
                if pointer.offset != 0 {
                    self.hurt(pointer.input);
                    return Err(self.modified_context(pointer, register as u8));
                }
                self.hurt(pointer.input);
            }
            K::PtrToMapKey | K::PtrToMapValue => {
                self.packet_argument(helper, object.kind)?;
                let is_key = argument.kind == K::PtrToMapKey;
                let Some(map) = told.map else {
                    return Ok(());
                };
                let Some(facts) = self.program.facts.map(map) else {
                    self.room_for(helper, pointer, map, is_key, register);
                    return Ok(());
                };
                let size = if is_key {
                    facts.key_size
                } else {
                    facts.value_size
                };
                let one_word = is_key
                    && matches!(
                        facts.map_type,
                        MapType::Array | MapType::PercpuArray | MapType::ArrayOfMaps
                    );
                let access = access(argument.flags);
                if one_word && let Kind::Stack(frame) = object.kind {
                    let at = pointer.offset;
                    if (-STACK_SIZE..=-4).contains(&at) && at % 4 == 0 {
                        let filled = self.stacks[usize::from(frame)].load(at, 4);
                        if let super::stack::Filled::Value(Value::Number(number)) = filled {
                            told.key = Some(number.bits);
                        }
                    }
                }
                self.helper_access(pointer, i64::from(size), access, register)?;
            }
            K::PtrToMem => {
                self.packet_argument(helper, object.kind)?;
                if let Some(size) = argument.size {
                    if argument.flags.contains(ArgumentFlags::ALIGNED)
                        && matches!(object.kind, Kind::Stack(_))
                        && pointer.offset.rem_euclid(i64::from(size)) != 0
                    {
                        return Err(self
                            .finding(
                                Rule::MisalignedAccess,
                                format!("`{}` wants a multiple of {size} as the address in `r{register}`", helper.name),
                                format!("misaligned stack access off {} size {size}", pointer.offset),
                            )
                            .into());
                    }
                    self.helper_access(pointer, i64::from(size), access(argument.flags), register)?;
                }
            }
            _ => {}
        }
        if releases {
            if pointer.offset != 0 {
                if self.program.facts.min_kernel < RELEASE_AT_START {
                    return Err(Stop::Over);
                }
                return Err(self
                    .finding(
                        Rule::NotAReference,
                        format!("`{}` takes the pointer as it was acquired, and this is {} bytes further", helper.name, pointer.offset),
                        format!("R{register} must have zero offset when passed to release func or trusted arg to kfunc"),
                    )
                    .into());
            }
            let owner = object.part_of.unwrap_or(pointer.object);
            if !self.objects[usize::from(owner)].held {
                return Err(self
                    .finding(
                        Rule::NotAReference,
                        format!(
                            "`{}` gives back what was acquired, and this was not",
                            helper.name
                        ),
                        format!("R{register} must be referenced when passed to release function"),
                    )
                    .because("the pointer comes from here", Some(object.origin))
                    .with_help("only what a look-up or a reservation has acquired is given back, and once: leave the call out")
                    .into());
            }
            told.released = Some(owner);
        }
        if matches!(object.kind, Kind::Socket(_)) {
            told.viewed = Some(object.part_of.unwrap_or(pointer.object));
        }
        Ok(())
    }

    /// The function that a helper calls.
    fn function_argument(
        &mut self,
        helper: &Helper,
        register: usize,
        value: Value,
        told: &mut Told,
    ) -> Result<()> {
        match value {
            Value::Pointer(pointer) => match self.of(pointer).kind {
                Kind::Function(target) => {
                    told.function = Some((target, register));
                    Ok(())
                }
                Kind::Symbol(_) => Err(Stop::Over),
                _ if self.is_certain(pointer) => Err(self
                    .wrong_kind(helper, register, value, "a function")
                    .into()),
                _ => Err(Stop::Over),
            },
            Value::Number(_) => Err(self
                .wrong_kind(helper, register, value, "a function")
                .into()),
            _ => Err(Stop::Over),
        }
    }

    /// A map's name where a helper takes an argument: which of map and global it is, its
    /// definition says.
    fn symbol_argument(
        &mut self,
        helper: &Helper,
        register: usize,
        pointer: Pointer,
        kind: ArgumentKind,
    ) {
        let Kind::Symbol(map) = self.of(pointer).kind else {
            return;
        };
        let Some(wanted) = wanted(kind) else {
            return;
        };
        let wrong = |run: &Self, what: &str, is: &str, help: &str| {
            run.finding(
                Rule::ArgumentKind,
                format!(
                    "`{}` takes {wanted} in `r{register}`, and `{}` is {what}",
                    helper.name,
                    run.program.facts.map_name(map)
                ),
                format!("R{register} type={is} expected={}", expected(wanted)),
            )
            .with_help(help)
        };
        match kind {
            ArgumentKind::ConstMapPtr => self.oblige(&[Assumption::IsGlobal(map)], |run| {
                let help = "a global has an address: load and store through it";
                wrong(run, "a global", "map_value", help)
            }),
            ArgumentKind::PtrToMapKey | ArgumentKind::PtrToMapValue | ArgumentKind::PtrToMem => {
                self.oblige(&[Assumption::IsMap(map)], |run| {
                    let help = "put the bytes on the stack, and pass their address";
                    wrong(run, "a map", "map_ptr", help)
                });
            }
            _ => {}
        }
    }

    /// What the map's definition says of the size of a key or value has to fit the memory that
    /// is there.
    fn room_for(
        &mut self,
        helper: &Helper,
        pointer: Pointer,
        map: u16,
        is_key: bool,
        register: usize,
    ) {
        let at = pointer.offset;
        self.hurt(pointer.input);
        let (rule, room) = match self.of(pointer).kind {
            Kind::Stack(_) if at >= -STACK_SIZE => (Rule::StackBounds, -at),
            Kind::Record(length) => (Rule::MemoryBounds, length.cast_signed() - at),
            Kind::Packet => match self.packet {
                Some((_, length, _)) => {
                    self.wish(None, self.packet_input, at.cast_unsigned());
                    (Rule::PacketBounds, length - at)
                }
                None => return,
            },
            _ => return,
        };
        // What stands before the memory is no business of the map's.
        if matches!(rule, Rule::MemoryBounds | Rule::PacketBounds) && at < 0 {
            return;
        }
        let room = room.max(0).cast_unsigned();
        let assumption = match is_key {
            true => Assumption::KeyLongerThan(map, room),
            false => Assumption::ValueLongerThan(map, room),
        };
        self.oblige(&[assumption], |run| {
            let name = run.program.facts.map_name(map);
            let (what, size) = match is_key {
                true => ("key", "KEY"),
                false => ("value", "VALUE"),
            };
            let (place, kernel) = match rule {
                Rule::StackBounds => (
                    "before the end of the stack frame",
                    format!("invalid read from stack R{register} off={at} size={size}"),
                ),
                Rule::MemoryBounds => (
                    "left of the record",
                    format!("invalid access to memory, off={at} size={size}"),
                ),
                _ => (
                    "left of the packet",
                    format!("invalid access to packet, off={at} size={size}"),
                ),
            };
            run.finding(
                rule,
                format!(
                    "`{}` takes a {what} of `{name}` at `r{register}`, which is longer than the {room} bytes {place}",
                    helper.name,
                ),
                kernel,
            )
            .with_help(match rule {
                Rule::StackBounds => format!(
                    "let `r{register}` point further down: `r{register} = r10; r{register} += -N;` with N the size of the {what}, or more"
                ),
                _ => format!("compare first whether the whole {what} is there"),
            })
        });
    }

    /// A packet as memory for a helper.
    fn packet_argument(&self, helper: &Helper, kind: Kind) -> Result<()> {
        if !kind.is_packet() {
            return Ok(());
        }
        let by_type = self
            .program
            .facts
            .program_type
            .is_none_or(tables::hands_packets_to_helpers);
        if helper.packet_access && by_type {
            return Ok(());
        }
        Err(self
            .finding(
                Rule::ForbiddenAccess,
                format!(
                    "`{}` cannot work on packet memory in programs of this type",
                    helper.name
                ),
                "helper access to the packet is not allowed",
            )
            .with_help("copy the bytes to the stack first")
            .into())
    }

    /// Checks memory that a helper reads or writes.
    fn helper_access(
        &mut self,
        pointer: Pointer,
        size: i64,
        access: Option<Access>,
        register: usize,
    ) -> Result<()> {
        if size == 0 {
            return Ok(());
        }
        self.hurt(pointer.input);
        let at = pointer.offset;
        let direction = access.unwrap_or(Access::Read);
        let kind = self.of(pointer).kind;
        if kind.is_packet()
            && direction == Access::Write
            && self
                .program
                .facts
                .program_type
                .is_some_and(|program_type| !tables::writes_packets(program_type))
        {
            return Err(Stop::Over);
        }
        self.inside(pointer, at, size, direction, register as u8)?;
        if let Kind::Stack(frame) = kind {
            let stack = &mut self.stacks[usize::from(frame)];
            match access {
                Some(Access::Write) if pointer.known => stack.forget(at, size),
                Some(Access::Read) if pointer.known => stack.blur(at, size),
                Some(Access::Write) => {
                    stack.forget(at, size);
                    stack.blur_all();
                }
                Some(_) => stack.blur_all(),
                // It may have written.
                None => {
                    stack.forget(at, size);
                    stack.blur_all();
                }
            }
        }
        Ok(())
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
        let register = index + 1;
        let number = match value {
            Value::Number(number) => number,
            Value::Pointer(_) => {
                return Err(self.wrong_kind(helper, register, value, "a size").into());
            }
            _ => {
                told.opaque = true;
                return Ok(());
            }
        };
        self.hurt(number.input);
        let size = number.bits.cast_signed();
        let problem = if size < 0 {
            Some((
                format!("the size in `r{register}` is {size}"),
                format!("R{register} min value is negative, either use unsigned or 'var &= const'"),
            ))
        } else if size == 0 && arguments[index].kind == ArgumentKind::MemSize {
            Some((
                format!(
                    "the size in `r{register}` is 0, and `{}` takes at least 1 byte",
                    helper.name
                ),
                format!("R{register} invalid zero-sized read: u64=[0,0]"),
            ))
        } else if size >= MAX_SIZE {
            Some((
                format!(
                    "the size in `r{register}` is {size}, and the most is {}",
                    MAX_SIZE - 1
                ),
                format!(
                    "R{register} unbounded memory access, use 'var &= const' or 'if (var < const)'"
                ),
            ))
        } else {
            None
        };
        if let Some((message, kernel)) = problem {
            return Err(self
                .finding(Rule::ArgumentSize, message, kernel)
                .with_help(format!(
                    "limit it on both sides before the call: `r{register} &= 63;`, or comparisons with 0 and the largest size"
                ))
                .into());
        }
        told.size = Some(number.bits);
        let Some(before) = index.checked_sub(1) else {
            return Ok(());
        };
        let argument = arguments[before];
        if argument.kind != ArgumentKind::PtrToMem || argument.size.is_some() {
            return Ok(());
        }
        match self.now(self.registers[before + 1]) {
            Value::Pointer(pointer) if self.of(pointer).null == Null::Never => {
                self.helper_access(pointer, size, access(argument.flags), before + 1)
            }
            // Null, for no bytes.
            Value::Number(null) if null.bits == 0 && size != 0 => Err(self
                .finding(
                    Rule::ArgumentSize,
                    format!(
                        "`r{}` is null, and {size} bytes are to be there",
                        before + 1
                    ),
                    format!("R{} type=scalar expected=fp", before + 1),
                )
                .into()),
            _ => Ok(()),
        }
    }
}

/// How a helper uses memory; `None` where the table does not say.
fn access(flags: ArgumentFlags) -> Option<Access> {
    if flags.contains(ArgumentFlags::UNINIT) || flags.contains(ArgumentFlags::WRITE) {
        Some(Access::Write)
    } else {
        Some(Access::Read)
    }
}

/// What an argument has to be, in words; `None` where that is not checked.
const fn wanted(kind: ArgumentKind) -> Option<&'static str> {
    use ArgumentKind as K;
    Some(match kind {
        K::ConstMapPtr => "a map",
        K::PtrToMapKey | K::PtrToMapValue | K::PtrToMem => "a pointer to memory",
        K::PtrToCtx => "the context",
        K::PtrToSockCommon | K::PtrToSocket | K::PtrToBtfIdSockCommon => "a socket",
        K::PtrToBtfId => "a kernel object",
        K::PtrToRingbufMem => "a ring buffer's record",
        K::PtrToStack => "a pointer to the stack",
        K::PtrToDynptr => "a dynptr on the stack",
        K::PtrToTimer => "a timer in a map's value",
        K::PtrToSpinLock => "a lock in a map's value",
        _ => return None,
    })
}

/// The kernel's words for the same.
fn expected(wanted: &str) -> &'static str {
    match wanted {
        "a map" => "map_ptr",
        "the context" => "ctx",
        "a socket" => "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_",
        "a kernel object" => "ptr_, trusted_ptr_, rcu_ptr_",
        "a ring buffer's record" => "ringbuf_mem",
        "a function" => "func",
        "a dynptr on the stack" => "fp, dynptr_ptr",
        "a timer in a map's value" | "a lock in a map's value" => "map_value",
        "a size" | "a constant size" => "scalar",
        _ => "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_",
    }
}
