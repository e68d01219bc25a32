//! What work costs: the processor's time of this thread, and of processes.

use crate::Result;
use std::process::{Command, Stdio};

/// What this thread has computed so far, in milliseconds.
pub(super) fn thread_milliseconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the time is ours to write; every kernel has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// What processes that have ended have computed, theirs included: seconds in user space, and in
/// the kernel.
fn of_children() -> [f64; 2] {
    // SAFETY: zero bytes are a value of this struct of numbers.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: the struct is ours to write.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    [usage.ru_utime, usage.ru_stime].map(|time| time.tv_sec as f64 + time.tv_usec as f64 / 1e6)
}

/// What a process costs in seconds of the processor's time: in user space, and in all.
pub(super) struct Cost {
    pub(super) user: f64,
    pub(super) all: f64,
}

/// Runs a command to its end. Its output is shown only if it fails.
pub(super) fn run(command: &mut Command) -> Result<Cost> {
    let before = of_children();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{text}", output.status));
    }
    let after = of_children();
    let user = after[0] - before[0];
    Ok(Cost {
        user,
        all: user + after[1] - before[1],
    })
}

/// The output of a command, or why there is none.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
