//! `cargo xtask check-speed`: how long the checker takes, at the optimisation level that rustc
//! gives to macros when this command is built as usual.

use crate::Result;
use ebpf_asm::check::{
    Effort, Program, Reference, ReferenceKind, check_with, predict, predict_for_all,
};
use ebpf_asm::isa::{Form, ImmediateSource, Insn, decode_all};
use ebpf_asm::{ProgramType, assemble};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

pub(crate) fn run() -> Result<()> {
    for (name, text) in programs() {
        let code = assemble(&text).map_err(|errors| errors.to_string())?;
        let (elapsed, runs) = measure(code.insns());
        let [runs_only, in_macros, all_kernels] =
            elapsed.map(|elapsed| elapsed.as_secs_f64() * 1e3);
        println!(
            "{name}: {runs_only:.1} ms, {runs} runs at most; as in macros, with predictions: \
             {in_macros:.1} ms; with predictions for each kernel: {all_kernels:.1} ms"
        );
    }
    Ok(())
}

/// What is checked: names and texts.
pub(crate) fn programs() -> [(&'static str, String); 6] {
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
    // As in a macro, which knows maps by their names only: everything is an obligation.
    let mut values = String::from(
        "*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nld_pseudo r1, 1, 0\ncall 1\nif r0 == 0 goto out\n",
    );
    for at in 0..1000 {
        let _ = writeln!(values, "*(u64 *)(r0 + {}) = {at}", 8 * (at % 64));
    }
    values.push_str("out:\nr0 = 0\nexit\n");
    let rounds = String::from(
        "r7 = 0\nagain:\nr8 = *(u64 *)(r1 + 8)\nr7 += 1\nif r7 < 10000 goto again\nr0 = 0\nexit\n",
    );
    [
        ("1,000 stores to values of a map with a name only", values),
        ("1,000 straight instructions", straight(1000)),
        ("4,000 straight instructions", straight(4000)),
        ("16,000 straight instructions", straight(16_000)),
        ("50 branches and a bounded loop", branches),
        ("a loop of 10,000 rounds", rounds),
    ]
}

/// Checks it once, as the macros do, and finds nothing.
pub(crate) fn check_once(insns: &[Insn]) -> u32 {
    let program = program(insns);
    let runs = runs(&program);
    assert_eq!(predict_for_all(&program), None);
    runs
}

fn program(insns: &[Insn]) -> Program<'_> {
    let mut program = Program::new(insns);
    program.program_type = Some(ProgramType::Tracepoint);
    for (slot, decoded) in decode_all(insns) {
        let is_map = decoded.known().is_some_and(|instruction| {
            instruction.form() == Form::LoadImm64(ImmediateSource::MapFd)
        });
        if is_map {
            program.references.push(Reference {
                insn: slot as u32,
                kind: ReferenceKind::MapOrValue(0),
            });
        }
    }
    program
}

fn runs(program: &Program<'_>) -> u32 {
    let effort = Effort::DEFAULT;
    let findings = check_with(program, effort);
    let certain = findings
        .iter()
        .find(|finding| finding.assumptions.is_empty());
    assert!(certain.is_none(), "{certain:?}");
    effort.runs
}

/// The best of five: runs, with what macros predict, with predictions for each kernel.
fn measure(insns: &[Insn]) -> ([Duration; 3], u32) {
    let program = program(insns);
    let mut best = [Duration::MAX; 3];
    let mut most = 0;
    for _ in 0..5 {
        let start = Instant::now();
        most = runs(&program);
        let only_runs = start.elapsed();
        assert_eq!(predict_for_all(&program), None);
        let in_macros = start.elapsed();
        let start = Instant::now();
        assert_eq!(predict(&program), []);
        let all_kernels = only_runs + start.elapsed();
        for (best, this) in best.iter_mut().zip([only_runs, in_macros, all_kernels]) {
            *best = this.min(*best);
        }
    }
    (best, most)
}
