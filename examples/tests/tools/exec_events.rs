use crate::support::{
    EXEC_EVENTS, Tool, execute_once, execute_to_the_end, leaves_nothing, thread_name,
};
use serde_json::{Value, json};
use std::cell::Cell;

pub(crate) fn events() {
    leaves_nothing(|| {
        let mut tool = Tool::start(EXEC_EVENTS, &[]);
        tool.line(|line| line == "Waiting for execve(2) calls …");
        for _ in 0..3 {
            let pid = execute_to_the_end();
            let command = thread_name();
            let row = format!("pid={pid} uid=0 comm={command} msg=hello world");
            tool.line(|line| line == row);
        }
        tool.signal(libc::SIGINT);
        assert_eq!(tool.end().2, "");
    });
}

pub(crate) fn json() {
    leaves_nothing(|| {
        let mut tool = Tool::start(EXEC_EVENTS, &["--json", "--count", "4"]);
        let pid = Cell::new(0);
        let line = tool.line_after(
            || pid.set(execute_to_the_end()),
            |line| serde_json::from_str::<Value>(line).unwrap()["pid"] == pid.get(),
        );
        let row: Value = serde_json::from_str(&line).unwrap();
        let expected = json!({
            "pid": pid.get(),
            "uid": 0,
            "command": thread_name(),
            "message": "hello world",
        });
        assert_eq!(row, expected);
        (0..4).for_each(|_| execute_once());
        assert_eq!(tool.succeeds().len(), 4);
    });
}
