//! Listing: the listing of an object.

// ANCHOR: file
use core::mem::offset_of;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

const LONGEST: u32 = 8;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        fn keep_short(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r0 <= LONGEST goto keep;
            r0 = 0;
        keep:
            exit;
        }
    }
}

// ANCHOR: main
fn main() {
    println!("{}", first::OBJECT);
}
// ANCHOR_END: main
// ANCHOR_END: file
