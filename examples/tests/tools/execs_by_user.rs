use crate::support::{EXECS_BY_USER, SOCKET_FILTER, Tool, execute_once, leaves_nothing};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const STRANGER: u32 = 4_000_000_002;

fn execute_as_stranger() {
    let mut command = Command::new(SOCKET_FILTER);
    let command = command.arg("--help").stdout(Stdio::null()).uid(STRANGER);
    assert!(command.status().unwrap().success());
}

pub(crate) fn once() {
    leaves_nothing(|| {
        let mut tool = Tool::start(EXECS_BY_USER, &["--once", "--seconds", "3"]);
        tool.line(|line| line.starts_with("Counting execve(2) calls; the table comes in 3"));
        (0..7).for_each(|_| execute_as_stranger());
        let lines = tool.succeeds();
        let row = format!("{STRANGER:>10}  {:<16} {:>10}", "-", 7);
        assert!(lines.contains(&row), "{lines:#?}");
    });
}

/// One table after the other.
pub(crate) fn json() {
    leaves_nothing(|| {
        let mut tool = Tool::start(EXECS_BY_USER, &["--json", "--seconds", "1"]);
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let of_root = |line: &str| row(line)["uid"] == 0;
        let execute = execute_once;
        let first = row(&tool.line_after(execute, of_root));
        assert_eq!(first["user"], "root");
        let count = |row: &Value| row["execs"].as_u64().unwrap();
        let more = |line: &str| of_root(line) && count(&row(line)) > count(&first);
        tool.line_after(execute, more);
        tool.signal(libc::SIGTERM);
        assert_eq!(tool.end().2, "");
    });
}
