//! The pages of the reference that are written from the tables of `ebpf-asm`.
//!
//! `BOOK_UPDATE=1 cargo test -p book-listings --test reference` writes them into
//! `text/reference`; without it the test compares.

mod diagnostics;
mod encoding;
mod helpers;
mod instructions;
mod maps;
mod programs;
mod pseudocode;

pub use pseudocode::functions;

use ebpf_asm::KernelVersion;
use std::fmt::Write;

/// A page that is written from tables.
#[derive(Debug)]
pub struct Page {
    /// Its file in `text/reference`.
    pub file: String,
    /// Its Markdown.
    pub text: String,
}

/// All of them.
#[must_use]
pub fn pages() -> Vec<Page> {
    let mut pages = instructions::pages();
    pages.extend(helpers::pages());
    pages.push(maps::page());
    pages.push(programs::page());
    pages.extend(diagnostics::pages());
    pages
}

/// The language of the page's sources: Markdown with `lines` put one below the other.
#[derive(Debug, Default)]
struct Markdown(String);

impl Markdown {
    fn page(title: &str) -> Self {
        let mut page = Self::default();
        page.line("<!-- Written from the tables: BOOK_UPDATE=1 cargo test -p book-listings --test reference -->");
        page.line("");
        page.line(&format!("# {title}"));
        page
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A block, with an empty line before it.
    fn block(&mut self, text: &str) {
        self.line("");
        self.line(text.trim_end());
    }

    fn into_page(self, file: &str) -> Page {
        Page {
            file: file.to_owned(),
            text: self.0,
        }
    }
}

/// A table; the cells are Markdown.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| {} |", head.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn linux(version: KernelVersion) -> String {
    format!("Linux {version}")
}

fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string());
    let end = if words.ends_with(['.', ':']) { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), characters.as_str())
}
