//! Listing: the answer to an exercise, calls by number.

// ANCHOR: file
use core::mem::offset_of;
use std::thread::sleep;
use std::time::Duration;

use ebpf_rt::context::trace_event_raw_sys_exit;
use ebpf_rt::{Array, ebpf};

ebpf! {
    #[license = "GPL"]
    mod calls {
        static NUMBERS: Array<u64> = Array::with_max_entries(512);

        #[tracepoint("raw_syscalls", "sys_exit")]
        // ANCHOR: program
        fn returned(record: *const trace_event_raw_sys_exit) -> i32 {
            r1 = *(u64 *)(r1 + {offset_of!(trace_event_raw_sys_exit, id)});
            *(u32 *)(r10 - 4) = w1;
            r1 = NUMBERS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;  // there is no such index
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
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
    let counts = calls.maps.NUMBERS.read_all()?;
    let mut rows: Vec<_> = counts.iter().enumerate().collect();
    rows.sort_by_key(|&(_, count)| core::cmp::Reverse(count));
    for (number, count) in &rows[..5] {
        println!("system call {number}: {count} times");
    }
    Ok(())
}
// ANCHOR_END: file
