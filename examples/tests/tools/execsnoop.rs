use crate::support::{
    EXECSNOOP, SOCKET_FILTER, Tool, execute_once, execute_to_the_end, leaves_nothing,
};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

const HEADER: &str = "     PID   PARENT  PROCESS          RESULT   ARGUMENTS";
const STRANGER: u32 = 4_000_000_003;

fn start(arguments: &[&str]) -> Tool {
    let mut tool = Tool::start(EXECSNOOP, arguments);
    tool.line(|line| line == HEADER);
    tool
}

/// A process that stays, with these arguments: it waits for input.
fn waiting(arguments: &[&str]) -> Child {
    let mut command = Command::new("cat");
    let command = command.arg("-").args(arguments).stdin(Stdio::piped());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    let _ = child.wait().unwrap();
}

pub(crate) fn arguments() {
    leaves_nothing(|| {
        let mut tool = start(&[]);
        let child = waiting(&["a b", "", "\x1b[2J"]);
        let beginning = format!("{:>8} {:>8}  cat  ", child.id(), std::process::id());
        let line = tool.line(|line| line.starts_with(&beginning));
        assert!(
            line.ends_with("/cat - \"a b\" \"\" \"\\u{1b}[2J\""),
            "{line}"
        );
        assert!(line.contains(" 0        /"), "{line}");
        end(child);
        let missing = Command::new("/no/such/program").status().unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(libc::ENOENT));
        let child = waiting(&["end"]);
        tool.line(|line| line.ends_with("/cat - end"));
        end(child);
        tool.signal(libc::SIGINT);
        let (_, lines, stderr) = tool.end();
        assert!(!lines.iter().any(|line| line.contains("/no/such/program")));
        assert_eq!(stderr, "");
    });
}

pub(crate) fn failed() {
    leaves_nothing(|| {
        let mut tool = start(&["--failed"]);
        Command::new("/no/such/program")
            .arg("x")
            .status()
            .unwrap_err();
        tool.line(|line| line.ends_with(" ENOENT   /no/such/program x"));
        let empty = c"".as_ptr();
        let list = [empty, empty, core::ptr::null()];
        let list = list.as_ptr();
        // SAFETY: C strings and a list of them; without a path the call fails.
        assert_eq!(unsafe { libc::execve(empty, list, list) }, -1);
        tool.line(|line| line.ends_with(" ENOENT   \"\" \"\""));
        Command::new("/proc/version").status().unwrap_err();
        tool.line(|line| line.ends_with(" EACCES   /proc/version"));
    });
}

pub(crate) fn json() {
    leaves_nothing(|| {
        let mut tool = Tool::start(EXECSNOOP, &["--json"]);
        // It prints nothing before the first.
        tool.line_after(execute_once, |_| true);
        let child = waiting(&["a \"b\"\n", "ü"]);
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let line = tool.line(|line| row(line)["pid"] == child.id());
        let row = row(&line);
        assert_eq!(row["parent"], std::process::id());
        assert_eq!(row["uid"], 0);
        assert_eq!(row["command"], "cat");
        assert_eq!(
            (&row["error"], &row["is_cut"]),
            (&Value::Null, &Value::Bool(false))
        );
        let arguments = row["arguments"].as_array().unwrap();
        assert!(arguments[0].as_str().unwrap().ends_with("/cat"));
        assert_eq!(arguments[1..], ["-", "a \"b\"\n", "ü"]);
        end(child);
    });
}

/// What is too long is cut, and that is shown.
pub(crate) fn long_arguments() {
    leaves_nothing(|| {
        let mut tool = start(&[]);
        let long = "x".repeat(600);
        for (arguments, shown) in [
            (
                vec![long.as_str(), "end"],
                format!("/cat - {} end …", &long[..511]),
            ),
            (vec!["y"; 100], format!("/cat -{} …", " y".repeat(59))),
            (vec!["z"; 59], format!("/cat -{}", " z".repeat(59))),
        ] {
            let child = waiting(&arguments);
            tool.line(|line| line.ends_with(&shown));
            end(child);
        }
        // More bytes than there is room for.
        let child = waiting(&vec![&long[..500]; 20]);
        let line = tool.line(|line| line.ends_with("x …"));
        assert!(line.len() < 4200, "{line}");
        end(child);
    });
}

pub(crate) fn one_user() {
    leaves_nothing(|| {
        let user = STRANGER.to_string();
        let mut tool = start(&["--uid", &user, "--count", "1"]);
        execute_to_the_end();
        let mut command = Command::new(SOCKET_FILTER);
        let command = command.arg("--help").stdout(Stdio::null()).uid(STRANGER);
        let mut child = command.spawn().unwrap();
        tool.line(|line| line.starts_with(&format!("{:>8} ", child.id())));
        assert!(child.wait().unwrap().success());
        assert_eq!(tool.succeeds().len(), 2, "the header and one call");
    });
}
