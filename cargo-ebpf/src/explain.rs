//! `cargo ebpf explain`.

use crate::Exit;
use ebpf_asm::diag::Rule;
use lexopt::prelude::*;
use std::io::{self, Write};

const HELP: &str = "\
Tells what a diagnostic code means, with an example and its cure.

Usage: cargo ebpf explain CODE…
       cargo ebpf explain --list

CODE is BPF0013, or 13.

Options:
      --list     All codes, a line each
  -h, --help     Print this
";

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut rules = Vec::new();
    let mut list = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Err(Exit::Help(HELP)),
            Long("list") => list = true,
            Value(code) => {
                let code = code.to_string_lossy();
                let rule = Rule::parse(&code).ok_or_else(|| {
                    Exit::Failed(format!(
                        "there is no code `{code}`; cargo ebpf explain --list shows them all"
                    ))
                })?;
                rules.push(rule);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let mut out = io::stdout().lock();
    if list {
        for rule in Rule::ALL {
            writeln!(out, "{rule}  {}", rule.title())?;
        }
        return Ok(());
    }
    if rules.is_empty() {
        return Err(Exit::Usage("which code?".into()));
    }
    for (i, rule) in rules.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{rule}: {}\n", rule.title())?;
        write!(out, "{}", plain(rule.explanation()))?;
    }
    Ok(())
}

/// The explanation for a terminal: what is between the fences stands to the right.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut in_code = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code && !line.is_empty() {
            text.push_str("    ");
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}
