//! What rustc says about the listings that it does not like, word for word: every `NAME.rs` with
//! a `NAME.err` beside it does not compile, one with a `NAME.warn` compiles with warnings.

use book_listings::{Reader, assert_output, from_line, listings_with, manifest};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::process::{Command, ExitCode};

/// The release whose words the book shows.
const PINNED: &str = "1.95.";

fn main() -> ExitCode {
    let trials = ["err", "warn"].into_iter().flat_map(|ending| {
        listings_with(ending).map(move |(chapter, name)| {
            Trial::ignorable_test(format!("{chapter}::{name}"), move || {
                says(&chapter, &name, ending)
            })
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// That rustc says about a listing what is in the file with this ending.
fn says(chapter: &str, name: &str, ending: &str) -> Result<Completion, Failed> {
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
    let compiles = ending == "warn";
    assert_eq!(
        output.status.success(),
        compiles,
        "{chapter}/{name} compiles"
    );
    let said = from_line(&output.stderr, if compiles { "warning" } else { "error" });
    // How long cargo took is not what the chapter is about.
    let (said, _) = said.split_once("    Finished ").unwrap_or((&said, ""));
    assert_output(&format!("{chapter}/{name}.{ending}"), said, str::to_owned);
    Ok(Completion::Completed)
}
