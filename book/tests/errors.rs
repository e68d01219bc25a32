//! What rustc says about the listings that do not compile, word for word.

use book_listings::{Reader, assert_output, from_line};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::process::{Command, ExitCode};

/// The release whose words the book shows.
const PINNED: &str = "1.95.";

fn main() -> ExitCode {
    let trials = vec![
        Trial::ignorable_test("first_program::typos", || refused("typos")),
        Trial::ignorable_test("first_program::no_exit", || refused("no-exit")),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn refused(name: &str) -> Result<Completion, Failed> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output()?.stdout;
    let version = String::from_utf8_lossy(&version).into_owned();
    let pinned = version.split_whitespace().nth(1);
    if !pinned.is_some_and(|number| number.starts_with(PINNED)) {
        let reason = format!("the words are those of rustc {PINNED}x, this is {version}");
        return Ok(Completion::ignored_with(reason.trim()));
    }
    let reader = Reader::new(
        env!("CARGO_TARGET_TMPDIR"),
        name,
        "first-program/Cargo.toml",
        &format!("first-program/{name}.rs"),
    );
    let output = reader.cargo("build");
    assert!(!output.status.success(), "{name} compiles");
    assert_output(
        &format!("first-program/{name}.out"),
        &from_line(&output.stderr, "error"),
        str::to_owned,
    );
    Ok(Completion::Completed)
}
