use crate::support::{OPENSNOOP, Tool, leaves_nothing, open, thread_name, unique};
use serde_json::{Value, json};
use std::cell::Cell;

const HEADER: &str = "     PID  PROCESS            FD ERROR          PATH";

fn start(arguments: &[&str]) -> Tool {
    let mut tool = Tool::start(OPENSNOOP, arguments);
    tool.line(|line| line == HEADER);
    tool
}

fn row(fd: &str, error: &str, path: &str) -> String {
    let (pid, process) = (std::process::id(), thread_name());
    format!("{pid:>8}  {process:<16} {fd:>4} {error:<14} {path}")
}

pub(crate) fn calls() {
    leaves_nothing(|| {
        let mut tool = start(&[]);
        let path = unique("short\n");
        open(&path);
        let shown = path.replace('\n', "\\n");
        tool.line(|line| line == row("-", "ENOENT", &shown));
        // The longest that the kernel takes, with its NUL 4096 bytes.
        let mut long = unique("long/");
        long.extend("0123456789/".chars().cycle().take(4095 - long.len()));
        open(&long);
        tool.line(|line| line == row("-", "ENOENT", &long));
        open("");
        tool.line(|line| line == row("-", "ENOENT", ""));
        // SAFETY: a C string; the descriptor is closed.
        let fd = unsafe { libc::openat(libc::AT_FDCWD, c"/dev/null".as_ptr(), libc::O_RDONLY) };
        tool.line(|line| line == row(&fd.to_string(), "", "/dev/null"));
        // SAFETY: it is ours.
        assert_eq!(unsafe { libc::close(fd) }, 0);
        // SAFETY: the kernel answers EFAULT to the null pointer.
        let fd = unsafe { libc::openat(libc::AT_FDCWD, core::ptr::null(), libc::O_RDONLY) };
        assert_eq!(fd, -1);
        tool.line(|line| line == row("-", "EFAULT", "(the path could not be read)"));
    });
}

/// All three system calls.
pub(crate) fn kinds() {
    leaves_nothing(|| {
        let this = std::process::id().to_string();
        let mut tool = Tool::start(OPENSNOOP, &["--pid", &this, "--json"]);
        let first = unique("first");
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        tool.line_after(|| open(&first), |line| row(line)["path"] == first.as_str());
        let call = |flags: i32| {
            json!({
                "pid": std::process::id(),
                // SAFETY: takes nothing.
                "tid": unsafe { libc::gettid() },
                "uid": 0,
                "command": thread_name(),
                "flags": flags,
                "fd": null,
                "error": "ENOENT",
                "path": "/no/such/file",
            })
        };
        let path = c"/no/such/file".as_ptr();
        #[cfg(target_arch = "x86_64")]
        {
            let flags = libc::O_WRONLY | libc::O_APPEND;
            // SAFETY: a C string.
            assert_eq!(unsafe { libc::syscall(libc::SYS_open, path, flags) }, -1);
            tool.line(|line| row(line) == call(flags));
        }
        let how = [libc::O_RDWR as u64, 0, 0];
        let how = &raw const how;
        let here = libc::AT_FDCWD;
        // SAFETY: a C string and `struct open_how`, of three words.
        let fd = unsafe { libc::syscall(libc::SYS_openat2, here, path, how, 24) };
        assert_eq!(fd, -1);
        tool.line(|line| row(line) == call(libc::O_RDWR));
    });
}

pub(crate) fn filters() {
    leaves_nothing(|| {
        let this = std::process::id().to_string();
        let mut tool = start(&["--failed", "--pid", &this, "--uid", "0", "--count", "2"]);
        let path = unique("filtered");
        open(&path);
        // One that succeeds, and one of another process.
        drop(std::fs::File::open("/dev/null").unwrap());
        assert!(
            std::process::Command::new("cat")
                .arg("/no/such")
                .output()
                .is_ok()
        );
        open(&path);
        tool.line(|line| line == row("-", "ENOENT", &path));
        let lines = tool.succeeds();
        assert!(
            lines[1..]
                .iter()
                .all(|line| line.starts_with(&format!("{this:>8} ")))
        );
        assert!(!lines.iter().any(|line| line.contains("/dev/null")));

        let tool = start(&["--uid", "4000000004"]);
        open(&path);
        std::thread::sleep(std::time::Duration::from_millis(300));
        tool.signal(libc::SIGINT);
        assert_eq!(tool.end().1, [HEADER]);
    });
}

/// More calls than there is room for while the tool is stopped: it shows or counts each.
pub(crate) fn losses() {
    const CALLS: usize = 1000;
    leaves_nothing(|| {
        let this = std::process::id().to_string();
        let mut tool = start(&["--pid", &this]);
        let mut path = unique("many/");
        path.extend("0123456789/".chars().cycle().take(4000 - path.len()));
        tool.stop();
        (0..CALLS).for_each(|_| open(&path));
        tool.signal(libc::SIGCONT);
        // What was lost is told before the next record.
        let later = Cell::new(0);
        for _ in 0..2 {
            let next = unique("next");
            let open_next = || {
                open(&next);
                later.set(later.get() + 1);
            };
            tool.line_after(open_next, |line| line.ends_with(&next));
        }
        tool.signal(libc::SIGINT);
        let (_, lines, stderr) = tool.end();
        let shown = lines.iter().filter(|line| line.ends_with(&path)).count();
        let lost = stderr.lines().map(|line| {
            let number = line.strip_suffix(" calls lost: too many at once)").unwrap();
            number.trim_start_matches('(').parse::<usize>().unwrap()
        });
        let lost: usize = lost.sum();
        assert!(shown > 0 && lost > 0);
        // The first of the later calls can be among the lost.
        let all = CALLS..CALLS + later.get();
        assert!(all.contains(&(shown + lost)), "{shown} {lost} {all:?}");
    });
}
