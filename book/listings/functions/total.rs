//! Listing: the answer to an exercise, the sum of a map's values.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{HashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.13"]
    mod first {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(16);

        // ANCHOR: program
        #[socket_filter]
        fn total(packet: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = COUNTS ll;
            r2 = add ll;
            r3 = r10;
            r3 += -8;
            r4 = 0;
            call bpf_for_each_map_elem;
            r0 = *(u64 *)(r10 - 8);
            exit;
        }

        fn add(
            map: *mut c_void,
            key: *mut u32,
            value: *mut u64,
            total: *mut u64,
        ) -> i64 {
            r1 = *(u64 *)(r3 + 0);
            r2 = *(u64 *)(r4 + 0);
            r2 += r1;
            *(u64 *)(r4 + 0) = r2;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let first = first::load()?;
    for (key, value) in [(1, 100), (2, 20), (3, 3)] {
        first.maps.COUNTS.insert(key, value)?;
    }
    let run = TestRun::new().data(&[0; 64]);
    println!("{}", first.progs.total.test_run(run)?.return_value);
    Ok(())
}
// ANCHOR_END: file
