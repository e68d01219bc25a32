//! `cargo xtask docs`: every public item has an example that runs.
//!
//! Modules, structs, enums, unions, traits, functions, macros and derives have an example of their
//! own. Methods are in an example, of theirs or of their type's page. Fields, variants and
//! constants need sentences only, which `missing_docs` sees to.

mod example;
#[cfg(test)]
mod features;
mod surface;

use crate::{Result, workspace};
use std::process::Command;
use surface::Surface;

/// The crates with a page on docs.rs.
const CRATES: &[&str] = &["ebpf-rt", "ebpf-asm", "ebpf-macros"];

/// The versions of rustdoc's JSON that this was read with; others may be the same in what matters
/// here, and what cannot be read is an error.
const TOOLCHAIN: &str = "+nightly";

/// Lists what has no example, and fails if that is anything.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let crates: Vec<&str> = match arguments {
        [] => CRATES.to_vec(),
        [name] => match CRATES.iter().find(|known| *known == name) {
            Some(name) => vec![name],
            None => return Err(format!("no crate `{name}` with docs: {CRATES:?}")),
        },
        _ => return Err("usage: cargo xtask docs [CRATE]".to_owned()),
    };
    if !has_nightly() {
        println!("not checked: there is no nightly Rust here, whose rustdoc writes JSON");
        return Ok(());
    }
    let mut lacking = 0;
    for name in crates {
        let surface = Surface::parse(&json(name)?).map_err(|error| format!("{name}: {error}"))?;
        for item in surface.lacking() {
            println!("{name}: {item}");
            lacking += 1;
        }
        let count = surface.count();
        println!("{name}: {count}");
        if count.items < 3 {
            return Err(format!(
                "{name}: hardly any items: rustdoc's JSON was not understood"
            ));
        }
    }
    match lacking {
        0 => Ok(()),
        _ => Err(format!(
            "{lacking} public items without an example that runs"
        )),
    }
}

fn has_nightly() -> bool {
    let version = Command::new("cargo")
        .args([TOOLCHAIN, "--version"])
        .output();
    version.is_ok_and(|output| output.status.success())
}

/// What rustdoc writes about a crate with all features.
fn json(name: &str) -> Result<String> {
    let mut command = Command::new("cargo");
    command
        .args([
            TOOLCHAIN,
            "rustdoc",
            "--quiet",
            "--lib",
            "--all-features",
            "--package",
            name,
        ])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .current_dir(workspace())
        // What cargo set for this tool is not for the other toolchain.
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    let status = command
        .status()
        .map_err(|error| format!("cargo {TOOLCHAIN} rustdoc: {error}"))?;
    if !status.success() {
        return Err(format!(
            "cargo {TOOLCHAIN} rustdoc --package {name}: {status}"
        ));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), |dir| workspace().join(dir));
    crate::read(
        &target
            .join("doc")
            .join(name.replace('-', "_"))
            .with_extension("json"),
    )
}
