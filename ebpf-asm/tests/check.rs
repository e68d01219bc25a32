//! What the checker finds, and what it leaves alone: code, slot, the kernel's words.

#![cfg(all(feature = "check", feature = "text"))]

use ebpf_asm::check::{
    Effort, Finding, MapFacts, Program, Reference, ReferenceKind, check, check_fragment, check_with,
};
use ebpf_asm::isa::{Decoded, Form, ImmediateSource, Insn, decode_all};
use ebpf_asm::{AttachType, KernelVersion, MapType, ProgramType, assemble};

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
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].rule, "BPF0114");
    assert!(!found[0].assumptions.is_empty());
    // A fragment begins with anything in its registers.
    let code = insns("r0 = *(u32 *)(r3 + 8); *(u64 *)(r10 - 8) = r0; r9 = r8");
    assert_eq!(check_fragment(&Program::new(&code)), []);
    let code = insns("*(u64 *)(r10 - 600) = r0");
    assert_eq!(check_fragment(&Program::new(&code))[0].rule, "BPF0113");
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

#[test]
fn every_code_is_tested_here() {
    let tests = include_str!("check.rs");
    for rule in ebpf_asm::diag::Rule::ALL {
        let is_the_checkers = *rule as u16 >= 100;
        assert!(!is_the_checkers || tests.contains(rule.as_str()), "{rule}");
    }
}
