//! Listing: the smallest program on every system call.

// ANCHOR: file
use ebpf_rt::context::bpf_raw_tracepoint_args;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod opens {
        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
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
