//! Listing: what other projects' users know, written here.

// ANCHOR: file
use core::ffi::c_void;
use std::fs::File;

use ebpf_rt::{HashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    mod opens {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn count(ctx: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r10 - 4) = w0;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto first;
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
            goto done;
        first:
            *(u64 *)(r10 - 16) = 1;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            r4 = 0;
            r1 = COUNTS ll;
            call bpf_map_update_elem;
        done:
            r0 = 0;
            exit;
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let opens = opens::load()?;
    let _link = opens.progs.count.attach()?;
    for _ in 0..3 {
        File::open("/dev/null")?;
    }
    let count = opens.maps.COUNTS.get(&std::process::id())?;
    println!("{} files opened", count.unwrap_or(0));
    Ok(())
}
// ANCHOR_END: file
