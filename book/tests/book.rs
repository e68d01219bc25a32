//! The book as a whole: everything it includes is there, nothing is pasted, every listing is
//! used, and the pages that mdBook makes have no dead link.

mod pages;

use book_listings::{Chapter, Include, book, built, chapters, shown};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let trials = vec![
        Trial::test("includes_resolve", includes_resolve),
        Trial::test("every_chapter_is_in_the_summary", summary),
        Trial::test("every_listing_is_used", every_listing_is_used),
        Trial::test("nothing_is_pasted", nothing_is_pasted),
        Trial::test("code_is_not_wider_than_a_page", lines_are_short),
        Trial::ignorable_test("the_book_builds_and_its_links_resolve", links_resolve),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Fails with all that was found, a line for each.
fn none(problems: Vec<String>) -> Result<(), Failed> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems.join("\n").into())
}

fn all_includes() -> Vec<(String, Include)> {
    let with_name = |chapter: &Chapter| {
        let name = chapter.name();
        let includes = chapter.includes();
        includes
            .into_iter()
            .map(move |include| (name.clone(), include))
    };
    chapters().iter().flat_map(with_name).collect()
}

fn includes_resolve() -> Result<(), Failed> {
    let includes = all_includes();
    assert!(!includes.is_empty());
    let problem = |(chapter, include): (String, Include)| {
        Some(format!("{chapter}: {}", include.resolve().err()?))
    };
    none(includes.into_iter().filter_map(problem).collect())
}

fn summary() -> Result<(), Failed> {
    let chapters = chapters();
    let (summary, chapters): (Vec<_>, Vec<_>) = chapters
        .into_iter()
        .partition(|chapter| chapter.name() == "SUMMARY.md");
    let summary = &summary.first().ok_or("there is no SUMMARY.md")?.text;
    let missing = chapters
        .iter()
        .map(Chapter::name)
        .filter(|name| !summary.contains(&format!("({name})")));
    none(missing.collect())
}

fn every_listing_is_used() -> Result<(), Failed> {
    let used: BTreeSet<PathBuf> = all_includes()
        .into_iter()
        .filter_map(|(_, include)| include.file.canonicalize().ok())
        .collect();
    let mut files = Vec::new();
    files_below(&book().join("listings").canonicalize()?, &mut files)?;
    let unused = files.into_iter().filter(|file| !used.contains(file));
    none(unused.map(|file| file.display().to_string()).collect())
}

fn files_below(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Code and output come from files; what a reader types (`console`) stands in the text.
fn nothing_is_pasted() -> Result<(), Failed> {
    let mut problems = Vec::new();
    for chapter in chapters().iter().filter(|chapter| !chapter.is_reference()) {
        for fence in chapter.fences() {
            let typed = fence.language == "console"
                && fence.lines.iter().all(|line| line.starts_with("$ "));
            let included = fence
                .lines
                .iter()
                .all(|line| line.trim_start().starts_with("{{#include ") || line.starts_with("$ "));
            if !typed && !included {
                problems.push(format!("{}:{}", chapter.name(), fence.line));
            }
        }
    }
    none(problems)
}

/// Code that is too wide for a page is not read.
fn lines_are_short() -> Result<(), Failed> {
    const WIDTH: usize = 80;
    let mut problems = Vec::new();
    for (chapter, include) in all_includes() {
        let code = include
            .file
            .extension()
            .is_some_and(|ending| ending == "rs");
        let text = std::fs::read_to_string(&include.file)?;
        let text = shown(&text, include.anchor.as_deref()).unwrap_or_default();
        let long = text.lines().filter(|line| line.chars().count() > WIDTH);
        if code {
            problems.extend(long.map(|line| format!("{chapter}: {line}")));
        }
    }
    none(problems)
}

fn links_resolve() -> Result<Completion, Failed> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let target = match built(&target)? {
        Ok(target) => target,
        Err(reason) => return Ok(Completion::ignored_with(reason)),
    };
    let pages = pages::read(&target)?;
    assert!(pages.contains_key(&target.join("index.html")), "no pages");
    none(pages::dead_links(&pages))?;
    Ok(Completion::Completed)
}
