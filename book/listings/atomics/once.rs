//! Listing: what happens only once, and a maximum.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.12"]
    mod latch {
        // ANCHOR: once
        static TAKEN: Global<u64> = Global::new(0);

        /// 1 for the first, 0 for all others.
        #[socket_filter]
        fn once(packet: *mut c_void) -> i32 {
            r1 = TAKEN ll;
            r0 = 1;
            r0 = xchg_64(r1 + 0, r0);
            r0 ^= 1;
            exit;
        }
        // ANCHOR_END: once

        // ANCHOR: longest
        static LONGEST: Global<u64> = Global::new(0);

        /// Keeps the length of the longest packet.
        #[socket_filter]
        fn longest(packet: *mut c_void) -> i32 {
            r2 = *(u32 *)(r1 + 0);              // __sk_buff::len
            r1 = LONGEST ll;
            r3 = *(u64 *)(r1 + 0);
            r4 = 8;                             // attempts
        again:
            if r3 >= r2 goto done;
            r0 = r3;                            // what should be there
            r0 = cmpxchg_64(r1 + 0, r0, r2);
            if r0 == r3 goto done;              // it was: r2 is there now
            r3 = r0;                            // another was faster
            r4 += -1;
            if r4 != 0 goto again;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: longest
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let latch = latch::load()?;
    let data = [0; 100];
    for _ in 0..3 {
        let run = TestRun::new().data(&data[..14]);
        println!("once: {}", latch.progs.once.test_run(run)?.return_value);
    }
    for length in [20, 80, 40] {
        let run = TestRun::new().data(&data[..length]);
        latch.progs.longest.test_run(run)?;
    }
    println!("longest: {}", latch.maps.LONGEST.get());
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
