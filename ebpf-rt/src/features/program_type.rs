//! Program types: the smallest program of each.

use super::ask::{self, Refusal};
use crate::sys::probe::ProbeProgram;
use crate::{Errno, Error, ebpf_asm};
use ebpf_asm::isa::Insn;
use ebpf_asm::{AttachType, ProgramType};

const BPF_F_SLEEPABLE: u32 = 1 << 4;

/// The smallest program.
pub(super) const SMALLEST: &[Insn] = ebpf_asm! { r0 = 0; exit }.into_static();

/// A place for programs of a type: what a load has to say about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hook {
    attach_type: u32,
    flags: u32,
}

impl Hook {
    pub(super) const fn none() -> Self {
        Self {
            attach_type: 0,
            flags: 0,
        }
    }

    pub(super) const fn at(attach_type: AttachType) -> Self {
        Self {
            attach_type: attach_type.as_raw(),
            flags: 0,
        }
    }

    const fn sleepable() -> Self {
        Self {
            attach_type: 0,
            flags: BPF_F_SLEEPABLE,
        }
    }

    /// The program for this place.
    pub(super) fn program(self, program_type: ProgramType, insns: &[Insn]) -> ProbeProgram<'_> {
        ProbeProgram {
            attach_type: self.attach_type,
            flags: self.flags,
            ..ask::program(program_type, insns)
        }
    }
}

/// Where programs of a type can be: the commonest place first, and those whose helpers differ.
pub(super) const fn hooks(program_type: ProgramType) -> &'static [Hook] {
    use AttachType as A;
    match program_type {
        ProgramType::CgroupSock => {
            &const {
                [
                    Hook::at(A::CgroupInetSockCreate),
                    Hook::at(A::CgroupInetSockRelease),
                    Hook::at(A::CgroupInet4PostBind),
                ]
            }
        }
        ProgramType::CgroupSockAddr => {
            &const {
                [
                    Hook::at(A::CgroupInet4Connect),
                    Hook::at(A::CgroupInet4Bind),
                    Hook::at(A::CgroupUdp4Sendmsg),
                    Hook::at(A::CgroupInet4Getpeername),
                    Hook::at(A::CgroupUnixConnect),
                ]
            }
        }
        ProgramType::CgroupSockopt => {
            &const { [Hook::at(A::CgroupSetsockopt), Hook::at(A::CgroupGetsockopt)] }
        }
        // These have one place; some helpers are there only if it is named.
        ProgramType::CgroupDevice => &const { [Hook::at(A::CgroupDevice)] },
        ProgramType::CgroupSysctl => &const { [Hook::at(A::CgroupSysctl)] },
        ProgramType::SkLookup => &const { [Hook::at(A::SkLookup)] },
        ProgramType::Netfilter => &const { [Hook::at(A::Netfilter)] },
        ProgramType::Tracing => &const { [Hook::at(A::TraceRawTp)] },
        ProgramType::Lsm => &const { [Hook::at(A::LsmMac)] },
        ProgramType::Syscall => &const { [Hook::sleepable()] },
        ProgramType::Kprobe | ProgramType::Tracepoint | ProgramType::RawTracepoint => {
            &const { [Hook::none(), Hook::sleepable()] }
        }
        _ => &const { [Hook::none()] },
    }
}

/// Whether a refusal is what a kernel says that knows the type: these attach to something in
/// the kernel or in another program, and the probe names nothing.
fn asks_for_a_target(program_type: ProgramType, refusal: &Refusal) -> bool {
    match program_type {
        ProgramType::Tracing | ProgramType::Lsm | ProgramType::Ext => {
            refusal.errno == Errno::EINVAL && refusal.says(&["must provide btf_id"])
        }
        ProgramType::StructOps => refusal.errno == Errno::ENOTSUPP,
        _ => false,
    }
}

pub(super) fn ask(program_type: ProgramType) -> Result<bool, Error> {
    let hook = hooks(program_type)[0];
    match ask::load(&hook.program(program_type, SMALLEST)) {
        Ok(_) => Ok(true),
        Err(refusal) if asks_for_a_target(program_type, &refusal) => Ok(true),
        Err(refusal) if refusal.is_wordless() => Ok(false),
        // A field of the attribute that came later than all types that do without it.
        Err(refusal) if refusal.errno == Errno::E2BIG => Ok(false),
        Err(refusal) => {
            let asked = format!("programs of type {program_type}");
            Err(refusal.unexpected(&asked, "BPF_PROG_LOAD", program_type))
        }
    }
}
