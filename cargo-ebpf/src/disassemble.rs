//! `cargo ebpf dis`.

use crate::{Exit, input::Input};
use ebpf_asm::isa::Insn;
use ebpf_asm::{Code, import};
use lexopt::prelude::*;
use std::io::{self, Write};

const HELP: &str = "\
Disassembles a program.

Usage: cargo ebpf dis [FILE]

FILE is - or left out for standard input. It holds
  - the bytes of a program, eight for each instruction, little-endian,
  - hexadecimal digits, with or without 0x, commas and spaces between bytes or slots, or
  - a listing of llvm-objdump, bpftool, the kernel's verifier or this tool.

Options:
  -h, --help     Print this
";

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut path = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Err(Exit::Help(HELP)),
            Value(value) if path.is_none() => path = Some(value),
            other => return Err(other.unexpected().into()),
        }
    }
    let input = Input::read(path)?;
    let code = disassemble(&input)?;
    let text = code.to_string();
    Ok(writeln!(io::stdout(), "{}", text.trim_end())?)
}

/// What the input holds: bytes, their digits, or a listing.
pub(crate) fn disassemble(input: &Input) -> Result<Code, Exit> {
    let text = std::str::from_utf8(&input.bytes)
        .ok()
        .filter(|text| !text.contains('\0'));
    let bytes = match text {
        Some(text) => match hexadecimal(text) {
            Some(bytes) => bytes,
            None => {
                return import::listing(text).map_err(|error| {
                    let error = error.with_name(&input.name);
                    Exit::Failed(format!(
                        "{}: neither hexadecimal digits nor a listing\n\n{error}",
                        input.name
                    ))
                });
            }
        },
        None => input.bytes.clone(),
    };
    let (slots, rest) = bytes.as_chunks::<8>();
    if slots.is_empty() || !rest.is_empty() {
        return Err(Exit::Failed(format!(
            "{}: {} bytes are no program: each instruction has eight",
            input.name,
            bytes.len()
        )));
    }
    let insns = slots
        .iter()
        .map(|slot| Insn::from_le_bytes(*slot))
        .collect();
    Ok(Code::from_vec(insns))
}

/// The bytes that digits stand for: pairs, or numbers of 16 digits with `0x`, as arrays in
/// source files have them.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let words =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '[' | ']' | '{' | '}'));
    for word in words.filter(|word| !word.is_empty()) {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        if digits.len() % 2 != 0 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let start = bytes.len();
        for at in (0..digits.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&digits[at..at + 2], 16).ok()?);
        }
        // `0x0000000000000095` is a number; without `0x` digits are bytes in order.
        if word.len() > digits.len() && digits.len() > 2 {
            bytes[start..].reverse();
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_bytes_or_numbers() {
        let exit = vec![0x95, 0, 0, 0, 0, 0, 0, 0];
        for text in [
            "9500000000000000",
            "95 00 00 00 00 00 00 00\n",
            "0x95, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00",
            "[0x0000000000000095]",
        ] {
            assert_eq!(hexadecimal(text), Some(exit.clone()), "{text}");
        }
        for text in ["", "exit", "950", "0: (95) exit"] {
            assert_eq!(hexadecimal(text), None, "{text}");
        }
    }
}
