//! Listing: pointers whose types the verifier knows.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.11"]
    mod task {
        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn parent(ctx: *mut c_void) -> i32 {
            call bpf_get_current_task_btf;
            r1 = *(u64 *)(r0 + offsetof(task_struct.real_parent));
            r0 = *(u32 *)(r1 + offsetof(task_struct.tgid));
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let task = task::load()?;
    let result = task.progs.parent.test_run(TestRun::new())?;
    let same = result.return_value == std::os::unix::process::parent_id();
    println!("the kernel's parent of this process is std's: {same}");
    Ok(())
}
// ANCHOR_END: file
