//! Listing that does not compile: a format with an argument of another type.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{TraceFormat, ebpf};

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: format
        static STARTED: TraceFormat<(u64,)> =
            TraceFormat::new(c"first: process %u");
        // ANCHOR_END: format

        #[tracepoint("sched", "sched_process_exec")]
        fn started(record: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r3 = r0;
            r1 = STARTED ll;
            r2 = {STARTED.size()};
            call bpf_trace_printk;
            r0 = 0;
            exit;
        }
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    first::load()?;
    Ok(())
}
// ANCHOR_END: file
