//! Listing: what `{:#}` adds.

use core::ffi::c_void;

use ebpf_rt::{Global, ebpf};

// ANCHOR: object
ebpf! {
    #[license = "GPL"]
    mod small {
        static RUNS: Global<u64> = Global::new(0);

        #[raw_tracepoint("sys_enter")]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = RUNS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}
// ANCHOR_END: object

fn main() {
    println!("{:#}", small::OBJECT);
}
