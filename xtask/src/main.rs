//! Developer commands of the workspace: `cargo xtask COMMAND`.

mod debian;
mod helpers;

use std::path::Path;
use std::process::ExitCode;

/// A result whose error is the line that the developer reads.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

commands:
  helpers [--check] [--header FILE]
      write ebpf-asm/src/helpers/table.rs from xtask/data/helpers.tsv and linux/bpf.h;
      --check only compares, --header takes FILE instead of the newest kernel's header";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) => match command.as_str() {
            "helpers" => helpers::run(rest),
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
