//! Listing: the answer to an exercise, two steps up the tree of processes.

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
        fn grandparent(ctx: *mut c_void) -> i32 {
            call bpf_get_current_task_btf;
            r1 = *(u64 *)(r0 + offsetof(task_struct.real_parent));
            r1 = *(u64 *)(r1 + offsetof(task_struct.real_parent));
            r0 = *(u32 *)(r1 + offsetof(task_struct.tgid));
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = task::load()?;
    let result = task.progs.grandparent.test_run(TestRun::new())?;

    // The fourth word of /proc/PID/stat; the second, the name, may have
    // spaces in it.
    let parent = std::os::unix::process::parent_id();
    let stat = std::fs::read_to_string(format!("/proc/{parent}/stat"))?;
    let (_, behind_name) = stat.rsplit_once(") ").ok_or("no name")?;
    let expected = behind_name.split(' ').nth(1).ok_or("no parent")?;
    println!("{}", result.return_value.to_string() == expected);
    Ok(())
}
// ANCHOR_END: file
