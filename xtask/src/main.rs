//! Developer commands of the workspace: `cargo xtask COMMAND`.

mod bench;
mod check_corpus;
mod check_differential;
mod check_speed;
mod context_tables;
mod debian;
mod differential;
mod docs;
mod helpers;
mod kernels;

use std::path::Path;
use std::process::ExitCode;

/// A result whose error is the line that the developer reads.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

commands:
  bench [--check | --render]
      measure every figure beside its peers, and write benchmarks/results.tsv, BENCHMARKS.md and
      the book's figures; --check is a short look at every workload that writes nothing and fails
      where even a busy machine should not, --render only makes the pages; needs root
  differential [--programs N] [--seed N]
      run N (100000) random programs in the running kernel and in the interpreter, and print what
      differs and what was covered; needs root
  check-corpus FILE [--logs FILE] [--list]
      run the checker over programs with verdicts (JSON Lines) and print what it finds by
      reason; --logs names verifier logs of rejections, for the instruction at fault (default:
      rejections.jsonl beside or near FILE), --list prints each program that is not found
  check-differential [--programs N] [--seed S] [--corpus FILE]
      make programs at random and have both the checker and the running kernel judge them; what
      the checker refuses the kernel has to refuse; --corpus adds the programs of a collection
      to those that are changed; needs root
  check-speed
      how long the checker takes for programs of some sizes
  context-tables [--check]
      ask the running kernel what programs of each type may do to their context, and write
      ebpf-asm/src/check/tables/context.rs; needs root; --check only compares
  docs [CRATE]
      list the public items that have no example which runs, and fail if there are any; needs a
      nightly Rust for rustdoc's JSON
  helpers [--check] [--header FILE]
      write ebpf-asm/src/helpers/table.rs from xtask/data/helpers.tsv and linux/bpf.h;
      --check only compares, --header takes FILE instead of the newest kernel's header
  kernels [--kernel VERSION]... [--filter TEXT]... [--bless | --shell | --list | --page]
      run the kernel tests on Debian's kernels in QEMU and compare what runs where with
      xtask/data/kernel-tests.tsv; --kernel and --filter run a part (versions are 5.10, 6.1,
      6.12, 6.18, newest), --bless writes the table and the page of what is tested
      (ebpf-rt/tests/COVERAGE.md), --page only the page, --shell is a shell in the guest, --list
      shows kernels and tests";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) => match command.as_str() {
            "differential" => differential::run(rest),
            "bench" => bench::run(rest),
            "check-corpus" => check_corpus::run(rest),
            "check-differential" => check_differential::run(rest),
            "check-speed" => check_speed::run(),
            "context-tables" => context_tables::run(rest),
            "docs" => docs::run(rest),
            "helpers" => helpers::run(rest),
            "kernels" => kernels::run(rest),
            "help" | "--help" | "-h" => {
                println!("{USAGE}");
                Ok(())
            }
            _ => Err(format!("no command `{command}`\n{USAGE}")),
        },
        None => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's top directory.
fn workspace() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// A file's text, with its name in the error.
fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
