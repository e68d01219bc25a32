//! The pages of diagnostic codes: what `cargo ebpf explain` prints.

use super::{Markdown, Page, table};
use ebpf_asm::diag::Rule;

/// A page: its file, its title, the first code that is on it.
const CHAPTERS: &[(&str, &str, u16)] = &[
    ("diagnostics-language.md", "Errors of the language", 0),
    ("diagnostics-objects.md", "Errors of names and objects", 30),
    ("diagnostics-checker.md", "What every kernel refuses", 100),
    ("diagnostics-predictions.md", "Predictions", 200),
];

pub(super) fn pages() -> Vec<Page> {
    let mut pages = vec![overview()];
    for (index, (file, title, _)) in CHAPTERS.iter().enumerate() {
        let mut page = Markdown::page(title);
        page.block("[All diagnostics](diagnostics.md)");
        for rule in rules(index) {
            page.block(&format!(
                "## {rule}: {} {{#{}}}",
                rule.title(),
                anchor(rule)
            ));
            page.block(&explanation(rule));
        }
        pages.push(page.into_page(file));
    }
    pages
}

fn overview() -> Page {
    let mut page = Markdown::page("Diagnostics");
    page.block(
        "What the macros, `assemble` and `cargo ebpf` report. A code keeps its meaning for ever. \
         `cargo ebpf explain BPF0013` prints the same as these pages.",
    );
    page.block(
        "The codes from BPF0100 on are of the checker. What has a code below BPF0200 is an error, and it only reports what every kernel refuses, from \
         the object's oldest to the newest; `#[allow_unchecked(BPF0110)]` on a function switches one off \
         there, to hear what the kernel says. Those from BPF0200 on are predictions: what kernels \
         refuse only because they do not know better. They are warnings, and say which kernels.",
    );
    for (index, (file, title, _)) in CHAPTERS.iter().enumerate() {
        page.block(&format!("## {title}"));
        let rows: Vec<_> = rules(index)
            .map(|rule| {
                let link = format!("[{rule}]({file}#{})", anchor(rule));
                vec![link, rule.title().to_owned()]
            })
            .collect();
        page.block(&table(&["code", "is about"], &rows));
    }
    page.into_page("diagnostics.md")
}

fn rules(chapter: usize) -> impl Iterator<Item = Rule> {
    let first = CHAPTERS[chapter].2;
    let end = CHAPTERS.get(chapter + 1).map_or(u16::MAX, |next| next.2);
    let rules = Rule::ALL.iter().copied();
    rules.filter(move |&rule| (first..end).contains(&(rule as u16)))
}

fn anchor(rule: Rule) -> String {
    rule.as_str().to_lowercase()
}

/// Everything between fences is in the language; of a text file it is called `text` there, and `check` where it is a program.
fn explanation(rule: Rule) -> String {
    rule.explanation()
        .replace("```text", "```bpf")
        .replace("```check", "```bpf")
}
