//! What kernels from 5.10 to 7.3 wrote about programs that they refused, and how it is read.
//!
//! `data/verifier-logs.txt` has logs, each below `@@ KERNEL`, and behind it lines with `=> `:
//! the instruction and the reason, what the register in question holds, the branches on the
//! way, and the advice.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use ebpf_rt::verifier_log::{BtfLog, LineKind, VerifierLog, hint, registers};
use proptest::prelude::*;
use std::fmt::Write as _;

const LOGS: &str = include_str!("data/verifier-logs.txt");

/// The logs, and what is expected of each.
fn logs() -> impl Iterator<Item = (&'static str, &'static str)> {
    LOGS.split("@@ ").skip(1).map(|record| {
        let (_kernel, rest) = record.split_once('\n').unwrap();
        let end = rest.find("=> ").unwrap();
        rest.split_at(end)
    })
}

fn read(text: &str) -> String {
    let log = VerifierLog::parse(text);
    let reason = log.reason().unwrap();
    let path = log.path();
    let mut all = String::new();
    match log.instruction() {
        Some(slot) => writeln!(all, "=> {slot}: {reason}").unwrap(),
        None => writeln!(all, "=> {reason}").unwrap(),
    }
    let value = reason.register().and_then(|register| {
        let words = path.value(register)?.in_words()?;
        Some(format!("=> r{register} is {words}\n"))
    });
    all += &value.unwrap_or_default();
    for step in path.steps() {
        if let Some(taken) = step.taken {
            let taken = if taken { "taken" } else { "not taken" };
            writeln!(all, "=> {}: {taken}", step.instruction.slot).unwrap();
        }
    }
    if let Some(report) = log.report() {
        let causes = report.causes.iter();
        let causes: Vec<_> = causes.map(|step| step.slot.unwrap().to_string()).collect();
        writeln!(all, "=> report: {} [{}]", report.problem, causes.join(" ")).unwrap();
    }
    if let Some(hint) = hint(&reason) {
        writeln!(all, "=> help: {hint}").unwrap();
    }
    all
}

#[test]
fn logs_of_all_kernels() {
    let mut count = 0;
    for (text, expected) in logs() {
        assert_eq!(read(text), expected, "{text}");
        count += 1;
    }
    assert!(count > 90, "{count}");
}

#[test]
fn no_line_is_lost() {
    for (text, _) in logs() {
        let log = VerifierLog::parse(text);
        let lines: Vec<&str> = log.lines().iter().map(|line| line.text).collect();
        assert_eq!(lines.join("\n") + "\n", text);
    }
}

#[test]
fn what_is_new_is_kept_and_changes_nothing() {
    for (text, _) in logs() {
        let log = VerifierLog::parse(text);
        // Above everything that the kernel says, a line that no kernel has said so far.
        let more = format!("brand new remark 7\n{text}");
        let more = VerifierLog::parse(&more);
        assert_eq!(more.lines()[0].kind, LineKind::Other);
        assert_eq!(more.reason(), log.reason());
        assert_eq!(more.instruction(), log.instruction());
    }
}

/// Everything there is to ask of a text.
fn ask(text: &str) {
    let log = VerifierLog::parse(text);
    assert_eq!(log.lines().len(), text.lines().count());
    let path = log.path();
    assert!(path.steps().len() <= log.lines().len());
    for register in 0..=255 {
        let value = path.value(register);
        let _ = (value.map(|value| value.in_words()), path.origin(register));
    }
    let reason = log.reason();
    // Where nothing was refused there is no place.
    assert!(reason.is_some() || log.instruction().is_none());
    if let Some(reason) = reason {
        assert!(!reason.to_string().contains('\n'));
        let _ = (hint(&reason), reason.register(), reason.kind());
    }
    for state in registers(text) {
        let _ = (state.value.in_words(), state.value.field("off"));
    }
    let _ = BtfLog::parse(text).map(|log| log.to_string());
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC*") {
        ask(&text);
    }

    /// Lines of real logs in any order, cut anywhere.
    #[test]
    fn any_mixture_of_lines_is_read(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0usize..200, any::<bool>()), 0..60),
    ) {
        let lines: Vec<&str> = LOGS.lines().collect();
        let mut text = String::new();
        for (index, cut, whole) in picks {
            let line = index.get(&lines);
            let cut = line.char_indices().nth(cut).map_or(line.len(), |(at, _)| at);
            text.push_str(if whole { line } else { &line[..cut] });
            text.push('\n');
        }
        ask(&text);
    }

    #[test]
    fn any_numbers_are_read(slot in any::<u64>(), other in any::<i64>(), opcode in any::<u8>()) {
        let text = format!(
            "{slot}: ({opcode:02x}) r{other} += {slot} ; R{other}=map_value(off={other},vs={slot})\n\
             from {slot} to {other}: frame{slot}: R1=scalar(umax={slot},smin={other}) fp-{slot}={other}\n\
             invalid access to map value, value_size={other} off={other} size={slot}\n\
             R{slot} max value is outside of the allowed memory range\n"
        );
        ask(&text);
    }
}
