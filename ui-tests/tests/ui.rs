//! Runs the compile-fail and compile-pass cases.
//!
//! rustc's words differ between releases, so the cases are compared on one release only; on
//! another they are reported as ignored, with the reason.

use libtest_mimic::{Arguments, Trial};
use std::process::{Command, ExitCode};

/// The release whose words are in the `.stderr` files.
const PINNED: &str = "1.95";

fn main() -> ExitCode {
    let version = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let pinned = version
        .split_whitespace()
        .nth(1)
        .is_some_and(|number| number.starts_with(&format!("{PINNED}.")));
    let version = version.trim();
    let name = if pinned {
        "compile_cases".to_owned()
    } else {
        format!("compile_cases (ignored: the words are those of rustc {PINNED}, this is {version})")
    };
    let trial = Trial::test(name, || {
        let cases = trybuild::TestCases::new();
        cases.pass("tests/pass/*.rs");
        cases.compile_fail("tests/fail/*.rs");
        Ok(())
    })
    .with_ignored_flag(!pinned);
    // `trybuild=NAME` is for trybuild: only the cases with that in their name.
    let ours = std::env::args().filter(|argument| !argument.starts_with("trybuild="));
    libtest_mimic::run(&Arguments::from_iter(ours), vec![trial]).exit_code()
}
