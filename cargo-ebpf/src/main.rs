//! `cargo ebpf`: what people who write eBPF by hand do outside of a build.

mod assemble;
mod check;
mod disassemble;
mod explain;
mod features;
mod fmt;
mod graph;
mod input;
mod rust_source;

use lexopt::Arg;
use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

const HELP: &str = "\
Tools for eBPF written by hand.

Usage: cargo ebpf COMMAND [OPTIONS]

Commands:
  fmt         Format the blocks of ebpf! and ebpf_asm! in Rust files, and text files
  explain     What a diagnostic code means, with an example and its cure
  asm         Assemble a text file
  check       What the kernel would refuse in a text file
  dis         Disassemble bytes, hexadecimal digits, or a listing of another tool
  dot         The control-flow graph of a program, for Graphviz
  features    What the running kernel can do, as a table

cargo ebpf COMMAND --help tells more.
";

/// Why a command ends before it is done.
#[derive(Debug)]
enum Exit {
    /// This text was asked for.
    Help(&'static str),
    /// The command line cannot be understood.
    Usage(String),
    /// Something went wrong; the message is complete.
    Failed(String),
    /// Everything has been said: `fmt --check` has found something.
    Found,
    /// Output cannot be written.
    Output(io::Error),
}

impl From<lexopt::Error> for Exit {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Exit {
    /// An error about a file or another thing, which has a name.
    fn about(name: impl std::fmt::Display, error: impl Error) -> Self {
        Self::Failed(format!("{name}: {error}"))
    }
}

fn main() -> ExitCode {
    let result = run(lexopt::Parser::from_env());
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Exit::Help(text)) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => (error.to_string(), 1),
        },
        Err(Exit::Found) => return ExitCode::from(1),
        // `cargo ebpf features | head`: who reads has seen enough.
        Err(Exit::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(Exit::Output(error)) => (format!("writing the result: {error}"), 1),
        Err(Exit::Usage(message)) => (format!("{message}; see cargo ebpf --help"), 2),
        Err(Exit::Failed(message)) => (message, 1),
    };
    // Nowhere is left to say that stderr cannot be written.
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(code)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut command = arguments.next()?;
    // cargo calls `cargo-ebpf ebpf fmt`.
    if matches!(&command, Some(Arg::Value(value)) if value == "ebpf") {
        command = arguments.next()?;
    }
    let command = match command {
        None | Some(Arg::Short('h') | Arg::Long("help")) => return Err(Exit::Help(HELP)),
        Some(Arg::Short('V') | Arg::Long("version")) => {
            writeln!(io::stdout(), "cargo-ebpf {}", env!("CARGO_PKG_VERSION"))?;
            return Ok(());
        }
        Some(Arg::Value(value)) => value,
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.to_str() {
        Some("fmt") => fmt::run(arguments),
        Some("explain") => explain::run(arguments),
        Some("asm") => assemble::run(arguments),
        Some("check") => check::run(arguments),
        Some("dis") => disassemble::run(arguments),
        Some("dot") => graph::run(arguments),
        Some("features") => features::run(arguments),
        _ => Err(Exit::Usage(format!(
            "there is no command `{}`",
            command.display()
        ))),
    }
}
