//! What a snapshot of a listing promises: an instruction that changes is a line that changes, and
//! in a plain one also an instruction more or less.
#![cfg(all(feature = "listing", feature = "text"))]
#![allow(clippy::unwrap_used, reason = "tests, which fail by panicking")]

use ebpf_asm::assemble;
use proptest::prelude::*;

/// A program with jumps in both directions, calls, a 64-bit constant and two functions.
const LINES: [&str; 16] = [
    "r6 = r1",
    "again:",
    "r1 = 0x1122334455667788 ll",
    "if r6 == 0 goto done",
    "call bpf_ktime_get_ns",
    "r6 += -1",
    "if r0 > 7 goto again",
    "w0 = 0",
    "goto done",
    "done:",
    "r1 = r6",
    "call twice",
    "exit",
    "twice:",
    "r0 = r1",
    "exit",
];

fn listing(lines: &[&str]) -> Vec<String> {
    let code = assemble(&lines.join("\n")).unwrap();
    code.plain()
        .to_string()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// How many lines of one are not in the other, in order: what `diff` counts as taken out and
/// as added.
fn difference(old: &[String], new: &[String]) -> (usize, usize) {
    // The longest common subsequence, by the table that everybody uses.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (i, a) in old.iter().enumerate() {
        for (j, b) in new.iter().enumerate() {
            common[i + 1][j + 1] = match a == b {
                true => common[i][j] + 1,
                false => common[i][j + 1].max(common[i + 1][j]),
            };
        }
    }
    let common = common[old.len()][new.len()];
    (old.len() - common, new.len() - common)
}

fn assert_difference(lines: &[&str], expected: (usize, usize)) {
    let (old, new) = (listing(&LINES), listing(lines));
    assert_eq!(difference(&old, &new), expected, "{new:#?}");
}

#[test]
fn a_changed_constant_is_a_changed_line() {
    let mut lines = LINES;
    lines[2] = "r1 = 0x1122334455667789 ll";
    assert_difference(&lines, (1, 1));
    let mut lines = LINES;
    lines[6] = "if r0 > 8 goto again";
    assert_difference(&lines, (1, 1));
}

#[test]
fn another_target_is_a_changed_line() {
    let mut lines = LINES;
    lines[6] = "if r0 > 7 goto done";
    assert_difference(&lines, (1, 1));
}

/// Also where what was there took two slots.
#[test]
fn another_length_is_a_changed_line() {
    let mut lines = LINES;
    lines[2] = "r1 = 5";
    assert_difference(&lines, (1, 1));
}

/// With numbers and bytes a changed instruction is a changed line; one more is not, since
/// distances are in the bytes.
#[test]
fn numbered_listings_change_by_the_line() {
    let numbered = |lines: &[&str]| -> Vec<String> {
        let code = assemble(&lines.join("\n")).unwrap();
        code.to_string().lines().map(str::to_owned).collect()
    };
    let mut lines = LINES.to_vec();
    lines[5] = "r6 += -2";
    let changed = difference(&numbered(&LINES), &numbered(&lines));
    assert_eq!(changed, (1, 1));
    let mut lines = LINES.to_vec();
    lines.insert(1, "r7 = 0");
    let (old, new) = difference(&numbered(&LINES), &numbered(&lines));
    assert!(old > 5 && new > 5);
}

proptest! {
    #[test]
    fn an_added_instruction_is_an_added_line(
        place in 0..=LINES.len(),
        what in prop::sample::select(vec![
            "r7 = 42",
            "r7 = 0xffffffff00000000 ll",
            "goto done",
            "if r6 s> 3 goto again",
            "call bpf_get_prandom_u32",
        ]),
    ) {
        let mut lines = LINES.to_vec();
        lines.insert(place, what);
        assert_difference(&lines, (0, 1));
    }

    #[test]
    fn an_instruction_less_is_a_line_less(place in 0..LINES.len()) {
        let mut lines = LINES.to_vec();
        let label = lines.remove(place).ends_with(':');
        prop_assume!(!label);
        assert_difference(&lines, (1, 0));
    }
}
