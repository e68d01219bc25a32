//! Runs the listings on the kernel and compares what they print with what the book shows: a
//! module for each chapter.

/// Tests that the listings of a chapter print what the book shows.
macro_rules! listings {
    ($suite:ident, $chapter:literal, $needs:expr, $($name:literal)*) => {$(
        $suite.test(concat!($chapter, "::", $name), $needs, || {
            crate::prints($chapter, $name);
        });
    )*};
}

mod arithmetic;
mod atomics;
mod bytecode;
mod counters;
mod embedding;
mod first_program;
mod functions;
mod helpers;
mod jumps;
mod kernel;
mod maps;
mod memory;
mod reference;
mod registers;
mod testing;
mod tracing;
mod user_space;
mod verifier;

use book_listings::{Reader, assert_output, from_line, listing, manifest, read};
use kernel_test::Suite;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

/// Where readers' projects are made.
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

fn main() -> ExitCode {
    let mut suite = Suite::new();
    first_program::add(&mut suite);
    reference::add(&mut suite);
    registers::add(&mut suite);
    arithmetic::add(&mut suite);
    memory::add(&mut suite);
    jumps::add(&mut suite);
    helpers::add(&mut suite);
    maps::add(&mut suite);
    verifier::add(&mut suite);
    functions::add(&mut suite);
    kernel::add(&mut suite);
    tracing::add(&mut suite);
    counters::add(&mut suite);
    bytecode::add(&mut suite);
    atomics::add(&mut suite);
    testing::add(&mut suite);
    embedding::add(&mut suite);
    user_space::add(&mut suite);
    suite.run()
}

/// The executable of `listings/CHAPTER/NAME.rs`.
fn binary(chapter: &str, name: &str) -> PathBuf {
    let any = Path::new(env!("CARGO_BIN_EXE_first-program-main"));
    any.with_file_name(format!("{chapter}-{name}"))
}

fn run(chapter: &str, name: &str) -> Output {
    let output = Command::new(binary(chapter, name)).output();
    output.unwrap_or_else(|error| panic!("{chapter}/{name}: {error}"))
}

/// Runs a listing that succeeds and prints what stands in `listings/CHAPTER/NAME.out`.
fn prints(chapter: &str, name: &str) {
    prints_but_for(chapter, name, str::to_owned);
}

/// Like [`prints`]; `variable` replaces what differs from run to run, on both sides.
fn prints_but_for(chapter: &str, name: &str, variable: fn(&str) -> String) {
    let output = run(chapter, name);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{chapter}/{name} failed: {errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_output(&format!("{chapter}/{name}.out"), &printed, variable);
}

/// What a reader sees who has this manifest and this listing: no warning, and what the book shows.
fn follows(chapter: &str, name: &str, manifest: &str) {
    follows_but_for(chapter, name, manifest, str::to_owned);
}

/// Like [`follows`]; `variable` as of [`prints_but_for`].
fn follows_but_for(chapter: &str, name: &str, manifest: &str, variable: fn(&str) -> String) {
    let reader = Reader::new(
        SCRATCH,
        &format!("{chapter}-{name}"),
        manifest,
        &format!("{chapter}/{name}.rs"),
    );
    let output = reader.cargo("run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains("warning"), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_output(&format!("{chapter}/{name}.out"), &printed, variable);
}

/// A text with a place in a listing, with the reader's place instead.
fn as_readers(chapter: &str, name: &str, text: &str) -> String {
    let path = format!("book/listings/{chapter}/{name}.rs:");
    let (before, place) = text.split_once(&path).expect("the text has a place");
    let (line, column) = place.split_once(':').expect("a line and a column");
    let line: usize = line.parse().expect("the line is a number");
    // The reader has no lines of anchors, and what stands before the first is ours.
    let source = read(&listing(&format!("{chapter}/{name}.rs")));
    let lines = source.lines().take(line);
    let lines = lines.skip_while(|line| !line.contains("ANCHOR: file"));
    let line = lines.filter(|line| !line.contains("// ANCHOR")).count();
    format!("{before}src/main.rs:{line}:{column}")
}

/// What a reader sees whose program the kernel refuses; `main` returns the error, which stands
/// in `listings/CHAPTER/NAME.out` with the names and lines that the reader has. Of the kernel's
/// log, which differs from kernel to kernel, the two have to share the reason.
fn refused(chapter: &str, name: &str) {
    let reader = Reader::new(
        SCRATCH,
        &format!("{chapter}-{name}"),
        &manifest(chapter),
        &format!("{chapter}/{name}.rs"),
    );
    let output = reader.cargo("run");
    assert!(!output.status.success(), "{chapter}/{name} succeeds");
    let printed = from_line(&output.stderr, "Error: ");
    assert_output(&format!("{chapter}/{name}.out"), &printed, |text| {
        let Some((drawn, _)) = text.split_once("the kernel's log:\n") else {
            return text.to_owned();
        };
        drawn.to_owned()
    });
}
