//! Listing: the answer to an exercise, path and flags.

// ANCHOR: file
use core::ffi::c_char;

use ebpf_rt::context::{
    PT_REGS_SYSCALL_PARM2_OFFSET, PT_REGS_SYSCALL_PARM3_OFFSET, bpf_raw_tracepoint_args,
};
use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::{TraceFormat, ebpf};

ebpf! {
    #[license = "GPL"]
    mod opens {
        const PID: u32;
        // ANCHOR: format
        static FORMAT: TraceFormat<(u32, *const c_char, u64)> =
            TraceFormat::new(c"openat %u %s %llx");
        // ANCHOR_END: format

        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = *(u64 *)(r1 + 8);
            if r2 != {libc::SYS_openat} goto done;
            r6 = *(u64 *)(r1 + 0);
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PID;
            if r0 != r1 goto done;

            r1 = r10;                   // the address of the path, at r10 - 8
            r1 += -8;
            r2 = 8;
            r3 = r6;
            r3 += PT_REGS_SYSCALL_PARM2_OFFSET;
            call bpf_probe_read_kernel;

            r1 = r10;                   // the flags, at r10 - 16
            r1 += -16;
            r2 = 8;
            r3 = r6;
            r3 += PT_REGS_SYSCALL_PARM3_OFFSET;
            call bpf_probe_read_kernel;

            r1 = r10;                   // the path, from r10 - 80 on
            r1 += -80;
            r2 = 64;
            r3 = *(u64 *)(r10 - 8);
            call bpf_probe_read_user_str;
            if r0 s< 0 goto done;

            r1 = FORMAT ll;
            r2 = {FORMAT.size()};
            r3 = PID;
            r4 = r10;
            r4 += -80;
            r5 = *(u64 *)(r10 - 16);
            call bpf_trace_printk;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut loader = opens::loader();
    loader.consts.PID.set(std::process::id());
    let opens = loader.load()?;
    let pipe = TracePipe::open()?;
    let _link = opens.progs.enter.attach()?;
    std::fs::read("/etc/passwd")?;

    let ours = format!("openat {} ", std::process::id());
    for event in pipe {
        // The pipe has the messages of all programs on the machine.
        if let Event::Record(record) = event?
            && let Some(path) = record.message.strip_prefix(&ours)
        {
            println!("path and flags: {path}");
            break;
        }
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
