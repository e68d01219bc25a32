//! Functions, callbacks and BTF.

use crate::{follows, prints_but_for, refused};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "functions", &[], "layout");
    listings!(suite, "functions", &[Need::Root], "local" "global");
    listings!(
        suite,
        "functions",
        &[Need::Root, Need::Kernel(5, 12)],
        "add"
    );
    listings!(
        suite,
        "functions",
        &[Need::Root, Need::Kernel(5, 13)],
        "total"
    );
    listings!(
        suite,
        "functions",
        &[Need::Root, Need::Kernel(5, 15)],
        "limit"
    );
    listings!(suite, "functions", &[Need::Root, Need::Kernel(5, 17)], "loop" "lines");
    suite.test("functions::inline", &[Need::Root], || {
        prints_but_for("functions", "inline", |text| {
            let line = text.lines().next().unwrap_or_default();
            line.replace(|digit: char| digit.is_ascii_digit(), "")
        });
    });
    suite.test(
        "functions::limit_as_a_reader",
        &[Need::Root, Need::Toolchain, Need::Kernel(5, 15)],
        || follows("functions", "limit", "first-program/Cargo.toml"),
    );
    suite.test("functions::pair", &[Need::Root, Need::Toolchain], || {
        refused("functions", "pair")
    });
}
