//! `cargo xtask kernels`: the tests that need a kernel, on Debian's kernels in QEMU.
//!
//! The results of a guest are lines with fields between tabs: `booted RELEASE`, then for each
//! test `started NAME`, `output LINE` if it failed, the [line](kernel_test::report) of its
//! outcome and `took NAME MILLISECONDS`; `tainted NAME BITS` if the kernel is in trouble after
//! it, `broken REASON` if the guest itself is; `done`. Names are `SUITE TEST`.

mod build;
mod cpio;
mod guest;
mod page;
mod results;
mod series;
mod table;

use crate::Result;
use crate::debian::Archive;
use build::Build;
use kernel_test::report::Outcome;
use results::Results;
use series::{Kernel, Series};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use table::Table;

/// The static shell of the guests.
const SHELL: (&str, &str) = ("bookworm", "busybox-static");
const SHELL_PATHS: [&str; 2] = ["bin/busybox", "usr/bin/busybox"];
const TABLE: &str = "xtask/data/kernel-tests.tsv";
const PAGE: &str = "ebpf-rt/tests/COVERAGE.md";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    kernels: Vec<&'static Series>,
    filters: Vec<String>,
    bless: bool,
    shell: bool,
    list: bool,
    page: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--kernel" => {
                    let name = rest.next().ok_or("--kernel takes a version, `6.1`")?;
                    options.kernels.push(Series::named(name)?);
                }
                "--filter" => {
                    let text = rest
                        .next()
                        .ok_or("--filter takes a part of a test's name")?;
                    options.filters.push(text.clone());
                }
                "--bless" => options.bless = true,
                "--shell" => options.shell = true,
                "--list" => options.list = true,
                "--page" => options.page = true,
                other => return Err(format!("kernels: no option `{other}`")),
            }
        }
        if options.kernels.is_empty() {
            options.kernels = series::ALL.iter().collect();
        }
        if options.shell && options.kernels.len() != 1 {
            return Err("--shell needs one --kernel".to_owned());
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        let mut filters = self.filters.iter();
        self.filters.is_empty() || filters.any(|part| name.contains(part))
    }
}

/// What a program says in a guest with this kernel.
pub(crate) fn tell(label: &str, program: &str) -> Result<String> {
    let series = Series::named(label)?;
    let (build, teller) = build::teller(program)?;
    guest::ensure_tools()?;
    let common = guest::common(&build, &shell()?)?;
    let steps = format!("tell\t{}\n", teller.display());
    let (results, seconds) = guest_results(&build, &series.fetch()?, &common, &steps)?;
    println!("{label}: {seconds} s");
    match results.trouble {
        Some(trouble) => Err(format!("{label}: {trouble}")),
        None => Ok(results.told),
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let start = Instant::now();
    let build = build::build()?;
    let names = names(&build);
    if options.list {
        return list(&options, &names);
    }
    if !names.iter().any(|name| options.wants(name)) {
        return Err("no test has such a name; see `cargo xtask kernels --list`".to_owned());
    }
    let path = crate::workspace().join(TABLE);
    let mut table = Table::parse(&crate::read(&path)?)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let page = crate::workspace().join(PAGE);
    if options.page {
        return write(&page, &page::text(&build, &table)?);
    }
    guest::ensure_tools()?;
    let common = guest::common(&build, &shell()?)?;
    println!("built in {} s", start.elapsed().as_secs());
    if options.shell {
        return guest::shell(&build, &options.kernels[0].fetch()?, &common);
    }

    let mut failures = Vec::new();
    let mut columns = Vec::new();
    let steps = guest::steps(&build, |name| options.wants(name));
    let wanted: Vec<&String> = names.iter().filter(|name| options.wants(name)).collect();
    // One after the other: apt has one lock.
    let kernels = options
        .kernels
        .iter()
        .map(|series| series.fetch())
        .collect::<Result<Vec<_>>>()?;
    let all = side_by_side(&kernels, |kernel| {
        guest_results(&build, kernel, &common, &steps)
    });
    for (kernel, result) in kernels.into_iter().zip(all) {
        let (results, seconds) = result?;
        let series = kernel.series;
        failures.extend(judge(series, &results, &wanted, &table, options.bless));
        if options.bless {
            for (name, test) in &results.tests {
                table.set(name, series.label, &test.outcome);
            }
        }
        columns.push(Column::new(series, kernel.release, &results, seconds));
    }
    if options.bless {
        table.keep_only(&names);
        write(&path, &table.text())?;
        write(&page, &page::text(&build, &table)?)?;
    } else if crate::read(&page)? != page::text(&build, &table)? {
        failures.push(format!("{PAGE} is out of date: cargo xtask kernels --page"));
    }
    failures.extend(table.complaints(&names));
    show(&columns);
    println!("all in {} s", start.elapsed().as_secs());
    match failures.len() {
        0 => Ok(()),
        1 => Err(format!("\n{}\n\n1 failure", failures[0])),
        count => Err(format!("\n{}\n\n{count} failures", failures.join("\n"))),
    }
}

/// As many guests at a time as there are processors: each keeps one busy.
fn side_by_side<R: Send>(kernels: &[Kernel], run: impl Fn(&Kernel) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(kernel) = kernels.get(index) else {
                return done;
            };
            done.push((index, run(kernel)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers.min(kernels.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

/// How often a guest is started whose kernel gives up before its first process: on a busy machine
/// some do not find the emulated timer.
const BOOTS: u32 = 3;

/// What came of a guest, and in how many seconds.
fn guest_results(
    build: &Build,
    kernel: &Kernel,
    common: &[u8],
    steps: &str,
) -> Result<(Results, u64)> {
    let start = Instant::now();
    let label = kernel.series.label;
    println!("{label}: Linux {}", kernel.release);
    let mut attempt = 1;
    loop {
        let results = guest::run(build, kernel, common, steps, |line| {
            if line.starts_with("booted\t") {
                println!("{label}: booted in {} s", start.elapsed().as_secs());
            }
        })?;
        if results.booted || attempt == BOOTS {
            return Ok((results, start.elapsed().as_secs()));
        }
        let trouble = results.trouble.as_deref().unwrap_or("it said nothing");
        let line = trouble.lines().next().unwrap_or_default();
        println!("{label}: did not boot ({line}); once more");
        attempt += 1;
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn names(build: &Build) -> BTreeSet<String> {
    let suites = build.suites.iter();
    let names = suites.flat_map(|suite| {
        let tests = suite.tests.iter();
        tests.map(|test| format!("{} {test}", suite.name))
    });
    names.collect()
}

fn list(options: &Options, names: &BTreeSet<String>) -> Result<()> {
    for series in &options.kernels {
        println!("{}: Linux {}", series.label, series.fetch()?.release);
    }
    for name in names.iter().filter(|name| options.wants(name)) {
        println!("{name}");
    }
    Ok(())
}

/// Fetches the static shell.
fn shell() -> Result<PathBuf> {
    let root = Archive::open("amd64", &[SHELL.0])?.unpack(SHELL.1)?;
    let paths = SHELL_PATHS.iter().map(|path| root.join(path));
    let mut found = paths.filter(|path| path.exists());
    found
        .next()
        .ok_or_else(|| format!("the package {} has no busybox", SHELL.1))
}

/// What is wrong with the results of a guest.
fn judge(
    series: &Series,
    results: &Results,
    wanted: &[&String],
    table: &Table,
    bless: bool,
) -> Vec<String> {
    let label = series.label;
    let mut failures = Vec::new();
    let mut missing = 0;
    for name in wanted {
        let Some(test) = results.tests.get(*name) else {
            missing += 1;
            continue;
        };
        if let Outcome::Failed(message) = &test.outcome {
            let mut text = format!("{label}: {name}: {message}");
            for line in test.output.lines() {
                text.push_str("\n    ");
                text.push_str(line);
            }
            failures.push(text);
        }
        if !bless {
            failures.extend(table.complaint(name, label, &test.outcome));
        }
    }
    if missing > 0 {
        failures.push(format!("{label}: {missing} tests were not run"));
    }
    if let Some(trouble) = &results.trouble {
        failures.push(format!("{label}: {trouble}"));
    }
    failures
}

/// What is shown of a guest.
struct Column {
    label: &'static str,
    release: String,
    passed: usize,
    failed: usize,
    /// Names by reason.
    ignored: BTreeMap<String, Vec<String>>,
    seconds: u64,
}

impl Column {
    fn new(series: &Series, release: String, results: &Results, seconds: u64) -> Self {
        let mut column = Self {
            label: series.label,
            release,
            passed: 0,
            failed: 0,
            ignored: BTreeMap::new(),
            seconds,
        };
        for (name, test) in &results.tests {
            match &test.outcome {
                Outcome::Passed => column.passed += 1,
                Outcome::Failed(_) => column.failed += 1,
                Outcome::Ignored(reason) => {
                    let names = column.ignored.entry(reason.clone()).or_default();
                    names.push(name.clone());
                }
            }
        }
        column
    }
}

/// Prints the table: kernel × passed, failed, ignored, and why.
fn show(columns: &[Column]) {
    println!();
    println!(
        "{:<8}{:<32}{:>7}{:>7}{:>8}{:>8}",
        "kernel", "release", "passed", "failed", "ignored", "seconds"
    );
    for column in columns {
        let ignored: usize = column.ignored.values().map(Vec::len).sum();
        println!(
            "{:<8}{:<32}{:>7}{:>7}{:>8}{:>8}",
            column.label, column.release, column.passed, column.failed, ignored, column.seconds
        );
    }
    for column in columns.iter().filter(|column| !column.ignored.is_empty()) {
        println!("\nignored on {}:", column.label);
        for (reason, names) in &column.ignored {
            println!("  {reason}: {}", names.join(", "));
        }
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options> {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn command_lines() {
        assert_eq!(options(&[]).unwrap().kernels.len(), 5);
        let some = options(&[
            "--kernel", "6.1", "--kernel", "5.10", "--filter", "maps", "--filter", "x",
        ])
        .unwrap();
        assert_eq!(some.kernels.len(), 2);
        assert!(some.wants("ebpf-rt/kernel maps::array") && !some.wants("ebpf-rt/kernel isa"));
        assert!(options(&["--shell"]).is_err());
        assert!(options(&["--shell", "--kernel", "6.1"]).unwrap().shell);
        for wrong in [
            &["--kernel"][..],
            &["--kernel", "4.4"],
            &["--filter"],
            &["x"],
        ] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn whatever_is_wrong_fails_the_run() {
        let mut results = Results::default();
        for line in [
            "started\ts a",
            "failed\ts a\tno",
            "started\ts b",
            "passed\ts b",
            "done",
        ] {
            results.line(line);
        }
        results.end(None, "");
        let mut table = Table::default();
        table.set("s a", "6.1", &Outcome::Passed);
        let names = ["s a", "s b", "s c"].map(str::to_owned);
        let wanted: Vec<&String> = names.iter().collect();
        let series = Series::named("6.1").unwrap();
        assert_eq!(
            judge(series, &results, &wanted, &table, false),
            [
                "6.1: s a: no",
                "s b: the table does not say what it does on 6.1",
                "6.1: 1 tests were not run",
            ]
        );
        assert_eq!(judge(series, &results, &wanted, &table, true).len(), 2);
    }
}
