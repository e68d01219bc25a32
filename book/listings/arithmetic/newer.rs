//! Listing that does not compile: a division that old kernels do not have.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn newer(packet: *mut c_void) -> i32 {
            r0 = -7;
            r0 s/= 2;
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
