//! How a tool ends.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Why a tool ends before it is done. `?` makes it from the errors that tools meet.
#[derive(Debug)]
pub enum Exit {
    /// `--help` was asked for.
    Help,
    /// The command line cannot be understood.
    Usage(lexopt::Error),
    /// Something went wrong.
    Failed(Box<dyn Error>),
}

impl Exit {
    /// An error of the system, and what was being done.
    pub fn io(doing: &str, error: &io::Error) -> Self {
        Self::Failed(format!("{doing}: {error}").into())
    }
}

impl From<lexopt::Error> for Exit {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error)
    }
}

impl From<ebpf_rt::Error> for Exit {
    fn from(error: ebpf_rt::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<io::Error> for Exit {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs a tool: one line on stderr and exit code 1 if it fails, 2 if it was called wrongly.
///
/// A `main` that returns a `Result` prints its error by `Debug`, and cannot tell the two apart.
pub fn main(help: &str, tool: fn(lexopt::Parser) -> Result<(), Exit>) -> ExitCode {
    let arguments = lexopt::Parser::from_env();
    let path = Path::new(arguments.bin_name().unwrap_or("the tool"));
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .display()
        .to_string();
    let result = match tool(arguments) {
        Err(Exit::Help) => io::stdout().write_all(help.as_bytes()).map_err(Exit::from),
        result => result,
    };
    let (message, code) = match result {
        Ok(()) | Err(Exit::Help) => return ExitCode::SUCCESS,
        Err(Exit::Usage(error)) => (format!("{error}; see {name} --help"), 2),
        // `tool | head`: who reads has seen enough.
        Err(Exit::Failed(error)) if is_broken_pipe(&*error) => return ExitCode::SUCCESS,
        Err(Exit::Failed(error)) => (error.to_string(), 1),
    };
    // Nowhere is left to say that stderr cannot be written.
    let _ = writeln!(io::stderr(), "Error: {message}");
    ExitCode::from(code)
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
