//! Listing that does not compile: accesses that the stack does not have.

// ANCHOR: file
use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: programs
        #[socket_filter]
        fn too_low(packet: *mut __sk_buff) -> i32 {
            *(u64 *)(r10 - 520) = 0;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn not_aligned(packet: *mut __sk_buff) -> i32 {
            *(u64 *)(r10 - 12) = 0;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn too_long(packet: *mut __sk_buff) -> i32 {
            r2 = 0;
            r3 = r10;
            r3 += -4;
            r4 = 8;
            call bpf_skb_load_bytes;
            exit;
        }
        // ANCHOR_END: programs
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    first::load()?;
    Ok(())
}
// ANCHOR_END: file
