//! `cargo xtask check-speed`: how long the checker takes, at the optimisation level that rustc
//! gives to macros when this command is built as usual.

use crate::Result;
use ebpf_asm::check::{Effort, Program, check_with};
use ebpf_asm::isa::Insn;
use ebpf_asm::{ProgramType, assemble};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

pub(crate) fn run() -> Result<()> {
    // Writing to a string cannot fail.
    let straight = |count: usize| {
        let mut text = String::from("r6 = *(u64 *)(r1 + 8)\n");
        for at in 0..count - 3 {
            let _ = match at % 4 {
                0 => writeln!(text, "r6 += {at}"),
                1 => writeln!(text, "*(u64 *)(r10 - {}) = r6", 8 * (1 + at % 60)),
                2 => writeln!(text, "r7 = *(u64 *)(r10 - {})", 8 * (1 + (at - 1) % 60)),
                _ => writeln!(text, "r6 ^= r7"),
            };
        }
        text + "r0 = 0\nexit\n"
    };
    let mut branches = String::from("r6 = r1\nr8 = 0\n");
    for at in 0..50 {
        let _ = writeln!(
            branches,
            "r7 = *(u64 *)(r6 + {})\nif r7 > {at} goto l{at}\nr8 += r7\nl{at}:",
            8 + 8 * (at % 8)
        );
    }
    branches.push_str("r9 = 0\nagain:\nr8 += r9\nr9 += 1\nif r9 < 100 goto again\nr0 = 0\nexit\n");
    for (name, text) in [
        ("1,000 straight instructions", straight(1000)),
        ("4,000 straight instructions", straight(4000)),
        ("16,000 straight instructions", straight(16_000)),
        ("50 branches and a bounded loop", branches),
    ] {
        let code = assemble(&text).map_err(|errors| errors.to_string())?;
        let (elapsed, runs) = measure(code.insns());
        println!(
            "{name}: {:.1} ms, {runs} runs at most",
            elapsed.as_secs_f64() * 1e3
        );
    }
    Ok(())
}

/// The best of five.
fn measure(insns: &[Insn]) -> (Duration, u32) {
    let mut program = Program::new(insns);
    program.program_type = Some(ProgramType::Tracepoint);
    let effort = Effort::DEFAULT;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let findings = check_with(&program, effort);
        best = best.min(start.elapsed());
        assert!(findings.is_empty(), "{findings:?}");
    }
    (best, effort.runs)
}
