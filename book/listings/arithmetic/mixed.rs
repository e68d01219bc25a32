//! Listing that does not compile: operands of two widths, and shifts that are too wide.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn mixed(packet: *mut c_void) -> i32 {
            w2 = 5;
            r0 = w2;
            r0 <<= 64;
            w0 >>= 32;
            r0 /= 0;
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
