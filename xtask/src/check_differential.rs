//! `cargo xtask check-differential`: the checker against the running kernel.

use crate::check_corpus::Case;
use crate::{Result, read};
use ebpf_asm::isa::decode_all;
use kernel_test::differential::{Comparison, Sample};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut programs = 20_000_u32;
    let mut seed = 1_u64;
    let mut corpus = None;
    let mut missed = false;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--programs" => programs = value()?.parse().map_err(|e| format!("--programs: {e}"))?,
            "--seed" => seed = value()?.parse().map_err(|e| format!("--seed: {e}"))?,
            "--corpus" => corpus = Some(PathBuf::from(value()?)),
            "--missed" => missed = true,
            _ => return Err(format!("check-differential has no `{argument}`")),
        }
    }
    let mut more = Vec::new();
    if let Some(path) = corpus {
        for line in read(&path)?.lines() {
            let row = serde_json::from_str(line).map_err(|error| error.to_string())?;
            more.extend(Case::read(&row)?.sample());
        }
    }
    let mut comparison = Comparison::new(seed, more);
    let failed = |error: std::io::Error| format!("creating a map: {error}");
    let (mut accepted, mut refused, mut found, mut alarms) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut codes: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut not_found: BTreeMap<String, u32> = BTreeMap::new();
    for number in 0..programs {
        let sample = comparison.make();
        let verdicts = comparison.judge(&sample).map_err(failed)?;
        if verdicts.accepted {
            accepted += 1;
        } else {
            refused += 1;
            found += u32::from(!verdicts.findings.is_empty());
            if missed && verdicts.findings.is_empty() {
                let log = comparison.log(&sample).map_err(failed)?;
                let reason = log.lines().rev().nth(2).unwrap_or_default();
                let class: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
                *not_found.entry(class).or_default() += 1;
            }
        }
        for finding in &verdicts.findings {
            *codes.entry(finding.rule.as_str()).or_default() += 1;
        }
        if verdicts.is_false_alarm() {
            alarms += 1;
            let log = comparison.log(&sample).map_err(failed)?;
            println!("FALSE ALARM, program {number} of seed {seed}:");
            print_sample(&sample);
            for finding in &verdicts.findings {
                println!(
                    "  {} at {}: {} ({})",
                    finding.rule, finding.insn, finding.message, finding.kernel
                );
            }
            let tail: Vec<&str> = log.lines().collect();
            for line in &tail[tail.len().saturating_sub(60)..] {
                println!("  | {line}");
            }
            if alarms >= 10 {
                break;
            }
        }
    }
    let mut not_found: Vec<_> = not_found.into_iter().collect();
    not_found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (reason, count) in not_found.iter().take(60) {
        println!("{count:>6} not found: {reason}");
    }
    for (code, count) in &codes {
        println!("{count:>7} {code}");
    }
    println!(
        "{accepted} accepted ({:.1} %), {refused} refused by the kernel, {found} of them found ({:.1} %)",
        100.0 * f64::from(accepted) / f64::from(accepted + refused).max(1.0),
        100.0 * f64::from(found) / f64::from(refused).max(1.0),
    );
    println!("false alarms: {alarms} of {accepted} accepted");
    if alarms == 0 {
        Ok(())
    } else {
        Err("the checker refuses what the kernel accepts".to_owned())
    }
}

fn print_sample(sample: &Sample) {
    println!("  {:?} {:?}", sample.program_type, sample.attach_type);
    for (slot, decoded) in decode_all(&sample.insns) {
        println!("  {slot:>3}: {decoded}");
    }
}
