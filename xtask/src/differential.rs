//! `cargo xtask differential`: the interpreter against the running kernel.

use crate::Result;
use ebpf_asm::KernelVersion;
use ebpf_asm::isa::decode_all;
use program_generator::{Comparison, Coverage, Generator, Program, Verdict};
use std::collections::BTreeMap;

/// How many differences are shown in full.
const SHOWN: usize = 5;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (mut programs, mut seed) = (100_000u64, 1);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let place = match argument.as_str() {
            "--programs" => &mut programs,
            "--seed" => &mut seed,
            _ => return Err(format!("no argument `{argument}`")),
        };
        let value = arguments
            .next()
            .ok_or_else(|| format!("{argument} wants a number"))?;
        *place = value
            .parse()
            .map_err(|error| format!("{argument} {value}: {error}"))?;
    }
    let (major, minor) = kernel_test::kernel_version();
    let kernel = KernelVersion::new(major, minor);
    let comparison = Comparison::new().map_err(|error| format!("creating maps: {error}"))?;
    let mut generator = Generator::new(seed, kernel);
    let mut coverage = Coverage::default();
    let mut refusals: BTreeMap<String, u64> = BTreeMap::new();
    let (mut same, mut refused, mut different) = (0u64, 0u64, 0);
    for number in 0..programs {
        let program = generator.next_program();
        let verdict = comparison.compare(&program, &mut coverage);
        match verdict.map_err(|error| format!("program {number}: {error}"))? {
            Verdict::Same => same += 1,
            Verdict::Refused => {
                refused += 1;
                if refused <= 200 {
                    *refusals
                        .entry(reason(&comparison.log(&program)))
                        .or_default() += 1;
                }
            }
            Verdict::Different(what) => {
                different += 1;
                if different <= SHOWN {
                    println!(
                        "program {number} of seed {seed}:\n{}{what}",
                        listing(&program)
                    );
                }
            }
        }
    }
    println!("{coverage}");
    for (reason, count) in refusals {
        println!("refused {count} times (of the first 200): {reason}");
    }
    let missing: Vec<_> = coverage.missing(kernel).collect();
    let one_sided: Vec<_> = coverage.one_sided(kernel).collect();
    println!("not executed: {}", list(&missing));
    println!("branches that went one way only: {}", list(&one_sided));
    println!("{same} the same, {refused} refused by the kernel, {different} different");
    if different > 0 {
        return Err(format!(
            "{different} programs do something else in the kernel"
        ));
    }
    Ok(())
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// The line of the log before the statistics, without numbers.
fn reason(log: &str) -> String {
    let line = log
        .lines()
        .rev()
        .find(|line| !line.starts_with("processed") && !line.contains("(os error"))
        .unwrap_or(log);
    let digits = |c: char| if c.is_ascii_digit() { '#' } else { c };
    line.chars().map(digits).collect()
}

fn listing(program: &Program) -> String {
    let lines =
        decode_all(&program.insns).map(|(at, instruction)| format!("{at:>5}: {instruction}\n"));
    lines.collect()
}
