//! Programs to begin with: each is accepted as it stands.

use super::Sample;
use super::generate::MAPS;
use ebpf_asm::{AttachType, ProgramType, assemble};

/// Type, attach type, text. `ld_pseudo rN, 1, M` is map M of the list in `generate`.
const PROGRAMS: &[(ProgramType, Option<AttachType>, &str)] = &[
    (
        ProgramType::SocketFilter,
        None,
        "r6 = r1
         r0 = *(u16 *)skb[12]
         if r0 != 0x800 goto drop
         r0 = *(u8 *)skb[23]
         if r0 == 17 goto keep
     drop:
         r0 = 0
         exit
     keep:
         r0 = *(u32 *)(r6 + 0)
         exit",
    ),
    (
        ProgramType::Xdp,
        None,
        "r2 = *(u32 *)(r1 + 0)
         r3 = *(u32 *)(r1 + 4)
         r4 = r2
         r4 += 34
         if r4 > r3 goto pass
         r5 = *(u16 *)(r2 + 12)
         if r5 != 8 goto pass
         r5 = *(u8 *)(r2 + 14)
         r5 &= 15
         r5 <<= 2
         if r5 < 20 goto pass
         r2 += 14
         r2 += r5
         r4 = r2
         r4 += 8
         if r4 > r3 goto pass
         r0 = *(u16 *)(r2 + 2)
         *(u16 *)(r2 + 6) = 0
         r0 = 1
         exit
     pass:
         r0 = 2
         exit",
    ),
    (
        ProgramType::SchedCls,
        None,
        "r6 = r1
         r2 = *(u32 *)(r6 + 76)
         r3 = *(u32 *)(r6 + 80)
         r1 = r2
         r1 += 14
         if r1 > r3 goto out
         r7 = *(u16 *)(r2 + 12)
         r1 = r6
         r2 = 12
         r3 = r10
         r3 += -16
         r4 = 4
         call bpf_skb_load_bytes
         if r0 != 0 goto out
         r1 = r6
         r2 = 0
         r3 = r10
         r3 += -16
         r4 = 4
         r5 = 0
         call bpf_skb_store_bytes
         r2 = *(u32 *)(r6 + 76)
         r3 = *(u32 *)(r6 + 80)
         r1 = r2
         r1 += 8
         if r1 > r3 goto out
         r0 = *(u64 *)(r2 + 0)
     out:
         r0 = 0
         exit",
    ),
    (
        ProgramType::Tracepoint,
        None,
        "r7 = *(u64 *)(r1 + 16)
         *(u64 *)(r10 - 8) = r7
         r2 = r10
         r2 += -8
         ld_pseudo r1, 1, 0
         call bpf_map_lookup_elem
         if r0 == 0 goto insert
         r1 = 1
         lock *(u64 *)(r0 + 0) += r1
         r1 = *(u32 *)(r0 + 8)
         if r1 > 40 goto out
         r0 += r1
         *(u8 *)(r0 + 7) = r7
         goto out
     insert:
         *(u64 *)(r10 - 56) = 0
         *(u64 *)(r10 - 48) = 0
         *(u64 *)(r10 - 40) = 0
         *(u64 *)(r10 - 32) = 0
         *(u64 *)(r10 - 24) = 0
         *(u64 *)(r10 - 16) = 0
         ld_pseudo r1, 1, 0
         r2 = r10
         r2 += -8
         r3 = r10
         r3 += -56
         r4 = 1
         call bpf_map_update_elem
     out:
         r0 = 0
         exit",
    ),
    (
        ProgramType::RawTracepoint,
        None,
        "r6 = *(u64 *)(r1 + 0)
         r7 = *(u64 *)(r1 + 8)
         r1 = r10
         r1 += -32
         r2 = 32
         r3 = r7
         call bpf_probe_read_kernel_str
         if r0 s<= 0 goto out
         if r0 s> 32 goto out
         r8 = r0
         ld_pseudo r1, 1, 2
         r2 = 32
         r3 = 0
         call bpf_ringbuf_reserve
         if r0 == 0 goto out
         r9 = r0
         *(u64 *)(r9 + 0) = r6
         *(u64 *)(r9 + 24) = r8
         r1 = *(u64 *)(r10 - 32)
         *(u64 *)(r9 + 8) = r1
         r1 = r9
         r2 = 0
         call bpf_ringbuf_submit
     out:
         r0 = 0
         exit",
    ),
    (
        ProgramType::SchedCls,
        None,
        "r6 = r1
         *(u64 *)(r10 - 8) = 0
         *(u64 *)(r10 - 16) = 0
         *(u64 *)(r10 - 24) = 0
         *(u64 *)(r10 - 32) = 0
         *(u64 *)(r10 - 40) = 0
         *(u64 *)(r10 - 48) = 0
         r2 = r10
         r2 += -48
         r3 = 36
         r4 = 0
         r5 = 0
         call bpf_sk_lookup_tcp
         if r0 == 0 goto out
         r7 = r0
         r8 = *(u32 *)(r7 + 4)
         r1 = r7
         call bpf_tcp_sock
         if r0 == 0 goto release
         r8 = *(u32 *)(r0 + 0)
     release:
         r1 = r7
         call bpf_sk_release
     out:
         r0 = 0
         exit",
    ),
    (
        ProgramType::CgroupSkb,
        Some(AttachType::CgroupInetEgress),
        "r6 = *(u64 *)(r1 + 168)
         if r6 == 0 goto out
         r1 = r6
         call bpf_sk_fullsock
         if r0 == 0 goto out
         r7 = *(u32 *)(r0 + 4)
         r8 = *(u32 *)(r0 + 12)
     out:
         r0 = 1
         exit",
    ),
    (
        ProgramType::CgroupSockAddr,
        Some(AttachType::CgroupInet4Connect),
        "r6 = r1
         r7 = *(u32 *)(r6 + 4)
         if r7 != 0x0100007f goto out
         *(u16 *)(r10 - 2) = 80
         r8 = *(u32 *)(r6 + 24)
         if r8 == 0x5000 goto refuse
     out:
         r0 = 1
         exit
     refuse:
         r0 = 0
         exit",
    ),
    (
        ProgramType::SocketFilter,
        None,
        "r6 = r1
         *(u32 *)(r10 - 4) = 1
         r2 = r10
         r2 += -4
         ld_pseudo r1, 1, 1
         call bpf_map_lookup_elem
         if r0 == 0 goto out
         r7 = r0
         r1 = *(u32 *)(r7 + 0)
         r1 &= 31
         r7 += r1
         r2 = *(u64 *)(r7 + 0)
         r3 = *(u8 *)(r7 + 16)
         *(u64 *)(r7 + 8) = r2
     out:
         r0 = 0
         exit",
    ),
    (
        ProgramType::SocketFilter,
        None,
        "r6 = 0
         r7 = 0
     again:
         *(u64 *)(r10 - 8) = r6
         r7 += r6
         r6 += 1
         if r6 < 10 goto again
         r1 = r10
         r2 = 5
         call add
         r0 += r7
         exit
     add:
         r3 = *(u64 *)(r1 - 8)
         r3 += r2
         *(u64 *)(r10 - 8) = r3
         r0 = *(u64 *)(r10 - 8)
         exit",
    ),
    (
        ProgramType::Kprobe,
        None,
        "r6 = *(u64 *)(r1 + 112)
         r1 = r10
         r1 += -16
         r2 = 16
         call bpf_get_current_comm
         r1 = *(u64 *)(r10 - 16)
         if r1 == 0 goto out
         r2 = *(u8 *)(r10 - 9)
         r3 = r10
         r3 += -64
         *(u64 *)(r3 + 0) = r6
         *(u64 *)(r3 + 8) = r2
         r4 = *(u64 *)(r10 - 56)
     out:
         r0 = 0
         exit",
    ),
    (
        ProgramType::Xdp,
        None,
        "r6 = r1
         r2 = *(u32 *)(r6 + 8)
         r3 = *(u32 *)(r6 + 0)
         r4 = r2
         r4 += 8
         if r4 > r3 goto out
         r5 = *(u64 *)(r2 + 0)
         r1 = r6
         r2 = -4
         call bpf_xdp_adjust_head
         if r0 != 0 goto out
         r2 = *(u32 *)(r6 + 0)
         r3 = *(u32 *)(r6 + 4)
         r4 = r2
         r4 += 4
         if r4 > r3 goto out
         *(u32 *)(r2 + 0) = 7
     out:
         r0 = 2
         exit",
    ),
    (
        ProgramType::CgroupSock,
        Some(AttachType::CgroupInetSockCreate),
        "r6 = r1
         r7 = *(u32 *)(r6 + 4)
         r8 = *(u32 *)(r6 + 12)
         *(u32 *)(r6 + 16) = r8
         if r7 == 2 goto yes
         r0 = 0
         exit
     yes:
         r0 = 1
         exit",
    ),
    (
        ProgramType::LwtXmit,
        None,
        "r2 = *(u32 *)(r1 + 76)
         r3 = *(u32 *)(r1 + 80)
         r0 = 0
         r4 = r2
         r4 += 20
         if r4 > r3 goto out
         w5 = *(u8 *)(r2 + 8)
         w5 += -1
         if w5 s< 1 goto out
         *(u8 *)(r2 + 8) = w5
     out:
         exit",
    ),
    (
        ProgramType::SchedCls,
        None,
        "r6 = r1
         *(u64 *)(r10 - 8) = 7
         *(u64 *)(r10 - 16) = r6
         r2 = r10
         r2 += -8
         call outer
         r1 = *(u64 *)(r10 - 16)
         r2 = *(u32 *)(r1 + 0)
         r0 += r2
         r0 = 0
         exit
     outer:
         r6 = r2
         r7 = *(u32 *)(r1 + 4)
         *(u64 *)(r10 - 8) = r7
         r1 = r2
         r2 = r10
         r2 += -8
         call inner
         *(u64 *)(r6 + 0) = r0
         exit
     inner:
         r3 = *(u64 *)(r1 + 0)
         r0 = *(u64 *)(r2 + 0)
         r0 += r3
         exit",
    ),
    (
        ProgramType::Tracepoint,
        None,
        "r6 = r1
         r1 = r10
         r1 += -8
         *(u64 *)(r1 + 0) = 3
         call find
         if r0 == 0 goto out
         r7 = *(u64 *)(r6 + 8)
         *(u64 *)(r0 + 40) = r7
     out:
         r0 = 0
         exit
     find:
         r2 = r1
         ld_pseudo r1, 1, 0
         call bpf_map_lookup_elem
         exit",
    ),
    (
        ProgramType::Xdp,
        None,
        "r6 = r1
         r1 = *(u32 *)(r6 + 0)
         r2 = *(u32 *)(r6 + 4)
         call parse
         if r0 == 0 goto drop
         r0 = 2
         exit
     drop:
         r0 = 1
         exit
     parse:
         r0 = 0
         r3 = r1
         r3 += 20
         if r3 > r2 goto short
         r0 = *(u8 *)(r1 + 9)
     short:
         exit",
    ),
    (
        ProgramType::SocketFilter,
        None,
        "*(u64 *)(r10 - 8) = r1
         r6 = r10
         r6 += -16
         call bpf_get_prandom_u32
         r0 &= 7
         *(u64 *)(r6 + 0) = r0
         r1 = *(u64 *)(r10 - 8)
         r2 = *(u32 *)(r1 + 0)
         r3 = *(u8 *)(r10 - 16)
         if r3 > 4 goto out
         r4 = r10
         r4 += -8
         r6 += r3
         *(u8 *)(r6 - 8) = r3
         r0 = *(u8 *)(r6 - 8)
         exit
     out:
         r0 = *(u32 *)(r1 + 4)
         exit",
    ),
    (
        ProgramType::SchedCls,
        None,
        "r6 = r1
         *(u64 *)(r10 - 8) = 0
         r1 = 10
         r2 = add ll
         r3 = r10
         r3 += -8
         r4 = 0
         call bpf_loop
         r0 = *(u64 *)(r10 - 8)
         r0 &= 1
         exit
     add:
         r3 = *(u64 *)(r2 + 0)
         r3 += r1
         *(u64 *)(r2 + 0) = r3
         r0 = 0
         if r1 < 5 goto more
         r0 = 1
     more:
         exit",
    ),
    (
        ProgramType::SocketFilter,
        None,
        "r6 = r1
         *(u64 *)(r10 - 16) = 7
         ld_pseudo r1, 1, 0
         r2 = each ll
         r3 = r10
         r3 += -16
         r4 = 0
         call bpf_for_each_map_elem
         r7 = r0
         r0 = *(u32 *)(r6 + 0)
         exit
     each:
         r5 = *(u64 *)(r2 + 0)
         r6 = *(u64 *)(r3 + 40)
         r6 += r5
         *(u64 *)(r3 + 8) = r6
         r7 = *(u64 *)(r4 + 0)
         *(u64 *)(r4 + 0) = r6
         r0 = 0
         exit",
    ),
    (
        ProgramType::SchedCls,
        None,
        "*(u32 *)(r10 - 4) = 1
         r2 = r10
         r2 += -4
         ld_pseudo r1, 1, 13
         call bpf_map_lookup_elem
         if r0 == 0 goto out
         r6 = r0
         r1 = r0
         ld_pseudo r2, 1, 13
         r3 = 1
         call bpf_timer_init
         r1 = r6
         r2 = fire ll
         call bpf_timer_set_callback
         r1 = r6
         r2 = 1000
         r3 = 0
         call bpf_timer_start
     out:
         r0 = 0
         exit
     fire:
         r4 = *(u64 *)(r3 + 24)
         r4 += 1
         *(u64 *)(r3 + 40) = r4
         r5 = *(u32 *)(r2 + 0)
         r0 = 0
         exit",
    ),
    (
        ProgramType::SchedCls,
        None,
        "r6 = *(u32 *)(r1 + 0)
         *(u32 *)(r10 - 4) = 0
         r2 = r10
         r2 += -4
         ld_pseudo r1, 1, 12
         call bpf_map_lookup_elem
         if r0 == 0 goto out
         r7 = r0
         r1 = r0
         call bpf_spin_lock
         r2 = *(u32 *)(r7 + 4)
         if r2 > 100 goto full
         r2 += 1
         *(u32 *)(r7 + 4) = r2
         *(u64 *)(r7 + 8) = r6
     full:
         r1 = r7
         call bpf_spin_unlock
     out:
         r0 = 0
         exit",
    ),
];

pub(super) fn all() -> Vec<Sample> {
    PROGRAMS
        .iter()
        .map(|&(program_type, attach_type, text)| Sample {
            program_type,
            attach_type,
            insns: match assemble(text) {
                Ok(code) => code.into_insns(),
                Err(errors) => panic!("{errors}"),
            },
            maps: MAPS.to_vec(),
            gpl: true,
            global: None,
        })
        .collect()
}
