//! Embedding in a library.

use crate::SCRATCH;
use book_listings::{Reader, assert_output};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "embedding", &[], "generic" "devices" "notation");
    listings!(
        suite,
        "embedding",
        &[Need::Root, Need::Kernel(6, 6)],
        "probe"
    );
    let needs = &[Need::Root, Need::Other(has_cgroup2)];
    listings!(suite, "embedding", needs, "container");
    let needs = &[Need::Root, Need::Toolchain, Need::Kernel(6, 6)];
    suite.test("embedding::without_std", needs, without_the_runtime);
}

fn has_cgroup2() -> Result<(), String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    match mounts.contains(" cgroup2 ") {
        true => Ok(()),
        false => Err("needs cgroup2".into()),
    }
}

/// The probes with the dependencies that the chapter names: no runtime, and nothing below it.
fn without_the_runtime() {
    let reader = Reader::new(
        SCRATCH,
        "embedding-probe",
        "embedding/probe.toml",
        "embedding/probe.rs",
    );
    let output = reader.cargo("run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_output("embedding/probe.out", &printed, str::to_owned);
    let tree = reader.cargo("tree");
    let tree = String::from_utf8_lossy(&tree.stdout);
    // What is not there for the macro alone.
    let crates: Vec<&str> = tree
        .lines()
        .filter(|line| line.starts_with("├── ") || line.starts_with("└── "))
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(crates, ["ebpf-rt", "libc"], "{tree}");
    let direct = |name: &str| {
        tree.lines()
            .any(|line| line.starts_with(&format!("│   ├── {name} ")))
    };
    assert!(direct("bytemuck") && direct("ebpf-asm"), "{tree}");
}
