//! Counters, ring buffers and tail calls.

use crate::refused;
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    const ROOT: &[Need] = &[Need::Root];
    listings!(suite, "counters", ROOT, "hello" "users" "events" "calls" "commands" "full" "chain");
    let needs = &[Need::Root, Need::Toolchain];
    suite.test("counters::no_submit", needs, || {
        refused("counters", "no-submit")
    });
}
