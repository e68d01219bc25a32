//! Listing: fields of the kernel's structures, whose places the loader looks up.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    mod task {
        static PID: Global<u32> = Global::new(0);
        static NAME: Global<[u8; 16]> = Global::new([0; 16]);

        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn look(ctx: *mut c_void) -> i32 {
            call bpf_get_current_task;
            r6 = r0;

            r1 = PID ll;
            r2 = sizeof(task_struct.tgid);
            r3 = r6;
            r3 += offsetof(task_struct.tgid);
            call bpf_probe_read_kernel;

            r1 = NAME ll;
            r2 = sizeof(task_struct.comm);
            r3 = r6;
            r3 += offsetof(task_struct.comm);
            call bpf_probe_read_kernel;

            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = task::load()?;
    task.progs.look.test_run(TestRun::new())?;

    let same = task.maps.PID.get() == std::process::id();
    println!("the kernel's number of this process is std's: {same}");
    let name = task.maps.NAME.get();
    let name = name.split(|&byte| byte == 0).next().unwrap_or(&[]);
    println!("its name is {}", str::from_utf8(name)?);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
