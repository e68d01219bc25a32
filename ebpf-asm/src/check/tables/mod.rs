//! Facts about program types, maps and helpers that no other table has.

#[rustfmt::skip] // A row is a line.
mod context;
#[rustfmt::skip] // A row is a line.
pub(super) mod fields;
pub(super) mod kfuncs;

use crate::{AttachType, KernelVersion, MapType, ProgramType};
use alloc::vec::Vec;

/// What a program may do at a place of its context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ContextAccess {
    /// No kernel allows it.
    Never,
    /// A load gives this; a store is allowed.
    Becomes(Becomes),
    /// Kernels or machines differ, or it is not known.
    Unknown,
}

/// What a load from the context gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Becomes {
    Number,
    Packet,
    PacketEnd,
    PacketMeta,
    Socket,
    SocketOrNull,
    SockCommonOrNull,
    FlowKeys,
    /// A pointer that is not modelled.
    Other,
}

impl Becomes {
    /// Whether it belongs to a packet that is in memory.
    pub(super) const fn is_packet(self) -> bool {
        matches!(self, Self::Packet | Self::PacketEnd | Self::PacketMeta)
    }
}

/// The context of a program type, where it attaches at one of some places.
struct Context {
    program_type: ProgramType,
    /// Empty: wherever it attaches.
    attach_types: &'static [AttachType],
    spans: &'static [Span],
}

/// A stretch of offsets with the same answer: `first`, `first + stride`, … up to `last`.
struct Span {
    /// The kernels that allow it: bits of [`context::KERNELS`].
    kernels: u8,
    write: bool,
    size: u8,
    first: u16,
    last: u16,
    stride: u8,
    becomes: Becomes,
}

impl Span {
    const fn holds(&self, at: u16, size: u8, write: bool) -> bool {
        self.write == write
            && self.size == size
            && self.first <= at
            && at <= self.last
            && (at - self.first).is_multiple_of(self.stride as u16)
    }
}

/// No machine saves more bytes of registers: contexts of kprobes and perf events.
const MOST_REGISTERS: i64 = 1024;

/// The kernels of [`context::KERNELS`] that say something about kernels from this one on: also the
/// last one before it, for what was between the two.
fn kernels_from(oldest: KernelVersion) -> u8 {
    let before = context::KERNELS.iter().filter(|&&kernel| kernel <= oldest);
    u8::MAX << before.count().saturating_sub(1)
}

/// What `size` bytes at `at` are on kernels from `oldest` on.
pub(super) fn context_access(
    (program_type, attach_type): (ProgramType, Option<AttachType>),
    oldest: KernelVersion,
    at: i64,
    size: u8,
    write: bool,
) -> ContextAccess {
    use ContextAccess::{Becomes as Gives, Never, Unknown};
    let aligned = at % i64::from(size) == 0;
    let number = || {
        if write { Never } else { Gives(Becomes::Number) }
    };
    match program_type {
        ProgramType::Tracing
        | ProgramType::StructOps
        | ProgramType::Ext
        | ProgramType::Lsm
        | ProgramType::LircMode2
        | ProgramType::Syscall => {
            return if at < 0 { Never } else { Unknown };
        }
        // The fields that all records have are not for programs; on 32-bit machines there are
        // fewer.
        ProgramType::Tracepoint => {
            return match at {
                8..8192 if aligned => number(),
                // The kernel compares without sign: what stands before the record passes.
                ..8 if aligned && !write => Unknown,
                _ => Never,
            };
        }
        // Twelve arguments.
        ProgramType::RawTracepoint | ProgramType::RawTracepointWritable => {
            return match at {
                0 if size == 8 && program_type == ProgramType::RawTracepointWritable => Unknown,
                0..96 if aligned => number(),
                96..160 if aligned => Unknown,
                _ => Never,
            };
        }
        // The machine's registers.
        ProgramType::Kprobe | ProgramType::PerfEvent => {
            let split = size == 8 && at % 8 == 4;
            return match at {
                0..MOST_REGISTERS if write => Unknown,
                0..128 if aligned && size == 8 => Gives(Becomes::Number),
                0..MOST_REGISTERS if aligned || split => Unknown,
                _ => Never,
            };
        }
        _ => {}
    }
    let mut known = false;
    let mut gives = None;
    let asked = kernels_from(oldest);
    for context in context::CONTEXTS {
        if context.program_type != program_type {
            continue;
        }
        let this = context.attach_types.is_empty()
            || attach_type.is_none_or(|attach_type| context.attach_types.contains(&attach_type));
        if !this {
            continue;
        }
        known = true;
        let Ok(at) = u16::try_from(at) else {
            continue;
        };
        let spans = context.spans.iter();
        for span in spans.filter(|span| span.kernels & asked != 0 && span.holds(at, size, write)) {
            match gives {
                // Kernels, or places, differ.
                Some(other) if other != span.becomes => return Unknown,
                _ => gives = Some(span.becomes),
            }
        }
    }
    match gives {
        Some(becomes) => Gives(becomes),
        None if known || at < 0 => Never,
        None => Unknown,
    }
}

/// The first kernel of those that were asked on which a place of the context can be accessed, if
/// on `oldest` it cannot: what was asked before and after it says so.
pub(super) fn context_since(
    (program_type, attach_type): (ProgramType, Option<AttachType>),
    oldest: KernelVersion,
    at: i64,
    size: u8,
    write: bool,
) -> Option<KernelVersion> {
    let at = u16::try_from(at).ok()?;
    // The last kernel that says something about `oldest`: nothing was taken away so far.
    let mut kernels = context::KERNELS.iter();
    let asked = kernels.position(|&kernel| kernel >= oldest)?;
    let mut there = 0;
    let mut all = 0;
    for context in context::CONTEXTS {
        let this = context.attach_types.is_empty()
            || attach_type.is_none_or(|attach_type| context.attach_types.contains(&attach_type));
        if context.program_type == program_type && this {
            all |= context
                .spans
                .iter()
                .fold(0, |bits, span| bits | span.kernels);
            let spans = context.spans.iter();
            there |= spans
                .filter(|span| span.holds(at, size, write))
                .fold(0, |bits, span| bits | span.kernels);
        }
    }
    // Of a type that the kernel does not have something else is to be said.
    let has_type = all >> asked & 1 == 1;
    let lacks = there & (u8::MAX >> (7 - asked)) == 0;
    let first = there.trailing_zeros() as usize;
    (has_type && lacks).then(|| context::KERNELS.get(first).copied())?
}

/// The sizes in which a place of the context can be accessed, the largest first.
pub(super) fn context_sizes(
    of: (ProgramType, Option<AttachType>),
    oldest: KernelVersion,
    at: i64,
    write: bool,
) -> Vec<u8> {
    let answer = |size| context_access(of, oldest, at, size, write);
    let mut sizes: Vec<u8> = [8, 4, 2, 1].into();
    sizes.retain(|&size| matches!(answer(size), ContextAccess::Becomes(_)));
    sizes
}

/// Whether programs of this type may write to packets; also where that is not certain.
pub(super) const fn writes_packets(program_type: ProgramType) -> bool {
    !matches!(
        program_type,
        ProgramType::LwtIn
            | ProgramType::LwtOut
            | ProgramType::LwtSeg6local
            | ProgramType::SkReuseport
            | ProgramType::FlowDissector
            | ProgramType::CgroupSkb
    )
}

/// Whether helpers may be given packet memory in programs of this type; also where that is not
/// certain.
pub(super) const fn hands_packets_to_helpers(program_type: ProgramType) -> bool {
    !matches!(
        program_type,
        ProgramType::SocketFilter
            | ProgramType::Kprobe
            | ProgramType::Tracepoint
            | ProgramType::PerfEvent
            | ProgramType::CgroupSock
            | ProgramType::SockOps
            | ProgramType::CgroupDevice
            | ProgramType::RawTracepoint
            | ProgramType::CgroupSockAddr
            | ProgramType::CgroupSysctl
    )
}

/// Whether a helper may change the packet, so that pointers into it are gone.
pub(super) fn changes_packet(helper: &str) -> bool {
    matches!(
        helper,
        "bpf_skb_store_bytes"
            | "bpf_l3_csum_replace"
            | "bpf_l4_csum_replace"
            | "bpf_clone_redirect"
            | "bpf_skb_vlan_push"
            | "bpf_skb_vlan_pop"
            | "bpf_skb_change_proto"
            | "bpf_skb_change_tail"
            | "bpf_skb_pull_data"
            | "bpf_skb_change_head"
            | "bpf_xdp_adjust_head"
            | "bpf_skb_adjust_room"
            | "bpf_xdp_adjust_meta"
            | "bpf_msg_pull_data"
            | "bpf_xdp_adjust_tail"
            | "bpf_lwt_push_encap"
            | "bpf_lwt_seg6_store_bytes"
            | "bpf_lwt_seg6_adjust_srh"
            | "bpf_lwt_seg6_action"
            | "bpf_msg_push_data"
            | "bpf_msg_pop_data"
    )
}

/// The least and the most that a program may return, where there is a range.
pub(super) const fn return_range(
    program_type: ProgramType,
    attach_type: Option<AttachType>,
) -> Option<(i64, i64)> {
    use AttachType as A;
    Some(match program_type {
        ProgramType::CgroupSockAddr => match attach_type {
            Some(
                A::CgroupUdp4Recvmsg
                | A::CgroupUdp6Recvmsg
                | A::CgroupInet4Getpeername
                | A::CgroupInet6Getpeername
                | A::CgroupInet4Getsockname
                | A::CgroupInet6Getsockname
                | A::CgroupUnixRecvmsg
                | A::CgroupUnixGetpeername
                | A::CgroupUnixGetsockname,
            ) => (1, 1),
            None | Some(A::CgroupInet4Bind | A::CgroupInet6Bind) => (0, 3),
            Some(_) => (0, 1),
        },
        // Packets that leave may also be told to slow down.
        ProgramType::CgroupSkb => match attach_type {
            Some(A::CgroupInetIngress) => (0, 1),
            _ => (0, 3),
        },
        ProgramType::CgroupSock
        | ProgramType::SockOps
        | ProgramType::CgroupDevice
        | ProgramType::CgroupSysctl
        | ProgramType::CgroupSockopt
        | ProgramType::SkLookup
        | ProgramType::Netfilter => (0, 1),
        _ => return None,
    })
}

/// The types of maps that no kernel lets a helper work on, each as the bit of its number.
pub(super) fn maps_not_taken(helper: u32) -> u64 {
    MapType::ALL
        .iter()
        .filter(|&&map_type| !takes_map(helper, map_type))
        .fold(0, |bits, map_type| bits | 1 << map_type.as_raw())
}

/// Since then programs that may not hold the lock of a map of sockets cannot delete from it.
const NO_DELETE_FROM_SOCKMAP: KernelVersion = KernelVersion::new(6, 10);

/// Whether programs of this type may change maps of sockets by a helper for all maps.
pub(super) fn may_change_sockmap(
    helper: &str,
    program_type: ProgramType,
    min_kernel: KernelVersion,
) -> bool {
    use ProgramType as P;
    let deletes = helper == "bpf_map_delete_elem";
    if !deletes && helper != "bpf_map_update_elem" {
        return true;
    }
    match program_type {
        P::SocketFilter | P::SchedCls | P::SchedAct | P::Xdp | P::SkReuseport => true,
        // Those of iterators; the others cannot be told apart from them here.
        P::FlowDissector | P::SkLookup | P::Tracing | P::Ext => true,
        P::SockOps if deletes => true,
        _ => deletes && min_kernel < NO_DELETE_FROM_SOCKMAP,
    }
}

/// Whether a helper may work on a map of this type: both have a say.
pub(super) fn takes_map(helper: u32, map_type: MapType) -> bool {
    use MapType as M;
    // What maps of the type are for.
    let by_map = match map_type {
        M::ProgArray => matches!(helper, 12),
        M::PerfEventArray => matches!(helper, 22 | 25 | 55 | 111 | 121),
        M::Ringbuf => matches!(helper, 130..=134 | 198..=200),
        M::UserRingbuf => matches!(helper, 209),
        M::StackTrace => matches!(helper, 27 | 2 | 3),
        M::CgroupArray => matches!(helper, 33 | 37),
        M::CgroupStorage | M::PercpuCgroupStorage => matches!(helper, 81),
        M::Devmap | M::DevmapHash | M::Xskmap => matches!(helper, 51 | 1),
        M::Cpumap => matches!(helper, 51),
        M::ArrayOfMaps | M::HashOfMaps => matches!(helper, 1),
        M::Sockmap => matches!(helper, 52 | 53 | 60 | 82 | 1 | 2 | 3),
        M::Sockhash => matches!(helper, 70 | 71 | 72 | 82 | 1 | 2 | 3),
        M::ReuseportSockarray => matches!(helper, 82),
        M::Queue | M::Stack => matches!(helper, 87..=89),
        M::BloomFilter => matches!(helper, 87 | 89),
        M::SkStorage => matches!(helper, 107 | 108 | 194),
        M::InodeStorage => matches!(helper, 145 | 146 | 194),
        M::TaskStorage => matches!(helper, 156 | 157 | 194),
        M::CgrpStorage => matches!(helper, 210 | 211 | 194),
        _ => true,
    };
    // What the helper is for.
    let by_helper = match helper {
        12 => matches!(map_type, M::ProgArray),
        22 | 25 | 55 | 111 | 121 => matches!(map_type, M::PerfEventArray),
        130..=134 | 198..=200 => matches!(map_type, M::Ringbuf),
        209 => matches!(map_type, M::UserRingbuf),
        27 => matches!(map_type, M::StackTrace),
        33 | 37 => matches!(map_type, M::CgroupArray),
        51 => matches!(map_type, M::Devmap | M::DevmapHash | M::Cpumap | M::Xskmap),
        52 | 53 | 60 => matches!(map_type, M::Sockmap),
        70..=72 => matches!(map_type, M::Sockhash),
        81 => matches!(map_type, M::CgroupStorage | M::PercpuCgroupStorage),
        82 => matches!(map_type, M::ReuseportSockarray | M::Sockmap | M::Sockhash),
        88 => matches!(map_type, M::Queue | M::Stack),
        87 | 89 => matches!(map_type, M::Queue | M::Stack | M::BloomFilter),
        107 | 108 => matches!(map_type, M::SkStorage),
        145 | 146 => matches!(map_type, M::InodeStorage),
        156 | 157 => matches!(map_type, M::TaskStorage),
        210 | 211 => matches!(map_type, M::CgrpStorage),
        195 => matches!(map_type, M::PercpuArray | M::PercpuHash | M::LruPercpuHash),
        _ => true,
    };
    by_map && by_helper || may_learn(map_type)
}

/// Kinds of maps that newer kernels may open to more helpers.
pub(super) const fn may_learn(map_type: MapType) -> bool {
    use MapType as M;
    matches!(map_type, M::InsnArray | M::Arena | M::Rhash | M::StructOps)
}
