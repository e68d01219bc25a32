//! Tells what programs of each type may do to their context on this kernel.

use std::process::ExitCode;

fn main() -> ExitCode {
    match kernel_test::contexts::tell(|line| println!("{line}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("contexts: {error}");
            ExitCode::FAILURE
        }
    }
}
