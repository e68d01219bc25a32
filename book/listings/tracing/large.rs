//! Listing that does not compile: a path of any length on the stack.

// ANCHOR: file
use ebpf_rt::context::bpf_raw_tracepoint_args;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod opens {
        #[raw_tracepoint("sys_enter")]
        // ANCHOR: program
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = *(u64 *)(r1 + 8);
            if r2 != 257 goto done;
            r3 = *(u64 *)(r1 + 0);
            r3 += 104;
            r1 = r10;
            r1 += -8;
            r2 = 8;
            call bpf_probe_read_kernel;
            r1 = r10;
            r1 += -4104;
            r2 = 4096;
            r3 = *(u64 *)(r10 - 8);
            call bpf_probe_read_user_str;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let opens = opens::load()?;
    let _link = opens.progs.enter.attach()?;
    Ok(())
}
// ANCHOR_END: file
