//! The smallest tool: a socket filter that keeps four bytes of every message.

use ebpf_examples::{Exit, print_what_arrives, run_tool};
use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;
use lexopt::prelude::*;
use std::io::{Write, stdout};
use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;

const HELP: &str = "\
Sends \"Hello\" through a pair of Unix sockets; an eBPF program on the second one keeps
the first four bytes.

Usage: socket_filter [--log]

Options:
      --log     Print first what the kernel's verifier says about the program
  -h, --help    Print this

Needs CAP_BPF.
";

/// How much the verifier writes: of each instruction what it knows there.
const EVERY_INSTRUCTION: u32 = 2;

ebpf! {
    /// A program without a map.
    #[license = "MIT"]
    #[min_kernel = "5.10"]
    mod shorten {
        /// What it returns is how many bytes of the message to keep.
        #[socket_filter]
        fn keep_four(ctx: *mut __sk_buff) -> i32 {
            r0 = 4;
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut with_log = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("log") => with_log = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let mut loader = shorten::loader();
    if with_log {
        loader.options.log_level(EVERY_INSTRUCTION);
    }
    let shorten = loader.load()?;
    if let Some(log) = shorten.progs.keep_four.log() {
        write!(stdout(), "BPF Verifier output:\n{log}")?;
    }
    let (sender, receiver) = UnixDatagram::pair()?;
    // The filter of a socket sees what comes in. It is detached when the link is dropped.
    let _link = shorten.progs.keep_four.attach_to(&receiver)?;

    print_what_arrives(&sender, &receiver, &["Hello"])
}

#[cfg(test)]
mod tests {
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::shorten::OBJECT);
    }

    #[test]
    fn keeps_four_bytes_of_a_recorded_message() -> Result<(), ebpf_rt::Error> {
        let shorten = super::shorten::vm()?;
        let mut message = *b"Hello";
        let input = ebpf_rt::vm::Input::skb(&mut message);
        assert_eq!(shorten.progs.keep_four.run_on(input)?, 4);
        Ok(())
    }
}
