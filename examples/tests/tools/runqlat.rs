use crate::support::{RUNQLAT, Tool, leaves_nothing};
use serde_json::Value;
use std::time::{Duration, Instant};

fn this_thread() -> String {
    // SAFETY: takes nothing.
    unsafe { libc::gettid() }.to_string()
}

/// Waits for a CPU so often, at least.
fn wait(times: u32) {
    (0..times).for_each(|_| std::thread::sleep(Duration::from_millis(1)));
}

/// The counts of all slots, and the least time that all together can have taken.
fn sums(line: &str) -> (u64, u64) {
    let row: Value = serde_json::from_str(line).unwrap();
    assert_eq!(row["missed"], 0);
    let number = |value: &Value| value.as_u64().unwrap();
    let buckets = row["buckets"].as_array().unwrap();
    let slots = buckets.iter().map(|slot| {
        let (from, to, count) = (
            number(&slot["from"]),
            number(&slot["to"]),
            number(&slot["count"]),
        );
        assert!(from < to && count > 0);
        assert!(from == 0 && to == 1 || from.is_power_of_two() && to == 2 * from - 1);
        (count, from * count)
    });
    slots.fold((0, 0), |sum, slot| (sum.0 + slot.0, sum.1 + slot.1))
}

/// Of one thread the waits are counted, and take no longer than the test.
pub(crate) fn one_thread() {
    leaves_nothing(|| {
        let mut tool = Tool::start(
            RUNQLAT,
            &["--pid", &this_thread(), "--json", "--interval", "1"],
        );
        // It runs when the first line is there.
        tool.line(|_| true);
        let start = Instant::now();
        wait(200);
        let microseconds = start.elapsed().as_micros() as u64;
        let lines = tool.interrupt();
        let all = lines[1..].iter().map(|line| sums(line));
        let (count, time) = all.fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1));
        // A timer may end before its thread has left the CPU, which then waits for nothing.
        assert!(count >= 190, "{lines:#?}");
        // What comes before and after the 200 is in it as well.
        assert!(
            time <= microseconds + 2_000_000,
            "{time} {microseconds} {lines:#?}"
        );
    });
}

pub(crate) fn drawn() {
    leaves_nothing(|| {
        let mut tool = Tool::start(RUNQLAT, &["--seconds", "1"]);
        tool.line(|line| line == "Measuring how long tasks wait for a CPU; it takes 1 second …");
        wait(50);
        let lines = tool.succeeds();
        assert_eq!(lines[1], "");
        let words: Vec<_> = lines[2].split_whitespace().collect();
        assert_eq!(words, ["usecs", ":", "count", "distribution"]);
        let longest = format!("|{}|", "*".repeat(40));
        assert!(
            lines[3..]
                .iter()
                .all(|line| line.contains(" -> ") && line.ends_with('|'))
        );
        assert!(
            lines[3..].iter().any(|line| line.ends_with(&longest)),
            "{lines:#?}"
        );

        let tool = Tool::start(RUNQLAT, &["--seconds", "1", "--milliseconds", "--json"]);
        let lines = tool.succeeds();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains(r#""unit":"msecs""#), "{lines:?}");
    });
}
