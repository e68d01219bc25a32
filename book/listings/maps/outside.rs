//! Listing that does not compile: an access behind the value.

// ANCHOR: file
use core::ffi::c_void;
use std::thread::sleep;
use std::time::Duration;

use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{HashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    mod calls {
        static USERS: HashMap<u32, u64> = HashMap::with_max_entries(1024);

        #[tracepoint("raw_syscalls", "sys_exit")]
        // ANCHOR: program
        fn returned(record: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 - 4) = w0;
            r1 = USERS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r1 = 1;
            lock *(u64 *)(r0 + 8) += r1;
        done:
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
    for entry in calls.maps.USERS.iter() {
        let (user, count) = entry?;
        println!("user {user}: {count} system calls");
    }
    Ok(())
}
// ANCHOR_END: file
