//! One test in a process of its own.

use kernel_test::report::{Outcome, REPORT};
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const DIRECTORY: &str = "/run/test";
/// How much of what a failed test prints is of interest.
const LAST_LINES: usize = 60;

/// Runs the test `NAME` of `SUITE NAME`; the lines of the results about it.
pub(crate) fn run(name: &str, binary: &str, directory: &str, seconds: u64) -> Vec<String> {
    let start = Instant::now();
    let (outcome, output) = match attempt(name, binary, directory, seconds) {
        Ok(both) => both,
        Err(error) => (Outcome::Failed(error), String::new()),
    };
    let mut lines = Vec::new();
    if matches!(outcome, Outcome::Failed(_)) {
        let all: Vec<&str> = output.lines().collect();
        for line in &all[all.len().saturating_sub(LAST_LINES)..] {
            lines.push(format!("output\t{}", kernel_test::report::escape(line)));
        }
    }
    lines.push(outcome.line(name));
    lines.push(format!("took\t{name}\t{}", start.elapsed().as_millis()));
    lines
}

fn attempt(
    name: &str,
    binary: &str,
    directory: &str,
    seconds: u64,
) -> Result<(Outcome, String), String> {
    let failed = |error: std::io::Error| format!("starting {binary}: {error}");
    let _ = fs::remove_dir_all(DIRECTORY);
    super::system::make_directory(DIRECTORY).map_err(failed)?;
    let report = format!("{DIRECTORY}/report");
    let output = format!("{DIRECTORY}/output");
    let stdout = File::create(&output).map_err(failed)?;
    let stderr = stdout.try_clone().map_err(failed)?;
    // The name is `SUITE TEST`; the suite's binary knows the test.
    let (_, test) = name.split_once(' ').unwrap_or(("", name));
    let mut child = Command::new(binary)
        .args(["--exact", test])
        .current_dir(directory)
        .env(REPORT, &report)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let status = wait(&mut child, seconds);
    end_the_rest(&child);
    let output = fs::read(&output).unwrap_or_default();
    let output = String::from_utf8_lossy(&output).into_owned();
    let reported = fs::read_to_string(&report).unwrap_or_default();
    let reported = reported
        .lines()
        .filter_map(Outcome::parse)
        .find(|(reported, _)| reported == test);
    let outcome = match (status, reported) {
        (None, _) => Outcome::Failed(format!("it did not end within {seconds} seconds")),
        (Some(_), Some((_, outcome @ Outcome::Failed(_)))) => outcome,
        (Some(status), Some((_, outcome))) if status.success() => outcome,
        (Some(status), _) => Outcome::Failed(without_report(status)),
    };
    Ok((outcome, output))
}

/// Waits for the end, but no longer than that.
fn wait(child: &mut Child, seconds: u64) -> Option<ExitStatus> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Ends what the test has left running, and waits for what was left to the first process.
fn end_the_rest(child: &Child) {
    let group = child.id().cast_signed();
    // SAFETY: these take numbers only, and the status that is not asked for.
    unsafe {
        libc::kill(-group, libc::SIGKILL);
        // A process that the kernel does not let go of must not stop the others' tests.
        for _ in 0..200 {
            while libc::waitpid(-1, core::ptr::null_mut(), libc::WNOHANG) > 0 {}
            if libc::kill(-group, 0) != 0 {
                break;
            }
            libc::usleep(10_000);
        }
    }
}

fn without_report(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "it ended without running the test".to_owned(),
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, signal) => format!("signal {} ended it", signal.unwrap_or(0)),
    }
}
