//! What is predicted of kernels, and what is not: code, slot, the kernel's words, which kernels.

#![cfg(all(feature = "check", feature = "text"))]

use ebpf_asm::check::{
    Finding, MapFacts, Program, Reference, ReferenceKind, check, predict, predict_for_all,
    predict_on,
};
use ebpf_asm::diag::{Rule, Severity, Span};
use ebpf_asm::isa::{Decoded, Form, ImmediateSource, Insn, decode_all};
use ebpf_asm::{KernelVersion, MapType, ProgramType, assemble};

/// `ld_pseudo rN, 1, M` is map M: a hash map and an array with values of 48 bytes, a ring buffer.
fn maps() -> Vec<Option<MapFacts>> {
    [
        (MapType::Hash, 8, 48),
        (MapType::Array, 4, 48),
        (MapType::Ringbuf, 0, 0),
    ]
    .into_iter()
    .map(|(map_type, key_size, value_size)| {
        Some(MapFacts {
            map_type,
            key_size,
            value_size,
            max_entries: 4,
            flags: 0,
            frozen: false,
            name: "MAP".into(),
        })
    })
    .collect()
}

fn insns(text: &str) -> Vec<Insn> {
    match assemble(text) {
        Ok(code) => code.into_insns(),
        Err(errors) => panic!("{errors}"),
    }
}

fn facts(program_type: ProgramType, insns: &[Insn]) -> Program<'_> {
    let mut program = Program::new(insns);
    program.program_type = Some(program_type);
    program.gpl_compatible = Some(true);
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
    program
}

/// What is predicted, of a program without errors.
#[track_caller]
fn predictions(program_type: ProgramType, text: &str) -> Vec<Finding> {
    let insns = insns(text);
    let program = facts(program_type, &insns);
    assert_eq!(check(&program), []);
    predict(&program)
}

/// The first prediction has this code, slot and words of the kernel, and is about these kernels.
#[track_caller]
fn predicts(
    program_type: ProgramType,
    text: &str,
    code: &str,
    slot: u32,
    kernel: &str,
    kernels: &str,
) -> Finding {
    let findings = predictions(program_type, text);
    let Some(first) = findings.into_iter().next() else {
        panic!("nothing is predicted");
    };
    let about = first.predicted.as_ref().map(ToString::to_string);
    assert_eq!(
        (
            first.rule.as_str(),
            first.insn,
            first.kernel.as_str(),
            about
        ),
        (code, slot, kernel, Some(format!("{kernels} this"))),
        "{first:#?}"
    );
    first
}

#[track_caller]
fn predicts_nothing(program_type: ProgramType, text: &str) {
    assert_eq!(predictions(program_type, text), []);
}

const RAW: ProgramType = ProgramType::RawTracepoint;
const EVERY: &str = "every kernel from 5.10 on refuses";

/// A square of which kernels do not know that it never ends in the bits of 2: in `r2`.
const SQUARE: &str = "r2 = *(u64 *)(r1 + 8)\nr2 *= r2\nr2 &= 3\n";

/// A value of the array in `r6`, and an index from it in `r7`.
const VALUE: &str = "
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    ld_pseudo r1, 1, 1
    call bpf_map_lookup_elem
    if r0 == 0 goto out
    r6 = r0
    r7 = *(u64 *)(r6 + 0)
";

#[test]
fn sizes() {
    let call = "*(u64 *)(r10 - 64) = 0\nr1 = r10\nr1 += -64\nr3 = 0\ncall bpf_probe_read_kernel\nr0 = 0\nexit";
    let first = predicts(
        RAW,
        &format!("r2 = *(u64 *)(r1 + 8)\nr2 s>>= 60\nr2 *= r2\n{call}"),
        "BPF0200",
        7,
        "R2 min value is negative, either use unsigned or 'var &= const'",
        EVERY,
    );
    let help = first.help.as_deref();
    assert_eq!(
        help,
        Some("insert before the call: `if r2 > 64 goto …` or `r2 &= 63`")
    );
    assert_eq!(
        first.causes[0].message,
        "`r2` has no lower bound since the computation"
    );
    assert_eq!(first.causes[0].insn, Some(2));
    predicts(
        RAW,
        &format!(
            "r2 = *(u64 *)(r1 + 8)\nw2 = w2\nr3 = r2\nr3 >>= 6\nif r3 != 0 goto out\nout2:\n{call}\nout:\nr0 = 0\nexit"
        ),
        "BPF0201",
        9,
        "R2 unbounded memory access, use 'var &= const' or 'if (var < const)'",
        EVERY,
    );
    predicts(
        RAW,
        "r2 = *(u64 *)(r1 + 8)\nr2 &= 3\nr3 = r2\nr3 ^= 3\nr2 += r3\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\ncall bpf_get_current_comm\nr0 = 0\nexit",
        "BPF0203",
        8,
        "R2 invalid zero-sized read: u64=[0,6]",
        EVERY,
    );
    // What the help says.
    let call = call.replace("\nr0 = 0\nexit", "");
    for line in ["if r2 > 64 goto out", "r2 &= 63"] {
        predicts_nothing(
            RAW,
            &format!(
                "r2 = *(u64 *)(r1 + 8)\nr2 s>>= 60\nr2 *= r2\n{line}\n{call}\nout:\nr0 = 0\nexit"
            ),
        );
    }
}

#[test]
fn values_of_maps() {
    let index = |lines: &str, use_it: &str| {
        format!("{VALUE}{lines}\nr6 += r7\n{use_it}\nout:\nr0 = 0\nexit")
    };
    // In truth 7, for kernels up to 14, which is too much for a value of 48 behind 40.
    let lines = "r7 &= 7\nr8 = 7\nr8 -= r7\nr6 += r8";
    let first = predicts(
        RAW,
        &index(lines, "*(u8 *)(r6 + 40) = 1"),
        "BPF0202",
        14,
        "invalid access to map value, value_size=48 off=54 size=1; R6 max value is outside of the allowed memory range",
        EVERY,
    );
    assert_eq!(
        first.help.as_deref(),
        Some(
            "add the numbers up in one register, limit that, `if rN > 7 goto …`, and add it to the pointer once"
        )
    );
    let lines = "r7 &= 7\nr8 = 7\nr8 -= r7\nr7 += r8\nif r7 > 7 goto out";
    predicts_nothing(RAW, &index(lines, "*(u8 *)(r6 + 40) = 1"));
    let lines = "r7 &= 7\nr8 = 7\nr8 -= r7\nr6 += r8";
    predicts_nothing(RAW, &index(lines, "*(u8 *)(r6 + 33) = 1"));
    predicts(
        RAW,
        &index(
            "r8 = r7\nr8 &= 1\nr7 s>>= 62\nr7 *= r7",
            "r0 = *(u8 *)(r6 + 0)",
        ),
        "BPF0200",
        14,
        "R6 min value is negative, either use unsigned index or do a if (index >=0) check.",
        "Linux 6.18 and 7.3 refuse",
    );
    // A copy is limited with it.
    predicts_nothing(
        RAW,
        &index("r8 = r7\nif r8 > 40 goto out", "r0 = *(u8 *)(r6 + 0)"),
    );
    // A sum is since 6.11.
    predicts(
        RAW,
        &index(
            "r8 = r7\nr8 += 1\nif r8 > 40 goto out\nif r8 == 0 goto out\nif r8 < 1 goto out",
            "r0 = *(u8 *)(r6 + 0)",
        ),
        "BPF0205",
        14,
        "math between map_value pointer and register with unbounded min value is not allowed",
        "Linux 5.10 and 6.1 refuse",
    );
}

#[test]
fn the_stack() {
    let sum = "r2 = *(u64 *)(r1 + 8)\nr2 &= 7\nr3 = 7\nr3 -= r2\nr4 = r10\nr4 += -24\nr4 += r2\nr4 += r3\n";
    let new = KernelVersion::new(5, 12);
    let only = |text: &str| {
        let insns = insns(text);
        let mut program = facts(RAW, &insns);
        program.min_kernel = new;
        assert_eq!(check(&program), []);
        predict(&program)
    };
    let findings = only(&format!("{sum}*(u8 *)(r4 + 16) = 0\nr0 = 0\nexit"));
    assert_eq!(
        (findings[0].rule, findings[0].insn),
        (Rule::MayLeaveStack, 8)
    );
    assert_eq!(
        findings[0].kernel,
        "invalid variable-offset write to stack R4 var_off=… off=-8 size=1"
    );
    assert_eq!(only(&format!("{sum}*(u8 *)(r4 + 9) = 0\nr0 = 0\nexit")), []);
    predicts(
        RAW,
        &format!("{sum}*(u64 *)(r4 + 1) = 0\nr0 = 0\nexit"),
        "BPF0214",
        8,
        "misaligned stack access off -24+1 size 8",
        EVERY,
    );
    predicts(
        RAW,
        "r0 = *(u64 *)(r10 - 8)\nexit",
        "BPF0215",
        0,
        "invalid read from stack R10 off -8+0 size 8",
        "Linux 5.10 and 6.1 refuse",
    );
    predicts(
        RAW,
        "r2 = *(u64 *)(r1 + 8)\nr3 = r2\nr3 &= -8\nr2 -= r3\nr1 = r10\nr1 += r2\nr0 = 0\nexit",
        "BPF0205",
        5,
        "math between fp pointer and register with unbounded min value is not allowed",
        EVERY,
    );
}

#[test]
fn packets() {
    let start = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 4\nif r4 > r3 goto out\nr5 = *(u8 *)(r2 + 0)\nr5 &= 3\nr4 = 3\nr4 -= r5\n";
    let end = "out:\nr0 = 2\nexit";
    predicts(
        ProgramType::Xdp,
        &format!("{start}r2 += r5\nr2 += r4\nr0 = *(u8 *)(r2 + 0)\n{end}"),
        "BPF0206",
        11,
        "invalid access to packet, off=0 size=1, R2 offset is outside of the packet",
        EVERY,
    );
    predicts_nothing(
        ProgramType::Xdp,
        &format!(
            "{start}r2 += r5\nr2 += r4\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\nr0 = *(u8 *)(r2 + 0)\n{end}"
        ),
    );
}

#[test]
fn paths_that_are_never_taken() {
    predicts(
        RAW,
        &format!("{SQUARE}if r2 == 2 goto done\nr0 = 0\ndone:\nexit"),
        "BPF0209",
        5,
        "R0 !read_ok",
        EVERY,
    );
    predicts(
        RAW,
        &format!(
            "{SQUARE}r7 = r10\nif r2 != 2 goto use\nr7 = 0\nuse:\n*(u64 *)(r7 - 8) = 1\nr0 = 0\nexit"
        ),
        "BPF0210",
        6,
        "R7 invalid mem access 'scalar'",
        EVERY,
    );
    predicts(
        ProgramType::CgroupSkb,
        "r7 = *(u64 *)(r1 + 168)\nr2 = *(u32 *)(r1 + 0)\nr2 *= r2\nr2 &= 3\nif r2 == 2 goto use\nif r7 == 0 goto out\nuse:\nr0 = *(u32 *)(r7 + 4)\nout:\nr0 = 1\nexit",
        "BPF0207",
        6,
        "R7 invalid mem access 'sock_common_or_null'",
        EVERY,
    );
    predicts(
        ProgramType::CgroupSock,
        "r0 = *(u32 *)(r1 + 4)\nr0 *= r0\nr0 &= 3\nexit",
        "BPF0212",
        3,
        "At program exit the register R0 has smin=0 smax=3 should have been in [0, 1]",
        EVERY,
    );
    predicts(
        RAW,
        &format!(
            "{SQUARE}r7 = r2\nld_pseudo r1, 1, 2\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto out\nif r7 == 2 goto out\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_discard\nout:\nr0 = 0\nexit"
        ),
        "BPF0213",
        15,
        "BPF_EXIT instruction in main prog would lead to reference leak",
        EVERY,
    );
}

#[test]
fn loops() {
    predicts(
        ProgramType::SocketFilter,
        "again:\ncall bpf_get_prandom_u32\nif r0 != 0 goto again\nr0 = 0\nexit",
        "BPF0211",
        0,
        "infinite loop detected at insn 0",
        EVERY,
    );
    let rounds = |times: u32| {
        format!(
            "r1 = 0\nr2 = 0\nagain:\nr2 += r1\nr1 += 1\nif r1 < {times} goto again\nr0 = 0\nexit"
        )
    };
    predicts(
        RAW,
        &rounds(400_000),
        "BPF0208",
        4,
        "BPF program is too large. Processed 1000001 insn",
        EVERY,
    );
    // Three instructions a round, and five others.
    predicts_nothing(RAW, &rounds(333_331));
    let nothing = insns(
        "r1 = 0\nagain:\nmay_goto out\nr1 += 1\nif r1 != 9000000 goto again\nout:\nr0 = 0\nexit",
    );
    assert_eq!(predict(&facts(RAW, &nothing)), []);
}

#[test]
fn what_kernels_know() {
    let end = "*(u64 *)(r10 - 64) = 0\nr1 = r10\nr1 += -64\nr3 = 0\ncall bpf_probe_read_kernel\nout:\nr0 = 0\nexit";
    // Of each, that the size is from 0 to 64.
    for lines in [
        "r2 &= 63",
        "w2 &= 63",
        "if r2 > 64 goto out",
        "if w2 > 64 goto out\nw2 = w2",
        "if r2 s< 0 goto out\nif r2 s> 64 goto out",
        "r2 >>= 58",
        "r2 <<= 32\nr2 s>>= 32\nif r2 s< 0 goto out\nif r2 s> 64 goto out",
        "r4 = r2\nif r2 > 64 goto out\nr2 = r4",
        "r2 &= 7\nr2 *= 8",
        "r2 &= 31\nr2 += 32",
        "if w2 & -64 goto out\nw2 = w2",
    ] {
        predicts_nothing(RAW, &format!("r2 = *(u64 *)(r1 + 8)\n{lines}\n{end}"));
    }
}

#[test]
fn the_diagnostic() {
    let text = "r0 = *(u64 *)(r10 - 8)\nexit";
    let first = &predictions(RAW, text)[0];
    let diagnostic = first.to_diagnostic(None, |_| Span::default());
    assert_eq!(diagnostic.severity, Severity::Warning);
    assert_eq!(
        diagnostic.to_text(),
        "BPF0215: on a path that leads here nothing was written at `r10 -8` or below, where kernels before 6.8 do not allow to read
note: Linux 5.10 and 6.1 refuse this
note: the kernel says: invalid read from stack R10 off -8+0 size 8
help: write there first: `*(u64 *)(r10 - 8) = 0`"
    );
}

#[test]
fn some_kernels_and_all() {
    let text = insns("r0 = *(u64 *)(r10 - 8)\nexit");
    let mut program = facts(RAW, &text);
    assert_eq!(predict_for_all(&program), None);
    assert_eq!(predict_on(&program, &[KernelVersion::new(6, 12)]), []);
    assert_eq!(predict_on(&program, &[KernelVersion::new(6, 1)]).len(), 1);
    program.min_kernel = KernelVersion::new(6, 8);
    assert_eq!(predict(&program), []);
    // What kernels refuse for different reasons at one place, all refuse.
    let text = insns(
        "r2 = *(u64 *)(r1 + 8)\nr2 &= 7\nr3 = 7\nr3 -= r2\nr4 = r10\nr4 += -8\nr4 += r2\nr4 += r3\n*(u8 *)(r4 + 0) = 0\nr0 = 0\nexit",
    );
    let program = facts(RAW, &text);
    let finding = predict_for_all(&program).expect("all refuse it");
    assert_eq!(finding.rule, Rule::MayLeaveStack);
    assert!(finding.predicted.is_some_and(|kernels| kernels.are_all()));
}

#[test]
fn what_newer_kernels_know() {
    let end = "*(u64 *)(r10 - 64) = 0\nr1 = r10\nr1 += -64\nr3 = 0\ncall bpf_probe_read_kernel\nout:\nr0 = 0\nexit";
    let old = "Linux 5.10 and 6.1 refuse this";
    for (lines, kernels) in [
        // What was saved without bounds is the same number (6.9).
        (
            "*(u64 *)(r10 - 8) = r2\nif r2 > 64 goto out\nr2 = *(u64 *)(r10 - 8)",
            old,
        ),
        // Two registers that are compared (6.8).
        (
            "r4 = 64\nr4 <<= 1\nr5 = *(u64 *)(r1 + 0)\nr5 &= 31\nif r2 > r5 goto out",
            old,
        ),
        // Bits of two numbers (6.11).
        ("r2 &= 31\nr4 = r2\nr4 &= 7\nr2 |= r4", old),
        // Quotients (7.0).
        (
            "r2 &= 511\nr2 /= 8",
            "Linux 5.10, 6.1, 6.12 and 6.18 refuse this",
        ),
    ] {
        let text = format!("r2 = *(u64 *)(r1 + 8)\n{lines}\n{end}");
        let findings = predictions(RAW, &text);
        let about = findings[0].predicted.as_ref().map(ToString::to_string);
        assert_eq!(about.as_deref(), Some(kernels), "{lines}");
    }
}

/// What is not modelled ends a path without a word.
#[test]
fn silence() {
    // What the value of the map's map is, is not known here; what the helper returns neither.
    predicts_nothing(
        RAW,
        "call bpf_get_smp_processor_id\nr1 = r10\nr1 += r0\n*(u8 *)(r1 - 8) = 0\nr0 = 0\nexit",
    );
    // Numbers that are put in later.
    let insns = insns("r2 = 5\nr1 = r10\nr1 += r2\n*(u8 *)(r1 + 0) = 0\nr0 = 0\nexit");
    let mut program = facts(RAW, &insns);
    program.references = vec![Reference {
        insn: 0,
        kind: ReferenceKind::Immediate,
    }];
    assert_eq!(predict(&program), []);
}
