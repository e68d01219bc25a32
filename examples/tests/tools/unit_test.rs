//! The README's program and its unit test, as a user has them.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOBODY: u32 = 65534;

fn crate_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("unit-test")
}

/// The crate is what the README shows, and nothing else.
pub(crate) fn is_what_the_readme_shows() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let blocks = readme.split("```rust\n").skip(1);
    let blocks: Vec<&str> = blocks
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let shown = std::fs::read_to_string(crate_directory().join("src/main.rs")).unwrap();
    assert_eq!(blocks.join("\n"), shown);
}

/// Builds the crate's tests and runs them as somebody who may do nothing.
pub(crate) fn passes_for_nobody() {
    // Kept, so that the crates it stands on are built once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unit-test");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["test", "--no-run", "--message-format", "json"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(crate_directory())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let binary = stdout
        .lines()
        .filter_map(|line| line.split("\"executable\":\"").nth(1))
        .map(|rest| rest.split('"').next().unwrap())
        .next_back()
        .unwrap();
    // Whoever built it may keep its directories to himself.
    let directory = PathBuf::from(crate::support::unique("unit-test"));
    std::fs::create_dir(&directory).unwrap();
    let copy = directory.join("tests");
    std::fs::copy(binary, &copy).unwrap();
    for path in [&directory, &copy] {
        set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut tests = Command::new(&copy);
    tests.current_dir("/");
    // SAFETY: takes nothing, cannot fail.
    if unsafe { libc::getuid() } == 0 {
        tests.uid(NOBODY).gid(NOBODY);
    }
    let output = tests.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("test result: ok. 1 passed"), "{stdout}");
    std::fs::remove_dir_all(&directory).unwrap();
}
