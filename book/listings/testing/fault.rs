//! Listing: what a test says about a program that does something wrong.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{Array, ebpf};

ebpf! {
    #[license = "GPL"]
    mod counts {
        static COUNTS: Array<u64> = Array::with_max_entries(4);

        // ANCHOR: program
        #[socket_filter]
        #[allow_unchecked(BPF0114)]
        fn count(packet: *mut c_void) -> i32 {
            r2 = *(u32 *)(r1 + 0);
            *(u32 *)(r10 - 4) = w2;
            r1 = COUNTS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            *(u64 *)(r0 + 8) = 1;  // 8 bytes too far
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let counts = counts::vm()?;
    let mut packet = [0; 3];
    let input = ebpf_rt::vm::Input::skb(&mut packet);
    if let Err(error) = counts.progs.count.run_on(input) {
        println!("{error}");
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
