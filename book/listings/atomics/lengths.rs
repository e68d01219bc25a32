//! Listing: the answer to an exercise, a bit that is set once.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.12"]
    mod seen {
        static SEEN: Global<u64> = Global::new(0);

        // ANCHOR: program
        /// 1 for the first packet of this length.
        #[socket_filter]
        fn is_new(packet: *mut c_void) -> i32 {
            r2 = *(u32 *)(r1 + 0);  // __sk_buff::len
            r2 &= 63;
            r3 = 1;
            r3 <<= r2;
            r1 = SEEN ll;
            r0 = r3;
            r0 = atomic_fetch_or((u64 *)(r1 + 0), r0);
            if r0 & r3 goto seen;
            r0 = 1;
            exit;
        seen:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let seen = seen::load()?;
    let data = [0; 64];
    for length in [20, 30, 20, 40, 30] {
        let run = TestRun::new().data(&data[..length]);
        let is_new = seen.progs.is_new.test_run(run)?.return_value;
        println!("{length}: {is_new}");
    }
    Ok(())
}
// ANCHOR_END: file
