//! Listing: answers to the exercises.

// ANCHOR: file
use core::ffi::{c_char, c_void};
use core::mem::offset_of;
use std::process::Command;

use ebpf_rt::context::syscall_trace_enter;
use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{TraceFormat, ebpf};

const NS_PER_MS: u32 = 1_000_000;
const PATH_SIZE: i32 = 16;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: time
        static STARTED: TraceFormat<(u32, u64)> =
            TraceFormat::new(c"first: CPU %u, %llu ms");

        #[tracepoint("sched", "sched_process_exec")]
        fn started(record: *mut c_void) -> i32 {
            call bpf_get_smp_processor_id;
            r6 = r0;
            call bpf_ktime_get_ns;
            r0 /= NS_PER_MS;

            r1 = STARTED ll;
            r2 = {STARTED.size()};
            r3 = r6;
            r4 = r0;
            call bpf_trace_printk;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: time

        // ANCHOR: ordinary
        static USER: TraceFormat<(u32,)> = TraceFormat::new(c"first: user %u");

        #[tracepoint("sched", "sched_process_exec")]
        fn ordinary(record: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            w3 = w0;
            if r3 == 0 goto done;  // root
            r1 = USER ll;
            r2 = {USER.size()};
            call bpf_trace_printk;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: ordinary

        // ANCHOR: long
        static LONG: TraceFormat<(*const c_char,)> =
            TraceFormat::new(c"first: %s and more");

        #[tracepoint("syscalls", "sys_enter_execve")]
        fn long(record: *const syscall_trace_enter) -> i32 {
            r3 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args)});
            r1 = r10;
            r1 += {-PATH_SIZE};
            r2 = PATH_SIZE;
            call bpf_probe_read_user_str;
            if r0 != PATH_SIZE goto done;

            r1 = LONG ll;
            r2 = {LONG.size()};
            r3 = r10;
            r3 += {-PATH_SIZE};
            call bpf_trace_printk;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: long
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let progs = first::load()?.progs;
    let mut pipe = TracePipe::open()?;
    pipe.drain()?;
    let _links = (
        progs.started.attach()?,
        progs.ordinary.attach()?,
        progs.long.attach()?,
    );

    Command::new("/bin/sh").args(["-c", ":"]).status()?;
    Command::new("/bin/../bin/../bin/sh")
        .args(["-c", ":"])
        .status()?;
    for event in pipe {
        let Event::Record(record) = event? else {
            continue;
        };
        println!("{}", record.message);
        if record.message.contains("/bin/../bin/../") {
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: file
