//! Listing that does not compile: registers that have to be the same.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.12"]
    mod atomics {
        static VALUE: Global<u64> = Global::new(0);

        // ANCHOR: program
        #[socket_filter]
        fn filter(packet: *mut c_void) -> i32 {
            r1 = VALUE ll;
            r0 = 1;
            r2 = 2;
            r2 = atomic_fetch_add((u64 *)(r1 + 0), r0);
            r2 = cmpxchg_64(r1 + 0, r0, r2);
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    atomics::load()?;
    Ok(())
}
// ANCHOR_END: file
