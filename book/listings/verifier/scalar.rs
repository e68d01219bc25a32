//! Listing that the kernel refuses: a load from the memory of a process.

// ANCHOR: file
use core::mem::offset_of;

use ebpf_rt::context::syscall_trace_enter;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod paths {
        // ANCHOR: program
        #[tracepoint("syscalls", "sys_enter_execve")]
        #[allow_unchecked(BPF0111)]
        fn called(record: *const syscall_trace_enter) -> i32 {
            r6 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args)});
            r0 = *(u8 *)(r6 + 0);  // the first letter
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    paths::load()?;
    Ok(())
}
// ANCHOR_END: file
