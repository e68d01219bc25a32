//! What it costs to compile: a hello-world from nothing, many instructions in one block; and how
//! many crates a user gets.

use super::results::Results;
use super::time::{Cost, output, run};
use crate::{Result, read, workspace};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const OURS: &str = "ebpf-rt";
const AYA: &str = "aya";

/// cargo as a user starts it: nothing of how this command was started.
fn cargo(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(directory);
    for name in [
        "CARGO_INCREMENTAL",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET_DIR",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WRAPPER",
    ] {
        command.env_remove(name);
    }
    command
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// A crate with a dependency on this project, as a user would write it.
fn user(directory: &Path, name: &str, main: &str) -> Result<()> {
    let source = directory.join("src");
    std::fs::create_dir_all(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let runtime = workspace().join("ebpf-rt");
    write(
        &directory.join("Cargo.toml"),
        &format!(
            "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nebpf-rt = {{ path = {:?} }}\n",
            runtime.display()
        ),
    )?;
    write(&source.join("main.rs"), main)
}

/// The README's first program.
fn hello() -> Result<String> {
    let readme = read(&workspace().join("README.md"))?;
    let code = readme.split("```rust\n").nth(1);
    let code = code.and_then(|code| code.split("```").next());
    code.map(str::to_owned)
        .ok_or_else(|| "README.md has no Rust in it".to_owned())
}

/// A clean release build of hello-world, and the crates in it.
pub(super) fn hello_world(results: &mut Results, scratch: &Path, rounds: usize) -> Result<()> {
    let ours = scratch.join("hello-ebpf-rt");
    user(&ours, "hello-ebpf-rt", &hello()?)?;
    let aya = workspace().join("benchmarks/hello-aya");
    for directory in [&ours, &aya] {
        run(cargo(directory).args(["fetch", "--quiet"]))?;
    }
    crates(results, &ours, &aya)?;
    let mut users = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (costs, directory) in users.iter_mut().zip([&ours, &aya]) {
            let target = scratch.join("hello-target");
            if target.exists() {
                std::fs::remove_dir_all(&target)
                    .map_err(|error| format!("{}: {error}", target.display()))?;
            }
            let mut build = cargo(directory);
            build.args(["build", "--release", "--quiet", "--offline", "--target-dir"]);
            costs.push(run(build.arg(&target))?.user);
        }
    }
    let [of_ours, of_aya] = &users;
    let both: [(&str, &[f64]); 2] = [(OURS, of_ours), (AYA, of_aya)];
    results.add(
        "build",
        "clean release build of hello-world",
        "s (user)",
        &both,
    );
    Ok(())
}

/// The crates that cargo says are built, without the one that is asked about.
fn tree(directory: &Path, edges: &str) -> Result<f64> {
    let mut command = cargo(directory);
    command.args([
        "tree",
        "--quiet",
        "--offline",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let text = output(command.args(["--edges", edges]))?;
    let crates: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split(" (").next())
        .collect();
    Ok(crates.len() as f64 - 1.0)
}

fn crates(results: &mut Results, ours: &Path, aya: &Path) -> Result<()> {
    for (case, edges) in [
        ("in the tree", "normal,build"),
        ("at run time", "normal,no-proc-macro"),
    ] {
        let (of_ours, of_aya) = (tree(ours, edges)?, tree(aya, edges)?);
        results.add(
            "crates",
            case,
            "crates",
            &[(OURS, &[of_ours]), (AYA, &[of_aya])],
        );
    }
    Ok(())
}

/// `count` instructions without jumps.
fn straight(count: usize) -> String {
    let mut text = String::from(
        "use ebpf_rt::context::__sk_buff;\n\nebpf_rt::ebpf! {\n    #[license = \"GPL\"]\n    \
         mod straight {\n        #[socket_filter]\n        fn run(ctx: *mut __sk_buff) -> i32 {\n",
    );
    text.push_str("            r0 = 0;\n            r1 = 1;\n");
    for at in 0..count.saturating_sub(4) {
        // Writing to a string cannot fail.
        let _ = match at % 4 {
            0 => writeln!(text, "            r0 += {at};"),
            1 => writeln!(
                text,
                "            *(u64 *)(r10 - {}) = r0;",
                8 * (1 + at % 60)
            ),
            2 => writeln!(
                text,
                "            r1 = *(u64 *)(r10 - {});",
                8 * (1 + (at - 1) % 60)
            ),
            _ => writeln!(text, "            r0 ^= r1;"),
        };
    }
    text.push_str("            r0 = 0;\n            exit;\n        }\n    }\n}\n\nfn main() {}\n");
    text
}

/// `cargo check` of a crate with one large block; its dependencies are there already.
pub(super) fn large_blocks(
    results: &mut Results,
    scratch: &Path,
    counts: &[(usize, &str, usize)],
) -> Result<()> {
    for &(count, case, rounds) in counts {
        let directory = scratch.join(format!("straight-{count}"));
        let main = straight(count);
        user(&directory, "straight", "fn main() {}\n")?;
        let check = || -> Result<Cost> {
            let mut command = cargo(&directory);
            command.args(["check", "--quiet", "--target-dir"]);
            run(command.arg(scratch.join("straight-target")))
        };
        check()?;
        let mut costs = Vec::new();
        for round in 0..rounds {
            // Other text each time, or nothing would be done.
            user(&directory, "straight", &format!("// round {round}\n{main}"))?;
            costs.push(check()?.all);
        }
        results.ours("cargo check", case, "s", &costs);
    }
    Ok(())
}
