//! Loads, stores and atomic operations, by what the pointer points to.

use super::run::{Result, Run, Stop};
use super::stack::Filled;
use super::value::{Kind, Lost, Null, Pointer, Value};
use crate::check::{Assumption, Finding};
use crate::diag::Rule;
use crate::isa::Width;
use alloc::format;

/// What is done to memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Access {
    Read,
    Write,
    Atomic,
}

impl Access {
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Atomic => "changes",
        }
    }
}

impl Run<'_> {
    /// The register that the instruction takes the address from.
    pub(super) fn base_register(&self, access: Access) -> u8 {
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
        .about(register)
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
                    Filled::PartOfPointer => Err(self.part_of_pointer(size).into()),
                }
            }
            Kind::Context => self.context_read(at, size),
            Kind::Map(_)
            | Kind::InnerMap
            | Kind::FlowKeys
            | Kind::PacketEnd
            | Kind::Function(_)
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

    fn part_of_pointer(&self, size: u8) -> Finding {
        self.finding(
            Rule::PartialPointer,
            format!("these {size} bytes of the stack are part of a pointer"),
            "invalid size of register fill",
        )
        .with_help("load all eight bytes")
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
            if matches!(kind, Kind::MapValue(_) | Kind::Record(_) | Kind::Memory(_)) {
                return self.any(size);
            }
            return Ok(Value::Opaque);
        };
        let old = match self.stacks[usize::from(frame)].load(at, size) {
            Filled::Value(Value::Number(number)) => Value::Number(number),
            Filled::Unknown => self.any(size)?,
            Filled::Value(Value::Pointer(_)) if pointer.known => {
                // The kernel no longer knows of the pointer, and reads a number there.
                let number = self.any(size)?;
                self.stacks[usize::from(frame)].store(at, size, number);
                return Ok(Value::Opaque);
            }
            Filled::PartOfPointer if pointer.known && self.is_only_path() => {
                return Err(self.part_of_pointer(size).into());
            }
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
}
