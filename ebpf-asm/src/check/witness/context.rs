//! The context, and the packet that it leads to.

use super::input::InputKind;
use super::memory::Access;
use super::run::{Result, Run, Stop};
use super::value::{Kind, Lost, Null, Socket, Value};
use crate::ProgramType;
use crate::check::tables::{self, Becomes, ContextAccess};
use crate::check::{Assumption, bytes};
use crate::diag::Rule;
use crate::isa::PacketSize;
use alloc::format;

/// Longest packets in linear memory that are tried.
const LONGEST_PACKET: u64 = 0xffff;

/// Longest metadata that is tried.
const MOST_METADATA: u64 = 0xff;

/// The opcode of a load that extends a sign, without the size.
const SIGN_EXTENDING_LOAD: u8 = 0x81;

impl Run<'_> {
    pub(super) fn context_access(&mut self, at: i64, size: u8, access: Access) -> Result<()> {
        let Some(program_type) = self.program.facts.program_type else {
            return Ok(());
        };
        let answer = tables::context_access(
            (program_type, self.program.facts.attach_type),
            self.program.facts.min_kernel,
            at,
            size,
            access == Access::Write,
        );
        if answer != ContextAccess::Never {
            self.lacking(program_type, at, size, access);
            return Ok(());
        }
        let (reads, word) = match access {
            Access::Read => ("read", "reads"),
            _ => ("write", "writes"),
        };
        Err(self
            .finding(
                Rule::ContextAccess,
                format!("this {word} {} at {at} of the context, which `{}` programs cannot", bytes(size), program_type.name()),
                format!("invalid bpf_context access off={at} size={size}"),
            )
            .with_help(format!("the reference lists what programs of each type may {reads}; fields are accessed whole, at their own offset"))
            .into())
    }

    /// Notes what the oldest kernel lacks.
    fn lacking(&mut self, program_type: ProgramType, at: i64, size: u8, access: Access) {
        let facts = self.program.facts;
        let here = self.at as u32;
        let certain = self.assumed.iter().all(Assumption::is_guess);
        if !facts.names_lacks || !certain || self.lacks.contains_key(&here) {
            return;
        }
        let of = (program_type, facts.attach_type);
        let oldest = facts.min_kernel;
        let write = access == Access::Write;
        if let Some(since) = tables::context_since(of, oldest, at, size, write) {
            let mut finding = self
                .finding(
                    Rule::NeedsNewerKernel,
                    format!(
                        "the {} at {at} of the context of `{}` programs came after Linux {oldest}, which the object is for, and by {since}",
                        bytes(size),
                        program_type.name()
                    ),
                    format!("invalid bpf_context access off={at} size={size}"),
                )
                .with_help(format!(
                    "raise it: `#[min_kernel = \"{since}\"]`; or jump around it by a load-time constant"
                ));
            finding.assumptions.clone_from(&self.assumed);
            self.lacks.insert(here, finding);
        }
    }

    pub(super) fn context_read(&mut self, at: i64, size: u8) -> Result<Value> {
        let Some(program_type) = self.program.facts.program_type else {
            return Ok(Value::Opaque);
        };
        let answer = tables::context_access(
            (program_type, self.program.facts.attach_type),
            self.program.facts.min_kernel,
            at,
            size,
            false,
        );
        let ContextAccess::Becomes(becomes) = answer else {
            return Ok(Value::Opaque);
        };
        let extends = self.program.facts.insns[self.at].opcode() & 0xe7 == SIGN_EXTENDING_LOAD;
        if extends && becomes.is_packet() {
            return Err(self
                .finding(
                    Rule::ContextAccess,
                    format!("the field at {at} of the context is a pointer into the packet, which has no sign"),
                    format!("invalid bpf_context access off={at} size={size}"),
                )
                .with_help(format!("load it as it is: `*(u{} *)`", u16::from(size) * 8))
                .into());
        }
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
            let meta = self.input(InputKind::Length, MOST_METADATA)?;
            let meta_input = meta.input;
            // The metadata is in words and short; no kernel counts on it when it checks programs.
            let meta = meta.bits.min(MOST_METADATA);
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
    pub(super) fn may_write_packets(&self) -> bool {
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
            self.no_lock("BPF_LD_[ABS|IND]")?;
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
            self.writers[register] = Some(at);
        }
        self.any(match size {
            PacketSize::Byte => 1,
            PacketSize::Half => 2,
            PacketSize::Word => 4,
        })
    }
}
