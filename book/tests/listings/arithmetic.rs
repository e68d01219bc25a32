//! Arithmetic, in 64 and 32 bits.

use crate::{follows, prints_but_for, run};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "arithmetic", &[Need::Root], "halves" "edges" "answers");
    suite.test("arithmetic::uptime", &[Need::Root], uptime);
    suite.test(
        "arithmetic::edges_as_a_reader",
        &[Need::Root, Need::Toolchain],
        || follows("arithmetic", "edges", "first-program/Cargo.toml"),
    );
}

fn uptime() {
    prints_but_for("arithmetic", "uptime", |text| {
        text.replace(|digit: char| digit.is_ascii_digit(), "")
    });
    let before = monotonic_seconds();
    let printed = run("arithmetic", "uptime").stdout;
    let after = monotonic_seconds();
    let printed = String::from_utf8_lossy(&printed);
    let numbers: Vec<i64> = printed
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let &[hours, minutes, seconds] = &*numbers else {
        panic!("three numbers: {printed}");
    };
    // There are 16 bits for hours.
    let shown = hours * 3600 + minutes * 60 + seconds;
    assert!(
        (before..=after).contains(&shown),
        "{before} {shown} {after}"
    );
}

fn monotonic_seconds() -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec that is alive.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(result, 0);
    time.tv_sec
}
