//! What rustc says about the listings that do not compile, word for word: every `NAME.rs` with
//! a `NAME.err` beside it.

use book_listings::{Reader, assert_output, from_line, listings_with, manifest};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::process::{Command, ExitCode};

/// The release whose words the book shows.
const PINNED: &str = "1.95.";

fn main() -> ExitCode {
    let trials = listings_with("err").map(|(chapter, name)| {
        Trial::ignorable_test(format!("{chapter}::{name}"), move || {
            refused(&chapter, &name)
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn refused(chapter: &str, name: &str) -> Result<Completion, Failed> {
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
        &format!("{chapter}-{name}"),
        &manifest(chapter),
        &format!("{chapter}/{name}.rs"),
    );
    let output = reader.cargo("build");
    assert!(!output.status.success(), "{chapter}/{name} compiles");
    assert_output(
        &format!("{chapter}/{name}.err"),
        &from_line(&output.stderr, "error"),
        str::to_owned,
    );
    Ok(Completion::Completed)
}
