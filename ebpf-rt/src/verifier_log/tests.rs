//! The whole log. Logs of real kernels: `tests/verifier_log.rs`.

use super::*;

const UNREAD: &str = "0: R1=ctx() R10=fp0\n0: (bf) r0 = r2\nR2 !read_ok\nprocessed 1 insns (limit \
    1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n";

fn reason(log: &str) -> Option<String> {
    VerifierLog::parse(log)
        .reason()
        .map(|reason| reason.to_string())
}

fn instruction(log: &str) -> Option<usize> {
    VerifierLog::parse(log).instruction()
}

#[test]
fn the_reason_stands_below_the_last_instruction() {
    assert_eq!(reason(UNREAD).as_deref(), Some("R2 !read_ok"));
    assert_eq!(instruction(UNREAD), Some(0));
}

#[test]
fn of_several_lines_the_first_and_the_last_are_the_reason() {
    let log = "Live regs before insn:\n  0: .1........ (bf) r6 = r1\n0: R1=ctx() R10=fp0\n; r0 = 1 @ \
        main.rs:3\n4: (79) r1 = *(u64 *)(r0 +8)       ; R0=map_value(map=m,ks=4,vs=8)\ninvalid access \
        to map value, value_size=8 off=8 size=8\nR0 min value is outside of the allowed memory \
        range\nprocessed 5 insns\n";
    assert_eq!(
        reason(log).as_deref(),
        Some(
            "invalid access to map value, value_size=8 off=8 size=8: R0 min value is outside of \
             the allowed memory range"
        )
    );
    assert_eq!(instruction(log), Some(4));
}

#[test]
fn structure_errors_name_the_instruction_themselves() {
    let log = "func#0 @0\nR1 is not a scalar\nunreachable insn 3\nprocessed 0 insns\n";
    assert_eq!(reason(log).as_deref(), Some("unreachable insn 3"));
    assert_eq!(instruction(log), Some(3));
}

#[test]
fn what_is_wrong_with_the_whole_has_no_instruction() {
    let log = "0: (85) call pc+1\n2: (95) exit\nfrom 2 to 1: R0=0\n1: (95) exit\ncombined stack size \
        of 2 calls is 800. Too large\nprocessed 3 insns\n";
    assert_eq!(instruction(log), None);
    assert!(reason(log).unwrap().starts_with("combined stack size"));
}

#[test]
fn reasons_that_look_like_work() {
    for line in [
        "frame pointer is read only",
        "BPF program is too large. Processed 1000001 insn",
    ] {
        let log = format!("0: (b7) r10 = 0\n{line}\nprocessed 1 insns\n");
        assert_eq!(reason(&log).as_deref(), Some(line));
    }
    let log = "func#0 @0\nframe1: R0=1\n  0: 01........ (b7) r0 = 0\nfrom 1 to 3: R0=1\n";
    assert_eq!(reason(log), None);
}

#[test]
fn the_report_of_new_kernels_stands_below_the_reason() {
    let report = "\nVerification failed: Memory Safety: Access outside bounds\n\nReason:\n  The \
        verifier cannot prove it.\n\nAt:\n  insn 13\n       | ^-- error: it may\n  >>> 13 | (7b) *(u64 \
        *)(r0 +0) = r1\n\nSuggestion:\n  Add a check.\n\nprocessed 13 insns\n";
    let log = format!("13: (7b) *(u64 *)(r0 +0) = r1\ninvalid access\nR0 max\n{report}");
    assert_eq!(reason(&log).as_deref(), Some("invalid access: R0 max"));
    assert_eq!(instruction(&log), Some(13));
    assert_eq!(
        reason(report).as_deref(),
        Some("Memory Safety: Access outside bounds")
    );
    assert_eq!(instruction(report), Some(13));
}

#[test]
fn nothing_gives_nothing() {
    for log in ["", "\n\n", "processed 2 insns\n"] {
        assert_eq!((reason(log), instruction(log)), (None, None), "{log:?}");
    }
}
