//! Memory and the stack.

use crate::follows;
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "memory", &[Need::Root], "requests" "sizes" "line" "answers");
    suite.test(
        "memory::line_as_a_reader",
        &[Need::Root, Need::Toolchain],
        || follows("memory", "line", "first-program/Cargo.toml"),
    );
}
