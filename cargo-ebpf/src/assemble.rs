//! `cargo ebpf asm`.

use crate::{Exit, input::Input};
use ebpf_asm::{AssembleOptions, Code, Diagnostics, assemble_with};
use lexopt::prelude::*;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write};

const HELP: &str = "\
Assembles a sequence of instructions from a text file.

Usage: cargo ebpf asm [OPTIONS] [FILE]

FILE is - or left out for standard input.

Options:
  -o, --output FILE       Write the result there
      --emit FORM         listing (the default), hex, bytes, rust or c
      --define NAME=N     A constant that the text can use; more than once
      --relaxed           Accept constants that only fit after wrapping, as LLVM does
  -h, --help              Print this

hex is two digits for each byte, eight bytes a line; bytes are the bytes themselves, both in
little-endian order; rust and c are arrays of 64-bit numbers.
";

/// How the result is written.
#[derive(Clone, Copy)]
enum Emit {
    Listing,
    Hex,
    Bytes,
    Rust,
    C,
}

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut path = None;
    let mut output: Option<OsString> = None;
    let mut emit = Emit::Listing;
    let mut relaxed = false;
    let mut defined: Vec<(String, i64)> = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Err(Exit::Help(HELP)),
            Short('o') | Long("output") => output = Some(arguments.value()?),
            Long("emit") => {
                let form = arguments.value()?;
                emit = match form.to_str() {
                    Some("listing") => Emit::Listing,
                    Some("hex") => Emit::Hex,
                    Some("bytes") => Emit::Bytes,
                    Some("rust") => Emit::Rust,
                    Some("c") => Emit::C,
                    _ => {
                        let message = format!(
                            "there is no form `{}`: listing, hex, bytes, rust or c",
                            form.display()
                        );
                        return Err(Exit::Usage(message));
                    }
                };
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
    let code = assemble_with(input.text()?, &options)
        .map_err(|diagnostics| refused(&input.name, &diagnostics))?;
    for warning in code.warnings() {
        // The result matters more than a warning that cannot be written.
        let _ = writeln!(io::stderr(), "{}: {warning}", input.name);
    }
    let bytes = emitted(&code, emit);
    match output {
        Some(path) => {
            std::fs::write(&path, bytes).map_err(|error| Exit::about(path.display(), error))
        }
        None => Ok(io::stdout().write_all(&bytes)?),
    }
}

/// What is wrong with a text, after a line that says how much.
pub(crate) fn refused(name: &str, diagnostics: &Diagnostics) -> Exit {
    let count = diagnostics.len();
    let s = if count == 1 { "" } else { "s" };
    Exit::Failed(format!("{name}: {count} error{s}\n\n{diagnostics}"))
}

/// The constants as the assembler takes them.
pub(crate) fn borrowed(defined: &[(String, i64)]) -> Vec<(&str, i64)> {
    let pairs = defined.iter();
    pairs.map(|(name, value)| (name.as_str(), *value)).collect()
}

/// `NAME=N`
pub(crate) fn definition(text: &str) -> Result<(String, i64), Exit> {
    let wrong = || Exit::Usage(format!("`{text}` is not of the form NAME=N"));
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let value = match value.strip_prefix("0x") {
        // All 64 bits can be said.
        Some(digits) => u64::from_str_radix(digits, 16)
            .map(u64::cast_signed)
            .map_err(|_| wrong())?,
        None => value.parse().map_err(|_| wrong())?,
    };
    Ok((name.to_owned(), value))
}

fn emitted(code: &Code, emit: Emit) -> Vec<u8> {
    let bytes = code.to_le_bytes();
    let mut text = String::new();
    // Writing to a String cannot fail.
    match emit {
        Emit::Bytes => return bytes,
        Emit::Listing => {
            let _ = write!(text, "{}", code);
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        Emit::Hex => {
            for slot in bytes.chunks(8) {
                let digits: Vec<String> = slot.iter().map(|byte| format!("{byte:02x}")).collect();
                let _ = writeln!(text, "{}", digits.join(" "));
            }
        }
        Emit::Rust | Emit::C => {
            let (before, after) = match emit {
                Emit::Rust => (
                    format!("pub const CODE: [u64; {}] = [\n", code.len()),
                    "];\n",
                ),
                _ => ("static const uint64_t code[] = {\n".to_owned(), "};\n"),
            };
            text.push_str(&before);
            for slot in code.insns() {
                let number = u64::from_le_bytes(slot.to_le_bytes());
                let _ = writeln!(text, "    0x{number:016x},");
            }
            text.push_str(after);
        }
    }
    text.into_bytes()
}
