//! "Hello World!" from the kernel: a kprobe on execve(2), which prints with
//! `bpf_trace_printk`.

use ebpf_examples::{Exit, printable, run_tool};
use ebpf_rt::context::pt_regs;
use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{TraceFormat, ebpf};
use lexopt::prelude::*;
use std::io::{Write, stdout};
use std::num::NonZeroU64;
use std::process::ExitCode;

const HELP: &str = "\
Says hello whenever somebody on the machine starts a program with execve(2).

Usage: hello_kprobe [--count N]

Options:
      --count N    Stop after N times
  -h, --help       Print this

The program prints to the kernel's trace buffer, and the tool reads trace_pipe, which has one
reader: others miss what is read here.

Needs CAP_BPF, CAP_PERFMON, access to tracefs, and a kernel with kprobes.
";

ebpf! {
    /// Says hello.
    #[license = "GPL"]      // bpf_trace_printk asks for it
    #[min_kernel = "5.10"]
    mod greeting {
        /// The kernel makes the text. That it takes this format, and that the argument fits, is
        /// checked when this is compiled.
        static HELLO: TraceFormat<(u32,)> = TraceFormat::new(c"hello_kprobe %u Hello World!");
        /// Set before loading; stands in each message, because the trace buffer has those of
        /// others as well, and old ones.
        const TOOL: u32;

        // ANCHOR: program
        // The name on x86-64; the tool looks for the architecture's.
        #[kprobe("__x64_sys_execve")]
        fn hello(ctx: *mut pt_regs) -> i32 {
            r1 = HELLO ll;
            r2 = {HELLO.size()};
            r3 = TOOL;
            call bpf_trace_printk;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut count = u64::MAX;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("count") => count = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let mut loader = greeting::loader();
    loader.consts.TOOL.set(std::process::id());
    let greeting = loader.load()?;
    let pipe = TracePipe::open()?;
    let _link = greeting.progs.hello.attach_to_syscall("execve")?;

    let mut out = stdout().lock();
    writeln!(out, "{:>8}  {:<16} MESSAGE", "PID", "PROCESS")?;
    let ours = format!("hello_kprobe {} ", std::process::id());
    for event in pipe {
        let record = match event? {
            Event::Record(record) => record,
            Event::Lost { events, .. } => {
                writeln!(out, "({events} lines of the trace lost: too many at once)")?;
                continue;
            }
            _ => continue,
        };
        let Some(message) = record.message.strip_prefix(&ours) else {
            continue;
        };
        let process = printable(record.task.as_bytes());
        writeln!(out, "{:>8}  {process:<16} {message}", record.pid)?;
        count -= 1;
        if count == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_recorded_call_is_greeted() -> Result<(), ebpf_rt::Error> {
        let mut loader = super::greeting::loader();
        loader.consts.TOOL.set(4711);
        let greeting = loader.vm()?;
        let hello = &greeting.progs.hello;
        for _ in 0..2 {
            assert_eq!(hello.run(&mut [])?, 0);
        }
        let printed: Vec<String> = hello.machine()?.with(|vm| vm.take_printed().collect());
        assert_eq!(printed, ["hello_kprobe 4711 Hello World!"; 2]);
        Ok(())
    }

    #[test]
    fn listing() {
        insta::assert_snapshot!(super::greeting::OBJECT);
    }
}
