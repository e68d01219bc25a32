//! Listing: who starts which program.

// ANCHOR: file
use core::ffi::{c_char, c_void};
use std::process::Command;

use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{TraceFormat, ebpf};

const NAME_SIZE: i32 = 16;

ebpf! {
    #[license = "GPL"]
    mod first {
        static STARTED: TraceFormat<(u32, u32, *const c_char)> =
            TraceFormat::new(c"first: process %u of user %u runs %s");

        // ANCHOR: program
        #[tracepoint("sched", "sched_process_exec")]
        fn started(record: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r6 = r0;
            r6 >>= 32;                  // the process
            call bpf_get_current_uid_gid;
            w7 = w0;                    // the user
            r1 = r10;
            r1 += {-NAME_SIZE};
            r2 = NAME_SIZE;
            call bpf_get_current_comm;

            r1 = STARTED ll;
            r2 = {STARTED.size()};
            r3 = r6;
            r4 = r7;
            r5 = r10;
            r5 += {-NAME_SIZE};
            call bpf_trace_printk;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let first = first::load()?;
    let mut pipe = TracePipe::open()?;
    pipe.drain()?;
    let _link = first.progs.started.attach()?;

    let mut child = Command::new("true").spawn()?;
    for event in pipe {
        let Event::Record(record) = event? else {
            continue;
        };
        if record.pid == child.id() {
            println!("{}", record.message);
            break;
        }
    }
    child.wait()?;
    Ok(())
}
// ANCHOR_END: file
