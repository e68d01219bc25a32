//! Listing that does not compile: arguments that helpers do not take.

// ANCHOR: file
use ebpf_rt::context::syscall_trace_enter;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: programs
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn number(record: *const syscall_trace_enter) -> i32 {
            r1 = 16;
            r2 = 16;
            call bpf_get_current_comm;
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_execve")]
        fn no_bytes(record: *const syscall_trace_enter) -> i32 {
            r1 = r10;
            r1 += -16;
            r2 = 0;
            call bpf_get_current_comm;
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
