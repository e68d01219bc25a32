//! Calls of helpers: what they demand of their arguments, what they do to the machine, and what
//! they give back.

use super::memory::Access;
use super::run::{Result, Run, Stop};
use super::stack::STACK_SIZE;
use super::value::{Kind, Lost, Null, Number, Pointer, Socket, Value};
use crate::check::facts::MapFacts;
use crate::check::tables;
use crate::check::{Assumption, Finding};
use crate::diag::Rule;
use crate::helpers::{
    self, Argument, ArgumentFlags, ArgumentKind, Helper, ReturnFlags, ReturnKind, ReturnValue,
};
use crate::{KernelVersion, MapType, ProgramType};
use alloc::format;

/// What the arguments before this one said.
#[derive(Default)]
struct Told {
    /// The map.
    map: Option<u16>,
    /// The key of a map, if it is known to this run.
    key: Option<u64>,
    /// The object that is given back.
    released: Option<u16>,
    /// The object that the result is a view of.
    viewed: Option<u16>,
    /// The size of what is allocated.
    allocated: Option<u64>,
    /// The largest size of memory.
    size: Option<u64>,
    /// Whether something was given that is not modelled.
    opaque: bool,
}

/// Since then what is released must be a pointer to its beginning.
const RELEASE_AT_START: KernelVersion = KernelVersion::new(5, 18);

/// Sizes from here on no kernel accepts (`BPF_MAX_VAR_SIZ`).
const MAX_SIZE: i64 = 1 << 29;

impl Run<'_> {
    pub(super) fn helper(&mut self, id: u32) -> Result<usize> {
        let facts = self.program.facts;
        let Some(helper) = helpers::by_id(id) else {
            return Err(self
                .finding(
                    Rule::HelperUnavailable,
                    format!("no kernel has a helper {}", id.cast_signed()),
                    format!("invalid func unknown#{}", id.cast_signed()),
                )
                .into());
        };
        let name = helper.name;
        if let Some(program_type) = facts.program_type
            && !helper.callable_from(program_type)
        {
            return Err(self
                .finding(
                    Rule::HelperUnavailable,
                    format!("`{}` programs cannot call `{name}`", program_type.name()),
                    format!("program of this type cannot use helper {name}#{id}"),
                )
                .into());
        }
        let form = match facts.program_type {
            Some(program_type) => helper.form(program_type),
            // Which of several forms it is depends on the type.
            None if !helper.variants.is_empty() => return Err(Stop::Over),
            None => helper.form(ProgramType::SocketFilter),
        };
        if form.gpl_only && facts.gpl_compatible == Some(false) {
            return Err(self
                .finding(
                    Rule::HelperLicense,
                    format!("`{name}` is for programs whose licence is compatible with the GPL"),
                    "cannot call GPL-restricted function from non-GPL compatible program",
                )
                .with_help("write `#[license = \"GPL\"]`, if that is the licence")
                .into());
        }
        let mut told = Told::default();
        let mut calls_back = false;
        for (index, argument) in form.args.iter().enumerate() {
            self.argument(helper, form.args, index, *argument, &mut told)?;
            calls_back |= argument.kind == ArgumentKind::PtrToFunc;
        }
        if let Some(map) = told.map.and_then(|map| facts.map(map))
            && !tables::takes_map(id, map.map_type)
        {
            return Err(self
                .finding(
                    Rule::MapKind,
                    format!(
                        "`{name}` does not work on maps of the type `{}`, and `{}` is one",
                        map.map_type.name(),
                        map.name
                    ),
                    format!(
                        "cannot pass map_type {} into func {name}#{id}",
                        map.map_type.as_raw()
                    ),
                )
                .into());
        }
        if calls_back {
            return Err(Stop::Over);
        }
        if name == "bpf_tail_call" && self.depth() == 0 {
            self.no_references("tail_call")?;
        }
        if let Some(object) = told.released {
            self.release(object);
        }
        if tables::changes_packet(name) {
            let at = self.at as u32;
            for object in &mut self.objects {
                if matches!(
                    object.kind,
                    Kind::Packet | Kind::PacketMeta | Kind::PacketEnd
                ) && object.gone.is_none()
                {
                    object.gone = Some(at);
                }
            }
        }
        let result = self.result(helper, form.ret, &told)?;
        Ok(self.after_call(result))
    }

    fn release(&mut self, object: u16) {
        let at = self.at as u32;
        self.objects[usize::from(object)].held = false;
        for index in 0..self.objects.len() {
            let one = &mut self.objects[index];
            if index == usize::from(object) || one.part_of == Some(object) {
                one.gone = Some(at);
            }
        }
    }

    /// Nothing may be held any more.
    pub(super) fn no_references(&mut self, what: &str) -> Result<()> {
        let Some(held) = self.objects.iter().find(|object| object.held) else {
            return Ok(());
        };
        let (name, origin) = (held.kind.name(), held.origin);
        let release = match held.kind {
            Kind::Record(_) => {
                "call `bpf_ringbuf_submit` or `bpf_ringbuf_discard` on every path where it is not null"
            }
            _ => "call `bpf_sk_release` on every path where it is not null",
        };
        Err(self
            .finding(
                Rule::ReferenceLeak,
                format!("{name} is not given back on this path"),
                format!("{what} would lead to reference leak"),
            )
            .because("it was acquired in the call", Some(origin))
            .with_help(release)
            .into())
    }

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
            told.opaque = true;
            return match argument.kind {
                K::PtrToFunc => Ok(()),
                _ => Err(Stop::Over),
            };
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
            _ if matches!(object.kind, Kind::Symbol(_)) => true,
            K::ConstMapPtr => matches!(object.kind, Kind::Map(_) | Kind::InnerMap),
            K::PtrToCtx => object.kind == Kind::Context,
            K::PtrToSockCommon | K::PtrToBtfIdSockCommon => {
                matches!(object.kind, Kind::Socket(_) | Kind::KernelObject)
            }
            K::PtrToSocket => object.kind == Kind::Socket(Socket::Full),
            K::PtrToRingbufMem => matches!(object.kind, Kind::Record(_)),
            K::PtrToStack => matches!(object.kind, Kind::Stack(_)),
            _ if object.kind == Kind::KernelObject => {
                told.opaque = true;
                return Ok(());
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
                | Kind::Record(_) => true,
                Kind::Function => return Err(Stop::Over),
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
            K::PtrToCtx => {
                if pointer.offset != 0 {
                    self.hurt(pointer.input);
                    return Err(self.modified_context(pointer, register as u8));
                }
                self.hurt(pointer.input);
            }
            K::PtrToMapKey | K::PtrToMapValue => {
                self.packet_argument(helper, object.kind)?;
                let Some(facts) = told.map.and_then(|map| self.program.facts.map(map)) else {
                    return Ok(());
                };
                let is_key = argument.kind == K::PtrToMapKey;
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
                    .into());
            }
            told.released = Some(owner);
        }
        if matches!(object.kind, Kind::Socket(_)) {
            told.viewed = Some(object.part_of.unwrap_or(pointer.object));
        }
        Ok(())
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

    fn result(&mut self, helper: &Helper, ret: ReturnValue, told: &Told) -> Result<Value> {
        let nullable = ret.flags.contains(ReturnFlags::NULLABLE);
        let mut acquires = ret.flags.contains(ReturnFlags::ACQUIRE);
        let kind = match ret.kind {
            ReturnKind::Void => return Ok(Value::Unwritten(Lost::Call(self.at as u32))),
            ReturnKind::Integer => return self.number_from(helper, told),
            ReturnKind::PtrToMapValue => {
                let Some(map) = told.map else {
                    return Ok(Value::Opaque);
                };
                let facts = self.program.facts.map(map);
                match facts.map(|facts| facts.map_type) {
                    None => {
                        self.assume(Assumption::HoldsValues(map));
                        Kind::MapValue(map)
                    }
                    Some(MapType::ArrayOfMaps) => {
                        let facts = facts.and_then(|facts| array_lookup(facts, told));
                        match facts {
                            Some(Null::Uncertain) => return Ok(Value::Opaque),
                            _ => Kind::InnerMap,
                        }
                    }
                    Some(MapType::HashOfMaps) => Kind::InnerMap,
                    Some(MapType::Sockmap | MapType::Sockhash) => {
                        acquires = true;
                        Kind::Socket(Socket::Full)
                    }
                    Some(MapType::Xskmap) => Kind::Socket(Socket::Xdp),
                    Some(_) => {
                        if let Some(null) = facts.and_then(|facts| array_lookup(facts, told)) {
                            return Ok(self.object(Kind::MapValue(map), null));
                        }
                        Kind::MapValue(map)
                    }
                }
            }
            ReturnKind::PtrToSocket => Kind::Socket(Socket::Full),
            ReturnKind::PtrToSockCommon => Kind::Socket(Socket::Common),
            ReturnKind::PtrToTcpSock => Kind::Socket(Socket::Tcp),
            ReturnKind::PtrToRingbufMem => match told.allocated {
                Some(size) => Kind::Record(size),
                None => return Ok(Value::Opaque),
            },
            ReturnKind::PtrToBtfId if nullable => Kind::KernelObject,
            _ => return Ok(Value::Opaque),
        };
        if told.opaque && !matches!(kind, Kind::MapValue(_)) {
            return Ok(Value::Opaque);
        }
        let value = if nullable {
            self.maybe(kind)?
        } else {
            self.object(kind, Null::Never)
        };
        if let Value::Pointer(pointer) = value {
            if let Kind::MapValue(map) = kind
                && self.program.facts.map(map).is_none()
            {
                self.objects[usize::from(pointer.object)].absent_from = Some(map);
            }
            let there = self.of(pointer).null != Null::Unchecked(true);
            let object = &mut self.objects[usize::from(pointer.object)];
            // A null that nobody looked at counts as held for the kernel as well.
            object.held = acquires && there;
            if !acquires && views(helper.name) {
                object.part_of = told.viewed;
            }
        }
        Ok(value)
    }

    /// A number that a helper returns: what some kernel knows of it is kept to.
    fn number_from(&mut self, helper: &Helper, told: &Told) -> Result<Value> {
        let number = match helper.name {
            "bpf_get_smp_processor_id" | "bpf_get_numa_node_id" => Number {
                bits: 0,
                known: false,
                input: 0,
            },
            "bpf_probe_read_str"
            | "bpf_probe_read_kernel_str"
            | "bpf_probe_read_user_str"
            | "bpf_get_stack"
            | "bpf_get_task_stack" => {
                let (fails, input) = self.choice()?;
                self.wish(None, input, u64::from(!fails));
                let most = told.size.unwrap_or(0);
                let bits = if fails {
                    most
                } else {
                    (-14_i64).cast_unsigned()
                };
                Number {
                    bits,
                    known: false,
                    input: 0,
                }
            }
            _ => return self.any(8),
        };
        Ok(Value::Number(number))
    }
}

/// What a look-up in an array gives, where the key is known to this run: newer kernels know that
/// there is a value, if the key is a constant.
fn array_lookup(facts: &MapFacts, told: &Told) -> Option<Null> {
    if !matches!(
        facts.map_type,
        MapType::Array | MapType::PercpuArray | MapType::ArrayOfMaps
    ) {
        return None;
    }
    match told.key {
        Some(key) if key < u64::from(facts.max_entries) => Some(Null::Uncertain),
        Some(_) => Some(Null::Unchecked(true)),
        None => None,
    }
}

/// Helpers that give another view of the socket in their argument.
fn views(name: &str) -> bool {
    matches!(name, "bpf_sk_fullsock" | "bpf_tcp_sock") || name.starts_with("bpf_skc_to_")
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
        "a size" | "a constant size" => "scalar",
        _ => "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_",
    }
}
