//! Reading the verifier.

use crate::{follows_but_for, prints_but_for, refused};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    // What the kernel writes is shown as one release does: not in the guests.
    let here = &[Need::Root, Need::Toolchain];
    suite.test("verifier::processed", here, || {
        prints_but_for("verifier", "processed", statistics);
    });
    suite.test("verifier::log_as_a_reader", here, || {
        follows_but_for("verifier", "log", "first-program/Cargo.toml", statistics);
    });
    listings!(suite, "verifier", &[Need::Root], "mask" "released");
    suite.test("verifier::scalar", here, || refused("verifier", "scalar"));
    suite.test("verifier::bounds-kernel", here, || {
        refused("verifier", "bounds-kernel");
    });
    suite.test("verifier::size-kernel", here, || {
        refused("verifier", "size-kernel");
    });
    suite.test("verifier::leak-kernel", here, || {
        refused("verifier", "leak-kernel");
    });
    suite.test("verifier::imprecise", here, || {
        refused("verifier", "imprecise");
    });
    suite.test("verifier::predicted", here, || {
        refused("verifier", "predicted");
    });
}

/// The line about instructions, without numbers.
fn statistics(log: &str) -> String {
    let line = log.lines().find(|line| line.starts_with("processed "));
    let line = line.unwrap_or("no statistics");
    let words = line.split(" max_states").next().unwrap_or_default();
    words.replace(|digit: char| digit.is_ascii_digit(), "")
}
