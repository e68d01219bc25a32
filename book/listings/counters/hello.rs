//! Listing: a greeting for every program that is started.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{TraceFormat, ebpf};

ebpf! {
    #[license = "GPL"]
    mod execs {
        static HELLO: TraceFormat<(u32,)> =
            TraceFormat::new(c"Hello World! from %u");

        // ANCHOR: program
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn hello(ctx: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = HELLO ll;
            r2 = {HELLO.size()};
            r3 = r0;
            call bpf_trace_printk;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let execs = execs::load()?;
    let pipe = TracePipe::open()?;
    let _link = execs.progs.hello.attach()?;

    // Fails, since there is no such file. The call was made all the same.
    let error = Command::new("/no/such/program").exec();
    println!("execve: {error}");

    let ours = format!("Hello World! from {}", std::process::id());
    for event in pipe {
        if let Event::Record(record) = event?
            && record.message == ours
        {
            println!("the kernel said hello");
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
