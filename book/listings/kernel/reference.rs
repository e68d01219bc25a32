//! Listing: a kernel function that gives a reference, and the one that takes it back.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{Global, ebpf};

/// The kernel's `struct task_struct`: only the loader knows more of it.
#[repr(C)]
struct TaskStruct {
    _opaque: u8,
}

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "6.2"]
    mod task {
        extern "kernel" {
            fn bpf_task_from_pid(pid: i32) -> *mut TaskStruct;
            fn bpf_task_release(task: *mut TaskStruct);
        }

        /// Whom to look for, and what was found.
        static PID: Global<i32> = Global::new(0);
        static THREADS: Global<u32> = Global::new(0);

        // ANCHOR: program
        #[tp_btf("sys_enter")]
        fn look(ctx: *mut c_void) -> i32 {
            r1 = PID ll;
            r1 = *(u32 *)(r1 + 0);
            call bpf_task_from_pid;
            if r0 == 0 goto done;
            r1 = r0;
            r2 = *(u64 *)(r1 + offsetof(task_struct.signal));
            r2 = *(u32 *)(r2 + offsetof(signal_struct.nr_threads));
            r3 = THREADS ll;
            *(u32 *)(r3 + 0) = w2;
            call bpf_task_release;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let task = task::load()?;
    task.maps.PID.set(std::process::id().cast_signed());
    let _link = task.progs.look.attach()?;
    // Any system call of any process will do; this is one.
    std::thread::yield_now();
    println!("{} thread", task.maps.THREADS.get());
    Ok(())
}
// ANCHOR_END: file
