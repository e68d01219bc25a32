//! Listing: a loop with too many rounds.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        #[allow_unchecked(BPF0208)]
        // ANCHOR: program
        fn count(packet: *mut c_void) -> i32 {
            r0 = 0;
        next:
            r0 += 1;
            if r0 < 1_000_000 goto next;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() {
    match first::load() {
        Ok(_) => println!("loaded"),
        Err(error) => println!("{error}"),
    }
}
// ANCHOR_END: main
// ANCHOR_END: file
