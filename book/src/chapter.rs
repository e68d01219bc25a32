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
    let mut paths: Vec<PathBuf> = std::fs::read_dir(book().join("text"))
        .expect("the text of the book")
        .map(|entry| entry.expect("an entry of the directory").path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| Chapter {
            text: read(&path),
            path,
        })
        .collect()
}

impl Chapter {
    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
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
