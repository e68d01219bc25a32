//! What tools say when they cannot work, and what they leave when they are ended.

use crate::support::{
    ALL, EXEC_EVENTS, EXECS_BY_USER, EXECSNOOP, HELLO_KPROBE, OPENAT, OPENS_BY_USER, OPENSNOOP,
    PACKETS, PROFILE, RUNQLAT, SOCKET_FILTER, STREAM_VERDICT, STREAM_VERDICT_KFUNC, TAIL_CALLS,
    Tool, WITHOUT_KERNEL, execute_once, leaves_nothing, loaded, needs_newer_kernel, open, unique,
};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const CAP_NET_ADMIN: libc::c_ulong = 12;
const CAP_NET_RAW: libc::c_ulong = 13;
const CAP_SYS_ADMIN: libc::c_ulong = 21;
const CAP_PERFMON: libc::c_ulong = 38;
const CAP_BPF: libc::c_ulong = 39;

pub(crate) fn help() {
    for tool in ALL.iter().chain(WITHOUT_KERNEL) {
        let needs = match WITHOUT_KERNEL.contains(tool) {
            true => "Needs nothing.",
            false => "Needs CAP_BPF",
        };
        let name = Path::new(tool).file_name().unwrap().to_str().unwrap();
        for option in ["--help", "-h"] {
            let lines = Tool::start(tool, &[option]).succeeds();
            assert!(
                lines
                    .iter()
                    .any(|line| line.starts_with(&format!("Usage: {name}")))
            );
            assert!(lines.iter().any(|line| line.starts_with(needs)));
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
        (HELLO_KPROBE, "--count"),
        (EXECS_BY_USER, "--seconds"),
        (EXEC_EVENTS, "--count"),
        (TAIL_CALLS, "--seconds"),
        (EXECSNOOP, "--count"),
        (OPENSNOOP, "--pid"),
        (RUNQLAT, "--interval"),
        (PROFILE, "--frequency"),
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
    for tool in ALL.iter().filter(|&&tool| tool != OPENS_BY_USER) {
        leaves_nothing(|| {
            let (code, message) = fails(Command::new(tool).uid(65534).gid(65534));
            assert_eq!(code, 1);
            // It asks tracefs first, which is root's.
            if *tool == RUNQLAT {
                let reasons = [
                    "CAP_SYS_ADMIN; let root mount it",
                    "only root may look into",
                ];
                assert!(
                    reasons.iter().any(|reason| message.contains(reason)),
                    "{message}"
                );
                return;
            }
            if let Some(reason) = needs_newer_kernel(tool) {
                assert!(message.contains(&reason), "{message}");
                return;
            }
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
    for tool in [
        OPENAT,
        HELLO_KPROBE,
        EXECS_BY_USER,
        EXEC_EVENTS,
        TAIL_CALLS,
        EXECSNOOP,
        OPENSNOOP,
        PROFILE,
    ] {
        let (code, message) = fails(&mut without(tool, &[CAP_SYS_ADMIN, CAP_PERFMON]));
        assert_eq!(code, 1);
        assert!(
            message.contains("the process lacks CAP_PERFMON"),
            "{message}"
        );
    }
    let (code, message) = fails(&mut without(SOCKET_FILTER, &[CAP_SYS_ADMIN, CAP_BPF]));
    assert_eq!(code, 1);
    assert!(message.contains("the process lacks CAP_BPF"), "{message}");
    for tool in [STREAM_VERDICT, STREAM_VERDICT_KFUNC] {
        let (code, message) = fails(&mut without(tool, &[CAP_SYS_ADMIN, CAP_NET_ADMIN]));
        assert_eq!(code, 1);
        let reason = needs_newer_kernel(tool);
        let reason = reason
            .as_deref()
            .unwrap_or("the process lacks CAP_NET_ADMIN");
        assert!(message.contains(reason), "{message}");
        // Linux 6.1 does not load these without CAP_PERFMON, and 7.3 allows functions of the kernel
        // only with it.
        let kernel = kernel_test::kernel_version();
        let last = if tool == STREAM_VERDICT {
            (u8::MAX, 0)
        } else {
            (6, 18)
        };
        if kernel >= (6, 18) && kernel <= last {
            Tool::run(&mut without(tool, &[CAP_SYS_ADMIN, CAP_PERFMON])).succeeds();
        }
    }
    // What a tool says it needs is enough for it.
    let lines = Tool::run(without(PACKETS, &[CAP_SYS_ADMIN, CAP_PERFMON]).arg("--once")).succeeds();
    assert!(lines.len() > 3);
    Tool::run(&mut without(SOCKET_FILTER, &[CAP_SYS_ADMIN, CAP_PERFMON])).succeeds();
    let mut tool = Tool::run(&mut without(OPENAT, &[CAP_SYS_ADMIN]));
    let path = unique("few");
    tool.line_after(|| open(&path), |line| line.ends_with(&path));
}

/// How a tool shows that it is at work.
#[derive(Clone, Copy)]
enum Sign {
    Line,
    /// A line, when somebody executes a program.
    LineOfExec,
    /// The program that it has loaded.
    Program(&'static str),
}

/// Tools that go on, with arguments, and whether Ctrl-C makes them print what they have.
type AtWork = (&'static str, &'static [&'static str], Sign, bool);

const AT_WORK: &[AtWork] = &[
    (OPENAT, &[], Sign::Line, false),
    (OPENAT, &["--trace"], Sign::Line, false),
    (OPENS_BY_USER, &[], Sign::Line, false),
    (PACKETS, &["--seconds", "60"], Sign::Line, false),
    (TAIL_CALLS, &["--all"], Sign::Line, true),
    (EXECSNOOP, &[], Sign::Line, false),
    (EXECSNOOP, &["--json"], Sign::LineOfExec, false),
    (OPENSNOOP, &[], Sign::Line, false),
    (RUNQLAT, &[], Sign::Line, true),
    (PROFILE, &[], Sign::Program("sample"), true),
];

const KPROBES_AT_WORK: &[AtWork] = &[
    (HELLO_KPROBE, &[], Sign::Line, false),
    (EXECS_BY_USER, &[], Sign::Line, false),
    (EXEC_EVENTS, &["--json"], Sign::LineOfExec, false),
];

/// In the middle of their work.
fn ended_by(signal: i32, tools: &[AtWork]) {
    for &(path, arguments, sign, prints) in tools {
        leaves_nothing(|| {
            let mut tool = Tool::start(path, arguments);
            match sign {
                Sign::Line => drop(tool.line(|_| true)),
                Sign::LineOfExec => drop(tool.line_after(execute_once, |_| true)),
                Sign::Program(name) => loaded(name),
            }
            tool.signal(signal);
            let (status, _, stderr) = tool.end();
            match prints && signal == libc::SIGINT {
                true => assert!(status.success(), "{path}: {status} {stderr}"),
                false => assert_eq!(status.signal(), Some(signal), "{path}: {status} {stderr}"),
            }
        });
    }
}

pub(crate) fn killed() {
    ended_by(libc::SIGKILL, AT_WORK);
}

pub(crate) fn killed_kprobes() {
    ended_by(libc::SIGKILL, KPROBES_AT_WORK);
}

/// Ctrl-C.
pub(crate) fn interrupted() {
    ended_by(libc::SIGINT, AT_WORK);
}

pub(crate) fn interrupted_kprobes() {
    ended_by(libc::SIGINT, KPROBES_AT_WORK);
}

/// While they load, attach, begin to work or are done: every tool.
pub(crate) fn killed_at_any_time() {
    const MICROSECONDS: [u64; 8] = [300, 1_000, 2_000, 4_000, 8_000, 16_000, 40_000, 100_000];
    for tool in ALL {
        leaves_nothing(|| {
            for time in MICROSECONDS {
                let started = Tool::start(tool, &[]);
                std::thread::sleep(Duration::from_micros(time));
                started.signal(libc::SIGKILL);
                // It may have been quicker: then it succeeded, or has no kprobes.
                let (status, _, stderr) = started.end();
                let is_killed = status.signal() == Some(libc::SIGKILL);
                let has_no_kprobes = stderr.contains("this kernel has no kprobes");
                let is_too_new =
                    needs_newer_kernel(tool).is_some_and(|reason| stderr.contains(&reason));
                assert!(
                    is_killed || status.success() || has_no_kprobes || is_too_new,
                    "{tool}: {status} {stderr}"
                );
            }
        });
    }
}

/// What `Command` becomes does not see that the kernel has kprobes, if it has.
fn hide_kprobes() -> io::Result<()> {
    // SAFETY: takes a number only.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let null = core::ptr::null::<libc::c_char>();
    let keep_to_ourselves = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: C strings; what is null is not asked for.
    unsafe { libc::mount(null, c"/".as_ptr(), null, keep_to_ourselves, null.cast()) };
    let (place, kind) = (c"/sys/bus/event_source/devices", c"tmpfs");
    // SAFETY: C strings; what is null is not asked for.
    match unsafe { libc::mount(kind.as_ptr(), place.as_ptr(), kind.as_ptr(), 0, null.cast()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(crate) fn no_kprobes() {
    for tool in [HELLO_KPROBE, EXECS_BY_USER, EXEC_EVENTS] {
        leaves_nothing(|| {
            let mut command = Command::new(tool);
            // SAFETY: system calls only, fine between fork and exec.
            unsafe { command.pre_exec(hide_kprobes) };
            let (code, message) = fails(&mut command);
            assert_eq!(code, 1);
            let reason = "this kernel has no kprobes: it was built without CONFIG_KPROBE_EVENTS";
            assert!(message.contains(reason), "{message}");
        });
    }
}

/// A new tool has to be in the list.
pub(crate) fn all_tools_are_tested() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let sources = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    for source in sources {
        let name = source.file_stem().unwrap();
        let is_tested = ALL
            .iter()
            .chain(WITHOUT_KERNEL)
            .any(|tool| Path::new(tool).file_name() == Some(name));
        assert!(is_tested, "{} is not in `tools!`", name.display());
    }
}
