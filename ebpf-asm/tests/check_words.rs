//! The words about what the checker finds: notes that name the cause, a help with what to write,
//! and what the kernel says.

#![cfg(all(feature = "check", feature = "text"))]

use ebpf_asm::ProgramType::{self, *};
use ebpf_asm::assemble;
use ebpf_asm::check::{Finding, MapFacts, Program, Reference, ReferenceKind, check};
use ebpf_asm::diag::Rule;
use ebpf_asm::isa::{Decoded, Form, ImmediateSource, decode_all};
use ebpf_asm::{AttachType, MapType};

fn first(program_type: ProgramType, text: &str) -> Finding {
    let insns = match assemble(text) {
        Ok(code) => code.into_insns(),
        Err(errors) => panic!("{errors}"),
    };
    let map = |map_type, key_size, value_size, flags| {
        Some(MapFacts {
            map_type,
            key_size,
            value_size,
            max_entries: 4,
            flags,
            frozen: false,
            name: "MAP".into(),
        })
    };
    let mut program = Program::new(&insns);
    program.maps = vec![
        map(MapType::Hash, 8, 48, 0),
        map(MapType::Hash, 8, 48, 1 << 7),
        map(MapType::Ringbuf, 0, 0, 0),
    ];
    for (slot, decoded) in decode_all(&insns) {
        if let Decoded::Known(instruction) = decoded
            && instruction.form() == Form::LoadImm64(ImmediateSource::MapFd)
        {
            program.references.push(Reference {
                insn: slot as u32,
                kind: ReferenceKind::Map(instruction.imm() as u16),
            });
        }
    }
    // The last label before the end, in all programs here.
    if text.contains("drop: r0 = ") {
        let last = insns.len() as u32 - 2;
        program.labels = vec![(last, "drop".to_owned())].into();
    }
    program.gpl_compatible = Some(false);
    program.program_type = Some(program_type);
    program.attach_type = (program_type == CgroupSock).then_some(AttachType::CgroupInetSockCreate);
    let found = check(&program);
    found
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("nothing in:\n{text}"))
}

const LOOK_UP: &str = "*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; ld_pseudo r1, 1, 0; call 1;";
const RESERVE: &str = "ld_pseudo r1, 1, 2; r2 = 16; r3 = 0; call 131;";

/// Type, program, code, notes with the slots that they are about, a part of the help.
type Case = (
    ProgramType,
    &'static str,
    &'static str,
    &'static [(&'static str, Option<u32>)],
    &'static str,
);

const CASES: &[Case] = &[
    (
        SocketFilter,
        "LOOK_UP if r0 == 0 goto drop; r6 = r0; r1 = r0; call bpf_spin_lock; call 5; drop: r0 = 0; exit",
        "BPF0144",
        &[("the lock was taken in the call", Some(9))],
        "`bpf_spin_unlock`",
    ),
    (
        SocketFilter,
        "r0 = 0; exit; r0 = 1; exit",
        "BPF0100",
        &[("what stands before it never goes on", Some(1))],
        "delete it, or put a label before it and jump there",
    ),
    (
        SocketFilter,
        "r0 = 0; .8byte 0xff; exit",
        "BPF0103",
        &[],
        "",
    ),
    (
        SocketFilter,
        "r0 = 0; l: if r0 == 0 goto l; exit",
        "BPF0104",
        &[("the loop begins", Some(1))],
        "change what the loop's condition looks at, or leave it on another",
    ),
    (
        SocketFilter,
        "r3 = 7; call 5; r0 = r3; exit",
        "BPF0110",
        &[("`r3` is lost in the call", Some(1))],
        "calls keep only `r6` to `r9`: save it before `call bpf_ktime_get_ns;` with `r6 = r3;`, and use `r6` here",
    ),
    (
        SocketFilter,
        "r6 = r1; call 5; r0 = *(u32 *)(r1 + 0); exit",
        "BPF0110",
        &[("`r1` is lost in the call", Some(1))],
        "calls keep only `r6` to `r9`: `r6` still has it, write `r6` here",
    ),
    (
        SocketFilter,
        "r6 = 1; r7 = 2; r8 = 3; r9 = 4; call 5; r0 = *(u32 *)(r1 + 0); exit",
        "BPF0110",
        &[("`r1` is lost in the call", Some(4))],
        "`r6` to `r9` are all in use: save it before `call bpf_ktime_get_ns;` with `*(u64 *)(r10 - 8) = r1;`, and load it here with `r1 = *(u64 *)(r10 - 8);`",
    ),
    (
        SocketFilter,
        "*(u64 *)(r10 - 16) = r1; call 5; r0 = *(u32 *)(r1 + 0); exit",
        "BPF0110",
        &[("`r1` is lost in the call", Some(1))],
        "it is still on the stack: `r1 = *(u64 *)(r10 - 16);` before this",
    ),
    (
        SocketFilter,
        "r2 = *(u32 *)(r1 + 0); if r2 == 7777 goto out; r0 = 0; out: exit",
        "BPF0110",
        &[
            ("the path here does not pass where `r0` is written", Some(2)),
            ("it goes around it by the jump", Some(1)),
        ],
        "write to `r0` on every path that leads here: `r0 = 0;`",
    ),
    (
        SocketFilter,
        "exit",
        "BPF0110",
        &[],
        "set `r0` on every path that leads here: it is the return value",
    ),
    (
        Tracepoint,
        "r2 = *(u64 *)(r1 + 8); r0 = *(u8 *)(r2 + 4); exit",
        "BPF0111",
        &[("`r2` is a number since the load", Some(0))],
        "memory at an address that is a number is read with `r3 = r2; r3 += 4; r1 = r10; r1 += -8; r2 = 1; call bpf_probe_read_kernel;`, or with `bpf_probe_read_user`",
    ),
    (
        SocketFilter,
        "LOOK_UP if r0 != 0 goto drop; r1 = *(u64 *)(r0 + 0); drop: r0 = 0; exit",
        "BPF0111",
        &[("`r0` is null on this side of the comparison", Some(6))],
        "the pointer was compared with 0 and is null on this path: leave before it is used",
    ),
    (
        SocketFilter,
        "LOOK_UP r1 = *(u64 *)(r0 + 0); drop: r0 = 0; exit",
        "BPF0112",
        &[("`r0` may be null since the call", Some(5))],
        "compare it after the call: `if r0 == 0 goto drop;`",
    ),
    (
        SocketFilter,
        "LOOK_UP r1 = 1; *(u64 *)(r0 + 0) = r1; r0 = r1; exit",
        "BPF0112",
        &[("`r0` may be null since the call", Some(5))],
        "compare it before this: `if r0 == 0 goto out;`, with `out: r0 = 0; exit;` at the end",
    ),
    (
        SocketFilter,
        "r2 = r10; r2 += -600; *(u64 *)(r2 + 0) = 0; r0 = 0; exit",
        "BPF0113",
        &[("the address in `r2` is from the arithmetic", Some(1))],
        "keep within `r10 - 512` and `r10`; large data goes into a map's value",
    ),
    (
        SocketFilter,
        "LOOK_UP if r0 == 0 goto drop; r0 += 44; r1 = *(u64 *)(r0 + 0); drop: r0 = 0; exit",
        "BPF0114",
        &[("the address in `r0` is from the arithmetic", Some(7))],
        "use an offset inside of it",
    ),
    (
        Xdp,
        "r2 = *(u32 *)(r1 + 0); r3 = *(u32 *)(r1 + 4); r0 = *(u16 *)(r2 + 12); drop: r0 = 1; exit",
        "BPF0115",
        &[
            ("it happens when the packet has 0 bytes", None),
            ("the address in `r2` is from the load", Some(0)),
            (
                "nothing on this path has compared the packet's length with its end",
                None,
            ),
        ],
        "compare before the access: `r4 = r2; r4 += 14; if r4 > r3 goto drop;`",
    ),
    (
        Xdp,
        "r2 = *(u32 *)(r1 + 0); r0 = *(u16 *)(r2 + 12); drop: r0 = 1; exit",
        "BPF0115",
        &[
            ("it happens when the packet has 0 bytes", None),
            ("the address in `r2` is from the load", Some(0)),
            (
                "nothing on this path has compared the packet's length with its end",
                None,
            ),
        ],
        "compare before the access: `r3 = *(u32 *)(r1 + 4); r4 = r2; r4 += 14; if r4 > r3 goto drop;`",
    ),
    (
        Xdp,
        "r2 = *(u32 *)(r1 + 0); r3 = *(u32 *)(r1 + 4); r4 = r2; r4 += 12; if r4 > r3 goto drop; r0 = *(u16 *)(r2 + 12); drop: r0 = 1; exit",
        "BPF0115",
        &[
            ("it happens when the packet has 12 bytes", None),
            ("the address in `r2` is from the load", Some(0)),
            ("the packet's end was last looked at by the jump", Some(4)),
        ],
        "compare before the access: `r4 = r2; r4 += 14; if r4 > r3 goto drop;`",
    ),
    (
        RawTracepoint,
        "RESERVE if r0 == 0 goto drop; *(u64 *)(r0 + 9) = 1; r1 = r0; r2 = 0; call 132; drop: r0 = 0; exit",
        "BPF0116",
        &[("the record was reserved", Some(4))],
        "use an offset inside of it",
    ),
    (
        SocketFilter,
        "r0 = *(u64 *)(r1 + 0); exit",
        "BPF0117",
        &[],
        "there are 4 bytes at 0: `r0 = *(u32 *)(r1 + 0);`",
    ),
    (
        SocketFilter,
        "r0 = 0; *(u32 *)(r1 + 0) = r0; exit",
        "BPF0117",
        &[],
        "`socket_filter` programs can read what is at 0, but not write it",
    ),
    (
        SocketFilter,
        "r1 += 4; r0 = *(u32 *)(r1 + 0); exit",
        "BPF0118",
        &[(
            "the changed pointer in `r1` is from the arithmetic",
            Some(0),
        )],
        "write the offset into the access: `*(u32 *)(r1 + 4)`, with `r1` as it came",
    ),
    (
        SocketFilter,
        "*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; ld_pseudo r1, 1, 1; call 1; if r0 == 0 goto drop; *(u64 *)(r0 + 0) = 1; drop: r0 = 0; exit",
        "BPF0119",
        &[("the address in `r0` is from the call", Some(5))],
        "its definition has the flag `BPF_F_RDONLY_PROG`, as every `Rodata` has; a `Global` can be written",
    ),
    (
        SocketFilter,
        "r2 = r10; r2 += r1; r0 = 0; exit",
        "BPF0120",
        &[("`r2` is a pointer to the stack since the move", Some(0))],
        "only the difference of two pointers can be taken",
    ),
    (
        SocketFilter,
        "r2 = r10; r2 += 0x7fffffff; r0 = 0; exit",
        "BPF0121",
        &[("`r2` is a pointer to the stack since the move", Some(0))],
        "limit the number before it is added to the pointer",
    ),
    (
        SocketFilter,
        "r2 = r10; r2 += -12; *(u64 *)(r2 + 0) = 0; r0 = 0; exit",
        "BPF0122",
        &[("the address in `r2` is from the arithmetic", Some(1))],
        "use an offset that is a multiple of 8, or smaller pieces",
    ),
    (
        SocketFilter,
        "*(u64 *)(r10 - 8) = r1; r0 = *(u32 *)(r10 - 8); exit",
        "BPF0123",
        &[("the pointer was saved by the store", Some(0))],
        "load all eight bytes: `r0 = *(u64 *)(r10 - 8);`",
    ),
    (
        SocketFilter,
        "r6 = r1; r0 = 1; lock *(u32 *)(r6 + 8) += w0; exit",
        "BPF0124",
        &[("the address in `r6` is from the move", Some(0))],
        "load, compute and store",
    ),
    (
        SocketFilter,
        "r0 = *(u32 *)(r1 + 0); *(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; if r0 == 0 goto read; r2 = r1; read: r0 = *(u32 *)(r2 + 0); exit",
        "BPF0125",
        &[("the pointer in `r2` is from the move", Some(5))],
        "write the access once for each kind of pointer",
    ),
    (
        RawTracepoint,
        "RESERVE if r0 == 0 goto drop; r6 = r0; r1 = r0; r2 = 0; call 132; *(u8 *)(r6 + 0) = 1; drop: r0 = 0; exit",
        "BPF0126",
        &[("it is gone since the call", Some(9))],
        "load pointers into the packet again after a helper that may change it; do not use what was given back",
    ),
    (
        SocketFilter,
        "r6 = r1; r1 = 1; call bpf_get_socket_cookie; exit",
        "BPF0130",
        &[("`r1` is from the move", Some(1))],
        "the context is in `r6`: `r1 = r6;`",
    ),
    (
        Tracepoint,
        "r2 = *(u64 *)(r1 + 8); r1 = r10; r1 += -64; if r2 s> 64 goto drop; if r2 == 0 goto drop; call bpf_get_current_comm; drop: r0 = 0; exit",
        "BPF0131",
        &[(
            "it happens when -1 is the value that comes from here,",
            Some(0),
        )],
        "limit it on both sides before the call: `r2 &= 63;`, or comparisons with 0 and the largest size",
    ),
    (
        SocketFilter,
        "r2 = 1; call bpf_xdp_adjust_head; exit",
        "BPF0132",
        &[],
        "programs of these types can: xdp, struct_ops",
    ),
    (
        Tracepoint,
        "r1 = r10; r1 += -8; r2 = 8; r3 = 0; call bpf_probe_read_kernel; r0 = 0; exit",
        "BPF0133",
        &[],
        "write `#[license = \"GPL\"]`, if that is the licence",
    ),
    (
        SocketFilter,
        "*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; ld_pseudo r1, 1, 2; call 1; r0 = 0; exit",
        "BPF0134",
        &[("the map is loaded by the instruction", Some(3))],
        "it works on maps of the types hash, array, percpu_hash, percpu_array, lru_hash, lru_percpu_hash, lpm_trie, array_of_maps, hash_of_maps, devmap, sockmap, xskmap, sockhash, devmap_hash",
    ),
    (
        RawTracepoint,
        "RESERVE r6 = r0; r0 = 0; exit",
        "BPF0140",
        &[("it was acquired in the call", Some(4))],
        "`r6` still has it: `r1 = r6; if r1 == 0 goto out; r2 = 0; call bpf_ringbuf_discard;` before this",
    ),
    (
        RawTracepoint,
        "RESERVE r0 = 0; exit",
        "BPF0140",
        &[("it was acquired in the call", Some(4))],
        "nothing has it any more: keep it with `r6 = r0;` after the call, and end with `if r6 == 0 goto out; r1 = r6; r2 = 0; call bpf_ringbuf_discard;`",
    ),
    (
        SchedCls,
        "r1 = *(u64 *)(r1 + 168); if r1 == 0 goto drop; call bpf_sk_release; drop: r0 = 0; exit",
        "BPF0141",
        &[("the pointer comes from here", Some(0))],
        "only what a look-up or a reservation has acquired is given back, and once: leave the call out",
    ),
    (
        CgroupSock,
        "r0 = 2; exit",
        "BPF0142",
        &[("`r0` is from the move", Some(0))],
        "set `r0` to a number from 0 to 1 before `exit`",
    ),
    (
        Xdp,
        "r6 = r1; r0 = *(u16 *)skb[12]; exit",
        "BPF0143",
        &[],
        "use `bpf_skb_load_bytes`, or pointers into the packet",
    ),
    (
        SocketFilter,
        "r6 = 0; r0 = *(u16 *)skb[12]; exit",
        "BPF0143",
        &[("the value in `r6` is from the move", Some(0))],
        "write `r6 = r1;` at the beginning",
    ),
];

fn text_of(text: &str) -> String {
    text.replace("LOOK_UP", LOOK_UP).replace("RESERVE", RESERVE)
}

#[test]
fn causes_and_helps() {
    for (program_type, text, code, notes, help) in CASES {
        let finding = first(*program_type, &text_of(text));
        assert_eq!(finding.rule.as_str(), *code, "{text}\n{finding:#?}");
        let found: Vec<(&str, Option<u32>)> = finding
            .causes
            .iter()
            .map(|cause| (cause.message.as_str(), cause.insn))
            .collect();
        assert_eq!(found, *notes, "{text}\n{finding:#?}");
        let found = finding.help.as_deref().unwrap_or_default();
        assert!(
            found.contains(help) && found.is_empty() == help.is_empty(),
            "{text}\n{finding:#?}"
        );
        assert!(!finding.kernel.is_empty(), "{text}\n{finding:#?}");
    }
}

/// Each code that witnesses find says where the cause lies or what to write.
#[test]
fn every_code_has_words() {
    for rule in Rule::ALL {
        let witnessed = (100..200).contains(&(*rule as u16));
        let case = CASES.iter().find(|case| *rule == case.2);
        assert!(!witnessed || case.is_some(), "{rule}");
    }
}
