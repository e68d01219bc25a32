//! `cargo ebpf check`.

use crate::assemble::{borrowed, definition, refused};
use crate::{Exit, input::Input};
use ebpf_asm::check::is_gpl_compatible;
use ebpf_asm::{AssembleOptions, KernelVersion, ProgramType, check_text};
use lexopt::prelude::*;
use std::io::{self, Write};

const HELP: &str = "\
Says what the kernel would refuse in a program in a text file. What it does not name, the kernel
may refuse all the same; an error every kernel from --min-kernel on refuses. Without errors,
warnings predict what some kernels refuse because they do not know better, and name the kernels;
with warnings alone the exit status is 0.

Usage: cargo ebpf check [OPTIONS] [FILE]

FILE is - or left out for standard input.

Options:
      --type TYPE            The type of program: socket_filter, kprobe, …; without it, what needs no
                             type is checked
      --license LICENSE      Its licence; without it, any helper may be called
      --min-kernel VERSION   The oldest kernel that it is for (5.10)
      --define NAME=N        A constant that the text can use; more than once
      --relaxed              Accept constants that only fit after wrapping, as LLVM does
  -h, --help                 Print this
";

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut path = None;
    let mut program_type = None;
    let mut gpl_compatible = None;
    let mut min_kernel = KernelVersion::DEFAULT_MINIMUM;
    let mut relaxed = false;
    let mut defined: Vec<(String, i64)> = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Err(Exit::Help(HELP)),
            Long("type") => program_type = Some(type_named(&arguments.value()?.string()?)?),
            Long("license") => {
                gpl_compatible = Some(is_gpl_compatible(&arguments.value()?.string()?));
            }
            Long("min-kernel") => {
                let version = arguments.value()?.string()?;
                min_kernel = KernelVersion::parse(&version).ok_or_else(|| {
                    Exit::Usage(format!("`{version}` is not the version of a kernel"))
                })?;
            }
            Long("define") => defined.push(definition(&arguments.value()?.string()?)?),
            Long("relaxed") => relaxed = true,
            Value(value) if path.is_none() => path = Some(value),
            other => return Err(other.unexpected().into()),
        }
    }
    let input = Input::read(path)?;
    let constants = borrowed(&defined);
    let options = AssembleOptions {
        relaxed,
        constants: &constants,
        name: Some(&input.name),
    };
    let diagnostics = check_text(input.text()?, &options, |program| {
        program.program_type = program_type;
        program.gpl_compatible = gpl_compatible;
        program.min_kernel = min_kernel;
    });
    if diagnostics.has_errors() {
        return Err(refused(&input.name, &diagnostics));
    }
    let count = diagnostics.len();
    if count > 0 {
        let s = if count == 1 { "" } else { "s" };
        let name = &input.name;
        writeln!(
            io::stderr(),
            "{name}: {count} prediction{s}\n\n{diagnostics}"
        )?;
    }
    Ok(())
}

/// The type of program of this name.
pub(crate) fn type_named(name: &str) -> Result<ProgramType, Exit> {
    ProgramType::from_name(name).ok_or_else(|| {
        let names: Vec<_> = ProgramType::ALL.iter().map(|ty| ty.name()).collect();
        Exit::Usage(format!(
            "there is no program type `{name}`: {}",
            names.join(", ")
        ))
    })
}
