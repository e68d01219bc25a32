//! Listing that does not compile: a size that may be negative.

// ANCHOR: file
use ebpf_rt::context::syscall_trace_enter;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod writes {
        // ANCHOR: program
        #[tracepoint("syscalls", "sys_enter_write")]
        fn write(record: *const syscall_trace_enter) -> i32 {
            r6 = r1;
            r2 = *(u64 *)(r6 + 32);     // args[2], the length
            if r2 s> 64 goto done;
            r3 = *(u64 *)(r6 + 24);     // args[1], the bytes
            r1 = r10;
            r1 += -64;
            call bpf_probe_read_user;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    writes::load()?;
    Ok(())
}
// ANCHOR_END: file
