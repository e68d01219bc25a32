//! Starting tools and looking at what they print and leave behind.

use kernel_test::bpf::{Kind, ids};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Those that never ask the kernel.
pub(crate) const CUSTOM_HELPERS: &str = env!("CARGO_BIN_EXE_custom_helpers");
pub(crate) const VM_PLUGIN: &str = env!("CARGO_BIN_EXE_vm_plugin");
pub(crate) const WITHOUT_KERNEL: &[&str] = &[CUSTOM_HELPERS, VM_PLUGIN];

/// The tools by name.
macro_rules! tools {
    ($($name:ident = $file:literal)*) => {
        $(pub(crate) const $name: &str = env!(concat!("CARGO_BIN_EXE_", $file));)*
        pub(crate) const ALL: &[&str] = &[$($name),*];
    };
}

tools! {
    SOCKET_FILTER = "socket_filter"
    OPENAT = "openat"
    OPENS_BY_USER = "opens_by_user"
    PACKETS = "packets"
    HELLO_KPROBE = "hello_kprobe"
    EXECS_BY_USER = "execs_by_user"
    EXEC_EVENTS = "exec_events"
    TAIL_CALLS = "tail_calls"
    EXECSNOOP = "execsnoop"
    OPENSNOOP = "opensnoop"
    RUNQLAT = "runqlat"
    PROFILE = "profile"
    STREAM_VERDICT = "stream_verdict"
    STREAM_VERDICT_KFUNC = "stream_verdict_kfunc"
}

/// Tools that say on older kernels which one they need.
const SINCE: &[(&str, (u8, u8))] = &[(STREAM_VERDICT, (5, 17)), (STREAM_VERDICT_KFUNC, (6, 17))];

/// The kernel that a tool needs, if it is newer than this machine's.
pub(crate) fn needs_newer_kernel(tool: &str) -> Option<String> {
    let (_, (major, minor)) = SINCE
        .iter()
        .find(|(of, since)| *of == tool && kernel_test::kernel_version() < *since)?;
    Some(format!("the object needs Linux {major}.{minor}"))
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tool at work.
pub(crate) struct Tool {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Tool {
    pub(crate) fn start(path: &str, arguments: &[&str]) -> Self {
        Self::run(Command::new(path).args(arguments))
    }

    pub(crate) fn run(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        // A shell that runs the tests in the background has them ignore Ctrl-C, and the tools
        // would inherit that.
        // SAFETY: signal(2) may be called between fork and exec, and nothing else is done.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                Ok(())
            });
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: takes numbers only; the child has not been waited for.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) fn stop(&self) {
        self.signal(libc::SIGSTOP);
        let mut status = 0;
        // SAFETY: the status is ours; a child that has stopped stays to be waited for.
        let pid = unsafe { libc::waitpid(self.pid(), &raw mut status, libc::WUNTRACED) };
        assert!(pid == self.pid() && libc::WIFSTOPPED(status), "{status:#x}");
    }

    /// The next line of this sort; something is done again and again until it comes.
    pub(crate) fn line_after(
        &mut self,
        mut act: impl FnMut(),
        is: impl Fn(&str) -> bool,
    ) -> String {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            act();
            // On a busy machine there is always another line.
            let pause = Instant::now() + Duration::from_millis(100);
            while let Some(left) = pause.checked_duration_since(Instant::now()) {
                match self.lines.recv_timeout(left) {
                    Ok(line) => {
                        self.seen.push(line.clone());
                        if is(&line) {
                            return line;
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => panic!("it ended: {}", self.report()),
                }
            }
        }
        panic!("no such line: {}", self.report());
    }

    /// The next line of this sort.
    pub(crate) fn line(&mut self, is: impl Fn(&str) -> bool) -> String {
        self.line_after(|| {}, is)
    }

    /// Waits for the end: exit code, all lines of stdout, stderr.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end: {:?}",
                self.seen
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        self.seen.extend(self.lines.iter());
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        (status, std::mem::take(&mut self.seen), stderr)
    }

    /// Ctrl-C, after which a tool prints what it has found, and succeeds.
    pub(crate) fn interrupt(self) -> Vec<String> {
        self.signal(libc::SIGINT);
        self.succeeds()
    }

    /// As [`end`](Self::end), of a tool that has to succeed.
    pub(crate) fn succeeds(self) -> Vec<String> {
        let (status, lines, stderr) = self.end();
        assert!(status.success(), "{status}, {stderr}");
        assert_eq!(stderr, "");
        lines
    }

    fn report(&mut self) -> String {
        let _ = self.child.kill();
        let mut stderr = String::new();
        let _ = self
            .child
            .stderr
            .take()
            .map(|mut pipe| pipe.read_to_string(&mut stderr));
        let last = self.seen.len().saturating_sub(20);
        format!(
            "stderr {stderr:?}, the end of stdout {:#?}",
            &self.seen[last..]
        )
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the test, after which the kernel must have no program, map, link or BTF that it did
/// not have before.
pub(crate) fn leaves_nothing(test: impl FnOnce()) {
    let all = || [Kind::Program, Kind::Map, Kind::Link, Kind::Btf].map(ids);
    let before = all();
    test();
    let mut left = all();
    for (left, before) in left.iter_mut().zip(&before) {
        left.retain(|id| !before.contains(id));
    }
    // The kernel frees some things a little later; and others may be at work on this machine,
    // whose things go as well.
    let deadline = Instant::now() + PATIENCE;
    while left.iter().any(|ids| !ids.is_empty()) {
        assert!(
            Instant::now() < deadline,
            "left in the kernel (programs, maps, links, BTF): {left:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
        for (left, now) in left.iter_mut().zip(&all()) {
            left.retain(|id| now.contains(id));
        }
    }
}

/// A name that is nobody else's.
pub(crate) fn unique(what: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Relaxed);
    format!("/tmp/ebpf-examples-{}-{number}-{what}", std::process::id())
}

/// An openat(2) call, whether there is such a file or not.
pub(crate) fn open(path: &str) {
    let path = std::ffi::CString::new(path).unwrap();
    // Not `File::open`, which is another system call in some C libraries.
    // SAFETY: a C string that lives through the call.
    let fd = unsafe { libc::openat(libc::AT_FDCWD, path.as_ptr(), libc::O_RDONLY) };
    assert_eq!(fd, -1, "the test's names do not exist");
}

/// The name of this thread, as the kernel has it.
pub(crate) fn thread_name() -> String {
    let name = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    name.trim_end().to_owned()
}

/// Waits until a program of this name is in the kernel.
pub(crate) fn loaded(name: &str) {
    let deadline = Instant::now() + PATIENCE;
    let is_there = || {
        let mut programs = ebpf_rt::inventory::programs();
        programs.any(|program| program.is_ok_and(|program| program.name == name))
    };
    while !is_there() {
        assert!(Instant::now() < deadline, "no program `{name}` is loaded");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A program that somebody executes: of this process's user, and done at once.
pub(crate) fn execute() -> Child {
    let mut command = Command::new(SOCKET_FILTER);
    command.arg("--help").stdout(Stdio::null());
    command.spawn().unwrap()
}

/// Executes a program and waits for its end; its number.
pub(crate) fn execute_to_the_end() -> u32 {
    let mut child = execute();
    assert!(child.wait().unwrap().success());
    child.id()
}

/// As [`execute_to_the_end`], whoever it was.
pub(crate) fn execute_once() {
    execute_to_the_end();
}

pub(crate) fn has_kprobes() -> Result<(), String> {
    match std::path::Path::new("/sys/bus/event_source/devices/kprobe/type").exists() {
        true => Ok(()),
        false => Err("kprobes (CONFIG_KPROBES)".to_owned()),
    }
}

pub(crate) fn tracing_on() -> Result<(), String> {
    match ebpf_rt::tracefs::Tracefs::open().and_then(|tracefs| tracefs.tracing_on()) {
        Ok(true) => Ok(()),
        Ok(false) => Err("tracing is switched off, perhaps by an oops of the kernel".into()),
        Err(error) => Err(error.to_string()),
    }
}
