use super::listing;
use crate::Code;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

fn assembled(source: &str) -> Code {
    crate::assemble(source).unwrap()
}

/// The notes of the errors: (line, first note).
fn reasons(source: &str) -> Vec<(u32, String)> {
    let errors = listing(source).unwrap_err();
    let reason = |d: &crate::Diagnostic| {
        assert_eq!(d.code, "BPF0070");
        let start = format!("line {} cannot be read: `", d.span.line);
        assert!(d.message.starts_with(&start), "{}", d.message);
        (d.span.line, d.notes[0].message.clone())
    };
    errors.iter().map(reason).collect()
}

const EXAMPLE: &str = "
    r1 = 0x1122334455667788 ll
    r2 = *(u64 *)(r10 - 8)
    if r2 s> -1 goto +3
    w0 = w2
    call 4
    call 5
    r0 = 0
    exit
    lock *(u64 *)(r10 - 8) += r0
    goto -4
";

#[test]
fn llvm_objdump_with_bytes() {
    let code = listing(
        "
t.o:\tfile format elf64-bpf

Disassembly of section .text:

0000000000000000 <foo>:
       0:\t18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11\tr1 = 1234605616436508552 ll
       2:\t79 a2 f8 ff 00 00 00 00\tr2 = *(u64 *)(r10 - 8)
       3:\t65 02 03 00 ff ff ff ff\tif r2 s> -1 goto +3 <LBB0_2>
       4:\tbc 20 00 00 00 00 00 00\tw0 = w2
       5:\t85 00 00 00 04 00 00 00\tcall 4
\t\t0000000000000028:  R_BPF_64_32\tmul
       6:\t85 00 00 00 05 00 00 00\tcall 5

0000000000000038 <LBB0_2>:
       7:\tb7 00 00 00 00 00 00 00\tr0 = 0
       8:\t95 00 00 00 00 00 00 00\texit

0000000000000048 <bar>:
       9:\tdb 0a f8 ff 00 00 00 00\tlock *(u64 *)(r10 - 8) += r0
      10:\t05 00 fc ff 00 00 00 00\tgoto -4 <LBB0_2>
",
    );
    let code = code.unwrap();
    assert_eq!(code, assembled(EXAMPLE));
    let names: Vec<&str> = code.labels().map(|(_, name)| name).collect();
    assert_eq!(names, ["foo", "LBB0_2", "bar"]);
}

#[test]
fn llvm_objdump_without_bytes() {
    let code = listing(
        "
t.o:\tfile format elf64-bpf

Disassembly of section .text:

0000000000000000 <foo>:
       0:\tr1 = 1234605616436508552 ll
       2:\tr2 = *(u64 *)(r10 - 8)
       3:\tif r2 s> -1 goto +3 <LBB0_2>
       4:\tw0 = w2
       5:\tcall 4
       6:\tcall 5

0000000000000038 <LBB0_2>:
       7:\tr0 = 0
       8:\texit

0000000000000048 <bar>:
       9:\tlock *(u64 *)(r10 - 8) += r0
      10:\tgoto -4 <LBB0_2>
",
    );
    assert_eq!(code.unwrap(), assembled(EXAMPLE));
}

#[test]
fn newer_and_older_llvm() {
    // LLVM 18 and later write constants in hexadecimal; old ones had labels without brackets.
    let newer = "
       0:\tr1 = 0x1122334455667788 ll
       2:\tr2 = *(u64 *)(r10 - 0x8)
       3:\tif r2 s> -0x1 goto +0x3 <foo+0x38>
       4:\tw0 = w2
       5:\tcall 0x4
       6:\tcall 0x5
       7:\tr0 = 0x0
       8:\texit
       9:\tlock *(u64 *)(r10 - 0x8) += r0
      10:\tgoto -0x4 <foo+0x38>
";
    assert_eq!(listing(newer).unwrap(), assembled(EXAMPLE));
    let older = "
foo:
       0:       18 01 00 00 88 77 66 55         r1 = 1234605616436508552 ll
       1:       00 00 00 00 44 33 22 11
       2:       79 a2 f8 ff 00 00 00 00         r2 = *(u64 *)(r10 - 8)
; if (x > -1)
       3:       65 02 03 00 ff ff ff ff         if r2 s> -1 goto 3 <LBB0_2>
       4:       bc 20 00 00 00 00 00 00         w0 = w2
       5:       85 00 00 00 04 00 00 00         call 4
       6:       85 00 00 00 05 00 00 00         call 5

LBB0_2:
       7:       b7 00 00 00 00 00 00 00         r0 = 0
       8:       95 00 00 00 00 00 00 00         exit
0000000000000048 bar:
       9:       db 0a f8 ff 00 00 00 00         lock *(u64 *)(r10 - 8) += r0
      10:       05 00 fc ff 00 00 00 00         goto -4 <LBB0_2>
";
    assert_eq!(listing(older).unwrap(), assembled(EXAMPLE));
}

#[test]
fn llvm_calls_by_distance() {
    let code = listing("0: r0 = 0\n1: call -2\n2: call -0x1 <f>\n3: exit\n").unwrap();
    assert_eq!(code, assembled("r0 = 0; call pc-2; call pc-1; exit"));
}

#[test]
fn bpftool_dumps() {
    let with_opcodes = "int count(struct __sk_buff * skb):
; int count(struct __sk_buff *skb)
   0: (bf) r6 = r1
       bf 16 00 00 00 00 00 00
   1: (18) r1 = map[id:6][0]+16
       18 21 00 00 06 00 00 00 00 00 00 00 10 00 00 00
   3: (85) call bpf_map_lookup_elem#211
       85 00 00 00 d3 00 00 00
   4: (15) if r0 == 0x0 goto pc+1
       15 00 01 00 00 00 00 00
   5: (39) BUG_ldx_39
       39 21 08 00 00 00 00 00
   6: (95) exit
       95 00 00 00 00 00 00 00
";
    let expected = assembled(
        "r6 = r1; ld_pseudo r1, 2, 6, 16; call 211; if r0 == 0 goto +1
        .8byte 0x0000000000082139; exit",
    );
    let code = listing(with_opcodes).unwrap();
    assert_eq!(code, expected);
    assert_eq!(code.labels().next(), Some((0, "count")));

    let without = "
   0: (bf) r6 = r1
   1: (55) if r0 != 0xffffffff goto pc+2
   2: (db) r2 = atomic64_fetch_add((u64 *)(r1 +8), r2)
   3: (85) call pc+1
   4: (95) exit
   5: (95) exit
";
    let expected = "r6 = r1; if r0 != -1 goto +2
        r2 = atomic_fetch_add((u64 *)(r1 + 8), r2); call pc+1; exit; exit";
    assert_eq!(listing(without).unwrap(), assembled(expected));
}

#[test]
fn the_kernels_constants_maps_and_addresses_look_alike() {
    let reasons = reasons("0: (18) r1 = 0x2a\n2: (18) r2 = map[id:3]\n4: (95) exit");
    assert_eq!(reasons.len(), 1, "the map is a syntax error: {reasons:?}");
    assert_eq!(reasons[0].0, 2);
    let errors = listing("0: (18) r1 = 0x2a\n2: (95) exit").unwrap_err();
    let error = &errors.as_slice()[0];
    assert_eq!(
        (
            error.span.line,
            error.span.column,
            error.code.as_str(),
            error.message.as_str()
        ),
        (
            1,
            9,
            "BPF0070",
            "line 1 cannot be read: `0: (18) r1 = 0x2a`"
        )
    );
    assert_eq!(
        errors.as_slice()[0].notes[0].message,
        "the kernel prints constants, maps and addresses alike"
    );
    assert!(errors.as_slice()[0].help[0].contains("opcodes"));
}

#[test]
fn verifier_logs() {
    // Paths are followed in turn: 4 is seen twice, and the first path leaves 2 for later.
    let log = "
func#0 @0
0: R1=ctx() R10=fp0
; int f(void *ctx) @ a.c:3
0: (b7) r0 = 0                        ; R0_w=0
1: (15) if r1 == 0x0 goto pc+2        ; R1=ctx()
2: (85) call bpf_get_prandom_u32#7    ; R0_w=scalar()
3: (07) r0 += 1
 R0=inv(id=0) R10=fp0
4: (95) exit
mark_precise: frame0: last_idx 4 first_idx 0 subseq_idx -1

from 1 to 4: R0_w=0 R1=ctx() R10=fp0
4: R0_w=0
4: (95) exit
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1
";
    let expected = "r0 = 0; if r1 == 0 goto +2; call bpf_get_prandom_u32; r0 += 1; exit";
    assert_eq!(listing(log).unwrap(), assembled(expected));

    let jumping = "0: (05) goto pc+1\n2: (95) exit\n1: (b7) r0 = 1\n2: (95) exit";
    assert_eq!(
        listing(jumping).unwrap(),
        assembled("goto +1; r0 = 1; exit")
    );
    let differing = "0: (b7) r0 = 1\n1: (95) exit\n0: (b7) r0 = 2";
    assert_eq!(
        reasons(differing),
        [(
            3,
            "line 1 shows another instruction of the same number".into()
        )]
    );
}

#[test]
fn missing_lines_are_found() {
    assert_eq!(
        reasons("0: r0 = 0\n1: r1 = 5 ll\n3: r2 = 0\n7: r3 = 0\n8: exit"),
        [(
            4,
            "its number is 7, and 4 was expected: lines are missing before it".into()
        )]
    );
    // A part of a program, and a second section.
    let part = "25: r0 += 4095\n26: r0 &= 4095\n0: r0 = 0\n1: exit";
    assert_eq!(listing(part).unwrap().len(), 4);
}

#[test]
fn the_kernels_opcode_is_checked() {
    let reasons = reasons("0: (b4) r0 = 0\n1: (95) exit");
    assert_eq!(reasons[0].0, 1);
    assert!(
        reasons[0].1.contains("0xb4") && reasons[0].1.contains("0xb7"),
        "{reasons:?}"
    );
}

#[test]
fn names_that_are_there_twice_are_no_labels() {
    let twice = "a:\n r0 = 0\n goto b\na:\n r0 = 1\nb:\n exit";
    assert_eq!(
        listing(twice).unwrap(),
        assembled("r0 = 0; goto +1; r0 = 1; exit")
    );
    let used = "a:\n r0 = 0\n goto a\na:\n exit";
    assert_eq!(reasons(used)[0].0, 3);
}

#[test]
fn lines_that_cannot_be_read() {
    let errors = reasons(
        "0: r0 = 0\r\n1: hello world\r\n2: b7 00 00\r\n3: call bpf_rcu_read_lock#7041\r\n4: goto +9\r\n99999999999: exit\r\n",
    );
    // The jump may well go to a line that cannot be read.
    let lines: Vec<u32> = errors.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 6]);
    assert_eq!(reasons("0: r0 = 0\n1: goto +9\n2: exit")[0].0, 2);
    let errors = listing("0: r0 = 0\n 1: fl\u{f6}te").unwrap_err();
    let error = &errors.as_slice()[0];
    assert_eq!(error.message, "line 2 cannot be read: `1: fl\u{f6}te`");
    assert_eq!((error.span.line, error.span.column), (2, 5));
}

#[test]
fn a_byte_order_mark_and_nothing() {
    assert_eq!(listing("\u{feff}0: exit\r\n").unwrap(), assembled("exit"));
    assert!(listing("").unwrap().is_empty());
}

#[cfg(feature = "listing")]
#[test]
fn our_own_listing() {
    let source = "
        r1 = 5 ll
        if r1 == 0 goto done
        call twice
        .8byte 0x0000004000000167
    done:
        exit
    twice:
        r0 <<= 1
        exit
    ";
    let code = assembled(source);
    let again = listing(&code.to_string()).unwrap();
    assert_eq!(again, code);
    assert!(again.labels().eq(code.labels()));
    assert_eq!(again.to_string(), code.to_string());
}
