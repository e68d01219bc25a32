//! Loads, stores and atomic operations, by what the pointer points to.

use super::input::InputKind;
use super::run::{Result, Run, Stop};
use super::stack::{Filled, STACK_SIZE};
use super::value::{Kind, Lost, Null, Pointer, Socket, Value};
use crate::check::tables::{self, Becomes, ContextAccess};
use crate::check::{Assumption, Finding};
use crate::diag::Rule;
use crate::isa::{PacketSize, Width};
use crate::{MapType, ProgramType};
use alloc::format;

/// What is done to memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Access {
    Read,
    Write,
    Atomic,
}

impl Access {
    const fn verb(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Atomic => "changes",
        }
    }
}

/// Longest packets in linear memory that are tried.
const LONGEST_PACKET: u64 = 0xffff;

/// Bytes of `struct bpf_flow_keys`.
const FLOW_KEYS_SIZE: i64 = 56;

impl Run<'_> {
    /// The register that the instruction takes the address from.
    fn base_register(&self, access: Access) -> u8 {
        let insn = self.program.facts.insns[self.at];
        match access {
            Access::Read => insn.src(),
            Access::Write | Access::Atomic => insn.dst(),
        }
    }

    /// The pointer behind a value that memory is accessed through.
    fn base(&mut self, value: Value, access: Access) -> Result<Pointer> {
        let register = self.base_register(access);
        match value {
            Value::Pointer(pointer) => {
                let object = *self.of(pointer);
                match object.null {
                    Null::Never => Ok(pointer),
                    Null::Uncertain | Null::Is => Err(Stop::Over),
                    Null::Unchecked(_) => Err(self.possibly_null(pointer, register).into()),
                }
            }
            Value::Number(number) => {
                self.hurt(number.input);
                let null = number.known && number.bits == 0;
                let what = if null { "null" } else { "a number" };
                Err(self
                    .finding(
                        Rule::NotAPointer,
                        format!("`r{register}` holds {what} here, and memory is accessed through pointers"),
                        format!("R{register} invalid mem access 'scalar'"),
                    )
                    .with_help(if null {
                        "the pointer was compared with 0 and is null on this path: leave before it is used"
                    } else {
                        "the context, maps and helpers give pointers; numbers can be read through with `bpf_probe_read_kernel`"
                    })
                    .into())
            }
            Value::Unwritten(Lost::Gone(slot)) => Err(self.stale(register, slot).into()),
            Value::Unwritten(_) | Value::Opaque => Err(Stop::Over),
        }
    }

    pub(super) fn stale(&self, register: u8, slot: u32) -> Finding {
        self.finding(
            Rule::StalePointer,
            format!("what `r{register}` pointed to is gone"),
            format!("R{register} invalid mem access 'scalar'"),
        )
        .because("it is gone since the call", Some(slot))
        .with_help(
            "load pointers into the packet again after a helper that may change it; do not use what was given back",
        )
    }

    pub(super) fn possibly_null(&self, pointer: Pointer, register: u8) -> Finding {
        let object = self.of(pointer);
        let name = object.kind.kernel_name();
        self.finding(
            Rule::PossiblyNull,
            format!(
                "`r{register}`, a pointer to {}, may be null here",
                object.kind.name()
            ),
            format!("R{register} invalid mem access '{name}_or_null'"),
        )
        .because(
            format!(
                "`r{register}` may be null since the {}",
                self.origin(object.origin)
            ),
            Some(object.origin),
        )
        .with_help(format!(
            "compare it before it is used: `if r{register} == 0 goto out;`"
        ))
        .assuming(object.absent_from.map(Assumption::MayBeAbsent))
    }

    /// What gave an object: a call, or a load from the context.
    pub(super) fn origin(&self, slot: u32) -> &'static str {
        let insn = self.program.facts.insns.get(slot as usize);
        match insn.map(|insn| insn.opcode()) {
            Some(0x85) => "call",
            _ => "load",
        }
    }

    /// One instruction is for the context or for other memory, not for both.
    fn one_kind(&mut self, kind: Kind) -> Result<()> {
        const fn is_special(kind: Kind) -> bool {
            matches!(kind, Kind::Context | Kind::Socket(_) | Kind::KernelObject)
        }
        let before = *self.kinds.entry(self.at as u32).or_insert(kind);
        let differs = match (before, kind) {
            (Kind::Context, Kind::Context) => false,
            // Such a load may be allowed to fail, on some kernels, with any pointer.
            (Kind::KernelObject, _) | (_, Kind::KernelObject) => return Ok(()),
            (Kind::Socket(a), Kind::Socket(b)) => a != b,
            (a, b) => is_special(a) || is_special(b),
        };
        if differs {
            return Err(self
                .finding(
                    Rule::MixedPointers,
                    format!(
                        "this instruction is reached with {} and with {}",
                        before.name(),
                        kind.name()
                    ),
                    "same insn cannot be used with different pointers",
                )
                .with_help("write the access once for each kind of pointer")
                .into());
        }
        Ok(())
    }

    pub(super) fn read(&mut self, size: u8, base: Value, offset: i16) -> Result<Value> {
        let pointer = self.base(base, Access::Read)?;
        if !self.offset_is_known() {
            return Ok(Value::Opaque);
        }
        self.one_kind(self.of(pointer).kind)?;
        let at = self.reach(pointer, offset, size, Access::Read)?;
        match self.of(pointer).kind {
            Kind::Stack(frame) => {
                let filled = self.stacks[usize::from(frame)].load(at, size);
                match filled {
                    Filled::Value(Value::Pointer(_)) if !pointer.known => Ok(Value::Opaque),
                    Filled::Value(value) => Ok(self.now_filled(value)),
                    Filled::Unknown if self.program.facts.fragment => Ok(Value::Opaque),
                    Filled::Unknown => {
                        let value = self.any(size)?;
                        self.stacks[usize::from(frame)].store(at, size, value);
                        Ok(value)
                    }
                    Filled::PartOfPointer if !pointer.known || !self.is_only_path() => {
                        Ok(Value::Opaque)
                    }
                    Filled::PartOfPointer => Err(self
                        .finding(
                            Rule::PartialPointer,
                            format!("these {size} bytes of the stack are part of a pointer"),
                            "invalid size of register fill",
                        )
                        .with_help("load all eight bytes")
                        .into()),
                }
            }
            Kind::Context => self.context_read(at, size),
            Kind::Map(_)
            | Kind::InnerMap
            | Kind::FlowKeys
            | Kind::PacketEnd
            | Kind::Function
            | Kind::Symbol(_)
            | Kind::KernelObject => Ok(Value::Opaque),
            // Of a map that is not known it is assumed that look-ups give its values, and what is
            // looked up is no constant.
            Kind::MapValue(map) if self.program.facts.map(map).is_some_and(|map| map.frozen) => {
                Ok(Value::Opaque)
            }
            Kind::Socket(_) => {
                // Some fields of a socket are pointers.
                if size == 8 {
                    Ok(Value::Opaque)
                } else {
                    self.any(size)
                }
            }
            _ => self.any(size),
        }
    }

    /// A saved pointer whose object is gone is a number to some kernels.
    fn now_filled(&self, value: Value) -> Value {
        self.now(value)
    }

    pub(super) fn write(&mut self, size: u8, base: Value, offset: i16, value: Value) -> Result<()> {
        let pointer = self.base(base, Access::Write)?;
        if !self.offset_is_known() {
            // It could have been anything.
            return Err(Stop::Over);
        }
        self.one_kind(self.of(pointer).kind)?;
        let at = self.reach(pointer, offset, size, Access::Write)?;
        if let Kind::Stack(frame) = self.of(pointer).kind {
            if let Value::Pointer(stored) = value {
                let is_partial = size != 8 && self.of(stored).null != Null::Is;
                // Where the place varies, kernels do not look at what is saved.
                if is_partial && !(pointer.known && self.is_certain(stored)) {
                    return Err(Stop::Over);
                }
                if is_partial {
                    return Err(self
                        .finding(
                            Rule::PartialPointer,
                            format!("{size} bytes of a pointer cannot be saved on the stack"),
                            "invalid size of register spill",
                        )
                        .with_help("save all eight: `*(u64 *)(r10 - 8) = r1;`")
                        .into());
                }
                if matches!(self.of(stored).kind, Kind::Stack(_))
                    && usize::from(frame) != self.depth()
                {
                    return Err(Stop::Over);
                }
            }
            if pointer.known {
                self.stacks[usize::from(frame)].store(at, size, value);
            } else {
                // Kernels do not know where it went.
                self.stacks[usize::from(frame)].store(at, size, value);
                self.stacks[usize::from(frame)].blur_all();
            }
        }
        Ok(())
    }

    pub(super) fn read_modify_write(
        &mut self,
        width: Width,
        base: Value,
        offset: i16,
        change: impl Fn(u64) -> Option<u64>,
    ) -> Result<Value> {
        let size = width.bits() / 8;
        let pointer = self.base(base, Access::Atomic)?;
        if !self.offset_is_known() {
            return Err(Stop::Over);
        }
        let kind = self.of(pointer).kind;
        let register = self.base_register(Access::Atomic);
        match kind {
            Kind::Context | Kind::Packet | Kind::PacketMeta | Kind::FlowKeys | Kind::Socket(_) => {
                return Err(self
                    .finding(
                        Rule::AtomicTarget,
                        format!("there are no atomic operations on {}", kind.name()),
                        format!(
                            "BPF_ATOMIC stores into R{register} {} is not allowed",
                            kind.kernel_name()
                        ),
                    )
                    .with_help("load, compute and store")
                    .into());
            }
            _ => {}
        }
        let at = self.reach(pointer, offset, size, Access::Atomic)?;
        let Kind::Stack(frame) = kind else {
            if matches!(kind, Kind::MapValue(_) | Kind::Record(_)) {
                return self.any(size);
            }
            return Ok(Value::Opaque);
        };
        let old = match self.stacks[usize::from(frame)].load(at, size) {
            Filled::Value(Value::Number(number)) => Value::Number(number),
            Filled::Unknown => self.any(size)?,
            Filled::Value(_) | Filled::PartOfPointer => Value::Opaque,
        };
        let new = match old {
            Value::Number(number) => match change(number.bits) {
                Some(bits) => Value::Number(super::value::Number {
                    bits,
                    known: false,
                    input: number.input,
                }),
                None => Value::Opaque,
            },
            _ => Value::Opaque,
        };
        self.stacks[usize::from(frame)].store(at, size, new);
        Ok(match old {
            Value::Number(number) => Value::Number(super::value::Number {
                known: false,
                ..number
            }),
            old => old,
        })
    }

    /// Checks an access of `size` bytes; its offset from the object's start.
    pub(super) fn reach(
        &mut self,
        pointer: Pointer,
        offset: i16,
        size: u8,
        access: Access,
    ) -> Result<i64> {
        self.hurt(pointer.input);
        let register = self.base_register(access);
        let at = pointer.offset.saturating_add(i64::from(offset));
        let kind = self.of(pointer).kind;
        let size = i64::from(size);
        match kind {
            Kind::Context => {
                if pointer.offset != 0 {
                    return Err(self.modified_context(pointer, register));
                }
                self.context_access(at, size as u8, access)?;
            }
            Kind::Stack(_) => {
                // The kernel looks at the alignment first.
                if at.rem_euclid(size) != 0 {
                    return Err(self.misaligned(at, size));
                }
                self.inside(pointer, at, size, access, register)?;
            }
            Kind::MapValue(_) | Kind::Record(_) | Kind::Packet | Kind::PacketMeta => {
                if access == Access::Atomic && at.rem_euclid(size) != 0 {
                    return Err(self.misaligned(at, size));
                }
                if kind.is_packet() && access == Access::Write && !self.may_write_packets() {
                    return Err(self
                        .finding(
                            Rule::ForbiddenAccess,
                            "programs of this type cannot write to the packet",
                            "cannot write into packet",
                        )
                        .into());
                }
                self.inside(pointer, at, size, access, register)?;
            }
            Kind::FlowKeys => {
                let outside = at < 0 || at + size > FLOW_KEYS_SIZE;
                if outside && pointer.offset != 0 {
                    // Linux 7.1 looks at the instruction's offset only.
                    return Err(Stop::Over);
                }
                if outside {
                    return Err(self
                        .finding(
                            Rule::MemoryBounds,
                            format!("the flow keys have {FLOW_KEYS_SIZE} bytes, and this {} {size} at {at}", access.verb()),
                            format!("invalid access to flow keys off={at} size={size}"),
                        )
                        .into());
                }
            }
            Kind::Socket(socket) => {
                self.socket_access(socket, pointer, at, size, access, register)?
            }
            Kind::PacketEnd => {
                return Err(self
                    .finding(
                        Rule::NotAPointer,
                        "behind the packet's end there is nothing: the pointer is for comparisons",
                        format!("R{register} invalid mem access 'pkt_end'"),
                    )
                    .into());
            }
            Kind::Map(_) | Kind::InnerMap => {
                if access == Access::Read && at < 0 {
                    return Err(self
                        .finding(
                            Rule::MemoryBounds,
                            format!("this reads at {at}, before the map's description"),
                            format!("R{register} is bpf_map invalid negative access: off={at}"),
                        )
                        .into());
                }
                if access != Access::Read {
                    return Err(self
                        .finding(
                            Rule::ForbiddenAccess,
                            "a map cannot be written through its own address",
                            "only read from bpf_map is supported",
                        )
                        .with_help("look a value up with `bpf_map_lookup_elem`")
                        .into());
                }
            }
            Kind::Symbol(_) => {}
            Kind::KernelObject if access == Access::Read => {}
            Kind::KernelObject | Kind::Function => return Err(Stop::Over),
        }
        Ok(at)
    }

    fn misaligned(&self, at: i64, size: i64) -> Stop {
        self.finding(
            Rule::MisalignedAccess,
            format!("{size} bytes at offset {at}, which is no multiple of {size}"),
            format!("misaligned access off {at} size {size}"),
        )
        .with_help(format!(
            "use an offset that is a multiple of {size}, or smaller pieces"
        ))
        .into()
    }

    pub(super) fn modified_context(&self, pointer: Pointer, register: u8) -> Stop {
        if self.program.facts.program_type == Some(ProgramType::Syscall) {
            return Stop::Over;
        }
        let off = pointer.offset;
        let kernel = if pointer.known && off < 0 {
            format!("negative offset ctx ptr R{register} off={off} disallowed")
        } else if pointer.known {
            format!("dereference of modified ctx ptr R{register} off={off} disallowed")
        } else {
            "variable ctx access var_off=… disallowed".into()
        };
        self.finding(
            Rule::ModifiedContext,
            format!("`r{register}` is the context plus {off}: the context is used as it came"),
            kernel,
        )
        .with_help("write the offset into the access: `r0 = *(u32 *)(r1 + 8);`")
        .into()
    }

    /// Checks that bytes are inside of a stack, value, record or packet.
    pub(super) fn inside(
        &mut self,
        pointer: Pointer,
        at: i64,
        size: i64,
        access: Access,
        register: u8,
    ) -> Result<()> {
        let reads = access.verb();
        let object = *self.of(pointer);
        let end = at.saturating_add(size);
        match object.kind {
            Kind::Stack(frame) => {
                if usize::from(frame) >= self.stacks.len() {
                    return Err(Stop::Over);
                }
                if at < -STACK_SIZE || end > 0 {
                    let word = if access == Access::Read {
                        "read from"
                    } else {
                        "write to"
                    };
                    return Err(self
                        .finding(
                            Rule::StackBounds,
                            format!("this {reads} {size} bytes at `r10 {at:+}`: the frame is the {STACK_SIZE} bytes before `r10`"),
                            format!("invalid {word} stack R{register} off={at} size={size}"),
                        )
                        .with_help("keep within `r10 - 512` and `r10`; large data goes into a map's value")
                        .into());
                }
                self.stacks[usize::from(frame)].touch(at);
                self.combined_stack()?;
            }
            Kind::MapValue(map) => {
                let Some(map) = self.program.facts.map(map) else {
                    self.value_at_least(map, pointer, at, size, reads);
                    return Ok(());
                };
                let forbidden = match access {
                    Access::Read => !map.programs_may_read(),
                    Access::Write => !map.programs_may_write(),
                    Access::Atomic => !map.programs_may_write() || !map.programs_may_read(),
                };
                let value_size = i64::from(map.value_size);
                if forbidden {
                    let (word, flag) = match map.programs_may_write() {
                        true => ("read from", "BPF_F_WRONLY_PROG"),
                        false => ("write into", "BPF_F_RDONLY_PROG"),
                    };
                    return Err(self
                        .finding(
                            Rule::ForbiddenAccess,
                            format!(
                                "this {reads} a value of `{}`, which has the flag `{flag}`",
                                map.name
                            ),
                            format!(
                                "{word} map forbidden, value_size={value_size} off={at} size={size}"
                            ),
                        )
                        .into());
                }
                if matches!(map.map_type, MapType::Arena) {
                    return Ok(());
                }
                if at < 0 || end > value_size {
                    let name = &map.name;
                    return Err(self
                        .finding(
                            Rule::MapValueBounds,
                            format!("this {reads} bytes {at} to {end} of a value of `{name}`, which has {value_size}"),
                            format!("invalid access to map value, value_size={value_size} off={at} size={size}"),
                        )
                        .with_help(limit_help(pointer))
                        .into());
                }
            }
            Kind::Record(length) => {
                let outside = at < 0 || end.cast_unsigned() > length;
                if outside {
                    return Err(self
                        .finding(
                            Rule::MemoryBounds,
                            format!("this {reads} bytes {at} to {end} of a record of {length}"),
                            format!(
                                "invalid access to memory, mem_size={length} off={at} size={size}"
                            ),
                        )
                        .because("the record was reserved", Some(object.origin))
                        .with_help(limit_help(pointer))
                        .into());
                }
            }
            Kind::Packet | Kind::PacketMeta => {
                let Some((_, length, meta)) = self.packet else {
                    return Err(Stop::Over);
                };
                let limit = if object.kind == Kind::Packet {
                    length
                } else {
                    meta
                };
                let outside = at < 0 || end > limit;
                if !outside && object.kind == Kind::Packet {
                    // A shorter one: was the length looked at?
                    self.wish(None, self.packet_input, (end - 1).cast_unsigned());
                } else if !outside {
                    self.wish(None, self.meta_input, 0);
                }
                if outside && !pointer.known && at < pointer.offset {
                    // Linux 7.1 and 7.2 lose count where the instruction goes back behind a
                    // variable offset.
                    return Err(Stop::Over);
                }
                if outside {
                    let what = object.kind.name();
                    return Err(self
                        .finding(
                            Rule::PacketBounds,
                            format!("this {reads} bytes {at} to {end} of {what}, which may have only {limit}"),
                            format!("invalid access to packet, off={at} size={size}, R{register} offset is outside of the packet"),
                        )
                        .with_help("compare with the packet's end before the access: `r4 = r2; r4 += 14; if r4 > r3 goto out;`")
                        .into());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The frames of a chain of calls share the stack, where no kernel gives each its own.
    fn combined_stack(&self) -> Result<()> {
        let shared = matches!(
            self.program.facts.program_type,
            Some(
                ProgramType::SocketFilter
                    | ProgramType::SchedCls
                    | ProgramType::SchedAct
                    | ProgramType::Xdp
                    | ProgramType::CgroupSkb
                    | ProgramType::SkSkb
                    | ProgramType::SkMsg
            )
        );
        if !shared || self.stacks.len() < 2 {
            return Ok(());
        }
        let used: i64 = self.stacks.iter().map(|stack| i64::from(stack.depth)).sum();
        if used <= STACK_SIZE {
            return Ok(());
        }
        let calls = self.stacks.len();
        Err(self
            .finding(
                Rule::StackSize,
                format!("the {calls} functions that are active here use {used} bytes of stack, and have {STACK_SIZE} together"),
                format!("combined stack size of {calls} calls is {used}. Too large"),
            )
            .with_help("keep large data in a map's value, for example of a per-CPU array with one element")
            .into())
    }

    /// What loads with acquire and stores with release semantics cannot work on.
    pub(super) fn ordered(&mut self, base: Value, does: &str, offset: i16, size: u8) -> Result<()> {
        let Value::Pointer(pointer) = base else {
            return Ok(());
        };
        let kind = self.of(pointer).kind;
        let register = match does {
            "loads from" => self.program.facts.insns[self.at].src(),
            _ => self.program.facts.insns[self.at].dst(),
        };
        match kind {
            Kind::Context | Kind::Packet | Kind::PacketMeta | Kind::FlowKeys | Kind::Socket(_)
                if self.of(pointer).null == Null::Never =>
            {
                Err(self
                    .finding(
                        Rule::AtomicTarget,
                        format!("there are no atomic operations on {}", kind.name()),
                        format!(
                            "BPF_ATOMIC {does} R{register} {} is not allowed",
                            kind.kernel_name()
                        ),
                    )
                    .with_help("use a plain load or store")
                    .into())
            }
            Kind::MapValue(_) | Kind::Record(_) => {
                let at = pointer.offset.saturating_add(i64::from(offset));
                let misaligned = self.offset_is_known() && at.rem_euclid(i64::from(size)) != 0;
                if misaligned {
                    return Err(self.misaligned(at, i64::from(size)));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The values of a map that is not known have to have these bytes.
    fn value_at_least(&mut self, map: u16, pointer: Pointer, at: i64, size: i64, reads: &str) {
        let end = at.saturating_add(size);
        let short = if at < 0 {
            u64::MAX
        } else {
            end.cast_unsigned()
        };
        let mut finding = self
            .finding(
                Rule::MapValueBounds,
                format!("this {reads} bytes {at} to {end} of a map's value, which has fewer"),
                format!("invalid access to map value, off={at} size={size}"),
            )
            .with_help(limit_help(pointer))
            .assuming(Some(Assumption::ValueShorterThan(map, short)));
        finding.assumptions.extend_from_slice(&self.assumed);
        let finding = self.with_witness(finding);
        if self.obligations.len() < 4096 {
            self.obligations.push(finding);
        }
    }

    fn socket_access(
        &mut self,
        socket: Socket,
        pointer: Pointer,
        at: i64,
        size: i64,
        access: Access,
        register: u8,
    ) -> Result<()> {
        let name = Kind::Socket(socket).kernel_name();
        let _ = pointer;
        if access != Access::Read {
            return Err(self
                .finding(
                    Rule::ForbiddenAccess,
                    "sockets cannot be written to",
                    format!("R{register} cannot write into {name}"),
                )
                .into());
        }
        let refused = at < 0
            || at % size != 0
            || match socket {
                Socket::Full => size == 8 || at + size > 80,
                Socket::Common => size == 8 || at + size > 80 || (8..24).contains(&at),
                Socket::Tcp | Socket::Xdp => false,
            };
        if refused {
            return Err(self
                .finding(
                    Rule::MemoryBounds,
                    format!("a socket has no {size} bytes at {at} to read"),
                    format!("R{register} invalid {name} access off={at} size={size}"),
                )
                .into());
        }
        Ok(())
    }

    fn context_access(&mut self, at: i64, size: u8, access: Access) -> Result<()> {
        let Some(program_type) = self.program.facts.program_type else {
            return Ok(());
        };
        let answer = tables::context_access(
            program_type,
            self.program.facts.attach_type,
            at,
            size,
            access == Access::Write,
        );
        if answer != ContextAccess::Never {
            return Ok(());
        }
        let (reads, word) = match access {
            Access::Read => ("read", "reads"),
            _ => ("write", "writes"),
        };
        Err(self
            .finding(
                Rule::ContextAccess,
                format!("this {word} {size} bytes at {at} of the context, which `{}` programs cannot", program_type.name()),
                format!("invalid bpf_context access off={at} size={size}"),
            )
            .with_help(format!("the reference lists what programs of each type may {reads}; fields are accessed whole, at their own offset"))
            .into())
    }

    fn context_read(&mut self, at: i64, size: u8) -> Result<Value> {
        let Some(program_type) = self.program.facts.program_type else {
            return Ok(Value::Opaque);
        };
        let answer = tables::context_access(
            program_type,
            self.program.facts.attach_type,
            at,
            size,
            false,
        );
        let ContextAccess::Becomes(becomes) = answer else {
            return Ok(Value::Opaque);
        };
        Ok(match becomes {
            Becomes::Number => self.any(size)?,
            Becomes::Packet => self.packet_pointer(Kind::Packet)?,
            Becomes::PacketEnd => self.packet_pointer(Kind::PacketEnd)?,
            Becomes::PacketMeta => self.packet_pointer(Kind::PacketMeta)?,
            Becomes::Socket => self.object(Kind::Socket(Socket::Full), Null::Never),
            Becomes::SocketOrNull => self.maybe(Kind::Socket(Socket::Full))?,
            Becomes::SockCommonOrNull => self.maybe(Kind::Socket(Socket::Common))?,
            Becomes::FlowKeys => self.object(Kind::FlowKeys, Null::Never),
            Becomes::Other => Value::Opaque,
        })
    }

    /// A pointer that may be null, and in this run is or is not.
    pub(super) fn maybe(&mut self, kind: Kind) -> Result<Value> {
        let (there, input) = self.choice()?;
        self.wish(None, input, u64::from(!there));
        Ok(self.object(kind, Null::Unchecked(!there)))
    }

    fn packet_pointer(&mut self, kind: Kind) -> Result<Value> {
        let fresh = match self.packet {
            Some((object, ..)) => self.objects[usize::from(object)].gone.is_some(),
            None => true,
        };
        if fresh {
            let length = self.input(InputKind::Length, LONGEST_PACKET)?;
            let meta = self.input(InputKind::Length, 0xff)?;
            let meta_input = meta.input;
            // Metadata is in words, and at most 32 of its bytes were there in older kernels.
            let meta = meta.bits.min(32) & !3;
            let Value::Pointer(pointer) = self.object(Kind::Packet, Null::Never) else {
                return Err(Stop::Over);
            };
            self.packet = Some((
                pointer.object,
                length.bits.cast_signed(),
                meta.cast_signed(),
            ));
            self.packet_input = length.input;
            self.meta_input = meta_input;
        }
        Ok(self.object(kind, Null::Never))
    }

    pub(super) const fn length_input(&self) -> Option<u16> {
        if self.packet_input == 0 {
            None
        } else {
            Some(self.packet_input)
        }
    }

    /// Whether programs of this type may write to packets, where that is certain.
    fn may_write_packets(&self) -> bool {
        self.program
            .facts
            .program_type
            .is_none_or(tables::writes_packets)
    }

    pub(super) fn legacy_load(&mut self, size: PacketSize) -> Result<Value> {
        if let Some(program_type) = self.program.facts.program_type
            && !matches!(
                program_type,
                ProgramType::SocketFilter
                    | ProgramType::SchedCls
                    | ProgramType::SchedAct
                    | ProgramType::Ext
                    | ProgramType::StructOps
            )
        {
            return Err(self
                .finding(
                    Rule::PacketLoad,
                    format!(
                        "`{}` programs have no legacy packet loads",
                        program_type.name()
                    ),
                    "BPF_LD_[ABS|IND] instructions not allowed for this program type",
                )
                .with_help("use `bpf_skb_load_bytes`, or pointers into the packet")
                .into());
        }
        if self.depth() == 0 {
            self.no_references("BPF_LD_[ABS|IND]")?;
        }
        let context = self.written(6)?;
        match context {
            Value::Pointer(pointer) if self.of(pointer).kind == Kind::Context => {
                let changed = pointer.offset != 0;
                if changed {
                    return Err(self.modified_context(pointer, 6));
                }
            }
            Value::Number(_) | Value::Pointer(_) => {
                return Err(self
                    .finding(
                        Rule::PacketLoad,
                        "legacy packet loads take the context from `r6`, which holds something else",
                        "at the time of BPF_LD_ABS|IND R6 != pointer to skb",
                    )
                    .with_help("write `r6 = r1;` at the beginning")
                    .into());
            }
            _ => {}
        }
        let at = self.at as u32;
        for register in 1..=5 {
            self.registers[register] = Value::Unwritten(Lost::Call(at));
        }
        self.any(match size {
            PacketSize::Byte => 1,
            PacketSize::Half => 2,
            PacketSize::Word => 4,
        })
    }
}

fn limit_help(pointer: Pointer) -> &'static str {
    if pointer.known {
        "use an offset inside of it"
    } else {
        "limit the offset before it is added: `r1 &= 7;`, or `if r1 > 40 goto out;`"
    }
}
