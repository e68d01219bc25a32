//! Listing: an object with some of everything, and how it prints.

use core::ffi::c_void;

use ebpf_rt::{Array, Global, HashMap, ebpf};

// ANCHOR: object
ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.15"]
    mod example {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(64);
        static LATEST: Global<u64> = Global::new(0);
        static SLOTS: Array<u32> = Array::with_max_entries(4);

        const LIMIT: u16;

        extern "kernel" {
            static jiffies: u64;
        }

        #[tracepoint("sched", "sched_switch")]
        fn watch(ctx: *mut c_void) -> i32 {
            r1 = jiffies ll;
            r1 = *(u64 *)(r1 + 0);
            r2 = LATEST ll;
            *(u64 *)(r2 + 0) = r1;
            *(u32 *)(r10 - 4) = 7;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r1 = r0;
            call bump;
            r1 = SLOTS ll;
            r2 = each ll;
            r3 = 0;
            r4 = 0;
            call bpf_for_each_map_elem;
        done:
            r0 = 0;
            exit;
        }

        fn bump(counter: *mut u64) -> u64 {
            r0 = *(u64 *)(r1 + 0);
            if r0 > LIMIT goto out;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        out:
            exit;
        }

        fn each(
            map: *mut c_void,
            key: *mut u32,
            value: *mut u32,
            ctx: *mut c_void,
        ) -> i64 {
            r0 = 0;
            exit;
        }
    }
}
// ANCHOR_END: object

fn main() {
    println!("{}", example::OBJECT);
}
