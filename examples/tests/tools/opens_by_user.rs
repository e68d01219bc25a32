use crate::support::{OPENS_BY_USER, Tool, leaves_nothing, open, unique};
use std::os::unix::process::CommandExt;
use std::process::Command;

const CALLS: u64 = 500;

/// The count of a user in a table: `UID USER OPENS`.
fn count_of(lines: &[String], uid: &str) -> Option<u64> {
    let fields = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let header = lines
        .iter()
        .position(|line| fields(line) == ["UID", "USER", "OPENS"])?;
    let rows = lines[header + 1..].iter().map(|line| fields(line));
    let row = rows
        .take_while(|row| row.len() == 3)
        .find(|row| row[0] == uid)?;
    row[2].parse().ok()
}

fn started(arguments: &[&str]) -> Tool {
    let mut tool = Tool::start(OPENS_BY_USER, arguments);
    tool.line(|line| line.starts_with("Counting openat(2) calls"));
    tool
}

pub(crate) fn once() {
    leaves_nothing(|| {
        let tool = started(&["--once", "--seconds", "2"]);
        let path = unique("counted");
        (0..CALLS).for_each(|_| open(&path));
        // And somebody who has no name.
        let mut stranger = Command::new("cat");
        assert!(
            stranger
                .arg("/etc/passwd")
                .uid(4_000_000_001)
                .output()
                .unwrap()
                .status
                .success()
        );
        let lines = tool.succeeds();
        // SAFETY: takes nothing, cannot fail.
        let uid = unsafe { libc::getuid() }.to_string();
        assert!(count_of(&lines, &uid).unwrap() >= CALLS, "{lines:#?}");
        assert!(count_of(&lines, "4000000001").unwrap() >= 1, "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("4000000001  - ")));
        assert!(lines.iter().any(|line| line.contains("0  root ")));
        assert_eq!(
            lines.last().map(String::as_str),
            Some("Among them is this tool's own call, to open /etc/passwd.")
        );
    });
}

/// One table after the other, with growing counts.
pub(crate) fn again() {
    leaves_nothing(|| {
        let mut tool = started(&[]);
        tool.line(|line| line.starts_with("Since the start, 1 second ago."));
        let path = unique("counted");
        (0..CALLS).for_each(|_| open(&path));
        // The first table to come may have been made before.
        (0..2).for_each(|_| drop(tool.line(|line| line.starts_with("Since"))));
        tool.signal(libc::SIGTERM);
        let (_, lines, stderr) = tool.end();
        let tables: Vec<_> = lines.split(|line| line.starts_with("Since")).collect();
        let [first, last] = [0, 2].map(|table| count_of(tables[table], "0").unwrap());
        assert!(last >= first + CALLS, "{first} {last}");
        assert_eq!(stderr, "");
    });
}

/// Where the kernel refuses, and where it is not to be asked: the same program counts recorded
/// calls.
pub(crate) fn without_a_kernel() {
    leaves_nothing(|| {
        let mut refused = Command::new(OPENS_BY_USER);
        refused.arg("--once").uid(65534).gid(65534);
        let (status, lines, stderr) = Tool::run(&mut refused).end();
        assert!(status.success(), "{status} {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("Counting recorded calls: "), "{stderr}");
        assert!(stderr.contains("the process lacks CAP_BPF"), "{stderr}");
        assert_eq!(count_of(&lines, "1000"), Some(123), "{lines:#?}");

        let mut asked = Command::new(OPENS_BY_USER);
        asked.args(["--once", "--no-kernel"]).uid(65534).gid(65534);
        let lines = Tool::run(&mut asked).succeeds();
        assert_eq!(count_of(&lines, "0"), Some(97), "{lines:#?}");
        assert_eq!(count_of(&lines, "65534"), Some(2), "{lines:#?}");
    });
}
