//! A program for each system call: tail calls by the system call's number, and log lines.

use core::mem::offset_of;
use ebpf_examples::{Exit, Interrupt, run_tool};
use ebpf_rt::context::bpf_raw_tracepoint_args;
use ebpf_rt::{Error, Global, Log, ProgramArray, ebpf, log_lines};
use lexopt::prelude::*;
use std::io::{Write, stdout};
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
Tells of programs that are executed and of timers (timer_create(2) and its kin) on the whole
machine, and counts the other system calls: for each there is an eBPF program of its own, to
which the first one jumps by the system call's number.

Usage: tail_calls [--all] [--seconds N]

Options:
      --all          Tell of the others as well, which are many
      --seconds N    Stop after N seconds; without it, Ctrl-C ends it
  -h, --help         Print this

Needs CAP_BPF and CAP_PERFMON.
";

/// Linux has less than 500 system calls.
const MAX_SYSCALLS: u32 = 512;
/// Calls that would only tell of those who tell.
const IGNORED: [libc::c_long; 4] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_futex,
    libc::SYS_rt_sigtimedwait,
];
const TIMER_CALLS: [libc::c_long; 5] = [
    libc::SYS_timer_create,
    libc::SYS_timer_settime,
    libc::SYS_timer_gettime,
    libc::SYS_timer_getoverrun,
    libc::SYS_timer_delete,
];

// ANCHOR: lines
log_lines! {
    /// What the programs tell.
    enum Line {
        #[log("{pid:>8}  {process:<16} executes a program")]
        Exec { pid: u32, process: [u8; 16] },
        #[log("{pid:>8}  {process:<16} creates a timer")]
        TimerCreate { pid: u32, process: [u8; 16] },
        #[log("{pid:>8}  {process:<16} deletes a timer")]
        TimerDelete { pid: u32, process: [u8; 16] },
        #[log("{pid:>8}  {process:<16} does something else with a timer")]
        TimerOther { pid: u32, process: [u8; 16] },
        #[log("{pid:>8}  {process:<16} makes system call {number}")]
        Other { pid: u32, process: [u8; 16], number: u32 },
    }
}
// ANCHOR_END: lines

ebpf! {
    /// Programs by system call.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod calls {
        /// Which program is for which system call.
        static SYSCALLS: ProgramArray = ProgramArray::with_max_entries(MAX_SYSCALLS);
        static LOG: Log<Line> = Log::with_byte_size(1 << 18);
        /// System calls that have no program.
        static OTHERS: Global<u64> = Global::new(0);
        /// Lines for which the log had no room.
        static LOST: Global<u64> = Global::new(0);
        /// Whether there is to be a line for those that have no program.
        const ALL: u8;
        /// The tool, whose own system calls would make lines without end.
        const TOOL: u32;

        #[raw_tracepoint("sys_enter")]
        fn hello(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = TOOL;
            if r0 == r1 goto done;
            r1 = r6;
            r2 = SYSCALLS ll;
            r3 = *(u64 *)(r6 + 8);              // args[1]: the system call's number
            call bpf_tail_call;                 // does not come back
            // It does if there is no program for this number.
            r1 = OTHERS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r1 = ALL;
            if r1 == 0 goto done;
            r1 = {Other::LINE};
            r2 = {size_of::<Other>()};
            r3 = *(u64 *)(r6 + 8);
            call tell;
        done:
            r0 = 0;
            exit;
        }

        /// execve(2).
        #[raw_tracepoint("sys_enter")]
        fn hello_execve(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r1 = {Exec::LINE};
            r2 = {size_of::<Exec>()};
            r3 = 0;
            call tell;
            r0 = 0;
            exit;
        }

        // ANCHOR: timer
        /// Everything with timers.
        #[raw_tracepoint("sys_enter")]
        fn hello_timer(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r3 = *(u64 *)(r1 + 8);
            r1 = {TimerCreate::LINE};
            if r3 == {libc::SYS_timer_create} goto say;
            r1 = {TimerDelete::LINE};
            if r3 == {libc::SYS_timer_delete} goto say;
            r1 = {TimerOther::LINE};
        say:
            r2 = {size_of::<TimerOther>()};
            call tell;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: timer

        /// Says and counts nothing.
        #[raw_tracepoint("sys_enter")]
        fn ignore(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r0 = 0;
            exit;
        }

        /// Puts a line into the log. All of them begin alike; the last has a number more.
        #[inline]
        fn tell(line: u32, size: u64, number: u32) -> i64 {
            *(u32 *)(r10 - {32 - offset_of!(Other, line)}) = w1;
            *(u32 *)(r10 - {32 - offset_of!(Other, number)}) = w3;
            r6 = r2;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r10 - {32 - offset_of!(Other, pid)}) = w0;
            r1 = r10;
            r1 += -{32 - offset_of!(Other, process)};
            r2 = 16;
            call bpf_get_current_comm;
            r1 = LOG ll;
            r2 = r10;
            r2 += -32;
            r3 = r6;
            r4 = 0;
            call bpf_ringbuf_output;
            if r0 == 0 goto done;
            r1 = LOST ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            exit;  // here: goes on behind the call
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let (mut all, mut time) = (false, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("all") => all = true,
            Long("seconds") => {
                let seconds: NonZeroU64 = arguments.value()?.parse()?;
                time = Some(Duration::from_secs(seconds.get()));
            }
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    // Ctrl-C ends it with the number of the others.
    let interrupt = Interrupt::catch()?;
    let mut loader = calls::loader();
    loader.consts.ALL.set(all.into());
    loader.consts.TOOL.set(std::process::id());
    let calls = loader.load()?;
    let maps = &calls.maps;
    fill(maps, &calls.progs)?;
    let _link = calls.progs.hello.attach()?;

    let mut out = stdout().lock();
    writeln!(out, "{:>8}  {:<16} SYSTEM CALL", "PID", "PROCESS")?;
    let start = Instant::now();
    loop {
        let lines = maps.LOG.lines()?;
        for line in lines.with_timeout(Duration::ZERO) {
            writeln!(out, "{}", line?)?;
        }
        let left = time.map(|time| time.saturating_sub(start.elapsed()));
        let pause = Duration::from_millis(50).min(left.unwrap_or(Duration::MAX));
        if pause.is_zero() || interrupt.wait(Some(pause))? {
            break;
        }
    }
    writeln!(out, "and {} other system calls", maps.OTHERS.get())?;
    match maps.LOST.get() {
        0 => {}
        lost => writeln!(out, "({lost} lines lost: too many at once)")?,
    }
    Ok(())
}

/// Puts each program where its system calls jump to.
fn fill(maps: &calls::Maps, progs: &calls::Programs) -> Result<(), Error> {
    let number = |call: libc::c_long| u32::try_from(call).unwrap_or(u32::MAX);
    maps.SYSCALLS
        .set(number(libc::SYS_execve), &progs.hello_execve)?;
    for call in TIMER_CALLS {
        maps.SYSCALLS.set(number(call), &progs.hello_timer)?;
    }
    for call in IGNORED {
        maps.SYSCALLS.set(number(call), &progs.ignore)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOL: u32 = 4711;
    /// No system call has this number, nor a place in the table.
    const UNKNOWN: libc::c_long = MAX_SYSCALLS as libc::c_long;

    fn loaded(all: bool) -> Result<calls::Skeleton, Error> {
        let mut loader = calls::loader();
        loader.consts.ALL.set(all.into());
        loader.consts.TOOL.set(TOOL);
        let calls = loader.vm()?;
        fill(&calls.maps, &calls.progs)?;
        Ok(calls)
    }

    /// A process makes a system call.
    fn call(
        calls: &calls::Skeleton,
        pid: u32,
        comm: &str,
        call: libc::c_long,
    ) -> Result<(), Error> {
        let hello = &calls.progs.hello;
        hello.machine()?.with(|vm| {
            vm.set_process(pid, pid + 1);
            vm.set_comm(comm);
        });
        // The registers, at which no program looks, and the number.
        let mut context = [0, call].map(i64::to_ne_bytes).concat();
        assert_eq!(hello.run(&mut context)?, 0);
        Ok(())
    }

    fn told(calls: &calls::Skeleton) -> Result<Vec<String>, Error> {
        let lines = calls.maps.LOG.lines()?.with_timeout(Duration::ZERO);
        lines.map(|line| Ok(line?.to_string())).collect()
    }

    const RECORDED: [(u32, &str, libc::c_long); 9] = [
        (12, "sh", libc::SYS_execve),
        (13, "clock", libc::SYS_timer_create),
        (13, "clock", libc::SYS_timer_gettime),
        (12, "sh", libc::SYS_read),
        (13, "clock", libc::SYS_timer_delete),
        (TOOL, "tail_calls", libc::SYS_execve),
        (TOOL, "tail_calls", libc::SYS_close),
        (12, "sh", libc::SYS_close),
        (12, "sh", UNKNOWN),
    ];

    #[test]
    fn recorded_calls_reach_their_programs() -> Result<(), Error> {
        let calls = loaded(false)?;
        for (pid, comm, number) in RECORDED {
            call(&calls, pid, comm, number)?;
        }
        assert_eq!(
            told(&calls)?,
            [
                "      12  sh               executes a program",
                "      13  clock            creates a timer",
                "      13  clock            does something else with a timer",
                "      13  clock            deletes a timer",
            ]
        );
        assert_eq!((calls.maps.OTHERS.get(), calls.maps.LOST.get()), (2, 0));
        Ok(())
    }

    #[test]
    fn others_are_told_if_wanted() -> Result<(), Error> {
        let calls = loaded(true)?;
        for (pid, comm, number) in RECORDED {
            call(&calls, pid, comm, number)?;
        }
        let line = |number| format!("      12  sh               makes system call {number}");
        assert_eq!(told(&calls)?[4..], [line(libc::SYS_close), line(UNKNOWN)]);
        assert_eq!(calls.maps.OTHERS.get(), 2);
        // Nor has a number a program whose place is empty.
        assert!(calls.maps.SYSCALLS.clear(libc::SYS_read as u32)?);
        call(&calls, 12, "sh", libc::SYS_read)?;
        assert_eq!(told(&calls)?, [line(libc::SYS_read)]);
        Ok(())
    }

    #[test]
    fn lines_without_room_are_counted() -> Result<(), Error> {
        let calls = loaded(false)?;
        for _ in 0..1 << 14 {
            call(&calls, 12, "sh", libc::SYS_execve)?;
        }
        let told = told(&calls)?.len() as u64;
        assert!(told > 0);
        assert_eq!(told + calls.maps.LOST.get(), 1 << 14);
        assert_ne!(calls.maps.LOST.get(), 0);
        Ok(())
    }

    // Numbers of system calls are the architecture's.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::calls::OBJECT);
    }
}
