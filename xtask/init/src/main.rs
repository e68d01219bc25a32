//! The first process of the guests of `cargo xtask kernels`.
//!
//! It sets the system up, runs the tests of the plan one after the other, each in a process of
//! its own and with a deadline, writes what became of them to the second serial port, and powers
//! off. Both formats are described where the host writes and reads them: `xtask/src/kernels/`.

mod system;
mod test;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

/// What is to be done, a step in a line with fields between tabs.
const PLAN: &str = "/etc/plan";

fn main() -> ExitCode {
    // Started by hand it would power the machine off.
    if std::process::id() != 1 {
        eprintln!("guest-init: only as the first process of a guest");
        return ExitCode::FAILURE;
    }
    if let Err(error) = run() {
        eprintln!("guest-init: {error}");
        if let Ok(mut results) = Results::open() {
            let error = kernel_test::report::escape(&error);
            let _ = results.line(&format!("broken\t{error}"));
        }
    }
    system::power_off();
    // The kernel panics when its first process ends, which the host sees.
    ExitCode::FAILURE
}

fn run() -> Result<(), String> {
    system::mount_all()?;
    let mut results = Results::open()?;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    results.line(&format!("booted\t{}", release.trim()))?;
    system::loopback_up()?;
    // Modules taint some kernels; what counts is what tests do.
    let mut tainted = None;
    let plan = std::fs::read_to_string(PLAN).map_err(|error| format!("{PLAN}: {error}"))?;
    for line in plan.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["tracefs"] => {
                system::mount("tracefs", "/sys/kernel/tracing", "tracefs", "")?;
            }
            ["module", path] => system::load_module(path)?,
            ["shell"] => {
                let status = Command::new("/bin/sh").arg("-l").status();
                status.map_err(|error| format!("/bin/sh: {error}"))?;
            }
            ["tell", binary] => {
                let failed = |error: std::io::Error| format!("{binary}: {error}");
                let mut child = Command::new(binary)
                    .stdout(Stdio::piped())
                    .spawn()
                    .map_err(failed)?;
                // Line by line: the host loses its patience with guests that say nothing.
                for line in child
                    .stdout
                    .take()
                    .into_iter()
                    .flat_map(|out| BufReader::new(out).lines())
                {
                    let line = kernel_test::report::escape(&line.map_err(failed)?);
                    results.line(&format!("told\t{line}"))?;
                }
                let status = child.wait().map_err(failed)?;
                if !status.success() {
                    return Err(format!("{binary}: {status}"));
                }
            }
            ["test", name, binary, directory, seconds] => {
                results.line(&format!("started\t{name}"))?;
                let seconds = seconds
                    .parse()
                    .map_err(|error| format!("{line}: {error}"))?;
                let before = *tainted.get_or_insert_with(system::taint);
                let outcome = test::run(name, binary, directory, seconds);
                for line in outcome {
                    results.line(&line)?;
                }
                let after = system::taint();
                if after != before {
                    results.line(&format!("tainted\t{name}\t{}", after & !before))?;
                    tainted = Some(after);
                }
            }
            _ => return Err(format!("{PLAN}: `{line}`")),
        }
    }
    results.line("done")?;
    results.drain();
    Ok(())
}

/// The second serial port, which the host reads.
struct Results(File);

impl Results {
    fn open() -> Result<Self, String> {
        const PORT: &str = "/dev/ttyS1";
        let port = OpenOptions::new().write(true).open(PORT);
        let port = port.map_err(|error| format!("{PORT}: {error}"))?;
        system::make_raw(&port)?;
        Ok(Self(port))
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        self.0
            .write_all(format!("{line}\n").as_bytes())
            .map_err(|error| format!("the results: {error}"))
    }

    /// Waits until the host has everything.
    fn drain(&self) {
        system::drain(&self.0);
    }
}
