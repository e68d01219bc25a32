//! Developer commands of the workspace: `cargo xtask COMMAND`.

mod debian;
mod helpers;
mod kernels;

use std::path::Path;
use std::process::ExitCode;

/// A result whose error is the line that the developer reads.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

commands:
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
