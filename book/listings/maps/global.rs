//! Listing: system calls, counted in a global.

// ANCHOR: file
use core::ffi::c_void;
use std::thread::sleep;
use std::time::Duration;

use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    mod calls {
        static CALLS: Global<u64> = Global::new(0);

        #[tracepoint("raw_syscalls", "sys_exit")]
        // ANCHOR: program
        fn returned(record: *mut c_void) -> i32 {
            r1 = CALLS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let calls = calls::load()?;
    let _link = calls.progs.returned.attach()?;
    sleep(Duration::from_secs(1));
    println!("{} system calls", calls.maps.CALLS.get());
    Ok(())
}
// ANCHOR_END: file
