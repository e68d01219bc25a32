//! Listing that does not compile: a loop in which nothing changes.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn count(packet: *mut c_void) -> i32 {
            r0 = 10;
        next:
            r1 = r0;
            r1 -= 1;
            if r0 != 0 goto next;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    first::load()?;
    Ok(())
}
// ANCHOR_END: file
