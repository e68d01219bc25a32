//! The chapters: what they include and what they show.

use crate::{book, read, shown};
use std::path::{Path, PathBuf};

/// A chapter's source.
#[derive(Debug)]
pub struct Chapter {
    /// Its file in `text`.
    pub path: PathBuf,
    /// Its Markdown.
    pub text: String,
}

/// A `{{#include path:anchor}}`.
#[derive(Debug)]
pub struct Include {
    /// The file.
    pub file: PathBuf,
    /// The part of it that is shown.
    pub anchor: Option<String>,
}

/// A block of code in a chapter.
#[derive(Debug)]
pub struct Fence {
    /// What stands behind the backticks.
    pub language: String,
    /// The line that it begins in, counted from 1.
    pub line: usize,
    /// What is in it.
    pub lines: Vec<String>,
}

/// All Markdown files of the book, `SUMMARY.md` among them.
///
/// # Panics
/// If they cannot be read.
#[must_use]
pub fn chapters() -> Vec<Chapter> {
    let mut paths = Vec::new();
    markdown_below(&book().join("text"), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| Chapter {
            text: read(&path),
            path,
        })
        .collect()
}

fn markdown_below(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("the text of the book") {
        let path = entry.expect("an entry of the directory").path();
        if path.is_dir() {
            markdown_below(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            paths.push(path);
        }
    }
}

impl Chapter {
    /// The name of the file, as `SUMMARY.md` has it.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.strip_prefix(book().join("text"));
        name.unwrap_or(&self.path).to_string_lossy().into_owned()
    }

    /// Whether it belongs to the reference, whose code `tests/reference.rs` looks after.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        self.name().starts_with("reference/")
    }

    /// What it includes.
    #[must_use]
    pub fn includes(&self) -> Vec<Include> {
        let starts = self.text.split("{{#include ").skip(1);
        starts
            .filter_map(|rest| rest.split_once("}}"))
            .map(|(target, _)| self.include(target))
            .collect()
    }

    fn include(&self, target: &str) -> Include {
        let (file, anchor) = match target.trim().split_once(':') {
            Some((file, anchor)) => (file, Some(anchor.to_owned())),
            None => (target.trim(), None),
        };
        let directory = self.path.parent().unwrap_or(Path::new("."));
        Include {
            file: directory.join(file),
            anchor,
        }
    }

    /// Its blocks of code.
    #[must_use]
    pub fn fences(&self) -> Vec<Fence> {
        let mut fences = Vec::new();
        let mut open: Option<Fence> = None;
        for (index, line) in self.text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), open.take()) {
                (Some(language), None) => {
                    open = Some(Fence {
                        language: language.trim().to_owned(),
                        line: index + 1,
                        lines: Vec::new(),
                    });
                }
                (Some(_), Some(fence)) => fences.push(fence),
                (None, Some(mut fence)) => {
                    fence.lines.push(line.to_owned());
                    open = Some(fence);
                }
                (None, None) => {}
            }
        }
        fences
    }
}

impl Include {
    /// What the chapter shows of the file.
    ///
    /// # Errors
    /// If the file or the anchor is missing, or nothing is in it.
    pub fn resolve(&self) -> Result<String, String> {
        let name = self.file.display();
        let text = std::fs::read_to_string(&self.file).map_err(|e| format!("{name}: {e}"))?;
        match shown(&text, self.anchor.as_deref()) {
            None => Err(format!("{name} has no anchor {:?}", self.anchor)),
            Some(part) if part.trim().is_empty() => Err(format!("{name}: nothing is shown")),
            Some(part) => Ok(part),
        }
    }
}
