//! Counting the system calls that a process really makes.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Runs the command under ptrace(2); the numbers of the system calls of all its threads that
/// were there when it started, in order, each with its first argument.
///
/// # Errors
/// If the command cannot be started or traced, or fails.
pub fn system_calls(mut command: Command) -> io::Result<Vec<(u64, u64)>> {
    // SAFETY: ptrace(2) is a plain system call, fine between fork and exec.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let child = command.spawn()?;
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut calls = Vec::new();
    // The stop at exec.
    wait(pid)?;
    // SAFETY: takes numbers only.
    check(unsafe {
        libc::ptrace(
            libc::PTRACE_SETOPTIONS,
            pid,
            0,
            libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL,
        )
    })?;
    let mut signal = 0;
    loop {
        // SAFETY: takes numbers only.
        check(unsafe { libc::ptrace(libc::PTRACE_SYSCALL, pid, 0, signal) })?;
        signal = 0;
        let status = wait(pid)?;
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            return match libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
                true => Ok(calls),
                false => Err(io::Error::other(format!(
                    "the command ended with {status:#x}"
                ))),
            };
        }
        if libc::WSTOPSIG(status) != libc::SIGTRAP | 0x80 {
            signal = libc::WSTOPSIG(status);
            continue;
        }
        // SAFETY: a plain struct of integers, for which zeros are valid.
        let mut info: libc::ptrace_syscall_info = unsafe { core::mem::zeroed() };
        // SAFETY: the kernel writes at most the size given.
        check(unsafe {
            libc::ptrace(
                libc::PTRACE_GET_SYSCALL_INFO,
                pid,
                size_of_val(&info),
                &raw mut info,
            )
        })?;
        if info.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
            // SAFETY: `op` says that this is the union's field.
            let entry = unsafe { info.u.entry };
            calls.push((entry.nr, entry.args[0]));
        }
    }
}

fn wait(pid: libc::pid_t) -> io::Result<i32> {
    let mut status = 0;
    // SAFETY: the status is ours.
    check(unsafe { libc::waitpid(pid, &mut status, 0) }.into())?;
    Ok(status)
}

fn check(result: i64) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
