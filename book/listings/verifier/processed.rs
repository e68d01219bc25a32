//! Listing: an answer to an exercise, what a loop costs the verifier.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

const LONGEST: u32 = 256;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn first_line(packet: *mut c_void) -> i32 {
            r6 = r1;
            r7 = 0;                     // bytes that were looked at
        next:
            r1 = r6;
            r2 = r7;
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto done;       // there are no more
            r7 += 1;
            r1 = *(u8 *)(r10 - 1);
            if r1 == b'\n' goto done;
            if r7 < LONGEST goto next;
        done:
            r0 = r7;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let mut loader = first::loader();
    loader.options.log_level(4);
    let first = loader.load()?;
    print!("{}", first.progs.first_line.log().unwrap_or("no log"));
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
