//! Jumps, labels, loops.

use crate::{follows, refused};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "jumps", &[Need::Root], "classes" "signs" "first-line" "answers");
    suite.test(
        "jumps::rounds_as_a_reader",
        &[Need::Root, Need::Toolchain],
        || follows("jumps", "rounds", "first-program/Cargo.toml"),
    );
    suite.test(
        "jumps::first-line_as_a_reader",
        &[Need::Root, Need::Toolchain],
        || follows("jumps", "first-line", "first-program/Cargo.toml"),
    );
    suite.test("jumps::endless", &[Need::Root, Need::Toolchain], || {
        refused("jumps", "endless")
    });
}
