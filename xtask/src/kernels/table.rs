//! The checked-in table of tests × kernels.

use super::series;
use crate::Result;
use kernel_test::NO_TOOLCHAIN;
use kernel_test::report::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// In a cell: the test runs on this kernel. Otherwise the cell says why not.
pub(crate) const RUNS: &str = "runs";

const HEAD: &str = "\
# What runs on which kernel, and why not: compared by `cargo xtask kernels`, written by
# `cargo xtask kernels --bless`.
";

/// What a test does on each kernel, by `SUITE TEST` and the kernel's column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    rows: BTreeMap<String, BTreeMap<String, String>>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let head: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let mut rows = BTreeMap::new();
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            if fields.len() != head.len() {
                return Err(format!("`{line}` has not one field for each column"));
            }
            let cells = head.iter().zip(&fields).skip(1);
            let cells = cells.map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned()));
            let cells: BTreeMap<_, _> = cells.filter(|(_, cell)| !cell.is_empty()).collect();
            if rows.insert(fields[0].to_owned(), cells).is_some() {
                return Err(format!("`{}` is there twice", fields[0]));
            }
        }
        Ok(Self { rows })
    }

    /// Its text, sorted, a test in a line.
    pub(crate) fn text(&self) -> String {
        let columns = series::ALL.iter().map(|series| series.label);
        let mut text = HEAD.to_owned();
        text.push_str("test");
        for column in columns.clone() {
            text.push('\t');
            text.push_str(column);
        }
        text.push('\n');
        for (name, cells) in &self.rows {
            text.push_str(name);
            for column in columns.clone() {
                text.push('\t');
                text.push_str(cells.get(column).map_or("", String::as_str));
            }
            text.push('\n');
        }
        text
    }

    /// Takes over what a test did on a kernel. A test that fails is one that runs.
    pub(crate) fn set(&mut self, name: &str, column: &str, outcome: &Outcome) {
        let row = self.rows.entry(name.to_owned()).or_default();
        row.insert(column.to_owned(), cell(outcome));
    }

    /// What the table says of a test on a kernel: that it runs, or why not.
    pub(crate) fn cell(&self, name: &str, column: &str) -> Option<&str> {
        self.rows.get(name)?.get(column).map(String::as_str)
    }

    /// Forgets tests that there are no more.
    pub(crate) fn keep_only(&mut self, names: &BTreeSet<String>) {
        self.rows.retain(|name, _| names.contains(name));
    }

    /// How a test's outcome differs from what the table expects.
    pub(crate) fn complaint(&self, name: &str, column: &str, outcome: &Outcome) -> Option<String> {
        let expected = self.rows.get(name).and_then(|row| row.get(column));
        let is = cell(outcome);
        match expected.map(String::as_str) {
            None => Some(format!(
                "{name}: the table does not say what it does on {column}"
            )),
            Some(expected) if expected == is => None,
            Some(RUNS) => Some(format!("{name}: has to run on {column} and does not: {is}")),
            Some(expected) if is == RUNS => Some(format!(
                "{name}: runs on {column}; the table says: {expected}"
            )),
            Some(expected) => Some(format!(
                "{name}: does not run on {column}: {is}; the table says: {expected}"
            )),
        }
    }

    /// What is wrong with the table whatever the kernels say: rows without tests, tests without
    /// rows, tests that run nowhere.
    pub(crate) fn complaints(&self, names: &BTreeSet<String>) -> Vec<String> {
        let mut complaints = Vec::new();
        for (name, row) in &self.rows {
            if !names.contains(name) {
                complaints.push(format!(
                    "{name}: the table has it, but there is no such test"
                ));
                continue;
            }
            let is_complete = row.len() == series::ALL.len();
            // What developers see is tested on their machines.
            let nowhere = row
                .values()
                .all(|cell| cell != RUNS && cell != NO_TOOLCHAIN);
            if is_complete && nowhere {
                complaints.push(format!("{name}: no kernel of the matrix can run it"));
            }
        }
        for name in names.iter().filter(|name| !self.rows.contains_key(*name)) {
            complaints.push(format!("{name}: the table does not have it"));
        }
        complaints
    }
}

/// What the table says of this outcome. The same on every machine: only what the test needs.
fn cell(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed | Outcome::Failed(_) => RUNS.to_owned(),
        Outcome::Ignored(reason) => {
            let need = reason
                .split_once("; ")
                .map_or(reason.as_str(), |(need, _)| need);
            need.replace(['\t', '\n'], " ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(reason: &str) -> Outcome {
        Outcome::Ignored(reason.to_owned())
    }

    fn example() -> Table {
        let mut table = Table::default();
        for series in &series::ALL {
            table.set("s everywhere", series.label, &Outcome::Passed);
            table.set(
                "s nowhere",
                series.label,
                &ignored("needs Linux 9.0; this is 1"),
            );
            table.set("s developers", series.label, &ignored(NO_TOOLCHAIN));
        }
        table.set("s later", "5.10", &ignored("needs Linux 6.1; this is 5.10"));
        table.set("s later", "6.1", &Outcome::Failed("but runs".into()));
        table
    }

    #[test]
    fn texts_come_back() {
        let table = example();
        assert_eq!(Table::parse(&table.text()).unwrap(), table);
        assert!(
            table
                .text()
                .contains("\ns later\tneeds Linux 6.1\truns\t\t\t\n")
        );
        assert!(Table::parse("test\t5.10\ns a\n").is_err());
        assert!(Table::parse("test\t5.10\ns a\truns\ns a\truns\n").is_err());
    }

    #[test]
    fn differences_are_named() {
        let table = example();
        let complaint = |name, outcome| table.complaint(name, "5.10", &outcome);
        assert_eq!(complaint("s everywhere", Outcome::Passed), None);
        assert_eq!(complaint("s everywhere", Outcome::Failed("x".into())), None);
        assert_eq!(
            complaint("s later", ignored("needs Linux 6.1; other")),
            None
        );
        assert_eq!(
            complaint("s everywhere", ignored("no lo")).unwrap(),
            "s everywhere: has to run on 5.10 and does not: no lo"
        );
        assert_eq!(
            complaint("s later", Outcome::Passed).unwrap(),
            "s later: runs on 5.10; the table says: needs Linux 6.1"
        );
        assert_eq!(
            complaint("s later", ignored("needs Linux 6.2")).unwrap(),
            "s later: does not run on 5.10: needs Linux 6.2; the table says: needs Linux 6.1"
        );
        assert!(complaint("s new", Outcome::Passed).is_some());
    }

    #[test]
    fn every_test_has_a_row_and_runs_somewhere() {
        let names = ["s everywhere", "s nowhere", "s developers", "s new"];
        let names = names.map(str::to_owned).into();
        assert_eq!(
            example().complaints(&names),
            [
                "s later: the table has it, but there is no such test",
                "s nowhere: no kernel of the matrix can run it",
                "s new: the table does not have it",
            ]
        );
        let mut table = example();
        table.keep_only(&names);
        assert_eq!(table.complaints(&names).len(), 2);
    }
}
