//! What the programs of the tools in `examples/` cost in the kernel, beside the same in C: rows of
//! a table on standard output. `cargo xtask bench` runs this.
//!
//! A package of its own, because the tools want a runtime with an interpreter in it.

mod kernel_cost;
mod tools;

use benchmarks::{Work, rounds};
use std::io::{Error, Result};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    libbpf_rs::set_print(None);
    if let Err(error) = with_tracefs() {
        eprintln!("mounting tracefs for this process: {error}");
        return ExitCode::FAILURE;
    }
    rounds::print_header();
    match kernel_cost::run(&Work::from_arguments()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Shows tracefs to this process alone, if nobody sees it: libbpf wants it for trace points.
fn with_tracefs() -> Result<()> {
    const TRACEFS: &std::ffi::CStr = c"/sys/kernel/tracing";
    if Path::new("/sys/kernel/tracing/events").exists() {
        return Ok(());
    }
    let done = |result: libc::c_int| match result {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    };
    let (none, tracefs) = (std::ptr::null(), c"tracefs".as_ptr());
    // SAFETY: the paths are C strings, and the pointers that are null may be.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWNS))?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        done(libc::mount(none, c"/".as_ptr(), none, private, none.cast()))?;
        done(libc::mount(
            tracefs,
            TRACEFS.as_ptr(),
            tracefs,
            0,
            none.cast(),
        ))
    }
}
