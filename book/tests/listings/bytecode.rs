//! Bytecode by hand.

use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "bytecode", &[], "encode" "calls" "helpers" "endless" "import" "decode");
    listings!(suite, "bytecode", &[Need::Root], "raw");
    // `bpf_loop`.
    let needs = &[Need::Root, Need::Kernel(5, 17)];
    listings!(suite, "bytecode", needs, "callback" "no-types");
    // Verdicts on Unix sockets.
    listings!(
        suite,
        "bytecode",
        &[Need::Root, Need::Kernel(6, 1)],
        "verdict"
    );
}
