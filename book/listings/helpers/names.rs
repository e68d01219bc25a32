//! Listing that does not compile: helpers that are not there.

// ANCHOR: file
use ebpf_rt::context::syscall_trace_enter;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "MIT"]
    #[min_kernel = "5.10"]
    mod first {
        // ANCHOR: programs
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn misspelt(record: *const syscall_trace_enter) -> i32 {
            call bpf_get_curent_comm;
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_execve")]
        fn too_new(record: *const syscall_trace_enter) -> i32 {
            call bpf_ktime_get_tai_ns;
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
