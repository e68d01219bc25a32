//! Kernel functions and kernel types.

use crate::refused;
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    const BTF: Need = Need::Config("CONFIG_DEBUG_INFO_BTF");
    listings!(suite, "kernel", &[], "listing");
    listings!(suite, "kernel", &[Need::Root, BTF], "task" "renamed");
    // `bpf_get_current_task_btf`.
    let needs = &[Need::Root, Need::Kernel(5, 11), BTF];
    listings!(suite, "kernel", needs, "typed" "grandparent");
    listings!(
        suite,
        "kernel",
        &[Need::Root, Need::Kernel(6, 2), BTF],
        "reference"
    );
    listings!(
        suite,
        "kernel",
        &[Need::Root, Need::Kernel(6, 17), BTF],
        "kfunc"
    );
    // Programs on sockets may not load the address of a kernel function before.
    listings!(suite, "kernel", &[Need::Root, BTF], "weak");
    let needs = &[Need::Root, Need::Toolchain, Need::Kernel(6, 2), BTF];
    suite.test("kernel::missing", needs, || refused("kernel", "missing"));
    suite.test("kernel::leak", needs, || refused("kernel", "leak"));
}
