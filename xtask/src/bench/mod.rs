//! `cargo xtask bench`: every figure in one run beside its peers, and the pages that are made of
//! it.

mod assembly;
mod builds;
mod figures;
mod page;
mod plot;
mod results;
mod setup;
mod time;

use crate::check_speed;
use crate::{Result, read, workspace};
use figures::FIGURES;
use results::Results;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const RESULTS: &str = "benchmarks/results.tsv";

/// How much is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    Full,
    /// Every workload, shortly; nothing is written.
    Check,
}

impl Effort {
    const fn rounds(self, full: usize, check: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Check => check,
        }
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => {
            let results = measure(Effort::Full)?;
            write(&workspace().join(RESULTS), &results.to_text())?;
            render(&results)?;
            let misses = results.misses();
            for miss in &misses {
                if page::cause(miss.figure, miss.row).is_none() {
                    println!(
                        "missed, and xtask/data/benchmark-causes.tsv does not say why: {}, {}, {}",
                        miss.figure.name, miss.row.case, miss.row.subject
                    );
                }
            }
            println!("{} figures are missed: see BENCHMARKS.md", misses.len());
            Ok(())
        }
        ["--check"] => check(&measure(Effort::Check)?),
        ["--render"] => render(&Results::parse(&read(&workspace().join(RESULTS))?)?),
        _ => Err("usage: cargo xtask bench [--check | --render]".to_owned()),
    }
}

fn measure(effort: Effort) -> Result<Results> {
    let start = Instant::now();
    let mut results = Results::default();
    let scratch = target_directory().join("bench");
    make_directory(&scratch)?;
    let scratch = &std::fs::canonicalize(&scratch)
        .map_err(|error| format!("{}: {error}", scratch.display()))?;
    facts(&mut results)?;
    step(start, "tools");
    let tools = setup::tools(&mut results)?;
    let benchmarks = workspace().join("benchmarks");
    step(start, "objects");
    let objects = setup::objects(
        &tools,
        &benchmarks.join("workloads"),
        &scratch.join("objects"),
    )?;
    if objects.is_none() {
        let reason = "there is no clang 19 for the objects of libbpf-rs and aya";
        for figure in ["load", "instructions in the kernel", "time in the kernel"] {
            results.lacks(figure, reason);
        }
    }
    step(start, "building the peers");
    let peers = peers(&mut results, &benchmarks, &scratch.join("peers"))?;
    for program in ["benchmarks", "tool-costs"] {
        step(start, &format!("running {program}"));
        let mut command = Command::new(peers.join(program));
        if effort == Effort::Check {
            command.arg("--short");
        }
        if let Some(objects) = &objects {
            command.arg("--objects").arg(objects);
        }
        results
            .rows
            .extend(Results::parse(&time::output(&mut command)?)?.rows);
    }
    step(start, "the checker");
    checker(&mut results, effort.rounds(21, 5))?;
    step(start, "text assembly");
    match &tools.llvm_mc {
        Some(llvm_mc) => {
            let target = target_directory();
            assembly::measure(
                &mut results,
                llvm_mc,
                scratch,
                &target,
                effort.rounds(21, 3),
            )?;
        }
        None => results.lacks("text assembly", "there is no llvm-mc 19"),
    }
    step(start, "large blocks");
    let large = (100_000, "100,000 straight instructions", 3);
    let medium = (10_000, "10,000 straight instructions", effort.rounds(5, 1));
    match effort {
        Effort::Full => builds::large_blocks(&mut results, scratch, &[medium, large])?,
        Effort::Check => builds::large_blocks(&mut results, scratch, &[medium])?,
    }
    step(start, "hello-world");
    builds::hello_world(&mut results, scratch, effort.rounds(3, 1))?;
    results.fact("the run took", format!("{} s", start.elapsed().as_secs()));
    step(start, "done");
    Ok(results)
}

fn step(start: Instant, name: &str) {
    println!("{:>5} s  {name}", start.elapsed().as_secs());
}

/// What CI holds.
fn check(results: &Results) -> Result<()> {
    for row in &results.rows {
        let ratio = match row.ratio {
            Some(ratio) => format!("ours ÷ theirs {:.2}", ratio.median),
            None => String::new(),
        };
        let cost = page::number(row.cost.median);
        println!(
            "{:28} {:36} {:20} {cost:>10} {:20} {ratio}",
            row.figure, row.case, row.subject, row.unit
        );
    }
    // They can be made of whatever comes.
    println!("{} pages and pictures", pages(results).len());
    let mut wrong = results.gaps();
    // The largest block takes as long as all the rest of the short look.
    wrong.retain(|gap| !gap.contains("100,000 straight instructions"));
    for (figure, reason) in &results.missing {
        wrong.push(format!("{figure} was not measured: {reason}"));
    }
    for miss in results.misses_in_short() {
        let (row, part) = (miss.row, miss.hold.part_of_limit(miss.row));
        wrong.push(format!(
            "{}, {}, {}: {part:.2} times what it is to hold",
            row.figure, row.case, row.subject
        ));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

/// The machine, and the versions of everything.
fn facts(results: &mut Results) -> Result<()> {
    let cpus = read(Path::new("/proc/cpuinfo"))?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name\t: "));
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let model = model.unwrap_or(std::env::consts::ARCH);
    results.fact("machine", format!("{model}, {count} CPUs"));
    let release = read(Path::new("/proc/sys/kernel/osrelease"))?;
    results.fact("kernel", release.trim());
    let rustc = time::output(Command::new("rustc").arg("--version"))?;
    results.fact("rustc", rustc.trim());
    Ok(())
}

/// Builds the peers, and says which they are and where the programs lie.
fn peers(results: &mut Results, benchmarks: &Path, target: &Path) -> Result<PathBuf> {
    // Two builds: what the tools want of the runtime, the other figures do not get.
    for package in ["benchmarks", "tool-costs"] {
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(benchmarks);
        build.args([
            "build",
            "--release",
            "--quiet",
            "--package",
            package,
            "--target-dir",
        ]);
        time::run(build.arg(target))?;
    }
    let manifest = read(&benchmarks.join("Cargo.toml"))?;
    for peer in ["aya", "libbpf-rs", "libbpf-sys", "rbpf"] {
        let line = manifest
            .lines()
            .find(|line| line.starts_with(&format!("{peer} = ")));
        let version =
            line.and_then(|line| line.split('=').nth(if line.contains('{') { 3 } else { 2 }));
        let version = version.and_then(|version| version.split('"').next());
        let version =
            version.ok_or_else(|| format!("benchmarks/Cargo.toml does not fix {peer}"))?;
        results.fact(peer, version);
    }
    Ok(target.join("release"))
}

fn checker(results: &mut Results, rounds: usize) -> Result<()> {
    for (name, text) in check_speed::programs() {
        let code = ebpf_asm::assemble(&text).map_err(|errors| errors.to_string())?;
        let mut times = Vec::new();
        for _ in 0..rounds {
            let before = time::thread_milliseconds();
            check_speed::check_once(code.insns());
            times.push(time::thread_milliseconds() - before);
        }
        results.add("checker", name, "ms", &[("ebpf-asm", &times)]);
    }
    Ok(())
}

/// Where cargo puts what it builds.
fn target_directory() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => workspace().join("target"),
    }
}

fn make_directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// What is made of the results: paths in the workspace, and texts.
fn pages(results: &Results) -> Vec<(String, String)> {
    let mut pages = vec![
        ("BENCHMARKS.md".to_owned(), page::benchmarks(results)),
        ("book/text/figures.md".to_owned(), page::book(results)),
    ];
    for figure in FIGURES {
        let rows: Vec<_> = results.of(figure).collect();
        if let (Some(picture), false) = (figure.picture, rows.is_empty()) {
            let path = format!("book/text/figures/{picture}.svg");
            pages.push((path, plot::svg(figure, &rows)));
        }
    }
    pages
}

fn render(results: &Results) -> Result<()> {
    make_directory(&workspace().join("book/text/figures"))?;
    for (path, text) in pages(results) {
        write(&workspace().join(path), &text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked_in() -> Results {
        let text = read(&workspace().join(RESULTS)).expect("the results are checked in");
        Results::parse(&text).expect("they can be read")
    }

    #[test]
    fn pages_and_pictures_are_those_of_the_results() {
        for (path, text) in pages(&checked_in()) {
            let found = read(&workspace().join(&path)).expect("the page is checked in");
            assert!(
                found == text,
                "{path} is another: run `cargo xtask bench --render`"
            );
        }
    }

    #[test]
    fn everything_that_is_to_hold_was_measured() {
        assert_eq!(checked_in().gaps(), [""; 0]);
    }

    #[test]
    fn what_is_missed_has_its_cause() {
        let results = checked_in();
        for miss in results.misses() {
            let cause = page::cause(miss.figure, miss.row);
            assert!(cause.is_some(), "{}: {:?}", miss.figure.name, miss.row);
        }
    }

    #[test]
    fn pictures_are_words_and_shapes_without_empty_lines() {
        for (path, text) in pages(&checked_in()) {
            if path.ends_with(".svg") {
                assert!(
                    text.contains("<title ") && text.contains("<desc "),
                    "{path}"
                );
                assert!(
                    !text.contains("\n\n"),
                    "{path}: Markdown would end it there"
                );
                assert!(!text.contains("NaN") && !text.contains("inf"), "{path}");
            }
        }
    }
}
