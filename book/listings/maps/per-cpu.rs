//! Listing: the answer to an exercise, a counter for each CPU.

// ANCHOR: file
use core::ffi::c_void;
use std::thread::sleep;
use std::time::Duration;

use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{PerCpuHashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    mod calls {
        static USERS: PerCpuHashMap<u32, u64> =
            PerCpuHashMap::with_max_entries(1024);

        #[tracepoint("raw_syscalls", "sys_exit")]
        // ANCHOR: program
        fn returned(record: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 - 4) = w0;         // the key

            r1 = USERS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;

            *(u64 *)(r10 - 16) = 0;         // the value of a new entry
            r1 = USERS ll;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            r4 = BPF_NOEXIST;
            call bpf_map_update_elem;

            r1 = USERS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;           // the map is full
        add:
            r1 = *(u64 *)(r0 + 0);
            r1 += 1;
            *(u64 *)(r0 + 0) = r1;
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
        let (user, counts) = entry?;
        let count: u64 = counts.iter().sum();
        println!("user {user}: {count} system calls");
    }
    Ok(())
}
// ANCHOR_END: file
