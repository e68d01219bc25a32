//! `cargo xtask check-differential`: the checker against the running kernel.

use crate::check_corpus::Case;
use crate::{Result, read};
use ebpf_asm::check::Finding;
use ebpf_asm::diag::Rule;
use ebpf_asm::isa::decode_all;
use kernel_test::differential::{Comparison, Sample};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the checker says beside its own codes, from 100 on.
const OTHERS: [Rule; 9] = [
    Rule::NoSuchRegister,
    Rule::WriteToFramePointer,
    Rule::ShiftRange,
    Rule::DivisionByZero,
    Rule::JumpTarget,
    Rule::FallsOffTheEnd,
    Rule::Recursion,
    Rule::CallDepth,
    Rule::StackSize,
];

/// In a run of so many programs every code has to occur.
const LONG: u32 = 100_000;

/// So often, for its rule to count as tested.
const OFTEN: u32 = 100;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut programs = 20_000_u32;
    let mut seed = 1_u64;
    let mut corpus = None;
    let mut missed = false;
    let mut wrong_ones = false;
    let mut ranges = false;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--programs" => programs = value()?.parse().map_err(|e| format!("--programs: {e}"))?,
            "--seed" => seed = value()?.parse().map_err(|e| format!("--seed: {e}"))?,
            "--corpus" => corpus = Some(PathBuf::from(value()?)),
            "--missed" => missed = true,
            "--wrong" => wrong_ones = true,
            "--ranges" => ranges = true,
            // In a guest: the short form, on another kernel.
            "--kernel" => {
                let told = crate::kernels::tell(value()?, "differential")?;
                print!("{told}");
                return match told.contains("false alarms: 0\n") {
                    true => Ok(()),
                    false => Err("the checker refuses what the kernel accepts".to_owned()),
                };
            }
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
    let mut predictions = Predictions::default();
    for number in 0..programs {
        let sample = match ranges {
            true => comparison.make_of_ranges(),
            false => comparison.make(),
        };
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
        predictions.count(
            &verdicts.predictions,
            verdicts.accepted,
            verdicts.findings.is_empty(),
        );
        if wrong_ones && verdicts.is_wrong_prediction() {
            let finding = &verdicts.predictions[0];
            println!("WRONG PREDICTION, program {number} of seed {seed}:");
            print_sample(&sample);
            println!(
                "  {} at {}: {} ({})",
                finding.rule, finding.insn, finding.message, finding.kernel
            );
            for line in comparison.log(&sample).map_err(failed)?.lines() {
                println!("  | {line}");
            }
            if predictions.wrong >= 10 {
                break;
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
    let mut silent = Vec::new();
    for rule in Rule::ALL {
        if (*rule as u16) < 100 && !OTHERS.contains(rule) {
            continue;
        }
        let count = codes.get(rule.as_str()).copied().unwrap_or(0);
        let rare = if count < OFTEN { "  rare" } else { "" };
        println!("{count:>7} {rule} {}{rare}", rule.title());
        if count == 0 {
            silent.push(rule.as_str());
        }
    }
    println!(
        "{accepted} accepted ({:.1} %), {refused} refused by the kernel, {found} of them found ({:.1} %)",
        100.0 * f64::from(accepted) / f64::from(accepted + refused).max(1.0),
        100.0 * f64::from(found) / f64::from(refused).max(1.0),
    );
    predictions.print(accepted, refused);
    println!("false alarms: {alarms} of {accepted} accepted");
    if alarms > 0 {
        return Err("the checker refuses what the kernel accepts".to_owned());
    }
    if programs >= LONG && !silent.is_empty() {
        return Err(format!(
            "no program has tested {}: let the generator make some",
            silent.join(", ")
        ));
    }
    Ok(())
}

/// How predictions turned out.
#[derive(Debug, Default)]
pub(crate) struct Predictions {
    /// By code: right, wrong, and right where the checker finds no error.
    codes: BTreeMap<&'static str, [u32; 3]>,
    right: u32,
    pub(crate) wrong: u32,
    alone: u32,
}

impl Predictions {
    /// One program: what is predicted of it, whether it is accepted, and whether there is no error.
    pub(crate) fn count(&mut self, predictions: &[Finding], accepted: bool, no_error: bool) {
        let Some(first) = predictions.first() else {
            return;
        };
        let alone = u32::from(!accepted && no_error);
        let of_code = self.codes.entry(first.rule.as_str()).or_default();
        of_code[usize::from(accepted)] += 1;
        of_code[2] += alone;
        self.right += u32::from(!accepted);
        self.wrong += u32::from(accepted);
        self.alone += alone;
    }

    pub(crate) fn print(&self, accepted: u32, refused: u32) {
        println!("predictions by code (right, wrong, right where nothing else is found):");
        for (code, [right, wrong, alone]) in &self.codes {
            println!("{right:>7} {wrong:>5} {alone:>6} {code}");
        }
        println!(
            "predictions right: {} of {refused} refused, {} of them where nothing else is found",
            self.right, self.alone
        );
        println!("predictions wrong: {} of {accepted} accepted", self.wrong);
    }
}

fn print_sample(sample: &Sample) {
    println!("  {:?} {:?}", sample.program_type, sample.attach_type);
    for (slot, decoded) in decode_all(&sample.insns) {
        println!("  {slot:>3}: {decoded}");
    }
}
