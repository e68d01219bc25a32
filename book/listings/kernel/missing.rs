//! Listing that does not load: a member that this kernel does not have.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod task {
        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn look(ctx: *mut c_void) -> i32 {
            r0 = offsetof(task_struct.command);
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let task = task::load()?;
    task.progs.look.test_run(TestRun::new())?;
    Ok(())
}
// ANCHOR_END: file
