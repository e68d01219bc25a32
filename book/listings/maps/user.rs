//! Listing: the answer to an exercise, the calls of one user.

// ANCHOR: file
use core::ffi::c_void;
use std::thread::sleep;
use std::time::Duration;

use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    mod calls {
        static CALLS: Global<u64> = Global::new(0);
        const USER: u32;

        #[tracepoint("raw_syscalls", "sys_exit")]
        // ANCHOR: program
        fn returned(record: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            r1 = USER;
            if w0 != w1 goto done;
            r1 = CALLS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let user: u32 = match std::env::args().nth(1) {
        Some(argument) => argument.parse()?,
        None => 0,
    };
    let mut loader = calls::loader();
    loader.consts.USER.set(user);
    let calls = loader.load()?;
    let _link = calls.progs.returned.attach()?;
    sleep(Duration::from_secs(1));
    println!("user {user}: {} system calls", calls.maps.CALLS.get());
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
