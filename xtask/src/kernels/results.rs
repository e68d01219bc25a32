//! What a guest tells of its tests, and what its console tells of the kernel.

use kernel_test::report::{Outcome, unescape};
use std::collections::BTreeMap;

/// What a console shows when the kernel is in trouble. Each stands at the beginning of a message.
const TROUBLE: [&str; 11] = [
    "Kernel panic",
    "BUG: ",
    "Oops: ",
    "general protection fault",
    "watchdog: BUG",
    "rcu: INFO: rcu_",
    "INFO: task ",
    "WARNING: CPU",
    "WARNING: possible",
    "UBSAN: ",
    "kernel BUG at",
];

/// Those of them after which nothing more is to be expected.
const STUCK: [&str; 4] = [
    "Kernel panic",
    "watchdog: BUG",
    "rcu: INFO: rcu_",
    "INFO: task ",
];

/// How much of the console is shown.
const LAST_LINES: usize = 40;

/// What has become of a guest and its tests.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// By `SUITE TEST`.
    pub(crate) tests: BTreeMap<String, Test>,
    /// What is wrong with the guest itself, with the end of its console.
    pub(crate) trouble: Option<String>,
    /// Whether the guest has come as far as its first process.
    pub(crate) booted: bool,
    /// What a program of the plan has printed.
    pub(crate) told: String,
    running: Option<String>,
    output: String,
    done: bool,
    broken: Option<String>,
    tainted: Vec<String>,
}

/// What has become of a test.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) outcome: Outcome,
    /// The last that it printed, if it failed.
    pub(crate) output: String,
    pub(crate) milliseconds: u64,
}

impl Results {
    /// Takes a line of the guest's results.
    pub(crate) fn line(&mut self, line: &str) {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["started", name] => {
                self.running = Some(name.to_owned());
                self.output.clear();
            }
            ["output", text] => {
                self.output.push_str(&unescape(text));
                self.output.push('\n');
            }
            ["told", text] => {
                self.told.push_str(&unescape(text));
                self.told.push('\n');
            }
            ["took", name, milliseconds] => {
                if let Some(test) = self.tests.get_mut(name) {
                    test.milliseconds = milliseconds.parse().unwrap_or(0);
                }
            }
            ["tainted", name, bits] => self
                .tainted
                .push(format!("after {name} the kernel is tainted: {bits}")),
            ["broken", reason] => self.broken = Some(unescape(reason)),
            ["booted", _] => self.booted = true,
            ["done"] => self.done = true,
            _ => {
                if let Some((name, outcome)) = Outcome::parse(line) {
                    self.running = None;
                    let output = std::mem::take(&mut self.output);
                    let test = Test {
                        outcome,
                        output,
                        milliseconds: 0,
                    };
                    self.tests.insert(name, test);
                }
            }
        }
    }

    /// The guest has ended, by itself or because it hung.
    pub(crate) fn end(&mut self, ending: Option<String>, console: &str) {
        let mut trouble: Vec<String> = Vec::new();
        trouble.extend(ending);
        trouble.extend(self.broken.take());
        let seen = console.lines().find(|line| is_trouble(line));
        // A verifier that doubts itself (random programs make it) goes on and refuses the program.
        let doubts = console.lines().any(doubts_itself);
        self.tainted
            .retain(|taint| !(doubts && taint.ends_with(TAINT_WARN)));
        trouble.append(&mut self.tainted);
        trouble.extend(seen.map(|line| line.trim().to_owned()));
        if !self.done && trouble.is_empty() {
            trouble.push("the guest ended before its tests did".to_owned());
        }
        if let (false, Some(name)) = (self.done, &self.running) {
            trouble.push(format!("at work was {name}"));
            let outcome = Outcome::Failed(trouble.join("; "));
            let test = Test {
                outcome,
                output: String::new(),
                milliseconds: 0,
            };
            self.tests.insert(name.clone(), test);
        }
        if trouble.is_empty() {
            return;
        }
        let lines: Vec<&str> = console.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        let mut text = trouble.join("\n");
        text.push_str("\nthe end of its console:");
        for line in last {
            text.push_str("\n    ");
            text.push_str(line.trim_end());
        }
        self.trouble = Some(text);
    }
}

/// Whether the console says that the kernel goes no further.
pub(crate) fn says_it_is_stuck(console: &str) -> bool {
    console.lines().any(|line| starts_with_any(line, &STUCK))
}

/// Whether a line of the console says that the kernel is in trouble.
fn is_trouble(line: &str) -> bool {
    starts_with_any(line, &TROUBLE) && !doubts_itself(line)
}

/// What the kernel's taint is after a warning and nothing else.
const TAINT_WARN: &str = ": 512";

/// Whether a line of the console is a warning of the verifier about its own state.
fn doubts_itself(line: &str) -> bool {
    starts_with_any(line, &["WARNING: "]) && line.contains("kernel/bpf/verifier.c:")
}

fn starts_with_any(line: &str, starts: &[&str]) -> bool {
    // Behind the time, if there is one: `[    1.234567] `.
    let message = match line.trim_start().strip_prefix('[') {
        Some(rest) => rest.split_once("] ").map_or(rest, |(_, message)| message),
        None => line,
    };
    starts.iter().any(|start| message.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(lines: &[&str], ending: Option<&str>, console: &str) -> Results {
        let mut results = Results::default();
        lines.iter().for_each(|line| results.line(line));
        results.end(ending.map(str::to_owned), console);
        results
    }

    #[test]
    fn a_quiet_guest_is_fine() {
        let lines = [
            "booted\t6.1.0",
            "started\ts a",
            "passed\ts a",
            "took\ts a\t12",
            "started\ts b",
            "output\tleft\\tright",
            "failed\ts b\tno",
            "done",
        ];
        let results = results(&lines, None, "[    0.5] veth: loading\n");
        assert!(results.trouble.is_none());
        assert_eq!(results.tests["s a"].outcome, Outcome::Passed);
        assert_eq!(results.tests["s a"].milliseconds, 12);
        assert_eq!(results.tests["s b"].outcome, Outcome::Failed("no".into()));
        assert_eq!(results.tests["s b"].output, "left\tright\n");
    }

    #[test]
    fn a_panic_is_the_running_tests_failure() {
        let console = (0..100).map(|line| format!("[  1.0] line {line}\r\n"));
        let console = console.collect::<String>() + "[  2.0] Kernel panic - not syncing: x\r\n";
        let results = results(&["started\ts a"], None, &console);
        let trouble = results.trouble.unwrap();
        assert!(trouble.starts_with("[  2.0] Kernel panic - not syncing: x\nat work was s a\n"));
        assert_eq!(trouble.lines().count(), 3 + LAST_LINES);
        assert!(matches!(&results.tests["s a"].outcome, Outcome::Failed(_)));
    }

    #[test]
    fn trouble_is_seen_in_every_form() {
        let stall = "[   90.1] rcu: INFO: rcu_sched self-detected stall on CPU";
        for (lines, ending, console) in [
            (&["done"][..], None, stall),
            (
                &["done"],
                None,
                "watchdog: BUG: soft lockup - CPU#0 stuck for 120s!",
            ),
            (&["done"], None, "[ 1.0] Oops: 0000 [#1] SMP"),
            (&["done"], Some("the guest hangs"), ""),
            (&["booted\t6.1.0"], None, ""),
            (&["broken\tmounting"], None, ""),
            (&["tainted\ts a\t512", "done"], None, ""),
        ] {
            assert!(results(lines, ending, console).trouble.is_some());
        }
        let doubts =
            "[ 1.0] WARNING: CPU: 0 PID: 134 at kernel/bpf/verifier.c:2731 reg_bounds+0x1/0x2";
        let warned = ["tainted\ts a\t512", "done"];
        assert!(results(&warned, None, doubts).trouble.is_none());
        let others = format!("{doubts}\n[ 2.0] WARNING: CPU: 0 PID: 1 at mm/slub.c:1 x");
        assert!(results(&warned, None, &others).trouble.is_some());
        let died = ["tainted\ts a\t640", "done"];
        assert!(results(&died, None, doubts).trouble.is_some());
        assert!(says_it_is_stuck(&format!("boot\n{stall}\nmore")));
        assert!(!says_it_is_stuck("[ 1.0] WARNING: CPU: 0 PID: 1 at x\n"));
        for console in ["[ 1.0] debug: BUG: no", "a line", "[", ""] {
            assert!(results(&["done"], None, console).trouble.is_none());
        }
    }
}
