//! Listing that does not compile: a constant that means two things.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn constants(packet: *mut c_void) -> i32 {
            r0 = 0xffffffff;
            r0 += 0x123456789;
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
