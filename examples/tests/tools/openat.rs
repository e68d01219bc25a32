use crate::support::{OPENAT, Tool, leaves_nothing, open, thread_name, unique};
use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const HEADER: &str = "     PID  PROCESS          PATH";

/// The line for a call of this thread.
fn row(path: &str) -> String {
    format!("{:>8}  {:<16} {path}", std::process::id(), thread_name())
}

/// The tool, when its program runs.
fn start(arguments: &[&str]) -> Tool {
    let mut tool = Tool::start(OPENAT, arguments);
    tool.line(|line| line == HEADER);
    tool
}

/// Opens the path once and waits for it.
fn see_exactly(path: &str) {
    leaves_nothing(|| {
        let mut tool = start(&[]);
        open(path);
        tool.line(|line| line == row(path));
    });
}

pub(crate) fn calls() {
    see_exactly(&unique("short"));
    // The longest that the kernel takes, with its NUL 4096 bytes.
    let mut long = unique("long/");
    long.extend("0123456789/".chars().cycle().take(4095 - long.len()));
    see_exactly(&long);
}

pub(crate) fn bad_paths() {
    leaves_nothing(|| {
        let name = unique("ü");
        let mut tool = start(&[]);
        open(&format!("{name}\x1b[2J\n"));
        tool.line(|line| line == row(&format!("{name}\\u{{1b}}[2J\\n")));
        // SAFETY: the kernel answers EFAULT to the null pointer.
        let fd = unsafe { libc::openat(libc::AT_FDCWD, core::ptr::null(), libc::O_RDONLY) };
        assert_eq!(fd, -1);
        tool.line(|line| line == row("(the path could not be read)"));
    });
}

/// Through the trace buffer, where the kernel does not always know the name of the thread.
fn see_in_trace(option: &str, path: &str, shown: &str) {
    leaves_nothing(|| {
        let mut tool = start(&[option]);
        let expected = [
            row(shown),
            format!("{:>8}  {:<16} {shown}", std::process::id(), "<...>"),
        ];
        tool.line_after(|| open(path), |line| expected.iter().any(|row| row == line));
        // Once the thread has been seen to sleep, its name is known.
        tool.line_after(|| open(path), |line| line == expected[0]);
    });
}

pub(crate) fn trace() {
    let path = unique(&"0123456789/".repeat(20));
    // Linux before 5.13 prints no longer strings.
    let shown = match kernel_test::kernel_version() < (5, 13) {
        true => &path[..63],
        false => &path,
    };
    see_in_trace("--trace", &path, shown);
}

pub(crate) fn stack() {
    let path = unique("short");
    see_in_trace("--stack", &path, &path);
    let path = unique(&"0123456789/".repeat(20));
    see_in_trace("--stack", &path, &path[..63]);
}

/// More calls than there is room for while the tool is stopped: it shows or counts them.
pub(crate) fn losses() {
    const CALLS: usize = 3000;
    leaves_nothing(|| {
        let path = unique("many");
        let mut tool = start(&[]);
        tool.stop();
        for _ in 0..CALLS {
            open(&path);
        }
        tool.signal(libc::SIGCONT);
        // Calls of others can be among the lost.
        let (shown, lost) = (Cell::new(0), Cell::new(0));
        tool.line(|line| {
            if line == row(&path) {
                shown.set(shown.get() + 1);
            } else if let Some(text) = line.strip_suffix(" calls lost: too many at once)") {
                let number: usize = text.trim_start_matches('(').parse().unwrap();
                lost.set(lost.get() + number);
            }
            shown.get() > 0 && lost.get() > 0 && shown.get() + lost.get() >= CALLS
        });
        tool.signal(libc::SIGTERM);
        tool.end();
    });
}

pub(crate) fn count() {
    for option in ["--count=3", "--trace"] {
        leaves_nothing(|| {
            let tool = start(&[option, "--count", "3"]);
            let path = unique("count");
            (0..3).for_each(|_| open(&path));
            assert_eq!(tool.succeeds().len(), 4, "the header and three calls");
        });
    }
}

/// `openat | head -1` is no error.
pub(crate) fn reader_goes_away() {
    leaves_nothing(|| {
        let mut command = Command::new(OPENAT);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        drop(stdout);
        while child.try_wait().unwrap().is_none() {
            open(&unique("head"));
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stderr, b"");
    });
}
