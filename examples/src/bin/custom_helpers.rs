//! Programs that are not for the kernel: functions for a host of one's own, which says what their
//! helpers do and how long they may run.

use ebpf_examples::{Exit, run_tool};
use ebpf_rt::ebpf;
use ebpf_rt::vm::{FaultKind, Vm};
use lexopt::prelude::*;
use std::io::{Write, stdout};
use std::process::ExitCode;

const HELP: &str = "\
Runs eBPF functions without the kernel: with helpers of the tool's own, one that never ends
until its budget of instructions is used up.

Usage: custom_helpers [--budget N]

Options:
      --budget N    Instructions that a function may execute (1000000)
  -h, --help        Print this

Needs nothing.
";

ebpf! {
    /// Calls the host's helpers, and each other.
    #[target = "user"]
    mod functions {
        extern "user" {
            #[helper = 1]
            fn max(a: u64, b: u64) -> u64;
            #[helper = 42]
            fn mul(a: u64, b: u64) -> u64;
        }

        /// The larger one if `x` is 7, else 100 more than the product.
        fn foo(x: u64, y: u64) -> u64 {
            if r1 != 7 goto other;
            call max;  // the same as `call 1`
            goto out;
        other:
            call mul;
            r0 += 100;
        out:
            exit;
        }

        /// The first number from `x` on whose square is 7: there is none.
        fn infinite_loop(x: u64) -> u64 {
            r0 = r1;
        again:
            r2 = r0;
            r2 *= r2;
            if r2 == 7 goto out;
            r0 += 1;
            goto again;
        out:
            exit;
        }

        /// Calls what stands behind it, which calls it.
        fn is_even(n: u64) -> bool {
            r0 = 1;
            if r1 == 0 goto out;
            r1 += -1;
            call is_odd;
        out:
            exit;
        }

        fn is_odd(n: u64) -> bool {
            r0 = 0;
            if r1 == 0 goto out;
            r1 += -1;
            call is_even;
        out:
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut budget = 1_000_000;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("budget") => budget = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let failed = |error: Box<dyn std::error::Error>| Exit::Failed(error);

    // As many frames as the deepest calls need.
    let mut vm = Vm::for_user(32);
    let program = vm.load_user(&functions::OBJECT);
    let named = vm.helper_named("max", |a, b, _, _, _| a.max(b));
    named.map_err(|error| failed(error.into()))?;
    vm.helper(42, |a, b, _, _, _| a.wrapping_mul(b));
    vm.set_budget(budget);

    let mut out = stdout().lock();
    let calls: [(&str, &[u64]); 5] = [
        ("foo", &[7, 9]),
        ("foo", &[6, 5]),
        ("is_even", &[20]),
        ("is_odd", &[20]),
        ("infinite_loop", &[3]),
    ];
    for (function, arguments) in calls {
        match vm.call(program, function, arguments) {
            Ok(result) => writeln!(out, "{function}{arguments:?} is {result}")?,
            Err(fault) if *fault.kind() == FaultKind::Budget => writeln!(
                out,
                "{function}{arguments:?} was stopped after {} instructions",
                vm.executed()
            )?,
            Err(fault) => return Err(failed(fault.into())),
        }
    }
    Ok(())
}
