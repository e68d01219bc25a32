//! Listing that does not compile: a number for a pointer, and a context that is too short.

// ANCHOR: file
use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: programs
        #[socket_filter]
        fn number(packet: *mut __sk_buff) -> i32 {
            r1 = 0x1000;
            r0 = *(u32 *)(r1 + 0);
            exit;
        }

        #[socket_filter]
        fn too_far(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + 400);
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
