//! Listing that does not compile: labels that are missing, and one that is there twice.

// ANCHOR: file
use core::mem::offset_of;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn class(packet: *mut __sk_buff) -> i32 {
            r1 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r1 > 1000 goto large;
            if r1 > 100 goto medum;
            r0 = 1;
            goto done;
        medium:
            r0 = 2;
        done:
            exit;
        large:
            r0 = 3;
        done:
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
