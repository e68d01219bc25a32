//! Listing: a member that has another name on older kernels.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    mod task {
        static STATE: Global<u32> = Global::new(99);

        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn look(ctx: *mut c_void) -> i32 {
            call bpf_get_current_task;
            r3 = r0;
            r1 = exists(task_struct.__state);
            if r1 == 0 goto before_5_14;
            r3 += offsetof(task_struct.__state);
            goto read;
        before_5_14:
            r1 = exists(task_struct.state);
            if r1 == 0 goto done;
            r3 += offsetof(task_struct.state);
        read:
            r1 = STATE ll;
            r2 = 4;
            call bpf_probe_read_kernel;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let task = task::load()?;
    task.progs.look.test_run(TestRun::new())?;
    // Who runs the program is running.
    println!("state {}", task.maps.STATE.get());
    Ok(())
}
// ANCHOR_END: file
