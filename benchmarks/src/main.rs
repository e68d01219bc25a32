//! Speed beside peers: every workload that needs no build of its own, as rows of a table on
//! standard output. `cargo xtask bench` runs this, adds what is measured from outside, and makes
//! `BENCHMARKS.md`.

mod child;
mod interpreter;
mod kernel_types;
mod loading;
mod map_operations;
mod ring_buffer;
mod system_calls;

use benchmarks::Work;
use benchmarks::rounds::{self, Result};
use std::process::ExitCode;

const USAGE: &str = "\
usage: benchmarks [--short] [--objects DIRECTORY] [FIGURES]...

  --short              a short look at everything
  --objects DIRECTORY  where the objects are that clang has made of workloads/*.c; without it
                       nothing is compared that needs them
  FIGURES              interpreter, maps, ring-buffer, kernel-types, loading, system-calls;
                       all if none is named";

/// A part of the whole.
type Figure = (&'static str, fn(&Work) -> Result<()>);

const FIGURES: [Figure; 6] = [
    ("interpreter", |work| interpreter::run(work.effort)),
    ("maps", |work| map_operations::run(work.effort)),
    ("ring-buffer", |work| ring_buffer::run(work.effort)),
    ("kernel-types", |work| kernel_types::run(work.effort)),
    ("loading", loading::run),
    ("system-calls", system_calls::run),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let work = Work::from_arguments();
    // What libbpf says of objects goes nowhere.
    libbpf_rs::set_print(None);
    let wanted: Vec<&str> = work.rest.iter().map(String::as_str).collect();
    match wanted[..] {
        ["child", "kernel-type", who] => return kernel_types::look_up(who),
        ["child", "load", who] => return system_calls::load(who),
        _ => {}
    }
    if !wanted
        .iter()
        .all(|name| FIGURES.iter().any(|(figure, _)| figure == name))
    {
        return Err(USAGE.into());
    }
    rounds::print_header();
    for (name, figure) in FIGURES {
        if wanted.is_empty() || wanted.contains(&name) {
            eprintln!("measuring: {name}");
            figure(&work).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}
