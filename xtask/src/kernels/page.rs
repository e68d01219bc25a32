//! The page of what is tested: kinds of programs and of maps × tests × kernels.

use super::build::Build;
use super::series;
use super::table::{RUNS, Table};
use crate::Result;
use ebpf_asm::object::ProgramKind;
use ebpf_asm::{AttachType, MapType, ProgramType};
use std::collections::BTreeMap;
use std::fmt::Write;

const NO_TEST: &str = "**no test**";
const NO_KIND: &str = "*not in this library*";

/// The tests of each kind, by its name.
type Tests<'a> = BTreeMap<&'a str, Vec<String>>;

pub(crate) fn text(build: &Build, table: &Table) -> Result<String> {
    let (mut programs, mut maps) = (Tests::new(), Tests::new());
    for suite in &build.suites {
        for coverage in &suite.coverage {
            let test = format!("{} {}", suite.name, coverage.test());
            for kind in coverage.program_kinds() {
                programs.entry(kind).or_default().push(test.clone());
            }
            for name in coverage.map_types() {
                maps.entry(name).or_default().push(test.clone());
            }
        }
    }
    page(&programs, &maps, table)
}

fn page(programs: &Tests<'_>, maps: &Tests<'_>, table: &Table) -> Result<String> {
    let kind_named = |name: &str| ProgramKind::ALL.iter().find(|kind| kind.name() == name);
    for (name, tests) in programs {
        if kind_named(name).is_none() {
            return Err(format!("{}: there is no program kind `{name}`", tests[0]));
        }
    }
    for (name, tests) in maps {
        if MapType::from_name(name).is_none() {
            return Err(format!("{}: there is no map type `{name}`", tests[0]));
        }
    }
    let mut text = String::from(
        "# What is tested on which kernels\n\n\
         Made by `cargo xtask kernels --page` from what each test says that it covers, and from\n\
         `xtask/data/kernel-tests.tsv`. A test is listed where it sees the effect: that the\n\
         program runs, that the map holds.\n\n## Programs\n\n",
    );
    head(&mut text, "attribute");
    for kind in ProgramKind::ALL {
        let tests = programs.get(kind.name()).map(Vec::as_slice);
        let since = kind.since().to_string();
        rows(
            &mut text,
            kind.name(),
            &since,
            tests.unwrap_or_default(),
            NO_TEST,
            table,
        );
    }
    text.push_str("\n## Program types\n\n| type | since | attributes |\n|---|---|---|\n");
    for program_type in ProgramType::ALL {
        let kinds = attributes(|kind| kind.program_type() == *program_type);
        let (name, since) = (program_type.name(), program_type.since());
        let _ = writeln!(text, "| `{name}` | {since} | {kinds} |");
    }
    text.push_str("\n## Attach types\n\n| type | since | attributes |\n|---|---|---|\n");
    for attach_type in AttachType::ALL {
        let kinds = attributes(|kind| kind.expected_attach_type() == Some(*attach_type));
        let (name, since) = (attach_type.name(), attach_type.since());
        let _ = writeln!(text, "| `{name}` | {since} | {kinds} |");
    }
    text.push_str("\n## Maps\n\n");
    head(&mut text, "type");
    for map in MapType::ALL {
        let tests = maps.get(map.name()).map(Vec::as_slice);
        let since = map.since().to_string();
        rows(
            &mut text,
            map.name(),
            &since,
            tests.unwrap_or_default(),
            NO_TEST,
            table,
        );
    }
    Ok(text)
}

/// The attributes of the kinds for which `is` is true.
fn attributes(is: impl Fn(&ProgramKind) -> bool) -> String {
    let kinds = ProgramKind::ALL.iter().filter(|kind| is(kind));
    let names: Vec<String> = kinds.map(|kind| format!("`{}`", kind.name())).collect();
    match names.is_empty() {
        true => NO_KIND.to_owned(),
        false => names.join(", "),
    }
}

fn head(text: &mut String, what: &str) {
    let _ = write!(text, "| {what} | since | test |");
    let mut line = String::from("|---|---|---|");
    for series in &series::ALL {
        let _ = write!(text, " {} |", series.label);
        line.push_str("---|");
    }
    let _ = writeln!(text, "\n{line}");
}

/// A row for each test, or one that says that there is none.
fn rows(text: &mut String, name: &str, since: &str, tests: &[String], none: &str, table: &Table) {
    if tests.is_empty() {
        let _ = write!(text, "| `{name}` | {since} | {none} |");
        let _ = writeln!(text, "{}", " |".repeat(series::ALL.len()));
    }
    for test in tests {
        let _ = write!(text, "| `{name}` | {since} | {test} |");
        for series in &series::ALL {
            let cell = match table.cell(test, series.label) {
                None => "?",
                Some(RUNS) => "runs",
                Some(why) => why,
            };
            let _ = write!(text, " {} |", cell.replace('|', "\\|"));
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel_test::report::Outcome;

    fn tests<'a>(name: &'a str, test: &str) -> Tests<'a> {
        Tests::from([(name, vec![test.to_owned()])])
    }

    #[test]
    fn kinds_tests_and_kernels() {
        let mut table = Table::default();
        for series in &series::ALL {
            table.set("s usdt", series.label, &Outcome::Passed);
        }
        table.set(
            "s usdt",
            "5.10",
            &Outcome::Ignored("needs Linux 5.15; x".into()),
        );
        let page = page(&tests("usdt", "s usdt"), &tests("hash", "s new"), &table).unwrap();
        let has = |line: &str| assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        has("| `usdt` | 4.1 | s usdt | needs Linux 5.15 | runs | runs | runs | runs |");
        has("| `kprobe` | 4.1 | **no test** | | | | | |");
        has("| `hash` | 3.19 | s new | ? | ? | ? | ? | ? |");
        has("| `xdp` | 4.8 | *not in this library* |");
        assert!(
            page.contains("| `kprobe` | 4.1 | `kprobe`, `kretprobe`, "),
            "{page}"
        );
    }

    #[test]
    fn names_that_no_table_has_are_refused() {
        let table = Table::default();
        let error = page(&tests("kprobes", "s a"), &Tests::new(), &table).unwrap_err();
        assert_eq!(error, "s a: there is no program kind `kprobes`");
        let error = page(&Tests::new(), &tests("hashmap", "s a"), &table).unwrap_err();
        assert_eq!(error, "s a: there is no map type `hashmap`");
    }

    /// The checked-in page has a row for whatever the tables have, and its cells are the checked-in
    /// table's.
    #[test]
    fn the_page_agrees_with_the_tables() {
        let read = |path: &str| crate::read(&crate::workspace().join(path)).unwrap();
        let page = read(super::super::PAGE);
        let table = Table::parse(&read(super::super::TABLE)).unwrap();
        let section = |title: &str| {
            let from = page.find(&format!("\n## {title}\n")).expect(title) + 4;
            let rest = &page[from..];
            &rest[..rest.find("\n## ").unwrap_or(rest.len())]
        };
        let has = |title: &str, name: &str| {
            let start = format!("| `{name}` |");
            let found = section(title).lines().any(|line| line.starts_with(&start));
            assert!(
                found,
                "{title}: no row of `{name}`: cargo xtask kernels --page"
            );
        };
        for kind in ProgramKind::ALL {
            has("Programs", kind.name());
        }
        for program_type in ProgramType::ALL {
            has("Program types", program_type.name());
        }
        for attach_type in AttachType::ALL {
            has("Attach types", attach_type.name());
        }
        for map in MapType::ALL {
            has("Maps", map.name());
        }
        for title in ["Programs", "Maps"] {
            for line in section(title)
                .lines()
                .filter(|line| line.starts_with("| `"))
            {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                if cells[3] == NO_TEST {
                    continue;
                }
                for (series, cell) in series::ALL.iter().zip(&cells[4..]) {
                    let expected = table.cell(cells[3], series.label).unwrap_or("?");
                    assert_eq!(*cell, expected, "{line}: cargo xtask kernels --page");
                }
            }
        }
    }
}
