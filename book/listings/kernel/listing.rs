//! Listing: what an object knows of the kernel's types before it is loaded.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod task {
        #[raw_tracepoint("sys_enter")]
        fn look(ctx: *mut c_void) -> i32 {
            r2 = sizeof(task_struct.comm);
            r3 = offsetof(task_struct.comm);
            r0 = 0;
            exit;
        }
    }
}

fn main() {
    println!("{}", task::OBJECT);
}
// ANCHOR_END: file
