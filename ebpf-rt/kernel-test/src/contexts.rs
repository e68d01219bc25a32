//! What programs of each type may do to their context, asked of the running kernel by loading a
//! program for each type, offset, size and direction.

use crate::bpf;
use ebpf_asm::isa::{Instruction, Register, Size};
use ebpf_asm::{AttachType, ProgramType};
use std::collections::BTreeMap;

type Result<T> = std::result::Result<T, String>;

/// No context of the types below has as many bytes.
const MOST: u16 = 320;

/// The types that are asked for, and where they attach if that changes the context. The rules of
/// the others are written down in `tables/mod.rs`: they depend on the machine, or have one
/// condition for all offsets.
pub const ASKED: &[(ProgramType, &[AttachType])] = {
    use AttachType as A;
    use ProgramType as P;
    &[
        (P::SocketFilter, &[]),
        (P::SchedCls, &[]),
        (P::SchedAct, &[]),
        (
            P::Xdp,
            &[A::CgroupInetIngress, A::Xdp, A::XdpCpumap, A::XdpDevmap],
        ),
        (P::CgroupSkb, &[A::CgroupInetIngress, A::CgroupInetEgress]),
        (
            P::CgroupSock,
            &[
                A::CgroupInetSockCreate,
                A::CgroupInetSockRelease,
                A::CgroupInet4PostBind,
                A::CgroupInet6PostBind,
            ],
        ),
        (P::LwtIn, &[]),
        (P::LwtOut, &[]),
        (P::LwtXmit, &[]),
        (P::LwtSeg6local, &[]),
        (P::SockOps, &[A::CgroupSockOps]),
        (P::SkSkb, &[]),
        (P::CgroupDevice, &[A::CgroupDevice]),
        (P::SkMsg, &[]),
        (
            P::CgroupSockAddr,
            &[
                A::CgroupInet4Bind,
                A::CgroupInet6Bind,
                A::CgroupInet4Connect,
                A::CgroupInet6Connect,
                A::CgroupUnixConnect,
                A::CgroupUdp4Sendmsg,
                A::CgroupUdp6Sendmsg,
                A::CgroupUnixSendmsg,
                A::CgroupUdp4Recvmsg,
                A::CgroupUdp6Recvmsg,
                A::CgroupUnixRecvmsg,
                A::CgroupInet4Getpeername,
                A::CgroupInet6Getpeername,
                A::CgroupUnixGetpeername,
                A::CgroupInet4Getsockname,
                A::CgroupInet6Getsockname,
                A::CgroupUnixGetsockname,
            ],
        ),
        (
            P::SkReuseport,
            &[A::SkReuseportSelect, A::SkReuseportSelectOrMigrate],
        ),
        (P::FlowDissector, &[]),
        (P::CgroupSysctl, &[A::CgroupSysctl]),
        (
            P::CgroupSockopt,
            &[A::CgroupGetsockopt, A::CgroupSetsockopt],
        ),
        (P::SkLookup, &[A::SkLookup]),
        (P::Netfilter, &[A::Netfilter]),
    ]
};

/// Whether it is written, size and offset: what a load gives.
pub type Answers = BTreeMap<(bool, u8, u16), &'static str>;

/// What the running kernel allows at a place; `None` if it does not have it.
///
/// # Errors
/// A log that cannot be read.
pub fn ask(
    program_type: ProgramType,
    place: Option<AttachType>,
    log: &mut [u8],
) -> Result<Option<Answers>> {
    let mut answers = Answers::new();
    // Without an access the program has to load, or the answers mean nothing.
    if load(program_type, place, &[], None).is_err() {
        return Ok(None);
    }
    for (size, bytes) in [
        (Size::Byte, 1),
        (Size::Half, 2),
        (Size::Word, 4),
        (Size::Double, 8),
    ] {
        // Contexts of these types are accessed aligned, on every kernel.
        for at in (0..MOST).step_by(usize::from(bytes)) {
            let offset = at.cast_signed();
            let read = Instruction::load(size, Register::R2, Register::R1, offset);
            if load(program_type, place, &[read], None).is_ok() {
                // What it became, the log says.
                load(program_type, place, &[read], Some(log))
                    .map_err(|error| format!("the log of a program that loads: {error}"))?;
                answers.insert((false, bytes, at), became(log)?);
            }
            let write = [
                Instruction::mov_imm(Register::R2, 0),
                Instruction::store_reg(size, Register::R1, offset, Register::R2),
            ];
            if load(program_type, place, &write, None).is_ok() {
                answers.insert((true, bytes, at), "");
            }
        }
    }
    Ok(Some(answers))
}

fn load(
    program_type: ProgramType,
    place: Option<AttachType>,
    access: &[Instruction],
    log: Option<&mut [u8]>,
) -> std::io::Result<()> {
    // One is what every type may return.
    let end = [Instruction::mov_imm(Register::R0, 1), Instruction::exit()];
    let insns: Vec<u8> = access
        .iter()
        .chain(&end)
        .flat_map(|instruction| instruction.encode().to_vec())
        .flat_map(|slot| slot.to_ne_bytes())
        .collect();
    let program = bpf::Program {
        program_type: program_type.as_raw(),
        attach_type: place.map_or(0, AttachType::as_raw),
        insns: &insns,
        license: c"GPL",
        flags: 0,
        functions: None,
    };
    bpf::load(&program, log).map(drop)
}

/// The type of `r2` after the first instruction, by the log.
fn became(log: &[u8]) -> Result<&'static str> {
    let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    let log = String::from_utf8_lossy(&log[..end]);
    let state = log
        .lines()
        .find_map(|line| line.split_once("R2=").or_else(|| line.split_once("R2_w=")))
        .map(|(_, state)| state)
        .ok_or_else(|| format!("no state in the log:\n{log}"))?;
    let name = state
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .next()
        .unwrap_or_default();
    Ok(match name {
        "pkt" => "Packet",
        "pkt_end" => "PacketEnd",
        "pkt_meta" => "PacketMeta",
        "sock" => "Socket",
        "sock_or_null" => "SocketOrNull",
        "sock_common_or_null" => "SockCommonOrNull",
        "flow_keys" => "FlowKeys",
        "scalar" | "inv" => "Number",
        _ if name.bytes().all(|byte| byte.is_ascii_digit()) => "Number",
        _ => "Other",
    })
}

/// Everything that the running kernel allows, an answer in a line: type, place or `-`, `r` or
/// `w`, size, the first offset, the last, the distance between them, what it becomes.
///
/// # Errors
/// A log that cannot be read.
pub fn tell(mut line: impl FnMut(&str)) -> Result<()> {
    bpf::raise_memlock();
    let mut log = vec![0; 1 << 16];
    for &(program_type, attach_types) in ASKED {
        let places: Vec<Option<AttachType>> = match attach_types {
            [] => vec![None],
            list => list.iter().copied().map(Some).collect(),
        };
        for place in places {
            let Some(mut left) = ask(program_type, place, &mut log)? else {
                continue;
            };
            let name = place.map_or("-", AttachType::kernel_name);
            while let Some((&(write, size, first), &becomes)) = left.first_key_value() {
                let (last, stride) = stretch(&left, (write, size, first), becomes);
                for at in (first..=last).step_by(usize::from(stride)) {
                    left.remove(&(write, size, at));
                }
                let way = if write { "w" } else { "r" };
                line(&format!(
                    "{}\t{name}\t{way}\t{size}\t{first}\t{last}\t{stride}\t{becomes}",
                    program_type.kernel_name()
                ));
            }
        }
    }
    Ok(())
}

/// The longest stretch of the same answer that begins here: its end, and the distance.
pub fn stretch<T: PartialEq>(
    answers: &BTreeMap<(bool, u8, u16), T>,
    (write, size, first): (bool, u8, u16),
    same: T,
) -> (u16, u16) {
    let reach = |stride: u16| {
        let mut last = first;
        while answers.get(&(write, size, last + stride)) == Some(&same) {
            last += stride;
        }
        (last - first) / stride
    };
    let stride = [1, 2, 4, 8]
        .into_iter()
        .max_by_key(|&stride| (reach(stride), stride))
        .unwrap_or(1);
    (first + reach(stride) * stride, stride)
}
