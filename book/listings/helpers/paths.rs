//! Listing: the paths that execve(2) is called with.

// ANCHOR: file
use core::ffi::c_char;
use core::mem::offset_of;
use std::process::Command;

use ebpf_rt::context::syscall_trace_enter;
use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{TraceFormat, ebpf};

const PATH_SIZE: i32 = 128;

ebpf! {
    #[license = "GPL"]
    mod first {
        static CALLED: TraceFormat<(*const c_char,)> =
            TraceFormat::new(c"first: execve of %s");
        static FAILED: TraceFormat<(i64,)> =
            TraceFormat::new(c"first: execve, path not read: %lld");

        // ANCHOR: program
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn called(record: *const syscall_trace_enter) -> i32 {
            r3 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args)});
            r1 = r10;
            r1 += {-PATH_SIZE};
            r2 = PATH_SIZE;
            call bpf_probe_read_user_str;
            if r0 s< 0 goto failed;

            r1 = CALLED ll;
            r2 = {CALLED.size()};
            r3 = r10;
            r3 += {-PATH_SIZE};
            call bpf_trace_printk;
            r0 = 0;
            exit;

        failed:
            r1 = FAILED ll;
            r2 = {FAILED.size()};
            r3 = r0;
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
    let _link = first.progs.called.attach()?;

    let status = Command::new("/bin/sh").args(["-c", ":"]).status()?;
    assert!(status.success());
    for event in pipe {
        let Event::Record(record) = event? else {
            continue;
        };
        println!("{}", record.message);
        if record.message.ends_with("/bin/sh") {
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: file
