//! What tools say when they cannot work, and what they leave when they are ended.

use crate::support::{
    ALL, OPENAT, OPENS_BY_USER, PACKETS, SOCKET_FILTER, Tool, leaves_nothing, open, unique,
};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::Command;

const CAP_NET_RAW: libc::c_ulong = 13;
const CAP_SYS_ADMIN: libc::c_ulong = 21;
const CAP_PERFMON: libc::c_ulong = 38;
const CAP_BPF: libc::c_ulong = 39;

pub(crate) fn help() {
    for tool in ALL {
        let name = Path::new(tool).file_name().unwrap().to_str().unwrap();
        for option in ["--help", "-h"] {
            let lines = Tool::start(tool, &[option]).succeeds();
            assert!(
                lines
                    .iter()
                    .any(|line| line.starts_with(&format!("Usage: {name}")))
            );
            assert!(lines.iter().any(|line| line.starts_with("Needs CAP_BPF")));
        }
    }
}

/// Runs into an error: the exit code, and the line without `Error: `.
fn fails(command: &mut Command) -> (i32, String) {
    let (status, lines, stderr) = Tool::run(command).end();
    assert_eq!(lines, [""; 0]);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let message = stderr.trim_end().strip_prefix("Error: ").unwrap();
    (status.code().unwrap(), message.to_owned())
}

pub(crate) fn usage() {
    for tool in ALL {
        let name = Path::new(tool).file_name().unwrap().to_str().unwrap();
        for (argument, complaint) in [
            ("--cuont", "invalid option '--cuont'"),
            ("file", "unexpected argument \"file\""),
        ] {
            let failure = fails(Command::new(tool).arg(argument));
            assert_eq!(failure, (2, format!("{complaint}; see {name} --help")));
        }
    }
    for (tool, option) in [
        (OPENAT, "--count"),
        (PACKETS, "--seconds"),
        (OPENS_BY_USER, "--seconds"),
    ] {
        for value in ["0", "-1", "x", ""] {
            let (code, message) = fails(Command::new(tool).args([option, value]));
            assert_eq!(code, 2);
            assert!(
                message.starts_with(&format!("cannot parse argument {value:?}: ")),
                "{message}"
            );
        }
        assert_eq!(fails(Command::new(tool).arg(option)).0, 2);
    }
}

pub(crate) fn nobody() {
    // The other goes on without the kernel: `opens_by_user::without_a_kernel`.
    for tool in ALL.into_iter().filter(|&tool| tool != OPENS_BY_USER) {
        leaves_nothing(|| {
            let (code, message) = fails(Command::new(tool).uid(65534).gid(65534));
            assert_eq!(code, 1);
            assert!(
                message.contains("EPERM: the process lacks CAP_BPF"),
                "{message}"
            );
            assert!(message.contains("setcap cap_bpf"), "{message}");
        });
    }
}

/// Root without some capabilities.
fn without(tool: &str, capabilities: &'static [libc::c_ulong]) -> Command {
    let mut command = Command::new(tool);
    let drop = move || {
        for capability in capabilities {
            // What is out of the bounding set does not come back with exec.
            // SAFETY: takes numbers only.
            if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, *capability, 0, 0, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: prctl(2) is a plain system call, fine between fork and exec.
    unsafe { command.pre_exec(drop) };
    command
}

pub(crate) fn one_missing() {
    let (code, message) = fails(&mut without(PACKETS, &[CAP_NET_RAW]));
    assert_eq!(code, 1);
    assert!(
        message.contains("the process lacks CAP_NET_RAW"),
        "{message}"
    );
    let (code, message) = fails(&mut without(OPENAT, &[CAP_SYS_ADMIN, CAP_PERFMON]));
    assert_eq!(code, 1);
    assert!(
        message.contains("the process lacks CAP_PERFMON"),
        "{message}"
    );
    let (code, message) = fails(&mut without(SOCKET_FILTER, &[CAP_SYS_ADMIN, CAP_BPF]));
    assert_eq!(code, 1);
    assert!(message.contains("the process lacks CAP_BPF"), "{message}");
    // What a tool says it needs is enough for it.
    let lines = Tool::run(without(PACKETS, &[CAP_SYS_ADMIN, CAP_PERFMON]).arg("--once")).succeeds();
    assert!(lines.len() > 3);
    Tool::run(&mut without(SOCKET_FILTER, &[CAP_SYS_ADMIN, CAP_PERFMON])).succeeds();
    let mut tool = Tool::run(&mut without(OPENAT, &[CAP_SYS_ADMIN]));
    let path = unique("few");
    tool.line_after(|| open(&path), |line| line.ends_with(&path));
}

/// In the middle of their work.
fn ended_by(signal: i32) {
    for (path, arguments) in [
        (OPENAT, &[][..]),
        (OPENAT, &["--trace"]),
        (OPENS_BY_USER, &[]),
        (PACKETS, &["--seconds", "60"]),
    ] {
        leaves_nothing(|| {
            let mut tool = Tool::start(path, arguments);
            tool.line(|_| true);
            tool.signal(signal);
            let (status, _, stderr) = tool.end();
            assert_eq!(status.signal(), Some(signal), "{status} {stderr}");
        });
    }
}

pub(crate) fn killed() {
    ended_by(libc::SIGKILL);
}

/// Ctrl-C.
pub(crate) fn interrupted() {
    ended_by(libc::SIGINT);
}
