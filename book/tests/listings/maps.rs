//! Maps.

use crate::{binary, follows_but_for, prints_but_for};
use book_listings::assert_output;
use kernel_test::{Need, Suite};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) fn add(suite: &mut Suite) {
    suite.test("maps::global", &[Need::Root], || {
        prints_but_for("maps", "global", counts);
    });
    suite.test("maps::users", &[Need::Root], || {
        prints_but_for("maps", "users", first_line);
    });
    suite.test("maps::user", &[Need::Root], || {
        prints_but_for("maps", "user", counts);
    });
    suite.test("maps::per-cpu", &[Need::Root], || {
        prints_but_for("maps", "per-cpu", first_line);
    });
    suite.test("maps::numbers", &[Need::Root], || {
        prints_but_for("maps", "numbers", frequent);
    });
    suite.test("maps::tool", &[Need::Root], || tool("tool", &["1"]));
    suite.test(
        "maps::tool_as_a_reader",
        &[Need::Root, Need::Toolchain],
        || follows_but_for("maps", "tool", "maps/Cargo.toml", first_line),
    );
}

/// Some calls, not none.
fn counts(text: &str) -> String {
    let replace = |word: &str| match word.parse::<u64>() {
        Ok(1..) => "N".to_owned(),
        _ => word.to_owned(),
    };
    text.split_whitespace()
        .map(replace)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The heading, or the first user's line, without counts.
fn first_line(text: &str) -> String {
    counts(text.lines().next().unwrap_or_default())
}

/// The tool, while a thread makes calls that fail.
fn tool(name: &str, arguments: &[&str]) {
    let done = AtomicBool::new(false);
    let output = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("book-caller".into())
            .spawn_scoped(scope, || {
                while !done.load(Ordering::Relaxed) {
                    // One that fails, and one that does not.
                    std::fs::metadata("/no such file").expect_err("there is no such file");
                    std::fs::metadata("/").expect("the root");
                }
            })
            .expect("a thread");
        let output = Command::new(binary("maps", name))
            .args(arguments)
            .stderr(Stdio::inherit())
            .output();
        done.store(true, Ordering::Relaxed);
        output.expect("the tool starts")
    });
    assert!(output.status.success());
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_output(&format!("maps/{name}.out"), &printed, first_line);
    let row = printed.lines().find(|line| line.contains(" book-caller "));
    let row = row.unwrap_or_else(|| panic!("the calls are not there: {printed}"));
    let numbers: Vec<u64> = row
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect();
    let &[_, made, failed] = &*numbers else {
        panic!("user, calls and failures: {row}");
    };
    // Every second call fails.
    let as_expected = failed > 100 && made.abs_diff(failed * 2) < made / 10;
    assert!(as_expected, "{printed}");
}

/// Without numbers; the most frequent call was made.
fn frequent(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let count = first.split_whitespace().rev().nth(1);
    let made = count.and_then(|count| count.parse().ok()) > Some(0_u64);
    format!(
        "{made} {}",
        text.replace(|digit: char| digit.is_ascii_digit(), "")
    )
}
