//! The book as mdBook builds it, and what is done where a tool is missing.

use crate::book;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the book into a directory. In the inner result: where the pages are, or why there are
/// none here.
///
/// # Errors
/// If mdBook complains.
pub fn built(directory: &Path) -> Result<Result<PathBuf, String>, String> {
    if Command::new("mdbook").arg("--version").output().is_err() {
        return missing_tool("needs mdbook: cargo install mdbook --locked").map(Err);
    }
    // mdBook does not remove pages of chapters that are no more.
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{}: {error}", directory.display()));
        }
        _ => {}
    }
    let build = Command::new("mdbook")
        .args(["build", "--dest-dir"])
        .arg(directory)
        .arg(book())
        .env("NO_COLOR", "1")
        .output()
        .map_err(|error| format!("mdbook: {error}"))?;
    let words = String::from_utf8_lossy(&build.stderr);
    // mdBook ends well even if a file to include is missing.
    if !build.status.success() || words.contains("ERROR") || words.contains("WARN") {
        return Err(format!("mdbook says:\n{words}"));
    }
    Ok(Ok(directory.to_owned()))
}

/// The reason why a test cannot run here.
///
/// # Errors
/// With `BOOK_REQUIRE=tools` in the environment every test has to run: then it is an error.
pub fn missing_tool(reason: &str) -> Result<String, String> {
    match std::env::var("BOOK_REQUIRE") {
        Ok(what) if what == "tools" => Err(format!("{reason}; BOOK_REQUIRE=tools is set")),
        _ => Ok(reason.to_owned()),
    }
}
