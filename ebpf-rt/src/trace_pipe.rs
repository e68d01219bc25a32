//! What programs print with `bpf_trace_printk`.
//!
//! ```
//! use ebpf_rt::trace_pipe::Event;
//!
//! /// How many lines a slow reader has missed.
//! fn missed(events: &[Event]) -> u64 {
//!     let of = |event: &Event| match event {
//!         Event::Lost { events, .. } => *events,
//!         _ => 0,
//!     };
//!     events.iter().map(of).sum()
//! }
//!
//! let events = [Event::Other("a line".to_owned()), Event::Lost { cpu: 0, events: 3 }];
//! assert_eq!(missed(&events), 3);
//! ```

use crate::tracefs::{self, Tracefs};
use crate::{Errno, Error, ErrorKind, sys};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Reads the kernel's trace buffer, line by line, as an iterator.
///
/// What is read is gone for other readers, and what other readers read does not come here.
/// Lines that were in the buffer before are read first: [`drain`](Self::drain) begins with
/// what comes from now on.
/// Where tracefs is not mounted, an instance of its own is used, see [`Tracefs::open`]; the
/// buffer is the same.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::programs::TestRun;
/// use ebpf_rt::trace_pipe::{Event, TracePipe};
/// use ebpf_rt::{TraceFormat, ebpf};
/// use std::time::Duration;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod hello {
///         static HELLO: TraceFormat<()> = TraceFormat::new(c"Hello from an example");
///
///         #[raw_tracepoint("sched_process_exec")]
///         fn greet(ctx: *mut c_void) -> i32 {
///             r1 = HELLO ll;
///             r2 = {HELLO.size()};
///             call bpf_trace_printk;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!(Kernel(5, 10));
///     # if !ebpf_rt::tracefs::Tracefs::open()?.tracing_on()? {
///     #     return Ok(kernel_test::for_the_matrix("tracing that is switched on"));
///     # }
///     # use ebpf_rt::Errno;
///     # if TracePipe::open().is_err_and(|error| error.errno() == Some(Errno::EBUSY)) {
///     #     return Ok(kernel_test::for_the_matrix("a trace that nobody else reads"));
///     # }
///     let mut trace = TracePipe::open()?.with_timeout(Duration::from_millis(100));
///     trace.drain()?;                             // what others have printed before
///     hello::load()?.progs.greet.test_run(TestRun::new().context(&[0; 24]))?;
///     for event in trace.by_ref() {
///         match event? {
///             Event::Record(record) => println!("{}: {}", record.task, record.message),
///             Event::Lost { events, .. } => println!("({events} lost)"),
///             Event::Other(line) => println!("{line}"),
///         }
///     }
///     println!("then, as it is: {:?}", trace.next_line()?);
///     Ok(())
/// }
/// ```
#[doc(alias = "bpf_trace_printk")]
#[derive(Debug)]
pub struct TracePipe {
    file: OwnedFd,
    timeout: Option<Duration>,
    /// The start of a line whose end has not come yet.
    rest: Vec<u8>,
    lines: VecDeque<String>,
    failed: bool,
}

/// A line of the trace.
///
/// ```
/// use ebpf_rt::trace_pipe::Event;
///
/// /// Only what programs print, and not what other tracers do.
/// fn message(event: Event) -> Option<String> {
///     match event {
///         Event::Record(record) if record.source == "bpf_trace_printk" => Some(record.message),
///         _ => None,
///     }
/// }
///
/// assert_eq!(message(Event::Lost { cpu: 0, events: 12 }), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A record.
    Record(Record),
    /// The reader was too slow: records are missing here.
    Lost {
        /// The CPU whose buffer ran over.
        cpu: u32,
        /// How many are missing.
        events: u64,
    },
    /// A line of another form: of another tracer, or what follows a line break in a message.
    Other(String),
}

/// A record of the trace.
///
/// ```
/// use ebpf_rt::trace_pipe::{Event, Record};
///
/// fn show(record: &Record) -> String {
///     format!("{:?} {}[{}]: {}", record.timestamp, record.task, record.pid, record.message)
/// }
///
/// fn shown(events: &[Event]) -> Vec<String> {
///     let of = |event: &Event| match event {
///         Event::Record(record) => Some(show(record)),
///         _ => None,
///     };
///     events.iter().filter_map(of).collect()
/// }
///
/// assert!(shown(&[Event::Other("of another tracer".to_owned())]).is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// The name of the thread; `<...>` if the kernel does not know it: it keeps the names of
    /// some threads only, not always of the latest.
    pub task: String,
    /// The thread's number, which the kernel calls pid.
    pub pid: u32,
    /// The CPU.
    pub cpu: u32,
    /// The state of interrupts and preemption: `d..31`.
    pub flags: String,
    /// Since boot, by the trace's clock.
    pub timestamp: Duration,
    /// What made the record: `bpf_trace_printk`.
    pub source: String,
    /// The text.
    pub message: String,
}

impl TracePipe {
    /// Opens `trace_pipe`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if tracing is switched off (`tracing_on` is 0), where
    /// nothing would ever come; and as of [`Tracefs::open`].
    pub fn open() -> Result<Self, Error> {
        let tracefs = Tracefs::open()?;
        if !tracefs.tracing_on()? {
            return Err(Error::new(ErrorKind::Unsupported)
                .because("tracing is switched off: tracing_on of tracefs is 0")
                .remedy(
                    "let root write 1 to it; an oops of the kernel may have switched it off, \
                     see dmesg",
                ));
        }
        let file = tracefs
            .open_file("trace_pipe")
            .map_err(|errno| tracefs::failed("opening trace_pipe of tracefs", errno))?;
        Ok(Self {
            file,
            timeout: None,
            rest: Vec::new(),
            lines: VecDeque::new(),
            failed: false,
        })
    }

    /// Ends the iteration when nothing has come for this long. Without it the iterator waits
    /// for ever.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Drops what is in the buffer, so that the next line is a new one, and gives how many lines
    /// were dropped. Where lines come faster than they can be dropped it gives up after a
    /// second.
    ///
    /// # Errors
    /// What poll(2) and read(2) say.
    pub fn drain(&mut self) -> Result<usize, Error> {
        let timeout = self.timeout.replace(Duration::ZERO);
        let start = Instant::now();
        let mut lines = 0;
        let result = loop {
            match self.next_line() {
                Ok(Some(_)) if start.elapsed() < Duration::from_secs(1) => lines += 1,
                Ok(Some(_)) => break Ok(lines + 1),
                Ok(None) => break Ok(lines),
                Err(error) => break Err(error),
            }
        };
        self.timeout = timeout;
        result
    }

    /// The next line as it is; `None` if none has come before the time was over, or tracing
    /// was switched off. Empty lines (of messages that end in a line break) are left out.
    ///
    /// # Errors
    /// What poll(2) and read(2) say.
    pub fn next_line(&mut self) -> Result<Option<String>, Error> {
        // A time that lies beyond what the clock can show never comes.
        let deadline = self
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Ok(Some(line));
            }
            if let Some(deadline) = deadline
                && !self.wait(deadline)?
            {
                return Ok(None);
            }
            let mut buffer = [0; 4096];
            let length = sys::fs::read(self.file.as_fd(), &mut buffer)
                .map_err(|errno| Error::failed("reading trace_pipe", errno))?;
            if length == 0 {
                return Ok(None);
            }
            self.take(buffer.get(..length).unwrap_or_default());
        }
    }

    /// Whether there is something to read before the deadline.
    fn wait(&self, deadline: Instant) -> Result<bool, Error> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match sys::fs::poll_input(self.file.as_fd(), left) {
                Ok(ready) => return Ok(ready),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Error::failed("waiting for trace_pipe", errno)),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\n');
            if !line.trim().is_empty() {
                self.lines.push_back(line.to_owned());
            }
        }
    }
}

impl Iterator for TracePipe {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.next_line() {
            Ok(line) => line.map(|line| Ok(Event::parse(&line))),
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

impl Event {
    /// Reads a line of `trace_pipe` or `trace`.
    ///
    /// ```
    /// use ebpf_rt::trace_pipe::Event;
    ///
    /// let line = "    my-task-42      [001] d..31   12.345678: bpf_trace_printk: Hello: 7";
    /// let Event::Record(record) = Event::parse(line) else { panic!() };
    /// assert_eq!((record.task.as_str(), record.pid, record.cpu), ("my-task", 42, 1));
    /// assert_eq!(record.timestamp.as_micros(), 12_345_678);
    /// assert_eq!(record.message, "Hello: 7");
    /// ```
    #[must_use]
    pub fn parse(line: &str) -> Self {
        if let Some(record) = record(line) {
            return Self::Record(record);
        }
        lost(line).unwrap_or_else(|| Self::Other(line.to_owned()))
    }
}

/// `TASK-PID [(TGID)] [CPU] FLAGS TIME: SOURCE: MESSAGE`, where the task can contain anything.
fn record(line: &str) -> Option<Record> {
    // The name of a task can look like a CPU, so the first place where all fits counts.
    line.match_indices(" [").find_map(|(at, _)| {
        let (before, after) = (line.get(..at)?, line.get(at + 2..)?);
        let (cpu, rest) = after.split_once(']')?;
        let (head, rest) = rest.split_once(": ")?;
        let (flags, time) = match head.split_whitespace().collect::<Vec<_>>()[..] {
            [flags, time] => (flags, time),
            // Without the option irq-info there are no flags.
            [time] => ("", time),
            _ => return None,
        };
        let before = before.trim();
        // With the option record-tgid.
        let before = match before.rsplit_once('(') {
            Some((task, group)) if group.ends_with(')') => task.trim_end(),
            _ => before,
        };
        let (task, pid) = before.rsplit_once('-')?;
        let (seconds, fraction) = time.split_once('.')?;
        let (source, message) = rest.split_once(": ").or_else(|| {
            let source = rest.strip_suffix(':')?;
            Some((source, ""))
        })?;
        Some(Record {
            task: task.to_owned(),
            pid: pid.parse().ok()?,
            cpu: cpu.parse().ok()?,
            flags: flags.to_owned(),
            timestamp: Duration::from_secs(seconds.parse().ok()?) + fraction_of_second(fraction)?,
            source: source.to_owned(),
            message: message.to_owned(),
        })
    })
}

/// Micro- or nanoseconds, by the number of digits.
fn fraction_of_second(digits: &str) -> Option<Duration> {
    let number: u32 = digits.parse().ok()?;
    let missing = 9u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
    Some(Duration::from_nanos(u64::from(number) * 10u64.pow(missing)))
}

/// `CPU:1 [LOST 12 EVENTS]`.
fn lost(line: &str) -> Option<Event> {
    let (cpu, rest) = line.trim().strip_prefix("CPU:")?.split_once(" [LOST ")?;
    Some(Event::Lost {
        cpu: cpu.trim().parse().ok()?,
        events: rest.strip_suffix(" EVENTS]")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Call;
    use crate::sys::script::{Script, run};

    fn parsed(line: &str) -> Record {
        match Event::parse(line) {
            Event::Record(record) => record,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records() {
        let record =
            parsed("           <...>-1234    [000] d..2.   99.000123: bpf_trace_printk: a: b");
        assert_eq!(record.task, "<...>");
        assert_eq!((record.pid, record.cpu, &*record.flags), (1234, 0, "d..2."));
        assert_eq!(record.timestamp, Duration::from_micros(99_000_123));
        assert_eq!(
            (&*record.source, &*record.message),
            ("bpf_trace_printk", "a: b")
        );
    }

    #[test]
    fn tasks_with_strange_names() {
        assert_eq!(
            parsed(" a [7] b-1-2 [003] ....1 1.5: f: m").task,
            "a [7] b-1"
        );
        let record = parsed("  tokio-rt-9     (    8) [001] ..... 1.000000001: f: m");
        assert_eq!((&*record.task, record.pid), ("tokio-rt", 9));
        assert_eq!(record.timestamp, Duration::new(1, 1));
    }

    #[test]
    fn other_lines_are_kept() {
        assert_eq!(
            Event::parse("CPU:1 [LOST 12 EVENTS]"),
            Event::Lost { cpu: 1, events: 12 }
        );
        for line in [
            "",
            "second line",
            " [",
            "x-1 [0] :",
            "é [é]: é: ",
            "-[ [-1] 1.1: :",
        ] {
            assert_eq!(Event::parse(line), Event::Other(line.to_owned()));
        }
    }

    #[test]
    fn any_line_is_read() {
        const PARTS: &[&str] = &[
            "a",
            "-",
            "1",
            " [",
            "]",
            ": ",
            ":",
            ".",
            "(",
            ")",
            " ",
            "é",
            "CPU:",
            " [LOST ",
            " EVENTS]",
            "99999999999999999999",
        ];
        crate::similar::soup(PARTS, |line| {
            let _ = Event::parse(line);
        });
    }

    /// Answers a read with this text.
    fn text(script: Script, text: &'static str) -> Script {
        script.with(move |call| {
            let Call::Read { buffer, .. } = call else {
                panic!("{call:?}")
            };
            buffer[..text.len()].copy_from_slice(text.as_bytes());
            Ok(text.len() as i64)
        })
    }

    fn opened(tracing_on: &'static str) -> Script {
        text(Script::new().fd().fd().fd(), tracing_on).value(0)
    }

    #[test]
    fn lines_are_put_together_and_the_time_ends() {
        let script = opened("1\n").fd();
        let script = text(script.value(1), "one\ntw");
        let script = text(script.fails(Errno::EINTR).value(1), "o\n\n").value(0);
        let (lines, _) = run(script, || {
            let mut pipe = TracePipe::open()
                .unwrap()
                .with_timeout(Duration::from_secs(9));
            let mut lines = Vec::new();
            while let Some(line) = pipe.next_line().unwrap() {
                lines.push(line);
            }
            lines
        });
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn draining_drops_what_is_there_and_keeps_the_timeout() {
        let script = text(opened("1\n").fd().value(1), "old\nolder\n").value(0);
        let script = text(script.value(1), "new\n");
        let (dropped_and_next, _) = run(script, || {
            let pipe = TracePipe::open().unwrap();
            let mut pipe = pipe.with_timeout(Duration::from_secs(9));
            let dropped = pipe.drain().unwrap();
            assert_eq!(pipe.timeout, Some(Duration::from_secs(9)));
            (dropped, pipe.next_line().unwrap())
        });
        assert_eq!(dropped_and_next, (2, Some("new".to_owned())));
    }

    #[test]
    fn a_trace_that_is_switched_off_is_an_error() {
        let (result, _) = run(opened("0\n"), TracePipe::open);
        assert_eq!(
            result.unwrap_err().to_string(),
            "tracing is switched off: tracing_on of tracefs is 0; let root write 1 to it; an \
             oops of the kernel may have switched it off, see dmesg"
        );
    }
}
