//! What the checker finds, and what it leaves alone: code, slot, the kernel's words.

#![cfg(all(feature = "check", feature = "text"))]

use ebpf_asm::check::{
    Assumption, Effort, Finding, FunctionFacts, MapFacts, Parameter, Program, Reference,
    ReferenceKind, check, check_fragment, check_with, suggest,
};
use ebpf_asm::isa::{Decoded, Form, ImmediateSource, Insn, decode_all};
use ebpf_asm::object::Linkage;
use ebpf_asm::{
    AssembleOptions, AttachType, KernelVersion, MapType, ProgramType, assemble, check_text,
};
use std::fmt::Write;

/// The maps of all programs here: `ld_pseudo rN, 1, M` is map M.
fn maps() -> Vec<Option<MapFacts>> {
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
    vec![
        map(MapType::Hash, 8, 48, 0),
        map(MapType::Array, 4, 48, 0),
        map(MapType::Ringbuf, 0, 0, 0),
        map(MapType::Array, 4, 16, 128),
        map(MapType::ProgArray, 4, 4, 0),
        map(MapType::HashOfMaps, 4, 4, 0),
        map(MapType::Sockmap, 4, 4, 0),
        None,
        map(MapType::CgroupStorage, 16, 64, 0),
    ]
}

fn insns(text: &str) -> Vec<Insn> {
    match assemble(text) {
        Ok(code) => code.into_insns(),
        Err(errors) => panic!("{errors}"),
    }
}

fn with_maps(insns: &[Insn]) -> Program<'_> {
    let mut program = Program::new(insns);
    program.maps = maps();
    for (slot, decoded) in decode_all(insns) {
        if let Decoded::Known(instruction) = decoded
            && instruction.form() == Form::LoadImm64(ImmediateSource::MapFd)
        {
            program.references.push(Reference {
                insn: slot as u32,
                kind: ReferenceKind::Map(instruction.imm() as u16),
            });
        }
    }
    program.gpl_compatible = Some(false);
    program
}

fn findings(program_type: ProgramType, attach: Option<AttachType>, text: &str) -> Vec<Finding> {
    let insns = insns(text);
    let mut program = with_maps(&insns);
    program.program_type = Some(program_type);
    program.attach_type = attach;
    check(&program)
}

#[track_caller]
fn refuses(program_type: ProgramType, text: &str, code: &str, slot: u32, kernel: &str) {
    refuses_at(program_type, None, text, code, slot, kernel);
}

#[track_caller]
fn refuses_at(
    program_type: ProgramType,
    attach: Option<AttachType>,
    text: &str,
    code: &str,
    slot: u32,
    kernel: &str,
) {
    let found = findings(program_type, attach, text);
    let first = found
        .first()
        .unwrap_or_else(|| panic!("nothing in:\n{text}"));
    assert_eq!(
        (first.rule.as_str(), first.insn),
        (code, slot),
        "{text}\n{first:#?}"
    );
    assert!(first.kernel.contains(kernel), "{kernel}: {first:#?}");
    assert!(first.assumptions.is_empty(), "{first:#?}");
}

#[track_caller]
fn accepts(program_type: ProgramType, text: &str) {
    assert_eq!(findings(program_type, None, text), [], "{text}");
}

use ProgramType::{
    CgroupSkb, CgroupSock, FlowDissector, LwtIn, RawTracepoint, SchedCls, SkReuseport,
    SocketFilter, Tracepoint, Xdp,
};

const LOOK_UP: &str = "*(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; ld_pseudo r1, 1, 0; call 1;";
const RESERVE: &str = "ld_pseudo r1, 1, 2; r2 = 16; r3 = 0; call 131;";
const SK_LOOK_UP: &str = "*(u64 *)(r10 - 8) = 0; *(u64 *)(r10 - 16) = 0; r2 = r10; r2 += -16;
    r3 = 12; r4 = 0; r5 = 0; call bpf_sk_lookup_tcp;";

#[test]
fn shape() {
    refuses(
        SocketFilter,
        "r0 = 0; exit; r0 = 1; exit",
        "BPF0100",
        2,
        "unreachable insn 2",
    );
    let deep: String = (1..17)
        .map(|at| format!("f{at}: call f{}; exit;", at + 1))
        .collect();
    refuses(
        SocketFilter,
        &format!("call f1; exit; {deep} f17: r0 = 0; exit"),
        "BPF0043",
        30,
        "the call stack of 17 frames is too deep",
    );
    refuses(
        SocketFilter,
        "r0 = 0; .8byte 0xff; exit",
        "BPF0103",
        1,
        "unknown opcode ff",
    );
    refuses(
        SocketFilter,
        "f: call f; exit",
        "BPF0042",
        0,
        "recursive call",
    );
    refuses(
        SocketFilter,
        "r0 = 0; if r0 == 1 goto +1; exit; r0 = 1",
        "BPF0040",
        3,
        "last insn",
    );
}

#[test]
fn loops() {
    refuses(
        SocketFilter,
        "r0 = 0; l: if r0 == 0 goto l; exit",
        "BPF0104",
        1,
        "infinite loop",
    );
    refuses(
        SocketFilter,
        "r0 = 5; if r0 < 4 goto out; l: r0 += 1; goto l; out: exit",
        "BPF0104",
        3,
        "",
    );
    accepts(SocketFilter, "r0 = 0; l: r0 += 1; if r0 < 100 goto l; exit");
    accepts(SocketFilter, "r0 = 0; l: may_goto +1; goto l; exit");
}

#[test]
fn registers() {
    refuses(SocketFilter, "r0 = r2; exit", "BPF0110", 0, "R2 !read_ok");
    refuses(SocketFilter, "exit", "BPF0110", 0, "R0 !read_ok");
    let found = findings(
        SocketFilter,
        None,
        "r0 = 0; call bpf_ktime_get_ns; r0 = r1; exit",
    );
    assert_eq!(found[0].causes[0].insn, Some(1));
    assert!(found[0].help.as_deref().unwrap().contains("r6 = r1;"));
    refuses(
        SocketFilter,
        "r6 = 1; call f; exit; f: r0 = r6; exit",
        "BPF0110",
        3,
        "R6 !read_ok",
    );
    // On one side of a branch only.
    refuses(
        SocketFilter,
        "r2 = *(u32 *)(r1 + 0); if r2 == 7777 goto out; r0 = 0; out: exit",
        "BPF0110",
        3,
        "R0 !read_ok",
    );
    accepts(
        SocketFilter,
        "r0 = 1; if r0 == 1 goto out; r0 = r9; out: exit",
    );
}

#[test]
fn numbers_and_null() {
    refuses(
        Tracepoint,
        "r2 = *(u64 *)(r1 + 8); r0 = *(u8 *)(r2 + 0); exit",
        "BPF0111",
        1,
        "'scalar'",
    );
    refuses(
        SocketFilter,
        &format!("{LOOK_UP} r0 = *(u64 *)(r0 + 0); exit"),
        "BPF0112",
        6,
        "R0 invalid mem access 'map_value_or_null'",
    );
    refuses(
        SocketFilter,
        &format!("{LOOK_UP} if r0 != 0 goto out; r0 = *(u64 *)(r0 + 0); out: r0 = 0; exit"),
        "BPF0111",
        7,
        "scalar",
    );
    refuses(
        SocketFilter,
        &format!("{LOOK_UP} r6 = r0; r6 += 8; r0 = 0; exit"),
        "BPF0112",
        7,
        "pointer arithmetic on map_value_or_null prohibited",
    );
    // Newer kernels know that an array has a value for a constant key in range.
    accepts(
        SocketFilter,
        "*(u32 *)(r10 - 4) = 1; r2 = r10; r2 += -4; ld_pseudo r1, 1, 1; call 1;
         r0 = *(u64 *)(r0 + 0); r0 = 0; exit",
    );
}

#[test]
fn bounds() {
    refuses(
        SocketFilter,
        "*(u64 *)(r10 - 520) = 0; r0 = 0; exit",
        "BPF0113",
        0,
        "off=-520 size=8",
    );
    refuses(
        SocketFilter,
        "r0 = *(u64 *)(r10 + 0); exit",
        "BPF0113",
        0,
        "invalid read from stack",
    );
    refuses(
        SocketFilter,
        &format!("{LOOK_UP} if r0 == 0 goto out; *(u64 *)(r0 + 41) = 1; out: r0 = 0; exit"),
        "BPF0114",
        7,
        "value_size=48 off=41 size=8",
    );
    // The one value of 2^32 that leads outside.
    refuses(
        SocketFilter,
        &format!(
            "{LOOK_UP} if r0 == 0 goto out; r1 = *(u32 *)(r0 + 0); if r1 > 41 goto out; r0 += r1;
             r0 = *(u64 *)(r0 + 0); out: r0 = 0; exit"
        ),
        "BPF0114",
        10,
        "off=41",
    );
    accepts(
        SocketFilter,
        &format!(
            "{LOOK_UP} if r0 == 0 goto out; r1 = *(u32 *)(r0 + 0); if r1 > 40 goto out; r0 += r1;
             r0 = *(u64 *)(r0 + 0); out: r0 = 0; exit"
        ),
    );
    let packet = |checked: i32, offset: i32| {
        format!(
            "r2 = *(u32 *)(r1 + 0); r3 = *(u32 *)(r1 + 4); r4 = r2; r4 += {checked};
             if r4 > r3 goto out; r0 = *(u32 *)(r2 + {offset}); out: r0 = 2; exit"
        )
    };
    refuses(
        Xdp,
        &packet(14, 11),
        "BPF0115",
        5,
        "R2 offset is outside of the packet",
    );
    accepts(Xdp, &packet(14, 10));
    refuses(
        RawTracepoint,
        &format!(
            "{RESERVE} if r0 == 0 goto out; *(u64 *)(r0 + 9) = 1; r1 = r0; r2 = 0; call 132; out: r0 = 0; exit"
        ),
        "BPF0116",
        6,
        "mem_size=16 off=9",
    );
    // Linux 7.1 looks at the instruction's offset only.
    refuses(
        FlowDissector,
        "r1 = *(u64 *)(r1 + 144); r0 = *(u64 *)(r1 + 4096); r0 = 0; exit",
        "BPF0116",
        1,
        "flow keys",
    );
    accepts(
        FlowDissector,
        "r1 = *(u64 *)(r1 + 144); r1 += 4096; r0 = *(u64 *)(r1 + 0); r0 = 0; exit",
    );
}

#[test]
fn context() {
    refuses(
        SocketFilter,
        "r0 = *(u32 *)(r1 + 76); exit",
        "BPF0117",
        0,
        "invalid bpf_context access off=76 size=4",
    );
    refuses(
        Xdp,
        "r0 = 0; *(u32 *)(r1 + 0) = 1; exit",
        "BPF0117",
        1,
        "off=0 size=4",
    );
    refuses(
        SkReuseport,
        "r1 = *(u32 *)(r1 + 36); r0 = 0; exit",
        "BPF0117",
        0,
        "off=36 size=4",
    );
    refuses(
        SocketFilter,
        "r1 += 4; r0 = *(u32 *)(r1 + 0); exit",
        "BPF0118",
        1,
        "dereference of modified ctx ptr R1 off=4",
    );
    // Found by random programs: what stands before a trace point's record passes, on every kernel.
    accepts(Tracepoint, "r0 = *(u32 *)(r1 - 4); r0 = 0; exit");
    refuses(
        Tracepoint,
        "r0 = *(u32 *)(r1 + 9); r0 = 0; exit",
        "BPF0117",
        0,
        "off=9 size=4",
    );
}

#[test]
fn what_memory_allows() {
    refuses(
        SocketFilter,
        "*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; ld_pseudo r1, 1, 3; call 1;
         if r0 == 0 goto out; *(u64 *)(r0 + 0) = 1; out: r0 = 0; exit",
        "BPF0119",
        7,
        "write into map forbidden",
    );
    refuses(
        LwtIn,
        "r2 = *(u32 *)(r1 + 76); r3 = *(u32 *)(r1 + 80); r4 = r2; r4 += 1; if r4 > r3 goto out;
         *(u8 *)(r2 + 0) = 1; out: r0 = 0; exit",
        "BPF0119",
        5,
        "cannot write into packet",
    );
    refuses(
        SocketFilter,
        "r0 = 1; lock *(u32 *)(r1 + 8) += w0; exit",
        "BPF0124",
        1,
        "BPF_ATOMIC stores into R1 ctx",
    );
    refuses(
        SocketFilter,
        "r0 = load_acquire((u32 *)(r1 + 0)); exit",
        "BPF0124",
        0,
        "BPF_ATOMIC loads from R1 ctx",
    );
    refuses(
        SocketFilter,
        "*(u64 *)(r10 - 12) = 0; r0 = 0; exit",
        "BPF0122",
        0,
        "misaligned",
    );
    refuses(
        SocketFilter,
        "*(u64 *)(r10 - 8) = r1; r0 = *(u32 *)(r10 - 8); exit",
        "BPF0123",
        1,
        "invalid size of register fill",
    );
    refuses(
        SocketFilter,
        "*(u32 *)(r10 - 8) = r1; r0 = 0; exit",
        "BPF0123",
        0,
        "invalid size of register spill",
    );
    refuses(
        SocketFilter,
        "r0 = *(u32 *)(r1 + 0); *(u64 *)(r10 - 8) = 0; r2 = r10; r2 += -8; if r0 == 0 goto read;
         r2 = r1; read: r0 = *(u32 *)(r2 + 0); exit",
        "BPF0125",
        6,
        "same insn cannot be used with different pointers",
    );
    refuses(
        SocketFilter,
        "*(u64 *)(r10 - 400) = 0; call f; exit; f: *(u64 *)(r10 - 200) = 0; r0 = 0; exit",
        "BPF0044",
        3,
        "combined stack size of 2 calls",
    );
}

#[test]
fn pointer_arithmetic() {
    refuses(
        SocketFilter,
        "r1 += r10; r0 = 0; exit",
        "BPF0120",
        0,
        "R1 pointer += pointer prohibited",
    );
    refuses(
        SocketFilter,
        "r2 = r10; r2 -= 8; r0 = 0; exit",
        "BPF0120",
        1,
        "subtraction from stack pointer",
    );
    refuses(
        SocketFilter,
        "r2 = 1; r2 -= r1; r0 = 0; exit",
        "BPF0120",
        1,
        "tried to subtract pointer from scalar",
    );
    refuses(
        SocketFilter,
        "r1 &= 8; r0 = 0; exit",
        "BPF0120",
        0,
        "bitwise operator",
    );
    refuses(
        SocketFilter,
        "ld_pseudo r1, 1, 0; r1 += 8; r0 = 0; exit",
        "BPF0120",
        2,
        "pointer arithmetic on map_ptr",
    );
    refuses(
        SocketFilter,
        "r1 = r10; r1 += 0x7fffffff; r0 = 0; exit",
        "BPF0121",
        1,
        "math between fp pointer and 2147483647",
    );
    accepts(SocketFilter, "r0 = r10; r0 -= r10; exit");
    accepts(SocketFilter, "r0 = r1; exit");
}

#[test]
fn helpers() {
    refuses(
        SocketFilter,
        "r1 = 1; call bpf_get_socket_cookie; exit",
        "BPF0130",
        1,
        "R1 type=scalar expected=ctx",
    );
    refuses(
        Tracepoint,
        "r2 = *(u64 *)(r1 + 8); r1 = r10; r1 += -64; if r2 s> 64 goto out; if r2 == 0 goto out; call bpf_get_current_comm;
         out: r0 = 0; exit",
        "BPF0131",
        5,
        "R2 min value is negative",
    );
    refuses(
        Tracepoint,
        "r1 = r10; r1 += -64; r2 = 65; call bpf_get_current_comm; r0 = 0; exit",
        "BPF0113",
        3,
        "off=-64 size=65",
    );
    refuses(
        SocketFilter,
        "r2 = 1; call bpf_xdp_adjust_head; exit",
        "BPF0132",
        1,
        "cannot use helper bpf_xdp_adjust_head#44",
    );
    refuses(
        Tracepoint,
        "r1 = r10; r1 += -8; r2 = 8; r3 = 0; call bpf_probe_read_kernel; r0 = 0; exit",
        "BPF0133",
        4,
        "GPL-restricted",
    );
    refuses(
        SocketFilter,
        "*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; ld_pseudo r1, 1, 4; call 1; r0 = 0; exit",
        "BPF0134",
        5,
        "cannot pass map_type 3 into func bpf_map_lookup_elem#1",
    );
    refuses(
        SocketFilter,
        "*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; ld_pseudo r1, 1, 5; call 1; r1 = r0;
         r2 = r10; r2 += -4; call 1; r0 = 0; exit",
        "BPF0112",
        9,
        "_or_null",
    );
}

#[test]
fn references() {
    refuses(
        RawTracepoint,
        &format!("{RESERVE} r0 = 0; exit"),
        "BPF0140",
        6,
        "would lead to reference leak",
    );
    accepts(
        RawTracepoint,
        &format!("{RESERVE} if r0 == 0 goto out; r1 = r0; r2 = 0; call 132; out: r0 = 0; exit"),
    );
    refuses(
        RawTracepoint,
        &format!(
            "{RESERVE} if r0 == 0 goto out; r6 = r0; r1 = r0; r2 = 0; call 132; *(u8 *)(r6 + 0) = 1; out: r0 = 0; exit"
        ),
        "BPF0126",
        10,
        "R6 invalid mem access 'scalar'",
    );
    refuses(
        SchedCls,
        "r1 = *(u64 *)(r1 + 168); if r1 == 0 goto out; call bpf_sk_release; out: r0 = 0; exit",
        "BPF0141",
        2,
        "R1 must be referenced",
    );
    refuses(
        SchedCls,
        &format!(
            "r6 = r1; {SK_LOOK_UP} r7 = r0; r1 = r6; ld_pseudo r2, 1, 4; r3 = 0; call bpf_tail_call; r0 = 0; exit"
        ),
        "BPF0140",
        14,
        "tail_call would lead to reference leak",
    );
}

/// A program for kernels from this one on, with the function that begins at a slot being global
/// with these parameters.
fn found_on(
    kernel: (u8, u8),
    program_type: ProgramType,
    global: Option<(u32, &[Parameter])>,
    text: &str,
) -> Vec<(&'static str, u32, String)> {
    let insns = insns(text);
    let mut program = with_maps(&insns);
    program.program_type = Some(program_type);
    program.gpl_compatible = Some(true);
    program.min_kernel = KernelVersion::new(kernel.0, kernel.1);
    if let Some((insn, parameters)) = global {
        program.functions = vec![
            FunctionFacts {
                insn: 0,
                linkage: Linkage::Static,
                parameters: None,
            },
            FunctionFacts {
                insn,
                linkage: Linkage::Global,
                parameters: Some(parameters.to_vec()),
            },
        ];
    }
    let found = check(&program).into_iter();
    found
        .map(|finding| (finding.rule.as_str(), finding.insn, finding.kernel))
        .collect()
}

#[test]
fn callbacks() {
    let looped = |body: &str| {
        format!("r1 = 4; r2 = f ll; r3 = 0; r4 = 0; call bpf_loop; r0 = 0; exit; f: {body}")
    };
    let on = |kernel, text: &str| found_on(kernel, SocketFilter, None, text);
    let newest = |text: &str| on((6, 18), text);
    // What it gets: a number and what the program handed over; nothing else.
    assert_eq!(newest(&looped("r0 = 0; exit")), []);
    assert_eq!(newest(&looped("r0 = r1; r0 &= 1; r2 = r2; exit")), []);
    assert_eq!(newest(&looped("r0 = r3; exit"))[0].1, 8);
    assert_eq!(newest(&looped("r0 = r6; exit"))[0].2, "R6 !read_ok");
    let (rule, slot, kernel) = newest(&looped("r0 = *(u64 *)(r1 + 0); exit")).remove(0);
    assert_eq!((rule, slot), ("BPF0111", 8), "{kernel}");
    // What it returns: 0 or 1, or nothing may be known of older kernels.
    let (rule, slot, kernel) = newest(&looped("r0 = 2; exit")).remove(0);
    assert_eq!((rule, slot), ("BPF0142", 9), "{kernel}");
    assert_eq!(on((5, 17), &looped("r0 = 2; exit")).len(), 1);
    // The second time it returns 1, and is not called again.
    assert_eq!(newest(&looped("r0 = r1; exit")), []);
    assert_eq!(newest(&looped("r0 = r10; exit"))[0].0, "BPF0126");
    // As often as it may be called: the second time the stack has what the first time left.
    let twice = "r6 = r1; *(u64 *)(r10 - 8) = 0; r1 = 4; r2 = f ll; r3 = r10; r3 += -8; r4 = 0;
        call bpf_loop; r0 = 0; exit; f: r1 = *(u64 *)(r2 + 0); *(u64 *)(r2 + 0) = 600; r0 = 0;
        r2 += r1; *(u8 *)(r2 + 0) = 1; exit";
    assert_eq!(newest(twice).len(), 1);
    assert_eq!(on((5, 17), twice), []);
    // What the calls leave: behind a call nothing is in r1 to r5, and r6 to r9 are as before.
    assert_eq!(
        newest(
            "r6 = r1; r1 = 1; r2 = f ll; r3 = 0; r4 = 0; call bpf_loop; r0 = *(u32 *)(r6 + 0); exit; f: r0 = 0; exit"
        ),
        []
    );
    assert_eq!(
        newest("r1 = 1; r2 = f ll; r3 = 0; r4 = 0; call bpf_loop; r0 = r1; exit; f: r0 = 0; exit")
            [0]
        .1,
        6
    );
    // What a helper takes for a function.
    let (rule, slot, kernel) =
        newest("r1 = 1; r2 = 7; r3 = 0; r4 = 0; call bpf_loop; r0 = 0; exit").remove(0);
    assert_eq!((rule, slot), ("BPF0130", 4), "{kernel}");
    assert!(kernel.contains("expected=func"), "{kernel}");
    // Elements of a map.
    let each = |body: &str| {
        format!(
            "ld_pseudo r1, 1, 0; r2 = f ll; r3 = 0; r4 = 0; call bpf_for_each_map_elem; r0 = 0;
             exit; f: {body}"
        )
    };
    let first = |text: &str| newest(&each(text)).first().map(|found| (found.0, found.1));
    assert_eq!(
        first("r0 = *(u64 *)(r2 + 0); r0 = *(u64 *)(r3 + 40); r0 = 0; exit"),
        None
    );
    assert_eq!(
        first("r0 = *(u64 *)(r2 + 1); r0 = 0; exit"),
        Some(("BPF0116", 9))
    );
    assert_eq!(
        first("*(u64 *)(r2 + 0) = 1; r0 = 0; exit"),
        Some(("BPF0119", 9))
    );
    assert_eq!(
        first("*(u64 *)(r3 + 41) = 1; r0 = 0; exit"),
        Some(("BPF0114", 9))
    );
    assert_eq!(
        first("r0 = *(u8 *)(r4 + 0); r0 = 0; exit"),
        Some(("BPF0111", 9))
    );
    assert_eq!(first("r0 = r5; r0 = 0; exit"), Some(("BPF0110", 9)));
    // A timer's function is looked at on its own, and returns 0.
    let timer = |body: &str| {
        format!(
            "{LOOK_UP} if r0 == 0 goto +4; r1 = r0; r2 = f ll; call bpf_timer_set_callback;
             r0 = 0; exit; f: {body}"
        )
    };
    let first = |text: &str| newest(&timer(text)).first().map(|found| (found.0, found.1));
    assert_eq!(newest(&timer("r0 = 0; exit")), []);
    assert_eq!(first("r0 = 1; exit"), Some(("BPF0142", 14)));
    assert_eq!(
        first("r0 = *(u64 *)(r3 + 44); r0 = 0; exit"),
        Some(("BPF0114", 13))
    );
    assert_eq!(first("r0 = r4; exit"), Some(("BPF0110", 13)));
    // A record that a callback acquires, it has to give back.
    let keeps = looped(&format!("{RESERVE} r0 = 0; exit"));
    assert_eq!(newest(&keeps)[0].0, "BPF0140");
}

#[test]
fn global_functions() {
    use Parameter::{Context, Memory, Number};
    let newest = |global: (u32, &[Parameter]), text: &str| {
        found_on((6, 18), SocketFilter, Some(global), text)
            .first()
            .map(|found| (found.0, found.1))
    };
    let call = |body: &str| format!("r1 = 1; r2 = r10; call f; r0 = 0; exit; f: {body}");
    assert_eq!(newest((5, &[Number]), &call("r0 = r1; exit")), None);
    // Each is looked at on its own: of its caller it knows nothing.
    let through = call("r0 = *(u8 *)(r1 + 0); exit");
    assert_eq!(newest((5, &[Number]), &through), Some(("BPF0111", 5)));
    assert_eq!(newest((5, &[Context]), &through), None);
    let second = call("r0 = r2; exit");
    assert_eq!(newest((5, &[Number]), &second), Some(("BPF0110", 5)));
    let memory = |nullable| [Number, Memory { size: 8, nullable }];
    let read = call("r0 = *(u8 *)(r2 + 7); exit");
    assert_eq!(newest((5, &memory(true)), &read), Some(("BPF0112", 5)));
    assert_eq!(newest((5, &memory(false)), &read), None);
    let read = call("r0 = *(u8 *)(r2 + 8); exit");
    assert_eq!(newest((5, &memory(false)), &read), Some(("BPF0116", 5)));
    // The caller takes the result for any number, and passes numbers where numbers are wanted.
    let range =
        "r1 = 1; call f; r1 = r10; r1 += r0; *(u8 *)(r1 + 0) = 1; r0 = 0; exit; f: r0 = 0; exit";
    assert!(newest((7, &[Number]), range).is_some_and(|(rule, _)| rule == "BPF0113"));
    assert_eq!(
        newest((5, &[Number, Number]), &call("r0 = 0; exit")),
        Some(("BPF0130", 2))
    );
    assert_eq!(
        newest((5, &[Number]), &call("r0 = r10; exit")),
        Some(("BPF0142", 6))
    );
    // One that nothing reaches, newer kernels do not look at.
    let dead = "r0 = 0; if r0 == 0 goto +1; call f; r0 = 0; exit; f: r0 = *(u8 *)(r1 + 0); exit";
    assert_eq!(newest((5, &[Number]), dead), None);
}

#[test]
fn functions_of_the_kernel() {
    const NAMES: [&str; 3] = ["bpf_task_from_pid", "bpf_task_release", "bpf_throw"];
    let first = |text: &str| {
        let insns = insns(text);
        let mut program = with_maps(&insns);
        program.program_type = Some(SchedCls);
        program.kernel_symbols = NAMES.map(Into::into).to_vec();
        for (slot, decoded) in decode_all(&insns) {
            if let Decoded::Known(instruction) = decoded
                && instruction.form() == Form::CallKfunc
            {
                program.references.push(Reference {
                    insn: slot as u32,
                    kind: ReferenceKind::KernelFunction(instruction.imm() as u16),
                });
            }
        }
        let found = check(&program);
        found
            .first()
            .map(|finding| (finding.rule.as_str(), finding.insn, finding.help.clone()))
    };
    let place = |text: &str| first(text).map(|(rule, slot, _)| (rule, slot));
    let given_back = "r1 = 1; call kfunc(0, 0); if r0 == 0 goto out; r1 = r0; call kfunc(1, 0); out: r0 = 0; exit";
    assert_eq!(place(given_back), None);
    let (rule, slot, help) = first("r1 = 1; call kfunc(0, 0); r6 = r0; r0 = 0; exit").unwrap();
    assert_eq!((rule, slot), ("BPF0140", 4));
    let release = "r1 = r6; if r1 == 0 goto out; call bpf_task_release;";
    assert!(help.as_deref().unwrap().contains(release), "{help:?}");
    assert_eq!(
        place("r1 = 1; call kfunc(0, 0); r1 = r0; call kfunc(1, 0); r0 = 0; exit"),
        Some(("BPF0112", 3))
    );
    assert_eq!(
        place("r1 = 1; call kfunc(0, 0); r0 = r1; exit"),
        Some(("BPF0110", 2))
    );
    // Of others nothing is known: this one does not come back.
    assert_eq!(place("r1 = 1; call kfunc(2, 0); r0 = r9; exit"), None);
}

#[test]
fn spin_locks() {
    let locked = |body: &str| {
        format!(
            "{LOOK_UP} if r0 == 0 goto out; r6 = r0; r1 = r0; call bpf_spin_lock; {body} out: r0 = 0; exit"
        )
    };
    accepts(
        SocketFilter,
        &locked("*(u64 *)(r6 + 8) = 1; r1 = r6; call bpf_spin_unlock;"),
    );
    refuses(
        SocketFilter,
        &locked("call 5; r1 = r6; call bpf_spin_unlock;"),
        "BPF0144",
        10,
        "function calls are not allowed while holding a lock",
    );
    refuses(
        SocketFilter,
        &locked("r0 = 0;"),
        "BPF0144",
        12,
        "bpf_spin_lock-ed region",
    );
    refuses(
        SocketFilter,
        &locked("r1 = r6; r1 += 8; call bpf_spin_unlock;"),
        "BPF0144",
        12,
        "bpf_spin_unlock of different lock",
    );
    refuses(
        SocketFilter,
        &format!("{LOOK_UP} if r0 == 0 goto out; r1 = r0; call bpf_spin_unlock; out: r0 = 0; exit"),
        "BPF0144",
        8,
        "bpf_spin_unlock without taking a lock",
    );
    refuses(
        SocketFilter,
        "*(u64 *)(r10 - 8) = 0; r1 = r10; r1 += -8; call bpf_spin_lock; r0 = 0; exit",
        "BPF0130",
        3,
        "R1 type=fp expected=map_value",
    );
}

#[test]
fn ends() {
    refuses_at(
        CgroupSock,
        Some(AttachType::CgroupInetSockCreate),
        "r0 = 2; exit",
        "BPF0142",
        1,
        "should have been in [0, 1]",
    );
    // Packets that leave may also be told to slow down.
    assert_eq!(
        findings(
            CgroupSkb,
            Some(AttachType::CgroupInetEgress),
            "r0 = 3; exit"
        ),
        []
    );
    refuses(
        Xdp,
        "r6 = r1; r0 = *(u16 *)skb[12]; exit",
        "BPF0143",
        1,
        "not allowed for this program type",
    );
    refuses(
        SocketFilter,
        "r6 = 0; r0 = *(u16 *)skb[12]; exit",
        "BPF0143",
        1,
        "R6 != pointer to skb",
    );
    // Found by random programs: nobody looks at the offset of `exit`.
    accepts(SocketFilter, "r0 = 0; .8byte 0x0000000000010095");
}

#[test]
fn dead_code_may_be_anything() {
    let dead = |text: &str| {
        accepts(
            SocketFilter,
            &format!("r0 = 1; if r0 == 1 goto out; {text}; out: exit"),
        );
    };
    // `/= 0`, `<<= 64`, `r10 = r0`, helper 9999.
    dead(".8byte 0x0000000000000037");
    dead(".8byte 0x0000004000000067");
    dead(".8byte 0x0000000000000abf");
    dead("call 9999");
    refuses(
        SocketFilter,
        "r0 = 1; .8byte 0x0000000000000037; exit",
        "BPF0025",
        1,
        "div by zero",
    );
    refuses(
        SocketFilter,
        "r0 = 1; .8byte 0x0000004000000067; exit",
        "BPF0024",
        1,
        "invalid shift 64",
    );
    refuses(
        SocketFilter,
        "r0 = 1; .8byte 0x0000000000000abf; exit",
        "BPF0020",
        1,
        "frame pointer is read only",
    );
    refuses(
        SocketFilter,
        "call 9999; exit",
        "BPF0132",
        0,
        "invalid func unknown#9999",
    );
}

#[test]
fn a_place_that_varies_holds_numbers() {
    accepts(
        SocketFilter,
        "call 7; r0 &= 7; r6 = r10; r6 += -16; r6 += r0; *(u8 *)(r6 + 0) = r6; r0 = 0; exit",
    );
}

#[test]
fn another_path_may_speak_for_this_one() {
    // Found by random programs: the kernel looks at the side that stores a number first, and then
    // takes a pointer in the same place for one more number.
    accepts(
        SocketFilter,
        "r9 = r1; call 5; if r0 == 0 goto pointer; call 5; *(u64 *)(r10 - 8) = r0;
         *(u32 *)(r10 - 4) = r0; goto load; pointer: *(u64 *)(r10 - 8) = r9;
         load: r1 = *(u16 *)(r10 - 8); r0 = 0; exit",
    );
    accepts(
        SocketFilter,
        "r9 = r1; call 5; if r0 == 0 goto pointer; call 5; *(u64 *)(r10 - 8) = r0; goto load;
         pointer: *(u64 *)(r10 - 8) = r9; load: r1 = *(u64 *)(r10 - 8); r1 *= 2; r0 = 0; exit",
    );
    // Here is no other path.
    refuses(
        SocketFilter,
        "*(u64 *)(r10 - 8) = r1; call 5; if r0 == 0 goto out; r1 = *(u64 *)(r10 - 8); r1 *= 2;
         out: r0 = 0; exit",
        "BPF0120",
        4,
        "pointer arithmetic with *= operator prohibited",
    );
}

#[test]
fn what_is_not_known_is_not_judged() {
    // A number that only rustc knows.
    let code = insns("r0 = 0; if r0 == 7 goto out; r0 = r9; out: exit");
    let mut program = Program::new(&code);
    program.program_type = Some(SocketFilter);
    for slot in [0, 1] {
        let mut program = program.clone();
        program.references = vec![Reference {
            insn: slot,
            kind: ReferenceKind::Immediate,
        }];
        assert_eq!(check(&program), [], "slot {slot}");
    }
    assert_eq!(check(&program).len(), 1);
    // A map of which nothing is known: findings say what they assume.
    let code = insns(&LOOK_UP.replace("1, 0;", "1, 7;"));
    let code = [
        code,
        insns("if r0 == 0 goto +1; r0 = *(u64 *)(r0 + 40); r0 = 0; exit"),
    ]
    .concat();
    let mut program = with_maps(&code);
    program.program_type = Some(SocketFilter);
    let found = check(&program);
    let longest = |rule: &str| {
        let mut of_rule = found.iter().filter(|finding| finding.rule == rule);
        let finding = of_rule.next().unwrap_or_else(|| panic!("{found:#?}"));
        assert!(of_rule.next().is_none(), "{found:#?}");
        (finding.insn, finding.assumptions.clone())
    };
    use Assumption::{HasFlags, HoldsValues, KeyLongerThan, ValueShorterThan};
    let outside = (7, vec![ValueShorterThan(7, 48), HoldsValues(7)]);
    assert_eq!(longest("BPF0114"), outside);
    assert_eq!(longest("BPF0113"), (5, vec![KeyLongerThan(7, 8)]));
    assert_eq!(longest("BPF0119").1[0], HasFlags(7, 1 << 8));
    let (call, kinds) = longest("BPF0134");
    let Assumption::IsOneOf(7, kinds) = kinds[1] else {
        panic!("{kinds:?}");
    };
    let is_one = |map_type: MapType| kinds >> map_type.as_raw() & 1 == 1;
    assert!(call == 5 && is_one(MapType::Ringbuf) && !is_one(MapType::LpmTrie));
    // A fragment begins with anything in its registers.
    let code = insns("r0 = *(u32 *)(r3 + 8); *(u64 *)(r10 - 8) = r0; r9 = r8");
    assert_eq!(check_fragment(&Program::new(&code)), []);
    let code = insns("*(u64 *)(r10 - 600) = r0");
    assert_eq!(check_fragment(&Program::new(&code))[0].rule, "BPF0113");
}

#[test]
fn maps_of_sockets_take_sockets_as_values() {
    let update = |map: u32| {
        format!(
            "r6 = *(u64 *)(r1 + 168); if r6 == 0 goto out; *(u32 *)(r10 - 4) = 0; r2 = r10;
             r2 += -4; ld_pseudo r1, 1, {map}; r3 = r6; r4 = 0; call bpf_map_update_elem;
             out: r0 = 0; exit"
        )
    };
    accepts(SchedCls, &update(6));
    // Of this map only its definition knows what it is.
    let unknown = findings(SchedCls, None, &update(7));
    assert!(unknown.iter().all(|found| !found.assumptions.is_empty()));
    refuses(
        SchedCls,
        &update(1),
        "BPF0130",
        9,
        "R3 type=sock_common expected=fp",
    );
}

#[test]
fn only_some_programs_change_maps_of_sockets() {
    let delete = "*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; ld_pseudo r1, 1, 6;
        call bpf_map_delete_elem; r0 = 0; exit";
    accepts(SchedCls, delete);
    // Kernels before 6.10 let all of them delete.
    accepts(RawTracepoint, delete);
    let code = insns(delete);
    let mut program = with_maps(&code);
    program.program_type = Some(RawTracepoint);
    program.min_kernel = KernelVersion::new(6, 12);
    let found = check(&program);
    assert_eq!((found[0].rule.as_str(), found[0].insn), ("BPF0134", 5));
    assert!(found[0].kernel.contains("cannot pass map_type 15"));
}

#[test]
fn metadata_ends_where_the_packet_begins() {
    let access = |offset: i32| {
        format!(
            "r2 = *(u32 *)(r1 + 8); r3 = *(u32 *)(r1 + 0); r1 = r2; r1 += 8;
             if r1 > r3 goto out; r0 = *(u64 *)(r1 {offset:+}); out: r0 = 0; exit"
        )
    };
    accepts(Xdp, &access(-8));
    let outside = "R1 offset is outside of the packet";
    refuses(Xdp, &access(-4), "BPF0115", 5, outside);
    refuses(Xdp, &access(-7), "BPF0115", 5, outside);
}

#[test]
fn pointers_have_no_sign_to_extend() {
    let load = |load: &str| format!("r2 = *({load} *)(r1 + 0); r0 = 2; exit");
    accepts(Xdp, &load("u32"));
    refuses(
        Xdp,
        &load("s32"),
        "BPF0117",
        0,
        "invalid bpf_context access off=0 size=4",
    );
    accepts(Xdp, "r2 = *(s32 *)(r1 + 12); r0 = 2; exit");
}

#[test]
fn atomics_make_numbers_of_saved_pointers() {
    let add = "*(u64 *)(r10 - 8) = r1; r0 = 1; lock *(u64 *)(r10 - 8) += r0;
        r1 = *(u64 *)(r10 - 8);";
    accepts(SchedCls, &format!("{add} r0 = 0; exit"));
    refuses(
        SchedCls,
        &format!("{add} r0 = *(u32 *)(r1 + 0); exit"),
        "BPF0111",
        4,
        "R1 invalid mem access 'scalar'",
    );
    refuses(
        SchedCls,
        "*(u64 *)(r10 - 8) = r1; r0 = 1; lock *(u32 *)(r10 - 8) += r0; r0 = 0; exit",
        "BPF0123",
        2,
        "invalid size of register fill",
    );
}

#[test]
fn local_storage_takes_no_flags() {
    let get = |flags: u32| {
        format!("r2 = {flags}; ld_pseudo r1, 1, 8; call bpf_get_local_storage; r0 = 0; exit")
    };
    accepts(CgroupSkb, &get(0));
    refuses(
        CgroupSkb,
        &get(7),
        "BPF0130",
        3,
        "get_local_storage() doesn't support non-zero flags",
    );
}

#[test]
fn a_function_that_was_called_before_counts_for_the_stack() {
    let program = |depth: u32| {
        format!(
            "call f; *(u8 *)(r10 - {depth}) = 0; r0 = 0; exit;
             f: *(u8 *)(r10 - 300) = 0; r0 = 0; exit"
        )
    };
    accepts(Xdp, &program(200));
    refuses(
        Xdp,
        &program(300),
        "BPF0044",
        1,
        "combined stack size of 2 calls is 600",
    );
}

#[test]
fn rules_name_their_kernels() {
    // Offsets that vary are refused since 6.8.
    let code = insns(
        "r6 = r1; call bpf_get_prandom_u32; r0 &= 0xff; r1 = *(u64 *)(r6 + 144); r1 += r0;
         r0 = *(u64 *)(r1 + 0); r0 = 0; exit",
    );
    let mut program = Program::new(&code);
    program.program_type = Some(FlowDissector);
    assert_eq!(check(&program), []);
    program.min_kernel = KernelVersion::new(6, 18);
    assert_eq!(check(&program)[0].rule, "BPF0120");
}

#[test]
fn what_the_oldest_kernel_lacks() {
    // `skb_hwtstamp` of socket operations: 6.12 has it, 6.1 has not.
    let code = insns("r0 = *(u64 *)(r1 + 216); r0 = 1; exit");
    let mut program = Program::new(&code);
    program.program_type = Some(ProgramType::SockOps);
    program.attach_type = Some(AttachType::CgroupSockOps);
    let mut on = |names_lacks, major, minor| {
        program.names_lacks = names_lacks;
        program.min_kernel = KernelVersion::new(major, minor);
        let found = check(&program);
        let help = found.first().and_then(|finding| finding.help.clone());
        assert!(
            found.iter().all(|finding| finding.rule == "BPF0060"),
            "{found:?}"
        );
        help.unwrap_or_default()
    };
    assert!(on(true, 5, 10).contains("`#[min_kernel = \"6.12\"]`"));
    assert!(on(true, 6, 1).contains("6.12"));
    // Somewhere between the two it came.
    assert_eq!(on(true, 6, 5), "");
    assert_eq!(on(true, 6, 12), "");
    assert_eq!(on(false, 5, 10), "");

    program.guessed_offsets = vec![0];
    program.names_lacks = true;
    let findings = check(&program);
    assert_eq!(findings[0].rule, "BPF0060");
    assert_eq!(findings[0].assumptions, [Assumption::OffsetIsGuessed(0)]);
}

#[test]
fn the_same_program_has_the_same_findings() {
    let text = format!(
        "{LOOK_UP} if r0 == 0 goto out; r1 = *(u32 *)(r0 + 0); if r1 > 41 goto out; r0 += r1;
         r0 = *(u64 *)(r0 + 0); out: r0 = 0; exit"
    );
    let first = findings(SocketFilter, None, &text);
    for _ in 0..3 {
        assert_eq!(findings(SocketFilter, None, &text), first);
    }
    assert!(
        first[0]
            .causes
            .iter()
            .any(|cause| cause.message.contains("it happens when 41"))
    );
    let code = insns(&text);
    let mut program = with_maps(&code);
    program.program_type = Some(SocketFilter);
    assert_eq!(check_with(&program, Effort::runs(1)), []);
}

/// Whatever the program, looking for suggestions ends, and they are about the program.
#[test]
fn suggestions_are_about_the_program() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let (mut found, mut suggested) = (0, 0);
    for _ in 0..40 {
        for &(program_type, text, ..) in MISTAKES {
            let mut code = insns(text);
            for _ in 0..random(3) {
                let slot = random(code.len());
                let mut bytes = code[slot].to_le_bytes();
                bytes[random(8)] ^= 1 << random(8);
                code[slot] = Insn::from_le_bytes(bytes);
            }
            let references = with_maps(&insns(text)).references;
            let mut program = Program::new(&code);
            program.maps = maps();
            program.references = references;
            program.program_type = Some(program_type);
            let mut all = check(&program);
            suggest(&program, &mut all);
            for finding in &all {
                found += 1;
                let changes = finding.remedy.iter().flat_map(|remedy| &remedy.changes);
                suggested += usize::from(finding.remedy.is_some());
                for change in changes {
                    assert!((change.insn as usize) < code.len(), "{finding:#?}");
                }
            }
        }
    }
    assert!(found > 500 && suggested > 50, "{suggested} of {found}");
}

#[test]
fn every_code_is_tested_here() {
    for rule in ebpf_asm::diag::Rule::ALL {
        // Predictions are tested in `predict.rs`.
        let is_the_checkers = (100..200).contains(&(*rule as u16));
        let is_tested = MISTAKES.iter().any(|mistake| *rule == mistake.4);
        assert!(!is_the_checkers || is_tested, "{rule}");
    }
}

/// A program that every kernel refuses: its type, its text, where it is wrong (line and column),
/// the code, and all of the message.
type Mistake = (
    ProgramType,
    &'static str,
    u32,
    u32,
    &'static str,
    &'static str,
);

#[rustfmt::skip] // A case is a line.
const MISTAKES: &[Mistake] = &[
    (SocketFilter, "r0 = 0\nexit\n  r0 = 1\nexit", 3, 3, "BPF0100", "no path reaches this instruction"),
    (SocketFilter, "r0 = 0\n.8byte 0xff\nexit", 2, 1, "BPF0103", "no instruction has the opcode 0xff"),
    (SocketFilter, "r0 = 0\nagain: if r0 == 0 goto again\nexit", 2, 8, "BPF0104", "the loop never ends: nothing changes from one round to the next"),
    (SocketFilter, "\n\texit", 2, 2, "BPF0110", "`r0` is read before anything was written to it"),
    (SocketFilter, "r0 = r2\nexit", 1, 1, "BPF0110", "`r2` is read before anything was written to it"),
    (SocketFilter, "call bpf_ktime_get_ns\nr0 = r1\nexit", 2, 1, "BPF0110", "`r1` is read, but the call before this has clobbered it"),
    (Tracepoint, "r2 = *(u64 *)(r1 + 8)\nr0 = *(u8 *)(r2 + 0)\nexit", 2, 1, "BPF0111", "`r2` holds a number here, and memory is accessed through pointers"),
    (SocketFilter, "r2 = 0\nr0 = *(u8 *)(r2 + 0)\nexit", 2, 1, "BPF0111", "`r2` holds null here, and memory is accessed through pointers"),
    (SocketFilter, "*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nld_pseudo r1, 1, 0\ncall 1\nr0 = *(u64 *)(r0 + 0)\nexit", 6, 1, "BPF0112", "`r0`, a pointer to a map's value, may be null here"),
    (SocketFilter, "*(u64 *)(r10 - 520) = 0\nr0 = 0\nexit", 1, 1, "BPF0113", "this writes 8 bytes at `r10 - 520`: the frame is the 512 bytes before `r10`"),
    (SocketFilter, "*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nld_pseudo r1, 1, 0\ncall 1\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 48)\nout: r0 = 0\nexit", 7, 1, "BPF0114", "this reads bytes 48 to 56 of a value of `MAP`, which has 48"),
    (Xdp, "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 + 13)\nout: r0 = 2\nexit", 6, 1, "BPF0115", "this reads bytes 13 to 15 of the packet, which may have only 14"),
    (RawTracepoint, "ld_pseudo r1, 1, 2\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto out\n*(u64 *)(r0 + 9) = 1\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\nout: r0 = 0\nexit", 6, 1, "BPF0116", "this writes bytes 9 to 17 of a record of 16"),
    (SocketFilter, "r0 = *(u32 *)(r1 + 76)\nexit", 1, 1, "BPF0117", "this reads 4 bytes at 76 of the context, which `socket_filter` programs cannot"),
    (SocketFilter, "r1 += 4\nr0 = *(u32 *)(r1 + 0)\nexit", 2, 1, "BPF0118", "`r1` is the context plus 4: the context is used as it came"),
    (LwtIn, "r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n*(u8 *)(r2 + 0) = 1\nout: r0 = 0\nexit", 6, 1, "BPF0119", "programs of this type cannot write to the packet"),
    (SocketFilter, "r0 = 0\nr1 &= 8\nexit", 2, 1, "BPF0120", "`&=` on a pointer to the context"),
    (SocketFilter, "r1 = r10\nr1 += 0x7fffffff\nr0 = 0\nexit", 2, 1, "BPF0121", "the stack and 2147483647: offsets of pointers are below 536870912 either way"),
    (SocketFilter, "*(u64 *)(r10 - 12) = 0\nr0 = 0\nexit", 1, 1, "BPF0122", "8 bytes at offset -12, which is no multiple of 8"),
    (SocketFilter, "*(u64 *)(r10 - 8) = r1\nr0 = *(u32 *)(r10 - 8)\nexit", 2, 1, "BPF0123", "these 4 bytes of the stack are part of a pointer"),
    (SocketFilter, "r0 = 1\nlock *(u32 *)(r1 + 8) += w0\nexit", 2, 1, "BPF0124", "there are no atomic operations on the context"),
    (SocketFilter, "r0 = *(u32 *)(r1 + 0)\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nif r0 == 0 goto read\nr2 = r1\nread: r0 = *(u32 *)(r2 + 0)\nexit", 7, 7, "BPF0125", "this instruction is reached with the stack and with the context"),
    (RawTracepoint, "ld_pseudo r1, 1, 2\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto out\nr6 = r0\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_submit\n*(u8 *)(r6 + 0) = 1\nout: r0 = 0\nexit", 10, 1, "BPF0126", "what `r6` pointed to is gone"),
    (SocketFilter, "r1 = 1\ncall bpf_get_socket_cookie\nexit", 2, 1, "BPF0130", "`bpf_get_socket_cookie` takes the context in `r1`, and this is a number"),
    (Tracepoint, "r1 = r10\nr1 += -16\nr2 = 0\ncall bpf_get_current_comm\nr0 = 0\nexit", 4, 1, "BPF0131", "the size in `r2` is 0, and `bpf_get_current_comm` takes at least 1 byte"),
    (SocketFilter, "r2 = 1\ncall bpf_xdp_adjust_head\nexit", 2, 1, "BPF0132", "`socket_filter` programs cannot call `bpf_xdp_adjust_head`"),
    (SocketFilter, "call 9999\nexit", 1, 1, "BPF0132", "no kernel has a helper 9999"),
    (Tracepoint, "r1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall bpf_probe_read_kernel\nr0 = 0\nexit", 5, 1, "BPF0133", "`bpf_probe_read_kernel` is for programs whose licence is compatible with the GPL"),
    (SocketFilter, "*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nld_pseudo r1, 1, 4\ncall bpf_map_lookup_elem\nr0 = 0\nexit", 5, 1, "BPF0134", "`bpf_map_lookup_elem` does not work on maps of the type `prog_array`, and `MAP` is one"),
    (RawTracepoint, "ld_pseudo r1, 1, 2\nr2 = 16\nr3 = 0\ncall bpf_ringbuf_reserve\nr0 = 0\nexit", 6, 1, "BPF0140", "a ring buffer's record is not given back on this path"),
    (SchedCls, "r1 = *(u64 *)(r1 + 168)\nif r1 == 0 goto out\ncall bpf_sk_release\nout: r0 = 0\nexit", 3, 1, "BPF0141", "`bpf_sk_release` gives back what was acquired, and this was not"),
    (CgroupSkb, "r0 = 9\nexit", 2, 1, "BPF0142", "the program returns 9, and `cgroup_skb` programs return 0 to 3"),
    (Xdp, "r6 = r1\nr0 = *(u16 *)skb[12]\nexit", 2, 1, "BPF0143", "`xdp` programs have no legacy packet loads"),
    (SocketFilter, "*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nld_pseudo r1, 1, 0\ncall 1\nif r0 == 0 goto out\nr1 = r0\ncall bpf_spin_unlock\nout: r0 = 0\nexit", 8, 1, "BPF0144", "no spin lock is held here"),
];

#[test]
fn places_and_messages() {
    let options = AssembleOptions::default();
    let mut wrong = String::new();
    for &(program_type, text, line, column, code, message) in MISTAKES {
        let references = with_maps(&insns(text)).references;
        let diagnostics = check_text(text, &options, |program| {
            program.maps = maps();
            program.references = references;
            program.program_type = Some(program_type);
            program.gpl_compatible = Some(false);
        });
        let found: Vec<_> = diagnostics
            .iter()
            .map(|d| {
                (
                    d.span.line,
                    d.span.column,
                    d.code.as_str(),
                    d.message.as_str(),
                )
            })
            .collect();
        if found != [(line, column, code, message)] {
            let _ = writeln!(wrong, "{text:?}: {found:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_behind_a_guess_assumes_it() {
    let insns = insns("r2 = *(u64 *)(r1 + 8)\nr0 = *(u8 *)(r2 + 0)\nr0 = 0\nexit");
    let mut program = Program::new(&insns);
    program.program_type = Some(Tracepoint);
    program.guessed_offsets = vec![0];
    let findings = check(&program);
    assert_eq!((findings.len(), findings[0].insn), (1, 1));
    assert_eq!(findings[0].assumptions, [Assumption::OffsetIsGuessed(0)]);
    assert!(!findings[0].depends_on_maps());

    // At the guess itself: no context has so much.
    let insns = self::insns("r0 = *(u32 *)(r1 + 76)\nexit");
    let mut program = Program::new(&insns);
    program.program_type = Some(SocketFilter);
    program.guessed_offsets = vec![0];
    let findings = check(&program);
    assert_eq!(findings[0].assumptions, [Assumption::OffsetIsGuessed(0)]);

    // What is wrong whatever the offset is needs no guess.
    let insns = self::insns("r6 = *(u32 *)(r1 + 0)\nr0 = r3\nexit");
    let mut program = Program::new(&insns);
    program.program_type = Some(SocketFilter);
    program.guessed_offsets = vec![0];
    let findings = check(&program);
    assert_eq!((findings.len(), findings[0].insn), (1, 1));
    assert!(findings[0].assumptions.is_empty());

    // What does not come by it is certain.
    let insns = self::insns(
        "if r1 == 0 goto other\nr2 = r10\n*(u64 *)(r2 + 8) = 0\nother: r0 = *(u32 *)(r1 + 0)\nexit",
    );
    let mut program = Program::new(&insns);
    program.program_type = Some(SocketFilter);
    program.guessed_offsets = vec![3];
    let findings = check(&program);
    assert_eq!(findings[0].insn, 2);
    assert!(findings[0].assumptions.is_empty());
}
