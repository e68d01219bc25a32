//! Listing: an answer to an exercise, with a mask.

// ANCHOR: file
use ebpf_rt::context::__sk_buff;
use ebpf_rt::{HashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    mod lengths {
        /// By interface: which lengths of packets there were.
        static SEEN: HashMap<u32, [u8; 128]> = HashMap::with_max_entries(64);

        // ANCHOR: program
        #[socket_filter]
        fn note(packet: *mut __sk_buff) -> i32 {
            r6 = *(u32 *)(r1 + 0);          // len
            r2 = *(u32 *)(r1 + 40);         // ifindex
            *(u32 *)(r10 - 4) = w2;
            r1 = SEEN ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r2 = r6;
            r2 *= 3;
            if r2 > 381 goto done;          // then r6 is at most 127
            r6 &= 127;
            r0 += r6;
            *(u8 *)(r0 + 0) = 1;
        done:
            r0 = -1;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    lengths::load()?;
    println!("loaded");
    Ok(())
}
// ANCHOR_END: file
