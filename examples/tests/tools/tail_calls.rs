use crate::support::{TAIL_CALLS, Tool, execute_to_the_end, leaves_nothing, thread_name};

const HEADER: &str = "     PID  PROCESS          SYSTEM CALL";

fn start(arguments: &[&str]) -> Tool {
    let mut tool = Tool::start(TAIL_CALLS, arguments);
    tool.line(|line| line == HEADER);
    tool
}

fn row(pid: u32, what: &str) -> String {
    format!("{pid:>8}  {:<16} {what}", thread_name())
}

/// A call that nothing else makes in numbers, and that has no program.
fn other_calls(count: u64) {
    for _ in 0..count {
        // SAFETY: takes nothing.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
}

/// Creates, sets and deletes a timer.
fn use_timer() {
    let null = core::ptr::null_mut::<libc::sigevent>();
    let (mut id, mut time) = (0, [0u64; 4]);
    let clock = libc::CLOCK_MONOTONIC;
    let time = time.as_mut_ptr();
    let nothing = core::ptr::null_mut::<u64>();
    // SAFETY: writes the timer's number.
    let created = unsafe { libc::syscall(libc::SYS_timer_create, clock, null, &raw mut id) };
    assert_eq!(created, 0);
    // SAFETY: writes a time, as large as four words.
    let asked = unsafe { libc::syscall(libc::SYS_timer_gettime, id, time, nothing) };
    assert_eq!(asked, 0);
    // SAFETY: takes a number.
    assert_eq!(unsafe { libc::syscall(libc::SYS_timer_delete, id) }, 0);
}

pub(crate) fn by_number() {
    leaves_nothing(|| {
        let mut tool = start(&[]);
        let pid = execute_to_the_end();
        use_timer();
        tool.line(|line| line == row(pid, "executes a program"));
        let this = std::process::id();
        for what in [
            "creates a timer",
            "does something else with a timer",
            "deletes a timer",
        ] {
            tool.line(|line| line == row(this, what));
        }
        other_calls(1000);
        let lines = tool.interrupt();
        let last = lines.last().unwrap();
        let count = last.strip_prefix("and ").unwrap();
        let count = count.strip_suffix(" other system calls").unwrap();
        assert!(count.parse::<u64>().unwrap() >= 1000, "{last}");
        let others = row(this, "makes system call");
        assert!(!lines.iter().any(|line| line.starts_with(&others)));
    });
}

/// The way behind the tail call, where a number has no program.
pub(crate) fn without_a_program() {
    leaves_nothing(|| {
        let mut tool = start(&["--all"]);
        let call = format!("makes system call {}", libc::SYS_getppid);
        tool.line_after(
            || other_calls(1),
            |line| line == row(std::process::id(), &call),
        );
        drop(tool);

        let start = std::time::Instant::now();
        let lines = Tool::start(TAIL_CALLS, &["--seconds", "1"]).succeeds();
        assert!(start.elapsed().as_millis() >= 1000);
        assert!(lines.last().unwrap().starts_with("and "), "{lines:#?}");
    });
}
