//! The plugin that public conformance suites for eBPF machines drive: a program in, its result out.

use ebpf_examples::{Exit, run_tool};
use ebpf_rt::isa::Insn;
use ebpf_rt::vm::{Input, Vm};
use lexopt::prelude::*;
use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;

const HELP: &str = "\
Runs an eBPF program without the kernel and prints what it returns, in hexadecimal.

Usage: vm_plugin [MEMORY] [--program BYTES] [--budget N] < PROGRAM

Memory and program are bytes in hexadecimal, spaces and all; r1 is the memory's address, r2 its
length. A program that does something wrong is a line on stderr, and an exit code of 1.

Options:
      --program BYTES    The program, instead of stdin
      --budget N         Instructions that it may execute (100000000)
  -h, --help             Print this

Needs nothing.
";

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let (mut memory, mut program, mut budget) = (None, None, None::<u64>);
    while let Some(argument) = arguments.next()? {
        match argument {
            // Suites have options of their own for machines that compile.
            Long("program") => program = Some(arguments.value()?.string()?),
            Long("budget") => budget = Some(arguments.value()?.parse()?),
            Short('h') | Long("help") => return Err(Exit::Help),
            Value(value) if memory.is_none() => memory = Some(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let mut memory = bytes("the memory", &memory.unwrap_or_default())?;
    let program = match program {
        Some(program) => program,
        None => {
            let mut text = String::new();
            let read = stdin().read_to_string(&mut text);
            read.map_err(|error| Exit::io("reading the program", &error))?;
            text
        }
    };
    let program = bytes("the program", &program)?;
    let (slots, []) = program.as_chunks::<8>() else {
        return Err(Exit::Failed(
            format!(
                "the program has {} bytes, which is no multiple of 8",
                program.len()
            )
            .into(),
        ));
    };
    let insns: Vec<Insn> = slots
        .iter()
        .map(|&slot| Insn::from_le_bytes(slot))
        .collect();
    // ANCHOR: run
    // The suites are for machines of any kind: none of the kernel's helpers.
    let mut vm = Vm::for_user(32);
    add_suite_helpers(&mut vm);
    if let Some(budget) = budget {
        vm.set_budget(budget);
    }
    let program = vm.load_insns("the program", &insns);
    let result = vm.run_on(program, Input::context(&mut memory));
    let result = result.map_err(|fault| Exit::Failed(fault.into()))?;
    // ANCHOR_END: run
    writeln!(stdout(), "{result:x}")?;
    Ok(())
}

/// The helpers that the programs of the suites call, by the numbers that they have there.
fn add_suite_helpers(vm: &mut Vm) {
    // The lowest bytes of the arguments, one after the other.
    vm.helper(0, |a, b, c, d, e| {
        let bytes = [a, b, c, d, e].map(|argument| argument & 0xff);
        bytes.into_iter().fold(0, |all, byte| all << 8 | byte)
    });
    // Turns bits of memory over, and gives its address back.
    vm.helper_with_memory(1, |call| {
        let [address, length, ..] = call.arguments();
        for byte in call.write(address, length)? {
            *byte ^= 42;
        }
        Ok(address)
    });
    // Nothing: registers are the same after it.
    vm.helper(2, |_, _, _, _, _| 0);
    vm.helper(3, |a, _, _, _, _| a.isqrt());
    // Whether two terminated texts differ.
    vm.helper_with_memory(4, |call| {
        let [first, second, ..] = call.arguments();
        for place in 0.. {
            let (a, b) = (
                call.read(first + place, 1)?[0],
                call.read(second + place, 1)?[0],
            );
            if a != b {
                return Ok(1);
            }
            if a == 0 {
                break;
            }
        }
        Ok(0)
    });
    vm.helper(5, |a, _, _, _, _| a);
}

/// The bytes that a text in hexadecimal says.
fn bytes(what: &str, text: &str) -> Result<Vec<u8>, Exit> {
    let wrong =
        |reason: String| Exit::Failed(format!("{what} is not hexadecimal: {reason}").into());
    let digits = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| {
            let digit = c.to_digit(16).ok_or_else(|| wrong(format!("{c:?}")))?;
            Ok(digit as u8)
        })
        .collect::<Result<Vec<u8>, Exit>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err(wrong(format!("it has {} digits", digits.len())));
    };
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
