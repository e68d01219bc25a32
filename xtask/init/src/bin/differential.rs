//! Compares the checker with this kernel on random programs, and tells what came of it.

use kernel_test::differential::Comparison;
use std::process::ExitCode;

/// As many as a guest gets through in a minute or two.
const PROGRAMS: u32 = 6000;

fn main() -> ExitCode {
    let mut comparison = Comparison::new(1, Vec::new());
    let (mut accepted, mut found, mut alarms) = (0, 0, 0);
    for number in 0..PROGRAMS {
        let sample = comparison.make();
        let verdicts = match comparison.judge(&sample) {
            Ok(verdicts) => verdicts,
            Err(error) => {
                eprintln!("differential: creating a map: {error}");
                return ExitCode::FAILURE;
            }
        };
        accepted += u32::from(verdicts.accepted);
        found += u32::from(!verdicts.findings.is_empty());
        if verdicts.is_false_alarm() {
            alarms += 1;
            println!("FALSE ALARM, program {number}: {sample:#?}");
            for finding in &verdicts.findings {
                println!(
                    "  {} at {}: {}",
                    finding.rule, finding.insn, finding.message
                );
            }
        }
        if number % 500 == 499 {
            println!("{} programs", number + 1);
        }
    }
    println!("{accepted} accepted, {found} refused by the checker, false alarms: {alarms}");
    ExitCode::SUCCESS
}
