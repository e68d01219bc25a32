//! Listing: the layout of a program with a function.

// ANCHOR: file
use core::mem::offset_of;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn brackets(packet: *mut __sk_buff) -> i32 {
            r6 = r1;
            r2 = 0;
            call byte_at;
            if r0 != b'<' goto drop;

            r1 = r6;
            r2 = *(u32 *)(r6 + {offset_of!(__sk_buff, len)});
            r2 -= 1;
            call byte_at;
            if r0 != b'>' goto drop;
            r0 = -1;
            exit;
        drop:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program

        // ANCHOR: function
        /// The byte at this place, or -1 if there is none.
        fn byte_at(packet: *mut __sk_buff, place: u64) -> i64 {
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto none;
            r0 = *(u8 *)(r10 - 1);
            exit;
        none:
            r0 = -1;
            exit;
        }
        // ANCHOR_END: function
    }
}

// ANCHOR: main
fn main() {
    println!("{}", first::OBJECT);
}
// ANCHOR_END: main
// ANCHOR_END: file
