//! The features of the published crates: what their manifests have is what the pages say.

use crate::{read, workspace};
use std::collections::{BTreeMap, BTreeSet};

const CRATES: &[&str] = &["ebpf-asm", "ebpf-macros", "ebpf-rt", "cargo-ebpf"];

/// The features of a crate, and whether each is on by default.
type Features = BTreeMap<String, bool>;

/// What a manifest has.
fn declared(name: &str) -> Features {
    let manifest = read(&workspace().join(name).join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[features]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let rows: Vec<(&str, Vec<&str>)> = section
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, list)| (name.trim(), list.split('"').skip(1).step_by(2).collect()))
        .collect();
    let default = rows.iter().find(|(name, _)| *name == "default");
    let default: BTreeSet<&str> = default.iter().flat_map(|(_, list)| list.clone()).collect();
    rows.iter()
        .filter(|(name, _)| *name != "default")
        .map(|(name, _)| ((*name).to_owned(), default.contains(name)))
        .collect()
}

/// The rows of the tables whose head has these columns, by crate; `own` is the crate of tables
/// that name none.
fn described(page: &str, own: &str) -> BTreeMap<String, Features> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_matches('|');
        line.split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect()
    };
    let mut all: BTreeMap<String, Features> = BTreeMap::new();
    let mut columns: Option<Vec<String>> = None;
    let mut crate_name = own.to_owned();
    for line in page.lines() {
        if !line.starts_with('|') {
            columns = None;
            continue;
        }
        let row = cells(line);
        let Some(columns) = &columns else {
            columns = Some(row);
            continue;
        };
        let cell = |name| Some(&row[columns.iter().position(|column| column == name)?]);
        let Some(feature) = cell("feature").filter(|feature| !feature.starts_with("---")) else {
            continue;
        };
        if let Some(name) = cell("crate").filter(|name| !name.is_empty()) {
            crate_name.clone_from(name);
        }
        let default = cell("default").is_some_and(|default| default == "yes");
        let features = all.entry(crate_name.clone()).or_default();
        assert_eq!(
            features.insert(feature.clone(), default),
            None,
            "{feature} twice"
        );
    }
    all
}

#[test]
fn the_table_of_the_workspace_is_true() {
    let page = read(&workspace().join("README.md")).unwrap();
    let with_features = CRATES
        .iter()
        .map(|name| ((*name).to_owned(), declared(name)));
    let declared: BTreeMap<_, _> = with_features.filter(|(_, list)| !list.is_empty()).collect();
    assert_eq!(declared.keys().collect::<Vec<_>>(), ["ebpf-asm", "ebpf-rt"]);
    assert_eq!(described(&page, ""), declared);
}

#[test]
fn the_tables_of_the_crates_are_true() {
    for name in CRATES {
        let page = read(&workspace().join(name).join("README.md")).unwrap();
        let mut tables = described(&page, name);
        assert_eq!(
            tables.remove(*name).unwrap_or_default(),
            declared(name),
            "{name}"
        );
        assert!(tables.is_empty(), "{tables:?}");
        if declared(name).is_empty() {
            assert!(page.contains("no features"), "{name}");
        }
    }
}

#[test]
fn every_published_crate_has_its_page() {
    for name in CRATES {
        let folder = workspace().join(name);
        let manifest = read(&folder.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("publish = false"), "{name}");
        for wanted in [
            "description = ",
            "readme = \"README.md\"",
            "license.workspace = true",
        ] {
            assert!(manifest.contains(wanted), "{name}: no `{wanted}`");
        }
        // What it is for stands first, and not below a heading.
        let page = read(&folder.join("README.md")).unwrap();
        assert!(
            page.starts_with(|c: char| c.is_alphabetic() || c == '`'),
            "{name}"
        );
        assert!(page.contains("# Licence"), "{name}");
        for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let ours = read(&folder.join(file)).unwrap();
            assert_eq!(
                ours,
                read(&workspace().join(file)).unwrap(),
                "{name}: {file}"
            );
        }
        if folder.join("src/lib.rs").exists() {
            assert!(
                manifest.contains("\n[package.metadata.docs.rs]\nall-features = true\n"),
                "{name}"
            );
            let root = read(&folder.join("src/lib.rs")).unwrap();
            assert!(root.contains("include_str!(\"../README.md\")"), "{name}");
        }
    }
}
