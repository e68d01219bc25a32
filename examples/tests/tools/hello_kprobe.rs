use crate::support::{HELLO_KPROBE, Tool, execute_once, execute_to_the_end, leaves_nothing};
use std::cell::Cell;

pub(crate) fn hello() {
    leaves_nothing(|| {
        let mut tool = Tool::start(HELLO_KPROBE, &["--count", "3"]);
        tool.line(|line| line == "     PID  PROCESS          MESSAGE");
        let pid = Cell::new(0);
        tool.line_after(
            || pid.set(execute_to_the_end()),
            |line| {
                let words: Vec<_> = line.split_whitespace().collect();
                words[0] == pid.get().to_string() && line.ends_with(" Hello World!")
            },
        );
        (0..3).for_each(|_| execute_once());
        assert_eq!(tool.succeeds().len(), 4, "the header and three times");
    });
}
