//! What the tests of the book share: its chapters, the listings as a chapter shows them, and
//! the directory of a reader who follows it.
//!
//! Text is in `text`, listings and what they print in `listings`; a chapter includes them and
//! has no copy. `BOOK_UPDATE=1 cargo test -p book-listings` writes what listings print, and
//! what rustc says about those that do not compile, into the files that the chapters show.

mod built;
mod chapter;
mod output;
pub mod pictures;
mod reader;
pub mod reference;

pub use built::{built, missing_tool};
pub use chapter::{Chapter, Fence, Include, chapters};
pub use output::assert_output;
pub use reader::{Reader, from_line};

use std::path::{Path, PathBuf};

/// The directory of the book.
#[must_use]
pub fn book() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file among the listings.
#[must_use]
pub fn listing(path: &str) -> PathBuf {
    book().join("listings").join(path)
}

/// Chapter and name of every listing that has a file with this ending beside it.
///
/// # Panics
/// If the directory of the listings cannot be read.
pub fn listings_with(ending: &str) -> impl Iterator<Item = (String, String)> {
    let entries = |path: &Path| {
        let entries = std::fs::read_dir(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .map(|entry| entry.expect("an entry of a directory").path());
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        entries
    };
    let name = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    let chapters = entries(&book().join("listings"));
    let mut found = Vec::new();
    for chapter in chapters.iter().filter(|path| path.is_dir()) {
        for file in entries(chapter) {
            if file.extension().is_some_and(|found| found == ending) {
                found.extend(name(chapter).zip(name(&file)));
            }
        }
    }
    found.into_iter()
}

/// The reader's `Cargo.toml` in a chapter: its own, or that of the first chapter.
#[must_use]
pub fn manifest(chapter: &str) -> String {
    let own = format!("{chapter}/Cargo.toml");
    if listing(&own).exists() {
        own
    } else {
        "first-program/Cargo.toml".into()
    }
}

/// Reads a file of the book.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of an anchor as mdBook shows them, or of the whole text; no other anchors' lines.
/// `None` if the text has no such anchor.
#[must_use]
pub fn shown(text: &str, anchor: Option<&str>) -> Option<String> {
    let marker = |line: &str, word: &str| -> Option<String> {
        let (_, rest) = line.split_once(word)?;
        Some(rest.trim().to_owned())
    };
    let mut found = anchor.is_none();
    let mut inside = anchor.is_none();
    let mut result = String::new();
    for line in text.lines() {
        if let Some(name) = marker(line, "ANCHOR_END:") {
            inside &= Some(&*name) != anchor;
        } else if let Some(name) = marker(line, "ANCHOR:") {
            if Some(&*name) == anchor {
                (found, inside) = (true, true);
            }
        } else if inside {
            result.push_str(line);
            result.push('\n');
        }
    }
    found.then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_nest_and_leave_no_trace() {
        let text =
            "a\n// ANCHOR: x\nb\n// ANCHOR: y\nc\n// ANCHOR_END: y\nd\n// ANCHOR_END: x\ne\n";
        assert_eq!(shown(text, Some("x")).unwrap(), "b\nc\nd\n");
        assert_eq!(shown(text, Some("y")).unwrap(), "c\n");
        assert_eq!(shown(text, None).unwrap(), "a\nb\nc\nd\ne\n");
        assert_eq!(shown(text, Some("z")), None);
    }
}
