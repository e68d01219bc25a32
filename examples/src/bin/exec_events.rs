//! A record for every execve(2): a kprobe, and a ring buffer of one type.

use core::mem::offset_of;
use ebpf_examples::{Exit, Losses, c_string, json_text, printable, run_tool};
use ebpf_rt::context::pt_regs;
use ebpf_rt::{Global, Pod, RingBuf, ebpf};
use lexopt::prelude::*;
use serde_json::json;
use std::io::{Write, stdout};
use std::num::NonZeroU64;
use std::process::ExitCode;

const HELP: &str = "\
Prints a line whenever somebody on the machine starts a program with execve(2): process, user
and the name of the process, as they are before, and a message from the kernel.

Usage: exec_events [--count N] [--json]

Options:
      --count N    Stop after N events
      --json       Print a line of JSON for each event
  -h, --help       Print this

Needs CAP_BPF, CAP_PERFMON, and a kernel with kprobes.
";

const HELLO: [u8; 12] = *b"hello world\0";

/// Eight bytes of a text, as a number that stores them.
const fn word(text: [u8; 12], at: usize) -> u64 {
    let mut word = [0; 8];
    let mut i = 0;
    while i < 8 && at + i < text.len() {
        word[i] = text[at + i];
        i += 1;
    }
    u64::from_ne_bytes(word)
}

/// Program and user space share this type.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Event {
    pid: u32,
    uid: u32,
    command: [u8; 16],
    message: [u8; 12],
}

ebpf! {
    /// Makes a record for every call.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod execs {
        static EVENTS: RingBuf<Event> = RingBuf::with_byte_size(1 << 16);
        /// Calls for which there was no room.
        static LOST: Global<u64> = Global::new(0);

        // The name of the function on x86-64; the tool looks for the architecture's.
        #[kprobe("__x64_sys_execve")]
        fn hello(ctx: *mut pt_regs) -> i32 {
            r1 = EVENTS ll;
            r2 = {size_of::<Event>()};
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto lost;
            r6 = r0;

            call bpf_get_current_pid_tgid;
            r0 >>= 32;                                          // the upper half is the process
            *(u32 *)(r6 + {offset_of!(Event, pid)}) = w0;
            call bpf_get_current_uid_gid;
            *(u32 *)(r6 + {offset_of!(Event, uid)}) = w0;       // the lower half is the user
            r1 = r6;
            r1 += {offset_of!(Event, command)};
            r2 = 16;
            call bpf_get_current_comm;
            r1 = {word(HELLO, 0)} ll;
            *(u64 *)(r6 + {offset_of!(Event, message)}) = r1;
            r1 = {word(HELLO, 8)} ll;
            *(u32 *)(r6 + {offset_of!(Event, message) + 8}) = w1;

            r1 = r6;
            r2 = 0;
            call bpf_ringbuf_submit;
            goto done;
        lost:
            r1 = LOST ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let (mut count, mut is_json) = (u64::MAX, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("count") => count = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Long("json") => is_json = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let execs = execs::load()?;
    let _link = execs.progs.hello.attach_to_syscall("execve")?;
    let mut out = stdout().lock();
    if !is_json {
        writeln!(out, "Waiting for execve(2) calls …")?;
    }
    let mut events = execs.maps.EVENTS.reader()?;
    let mut losses = Losses::default();
    loop {
        execs.maps.EVENTS.wait(None)?;
        while let Some(record) = events.next()? {
            losses.tell("events", execs.maps.LOST.get())?;
            let Ok(event) = record.get() else {
                continue; // the program makes no others
            };
            if is_json {
                print_json(&mut out, event)?;
            } else {
                writeln!(
                    out,
                    "pid={} uid={} comm={} msg={}",
                    event.pid,
                    event.uid,
                    printable(c_string(&event.command)),
                    printable(c_string(&event.message))
                )?;
            }
            count -= 1;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

fn print_json(out: &mut impl Write, event: &Event) -> Result<(), Exit> {
    let event = json!({
        "pid": event.pid,
        "uid": event.uid,
        "command": json_text(&event.command),
        "message": json_text(&event.message),
    });
    Ok(writeln!(out, "{event}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program sees a call of this process.
    fn call(execs: &execs::Skeleton, pid: u32, uid: u32, comm: &str) -> Result<(), Exit> {
        let hello = &execs.progs.hello;
        hello.machine()?.with(|vm| {
            // Neither the thread nor the group is told.
            vm.set_process(pid, pid + 1);
            vm.set_user(uid, uid + 1);
            vm.set_comm(comm);
        });
        assert_eq!(hello.run(&mut [])?, 0);
        Ok(())
    }

    #[test]
    fn recorded_calls_are_told() -> Result<(), Exit> {
        let execs = execs::vm()?;
        call(&execs, 12, 0, "sh")?;
        call(&execs, 4711, 1000, "longer than a name")?;
        let mut out = Vec::new();
        let mut events = execs.maps.EVENTS.reader()?;
        while let Some(record) = events.next()? {
            print_json(&mut out, record.get().expect("an event"))?;
        }
        let out = String::from_utf8(out).expect("JSON");
        let told: Vec<serde_json::Value> = out
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let event = |pid: u32, uid: u32, command: &str| json!({ "pid": pid, "uid": uid, "command": command, "message": "hello world" });
        assert_eq!(
            told,
            [event(12, 0, "sh"), event(4711, 1000, "longer than a n")]
        );
        assert_eq!(execs.maps.LOST.get(), 0);
        Ok(())
    }

    #[test]
    fn calls_without_room_are_counted() -> Result<(), Exit> {
        let execs = execs::vm()?;
        // A header of eight bytes, and all of it rounded up to eight; one byte stays free.
        let taken = (8 + size_of::<Event>()).next_multiple_of(8);
        let room = (execs.maps.EVENTS.byte_size() as usize - 1) / taken;
        for _ in 0..room + 3 {
            call(&execs, 12, 0, "sh")?;
        }
        assert_eq!(execs.maps.LOST.get(), 3);
        assert_eq!(execs.maps.EVENTS.consume(|_| ())?, room);
        // There is room again.
        call(&execs, 13, 0, "sh")?;
        let mut pid = 0;
        execs
            .maps
            .EVENTS
            .consume(|record| pid = record.get().expect("an event").pid)?;
        assert_eq!((pid, execs.maps.LOST.get()), (13, 3));
        Ok(())
    }

    // The message is stored as numbers.
    #[cfg(target_endian = "little")]
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::execs::OBJECT);
    }
}
