//! Listing that does not compile: more that came later.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod atomics {
        static VALUE: Global<u64> = Global::new(0);

        // ANCHOR: program
        #[socket_filter]
        fn filter(packet: *mut c_void) -> i32 {
            r1 = VALUE ll;
            r0 = 1;
            r2 = 2;
            r0 = (s8)r0;
            r0 s/= 3;
            r0 = bswap32 r0;
            gotol done;
        done:
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
