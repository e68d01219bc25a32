//! Registers and calls.

use crate::{follows, prints_but_for, refused};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "registers", &[Need::Root], "sum");
    suite.test("registers::lossy", &[Need::Root], || {
        prints_but_for("registers", "lossy", about_three_quarters);
    });
    suite.test("registers::kept", &[Need::Root], || {
        prints_but_for("registers", "kept", about_three_quarters);
    });
    suite.test("registers::cut", &[Need::Root], || {
        prints_but_for("registers", "cut", about_three_quarters);
    });
    suite.test("registers::clock", &[Need::Root], || {
        prints_but_for("registers", "clock", small_numbers);
    });
    suite.test(
        "registers::sum_as_a_reader",
        &[Need::Root, Need::Toolchain],
        || follows("registers", "sum", "first-program/Cargo.toml"),
    );
    suite.test("registers::refused", &[Need::Root, Need::Toolchain], || {
        refused("registers", "refused")
    });
}

/// Of 1000 packets 750 arrive, give or take: nearly seven standard deviations.
fn about_three_quarters(text: &str) -> String {
    each_word(text, |number| (660..840).contains(&number))
}

/// The number of a CPU, and what a call costs.
fn small_numbers(text: &str) -> String {
    each_word(text, |number| number < 1_000_000)
}

/// Numbers that may vary are replaced, each by a letter.
fn each_word(text: &str, varies: fn(u32) -> bool) -> String {
    let replace = |word: &str| match word.trim_end().parse() {
        Ok(number) if varies(number) => word.replace(|c: char| c.is_ascii_digit(), ""),
        _ => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace)
        .map(replace)
        .collect()
}
