//! Whether an access is inside of what a pointer points to, and aligned.

use super::memory::Access;
use super::run::{Result, Run, Stop};
use super::stack::STACK_SIZE;
use super::value::{Kind, Pointer, Socket};
use crate::check::facts::{RDONLY_PROG, WRONLY_PROG};
use crate::check::finding::Limit;
use crate::check::{Assumption, Finding, bytes};
use crate::diag::Rule;
use crate::{MapType, ProgramType};
use alloc::format;
use alloc::string::String;

/// As many accesses to a map are said to depend on its flags.
const MOST_FLAGGED: u32 = 64;

/// Bytes of `struct bpf_flow_keys`.
const FLOW_KEYS_SIZE: i64 = 56;

impl Run<'_> {
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
            Kind::MapKey(map) if access != Access::Read => {
                let name = self.program.facts.map_name(map);
                return Err(self
                    .finding(
                        Rule::ForbiddenAccess,
                        format!("a callback cannot change the key in `{name}`"),
                        format!("write to change key R{register} not allowed"),
                    )
                    .with_help("copy the key to the stack, and change it there")
                    .into());
            }
            Kind::MapValue(_)
            | Kind::MapKey(_)
            | Kind::Memory(_)
            | Kind::Record(_)
            | Kind::Packet
            | Kind::PacketMeta => {
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
            Kind::Symbol(map) => {
                self.symbol_access(map, pointer, at, size, access);
                self.written_symbol(map, access);
            }
            Kind::KernelObject if access == Access::Read => {}
            Kind::KernelObject | Kind::Function(_) => return Err(Stop::Over),
        }
        Ok(at)
    }

    pub(super) fn misaligned(&self, at: i64, size: i64) -> Stop {
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
        .with_help(match (self.program.facts.insns[self.at].opcode() & 7, pointer.known) {
            (1..=3, true) => format!(
                "write the offset into the access: `*(u32 *)(r{register} + {})`, with `r{register}` as it came",
                off + i64::from(self.program.facts.insns[self.at].offset())
            ),
            _ => format!("keep a copy from the start, `r6 = r{register};`, and use that here"),
        })
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
                    let sign = if at < 0 { '-' } else { '+' };
                    return Err(self
                        .finding(
                            Rule::StackBounds,
                            format!(
                                "this {reads} {} at `r10 {sign} {}`: the frame is the {STACK_SIZE} bytes before `r10`",
                                bytes(size),
                                at.unsigned_abs()
                            ),
                            format!("invalid {word} stack R{register} off={at} size={size}"),
                        )
                        .between(at, end)
                        .with_help("keep within `r10 - 512` and `r10`; large data goes into a map's value")
                        .into());
                }
                self.stacks[usize::from(frame)].touch(at);
                self.combined_stack()?;
            }
            Kind::MapValue(map) => {
                let Some(map) = self.program.facts.map(map) else {
                    self.value_at_least(map, pointer, at, size, reads);
                    self.allows(map, access);
                    return Ok(());
                };
                let forbidden = match access {
                    Access::Read => !map.programs_may_read(),
                    Access::Write => !map.programs_may_write(),
                    Access::Atomic => !map.programs_may_write() || !map.programs_may_read(),
                };
                let value_size = i64::from(map.value_size);
                if forbidden {
                    let read_only = !map.programs_may_write();
                    let mut finding = self.forbidden(&map.name, access, read_only);
                    finding.kernel += &format!(", value_size={value_size} off={at} size={size}");
                    return Err(finding.into());
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
                        .with_help(self.limit_help(pointer))
                        .limited(self.limit(pointer, end, Some(map.value_size.into())))
                        .into());
                }
            }
            Kind::MapKey(map) => {
                let Some(map) = self.program.facts.map(map) else {
                    return Ok(());
                };
                let (name, key_size) = (&map.name, map.key_size);
                if at < 0 || end > i64::from(key_size) {
                    return Err(self
                        .finding(
                            Rule::MemoryBounds,
                            format!("this {reads} bytes {at} to {end} of a key of `{name}`, which has {key_size}"),
                            format!("invalid access to map key, key_size={key_size} off={at} size={size}"),
                        )
                        .with_help(self.limit_help(pointer))
                        .into());
                }
            }
            Kind::Memory(length) => {
                let outside = at < 0 || end.cast_unsigned() > length;
                if outside {
                    return Err(self
                        .finding(
                            Rule::MemoryBounds,
                            format!("this {reads} bytes {at} to {end} of the caller's memory, of which the parameter's type has {length}"),
                            format!("invalid access to memory, mem_size={length} off={at} size={size}"),
                        )
                        .with_help(self.limit_help(pointer))
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
                        .with_help(self.limit_help(pointer))
                        .limited(self.limit(pointer, end, Some(length)))
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
                    self.wish(None, self.meta_input, (end - 1).cast_unsigned());
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
            Kind::Symbol(map) => self.symbol_access(map, pointer, at, size, access),
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
        if !shared {
            return Ok(());
        }
        // The chain of calls that is active, and those that were.
        let mut active = 0;
        let chains = self.stacks.iter().enumerate().map(|(at, stack)| {
            active += i64::from(stack.depth);
            (active + stack.below.0, at + 1 + stack.below.1)
        });
        let Some((used, calls)) = chains.max().filter(|&(used, _)| used > STACK_SIZE) else {
            return Ok(());
        };
        Err(self
            .finding(
                Rule::StackSize,
                format!(
                    "a chain of {calls} calls uses {used} bytes of stack, and has {STACK_SIZE}"
                ),
                format!("combined stack size of {calls} calls is {used}. Too large"),
            )
            .with_help(
                "keep large data in a map's value, for example of a per-CPU array with one element",
            )
            .into())
    }

    /// The values of a map that is not known have to have these bytes.
    fn value_at_least(&mut self, map: u16, pointer: Pointer, at: i64, size: i64, reads: &str) {
        let end = at.saturating_add(size);
        let short = if at < 0 {
            u64::MAX
        } else {
            end.cast_unsigned()
        };
        self.oblige(&[Assumption::ValueShorterThan(map, short)], |run| {
            run.finding(
                Rule::MapValueBounds,
                format!(
                    "this {reads} bytes {at} to {end} of a value of `{}`, which has fewer",
                    run.program.facts.map_name(map)
                ),
                format!("invalid access to map value, off={at} size={size}"),
            )
            .with_help(run.limit_help(pointer))
            .limited(run.limit(pointer, end, None))
        });
    }

    /// The flags of a map that is not known have to allow this.
    fn allows(&mut self, map: u16, access: Access) {
        let flags: &[u32] = match access {
            Access::Read => &[WRONLY_PROG],
            Access::Write => &[RDONLY_PROG],
            Access::Atomic => &[RDONLY_PROG, WRONLY_PROG],
        };
        for &flag in flags {
            // Definitions have flags: a few places show what is wrong with one.
            let said = self.flagged.entry((map, flag)).or_default();
            *said += 1;
            if *said > MOST_FLAGGED {
                continue;
            }
            self.oblige(&[Assumption::HasFlags(map, flag)], |run| {
                let name = run.program.facts.map_name(map);
                run.forbidden(name, access, flag == RDONLY_PROG)
            });
        }
    }

    /// What the map's flags do not allow.
    fn forbidden(&self, name: &str, access: Access, read_only: bool) -> Finding {
        let reads = access.verb();
        let (word, flag, may) = match read_only {
            true => ("write into", "BPF_F_RDONLY_PROG", "read"),
            false => ("read from", "BPF_F_WRONLY_PROG", "write"),
        };
        self.finding(
            Rule::ForbiddenAccess,
            format!("this {reads} a value of `{name}`, which programs may only {may}"),
            format!("{word} map forbidden"),
        )
        .with_help(format!(
            "its definition has the flag `{flag}`, as every `Rodata` has; a `Global` can be written"
        ))
    }

    /// What is loaded under a map's name: its definition says whether it is the map or the
    /// address of its value.
    fn symbol_access(&mut self, map: u16, pointer: Pointer, at: i64, size: i64, access: Access) {
        let before = self.assumed.len();
        self.assumed.push(Assumption::IsGlobal(map));
        self.value_at_least(map, pointer, at, size, access.verb());
        self.allows(map, access);
        self.assumed.truncate(before);
    }

    /// A map cannot be written through what its name stands for.
    fn written_symbol(&mut self, map: u16, access: Access) {
        if access != Access::Read {
            self.oblige(&[Assumption::IsMap(map)], |run| {
                run.finding(
                    Rule::ForbiddenAccess,
                    format!(
                        "`{}` is a map, which cannot be written through its own address",
                        run.program.facts.map_name(map)
                    ),
                    "only read from bpf_map is supported",
                )
                .with_help("look a value up with `bpf_map_lookup_elem`")
            });
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
                    format!("a socket has no {} at {at} to read", bytes(size)),
                    format!("R{register} invalid {name} access off={at} size={size}"),
                )
                .into());
        }
        Ok(())
    }
}

impl Run<'_> {
    /// What limits a number that was added to a pointer, for an access that ends at `end` of
    /// `length` bytes.
    fn limit(&self, pointer: Pointer, end: i64, length: Option<u64>) -> Option<Limit> {
        let index = usize::from(pointer.varied).checked_sub(1)?;
        let &(insn, register, number) = self.variations.get(index)?;
        Some(Limit {
            insn,
            register,
            rest: end.checked_sub(number)?,
            length,
        })
    }

    /// The same at the addition: what is accessed behind it is not known, so that the longest
    /// access has room.
    pub(super) fn limit_here(&self, pointer: Pointer, reversed: bool) -> Option<Limit> {
        let insn = self.program.facts.insns[self.at];
        let Kind::MapValue(map) = self.of(pointer).kind else {
            return None;
        };
        if insn.opcode() != 0x0f {
            return None;
        }
        Some(Limit {
            insn: self.at as u32,
            register: if reversed { insn.dst() } else { insn.src() },
            rest: pointer.offset.checked_add(8)?,
            length: Some(self.program.facts.map(map)?.value_size.into()),
        })
    }

    fn limit_help(&self, pointer: Pointer) -> String {
        let index = usize::from(pointer.varied).wrapping_sub(1);
        match self.variations.get(index) {
            _ if pointer.known => "use an offset inside of it".into(),
            Some((_, register, _)) => format!(
                "limit `r{register}` before it is added, by a comparison or a mask (`r{register} &= 7;`)"
            ),
            None => "limit the offset before it is added, by a comparison or a mask".into(),
        }
    }
}
