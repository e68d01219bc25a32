//! Listing: hello from a trace point.

// ANCHOR: file
use core::ffi::c_void;
use std::process::Command;

use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{TraceFormat, ebpf};

ebpf! {
    #[license = "GPL"]
    mod first {
        static HELLO: TraceFormat<()> = TraceFormat::new(c"first: hello");

        #[tracepoint("sched", "sched_process_exec")]
        fn started(record: *mut c_void) -> i32 {
            r1 = HELLO ll;
            r2 = {HELLO.size()};
            call bpf_trace_printk;
            r0 = 0;
            exit;
        }
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
