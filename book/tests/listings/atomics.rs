//! Atomics and newer instructions.

use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "atomics", &[], "levels");
    // Operations that give the old value.
    let needs = &[Need::Root, Need::Kernel(5, 12)];
    listings!(suite, "atomics", needs, "ticket" "once" "lengths");
    listings!(suite, "atomics", &[Need::Root, Need::Kernel(6, 6)], "newer");
    listings!(
        suite,
        "atomics",
        &[Need::Root, Need::Kernel(6, 15)],
        "release"
    );
    listings!(suite, "atomics", &[Need::Root], "choose");
}
