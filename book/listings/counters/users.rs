//! Listing: a counter for each user.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{HashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    mod execs {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);

        // ANCHOR: program
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn count(ctx: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 - 4) = w0;         // the key: the user's number

            *(u64 *)(r10 - 16) = 0;         // a new counter
            r1 = COUNTS ll;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            r4 = BPF_NOEXIST;
            call bpf_map_update_elem;       // fails if there is one

            r1 = COUNTS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;           // the table is full
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let execs = execs::load()?;
    let _link = execs.progs.count.attach()?;
    for _ in 0..3 {
        let _ = Command::new("/no/such/program").exec();
    }
    // Others may have started programs meanwhile.
    for entry in execs.maps.COUNTS.iter() {
        let (uid, count) = entry?;
        if uid == 0 {
            println!("root: at least 3 calls: {}", count >= 3);
        }
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
