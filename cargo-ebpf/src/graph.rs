//! `cargo ebpf dot`.

use crate::assemble::{borrowed, definition, refused};
use crate::disassemble::disassemble;
use crate::{Exit, input::Input};
use ebpf_asm::{AssembleOptions, Code, assemble_with};
use lexopt::prelude::*;
use std::io::{self, Write};

const HELP: &str = "\
Shows a program's control-flow graph, in the language of Graphviz.

Usage: cargo ebpf dot [OPTIONS] [FILE]

FILE is - or left out for standard input. It holds text as for `cargo ebpf asm`, or what
`cargo ebpf dis` takes: bytes, hexadecimal digits, a listing of another tool.

A picture: cargo ebpf dot program.s | dot -Tsvg -o program.svg

Options:
      --define NAME=N         A constant that the text can use; more than once
      --relaxed               Accept constants that only fit after wrapping, as LLVM does
  -h, --help                  Print this
";

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut path = None;
    let mut relaxed = false;
    let mut defined: Vec<(String, i64)> = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Err(Exit::Help(HELP)),
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
    let code = code(&input, &options)?;
    Ok(write!(io::stdout(), "{}", code.to_dot())?)
}

/// A text is source if it assembles, else what `dis` takes; if it is neither, what is wrong
/// with the source is what helps.
fn code(input: &Input, options: &AssembleOptions<'_>) -> Result<Code, Exit> {
    let Some(text) = input.text().ok().filter(|text| !text.contains('\0')) else {
        return disassemble(input);
    };
    assemble_with(text, options)
        .or_else(|diagnostics| disassemble(input).map_err(|_| refused(&input.name, &diagnostics)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_listings_and_bytes() {
        let source = "if r1 == 0 goto out\nr0 = 1\nout: exit\n";
        let listing = ebpf_asm::assemble(source).unwrap().to_string();
        let bytes = ebpf_asm::assemble(source).unwrap().to_le_bytes();
        for bytes in [source.as_bytes(), listing.as_bytes(), &bytes] {
            let input = Input {
                name: "program.s".into(),
                bytes: bytes.to_vec(),
            };
            let graph = code(&input, &AssembleOptions::default()).unwrap().to_dot();
            assert!(graph.contains("p0_0 -> p0_2 [label=\"true\""), "{graph}");
        }
        let input = Input {
            name: "program.s".into(),
            bytes: b"r0 = r11\n".to_vec(),
        };
        let Err(Exit::Failed(words)) = code(&input, &AssembleOptions::default()) else {
            panic!("there is no r11");
        };
        assert!(words.contains("BPF0013"), "{words}");
    }
}
