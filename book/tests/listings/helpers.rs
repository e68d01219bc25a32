//! Helpers.

use crate::{follows_but_for, prints_but_for};
use ebpf_rt::tracefs::Tracefs;
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    let needs = &[Need::Root, Need::Other(tracing_is_on)];
    listings!(suite, "helpers", needs, "hello");
    suite.test("helpers::who", needs, || {
        prints_but_for("helpers", "who", without_process);
    });
    suite.test("helpers::paths", needs, || {
        prints_but_for("helpers", "paths", last_line);
    });
    suite.test("helpers::answers", needs, || {
        prints_but_for("helpers", "answers", last_line);
    });
    let needs = &[Need::Root, Need::Toolchain, Need::Other(tracing_is_on)];
    suite.test("helpers::who_as_a_reader", needs, || {
        let manifest = "first-program/Cargo.toml";
        follows_but_for("helpers", "who", manifest, without_process);
    });
}

/// Without the process's number.
fn without_process(text: &str) -> String {
    let (before, rest) = text.split_once("process ").expect("a process");
    let (number, after) = rest.split_once(' ').expect("its number");
    number.parse::<u32>().expect("a number");
    format!("{before}process N {after}")
}

/// The last line, and whether the time of a start comes before: what others on the machine do is
/// in the trace, too.
fn last_line(text: &str) -> String {
    let starts = text.lines().any(|line| line.starts_with("first: CPU "));
    let last = text.lines().next_back().unwrap_or_default();
    format!("{starts} {last}")
}

fn tracing_is_on() -> Result<(), String> {
    match Tracefs::open().and_then(|tracefs| tracefs.tracing_on()) {
        Ok(true) => Ok(()),
        Ok(false) => Err("needs tracing_on of tracefs; it is 0".into()),
        Err(error) => Err(error.to_string()),
    }
}
