//! Shows every openat(2): a raw trace point, memory of the kernel and of processes, a buffer
//! that is too large for the stack, and two ways out of the kernel.

use core::ffi::c_char;
use core::mem::offset_of;
use ebpf_examples::{Exit, c_string, printable, run_tool};
use ebpf_rt::context::{PT_REGS_SYSCALL_PARM2_OFFSET, bpf_raw_tracepoint_args};
use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{Global, HashMap, PerCpuArray, Pod, TraceFormat, ebpf};
use lexopt::prelude::*;
use std::io::{Write, stdout};
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

const HELP: &str = "\
Prints process and path of every openat(2) call on the machine.

Usage: openat [--count N] [--trace | --stack]

Options:
      --count N    Stop after N calls
      --trace      Let the program print, and read the kernel's trace_pipe. The kernel cuts
                   long paths and does not know every name; trace_pipe has one reader, so
                   that others miss what is read here
      --stack      As --trace, with 64 bytes of the program's stack for the path
  -h, --help       Print this

Needs CAP_BPF and CAP_PERFMON; --trace and --stack also access to tracefs.
";

/// How many calls can wait for user space, and how often it looks.
const WAITING: u32 = 1024;
const INTERVAL: Duration = Duration::from_millis(20);
const PATH_MAX: usize = libc::PATH_MAX as usize;
const SMALL: usize = 64;

/// Ways out of the kernel.
const RECORD: u8 = 0;
const TRACE: u8 = 1;
const TRACE_FROM_STACK: u8 = 2;

/// No thread makes two calls in one nanosecond.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct When {
    time: u64,
    process_and_thread: u64,
}

/// Program and user space share this type.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Call {
    /// Bytes of `path` with the NUL, or why it could not be read: a negative errno.
    length: i64,
    process: [u8; 16],
    path: [u8; PATH_MAX],
}

ebpf! {
    /// Sees every system call, and picks openat(2).
    #[license = "GPL"]      // bpf_probe_read_* and bpf_trace_printk ask for it
    #[min_kernel = "5.10"]
    mod opens {
        /// A `Call` is eight times as large as the stack.
        static BUFFER: PerCpuArray<Call> = PerCpuArray::with_max_entries(1);
        /// From program to user space, which removes what it has seen.
        static CALLS: HashMap<When, Call> = HashMap::with_max_entries(WAITING);
        /// Calls that found `CALLS` full.
        static LOST: Global<u64> = Global::new(0);
        /// What the kernel makes the text from. `Rodata` with the same bytes would do; this is
        /// checked when it is compiled.
        static FORMAT: TraceFormat<(u32, u32, *const c_char)> =
            TraceFormat::new(c"openat %u %u %s");
        /// Set before loading, so that the verifier knows it and drops the other ways.
        const WAY: u8;
        /// Set before loading; stands in each message, because the trace buffer has those of
        /// others as well, and old ones.
        const TOOL: u32;

        #[raw_tracepoint("sys_enter")]
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = *(u64 *)(r1 + 8);                  // args[1]: the system call's number
            if r2 != {libc::SYS_openat} goto done;
            r3 = *(u64 *)(r1 + 0);                  // args[0]: the caller's registers, memory
            r3 += PT_REGS_SYSCALL_PARM2_OFFSET;     // that the verifier knows nothing about:
            r1 = r10;                               // a helper has to read it
            r1 += -8;
            r2 = 8;
            call bpf_probe_read_kernel;
            r1 = *(u64 *)(r10 - 8);                 // the address of the path
            r2 = WAY;
            if r2 == RECORD goto record;
            if r2 == TRACE goto trace;
            call trace_from_stack;
            goto done;
        record:
            call record;
            goto done;
        trace:
            call trace;
        done:
            r0 = 0;
            exit;
        }

        /// Prints the path by way of 64 bytes of stack.
        fn trace_from_stack(path: *const c_char) -> i64 {
            r3 = r1;
            *(u8 *)(r10 - {SMALL}) = 0;  // an empty text if it cannot be read
            r1 = r10;
            r1 += -{SMALL};
            r2 = {SMALL};
            call bpf_probe_read_user_str;
            r1 = r10;
            r1 += -{SMALL};
            call print;
            exit;
        }

        /// Prints the path by way of `BUFFER`.
        fn trace(path: *const c_char) -> i64 {
            call fill_buffer;
            if r0 == 0 goto done;
            r1 = r0;
            r1 += {offset_of!(Call, path)};
            call print;
        done:
            r0 = 0;
            exit;
        }

        /// Hands the call to user space.
        #[inline]
        fn record(path: *const c_char) -> i64 {
            call fill_buffer;
            if r0 == 0 goto done;
            r6 = r0;
            r1 = r6;
            r1 += {offset_of!(Call, process)};
            r2 = 16;
            call bpf_get_current_comm;
            call bpf_ktime_get_ns;
            *(u64 *)(r10 - 16) = r0;                // When::time
            call bpf_get_current_pid_tgid;
            *(u64 *)(r10 - 8) = r0;                 // When::process_and_thread
            r1 = CALLS ll;
            r2 = r10;
            r2 += -16;
            r3 = r6;
            r4 = BPF_NOEXIST;
            call bpf_map_update_elem;
            if r0 == 0 goto done;
            r1 = LOST ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            exit;                                   // here: goes on behind the call
        }

        // ANCHOR: fill
        /// Reads the path into this CPU's `BUFFER`, and returns that.
        fn fill_buffer(path: *const c_char) -> *mut Call {
            r6 = r1;
            *(u32 *)(r10 - 4) = 0;                  // the index
            r2 = r10;
            r2 += -4;
            r1 = BUFFER ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;                   // for the verifier
            r7 = r0;
            r1 = r7;
            r1 += {offset_of!(Call, path)};
            *(u8 *)(r1 + 0) = 0;
            r2 = PATH_MAX;
            r3 = r6;
            call bpf_probe_read_user_str;
            *(u64 *)(r7 + {offset_of!(Call, length)}) = r0;
            if r0 s<= 0 goto filled;                // not readable
            // The helper has terminated the text. If it were ours to do: the
            // mask tells every verifier that the byte is inside the buffer.
            r0 += -1;
            r0 &= {PATH_MAX - 1};
            r0 += r7;
            *(u8 *)(r0 + {offset_of!(Call, path)}) = 0;
        filled:
            r0 = r7;
        done:
            exit;
        }
        // ANCHOR_END: fill

        /// Prints process and path.
        fn print(path: *const c_char) -> i64 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;  // the upper half is the process
            r1 = FORMAT ll;
            r2 = {FORMAT.size()};
            r3 = TOOL;
            r4 = r0;
            r5 = r6;
            call bpf_trace_printk;
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let (mut count, mut way) = (None::<NonZeroU64>, RECORD);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("count") => count = Some(arguments.value()?.parse()?),
            Long("trace") => way = TRACE,
            Long("stack") => way = TRACE_FROM_STACK,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let count = count.map_or(u64::MAX, NonZeroU64::get);

    let mut loader = opens::loader();
    loader.consts.WAY.set(way);
    loader.consts.TOOL.set(std::process::id());
    let opens = loader.load()?;
    // Opened before the program runs, because it is an openat(2) as well.
    let pipe = if way == RECORD {
        None
    } else {
        Some(TracePipe::open()?)
    };
    let _link = opens.progs.enter.attach()?;

    let mut out = stdout().lock();
    writeln!(out, "{:>8}  {:<16} PATH", "PID", "PROCESS")?;
    match pipe {
        None => print_calls(&mut out, &opens.maps, count),
        Some(pipe) => print_trace(&mut out, pipe, count),
    }
}

/// Prints what the program puts into `CALLS`.
fn print_calls(out: &mut impl Write, maps: &opens::Maps, mut count: u64) -> Result<(), Exit> {
    let mut lost = 0;
    loop {
        let mut waiting = maps.CALLS.keys().collect::<Result<Vec<_>, _>>()?;
        // A hash map has no order.
        waiting.sort_by_key(|when| when.time);
        for when in waiting {
            let Some(call) = maps.CALLS.get(&when)? else {
                continue;
            };
            maps.CALLS.remove(&when)?;
            let pid = when.process_and_thread >> 32;
            let process = printable(c_string(&call.process));
            let path = match call.length {
                // A program cannot wait for a page that is not in memory.
                ..0 => "(the path could not be read)".to_owned(),
                _ => printable(c_string(&call.path)),
            };
            writeln!(out, "{pid:>8}  {process:<16} {path}")?;
            count -= 1;
            if count == 0 {
                return Ok(());
            }
        }
        let before = std::mem::replace(&mut lost, maps.LOST.get());
        if lost != before {
            writeln!(out, "({} calls lost: too many at once)", lost - before)?;
        }
        sleep(INTERVAL);
    }
}

/// Prints what the program prints.
fn print_trace(out: &mut impl Write, pipe: TracePipe, mut count: u64) -> Result<(), Exit> {
    let ours = format!("openat {} ", std::process::id());
    for event in pipe {
        let record = match event? {
            Event::Record(record) => record,
            Event::Lost { events, .. } => {
                writeln!(out, "({events} lines of the trace lost: too many at once)")?;
                continue;
            }
            // What follows a line break in a message.
            _ => continue,
        };
        let Some((pid, path)) = record
            .message
            .strip_prefix(&ours)
            .and_then(|call| call.split_once(' '))
        else {
            continue;
        };
        let process = printable(record.task.as_bytes());
        writeln!(
            out,
            "{pid:>8}  {process:<16} {}",
            printable(path.as_bytes())
        )?;
        count -= 1;
        if count == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebpf_rt::Error;
    use ebpf_rt::vm::Permissions::ReadOnly;

    /// A recorded system call: its number, and the registers and the path that it points to.
    fn call(opens: &opens::Skeleton, number: i64, path: &[u8]) -> Result<u64, Error> {
        let registers = opens.progs.enter.machine()?.with(|vm| {
            let path = vm.add_region("the path", path.to_vec(), ReadOnly);
            let mut registers = vec![0; 1024];
            let at = PT_REGS_SYSCALL_PARM2_OFFSET;
            registers[at..at + 8].copy_from_slice(&vm.address(path).to_ne_bytes());
            let registers = vm.add_region("the registers", registers, ReadOnly);
            vm.address(registers)
        });
        let mut context = [0; 16];
        context[..8].copy_from_slice(&registers.to_ne_bytes());
        context[8..].copy_from_slice(&number.to_ne_bytes());
        opens.progs.enter.run(&mut context)
    }

    fn loaded(way: u8) -> Result<opens::Skeleton, Error> {
        let mut loader = opens::loader();
        loader.consts.WAY.set(way);
        loader.consts.TOOL.set(4711);
        loader.vm()
    }

    #[test]
    fn recorded_calls_are_recorded() -> Result<(), Error> {
        let opens = loaded(RECORD)?;
        let machine = opens.progs.enter.machine()?.clone();
        machine.with(|vm| {
            vm.set_process(12, 13);
            vm.set_comm("cat");
            vm.set_clock(5);
        });
        assert_eq!(call(&opens, libc::SYS_close, b"/not/this\0")?, 0);
        assert_eq!(call(&opens, libc::SYS_openat, b"/etc/passwd\0")?, 0);
        // At the same time, by the same thread: there is no room for it.
        assert_eq!(call(&opens, libc::SYS_openat, b"/etc/group\0")?, 0);
        machine.with(|vm| vm.set_clock(6));
        // No memory, and so no path.
        assert_eq!(call(&opens, libc::SYS_openat, b"/without/an/end")?, 0);
        let mut calls = opens.maps.CALLS.iter().collect::<Result<Vec<_>, _>>()?;
        calls.sort_by_key(|(when, _)| when.time);
        let [(when, first), (_, second)] = &calls[..] else {
            panic!("{} calls", calls.len());
        };
        assert_eq!((when.time, when.process_and_thread), (5, 12 << 32 | 13));
        assert_eq!(&first.path[..12], b"/etc/passwd\0");
        assert_eq!((first.length, &first.process[..4]), (12, &b"cat\0"[..]));
        assert_eq!(second.length, -i64::from(libc::EFAULT));
        assert_eq!(opens.maps.LOST.get(), 1);
        Ok(())
    }

    #[test]
    fn recorded_calls_are_printed() -> Result<(), Error> {
        for way in [TRACE, TRACE_FROM_STACK] {
            let opens = loaded(way)?;
            call(&opens, libc::SYS_openat, b"/etc/passwd\0")?;
            let machine = opens.progs.enter.machine()?;
            let printed: Vec<String> = machine.with(|vm| vm.take_printed().collect());
            assert_eq!(printed, ["openat 4711 1000 /etc/passwd"]);
        }
        Ok(())
    }

    // Numbers of system calls and places of registers are the architecture's.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::opens::OBJECT);
    }
}
