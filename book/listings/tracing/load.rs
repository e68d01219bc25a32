//! Listing that does not compile: a load through a number.

// ANCHOR: file
use ebpf_rt::context::bpf_raw_tracepoint_args;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod opens {
        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = *(u64 *)(r1 + 8);
            if r2 != 257 goto done;
            r1 = *(u64 *)(r1 + 0);
            r1 = *(u64 *)(r1 + 104);
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
    println!("it runs on every system call");
    Ok(())
}
// ANCHOR_END: file
