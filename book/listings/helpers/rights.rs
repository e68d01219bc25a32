//! Listing that does not compile: calls that these programs cannot make.

// ANCHOR: file
use ebpf_rt::context::syscall_trace_enter;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "MIT"]
    mod first {
        // ANCHOR: programs
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn not_here(record: *const syscall_trace_enter) -> i32 {
            r2 = 0;
            r3 = r10;
            r3 += -4;
            r4 = 4;
            call bpf_skb_load_bytes;
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_execve")]
        fn no_gpl(record: *const syscall_trace_enter) -> i32 {
            r1 = r10;
            r1 += -8;
            r2 = 8;
            r3 = 0;
            call bpf_probe_read_kernel;
            exit;
        }
        // ANCHOR_END: programs
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    first::load()?;
    Ok(())
}
// ANCHOR_END: file
