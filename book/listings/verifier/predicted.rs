//! Listing that rustc warns about and the kernel refuses: right, but more than the verifier sees.

// ANCHOR: file
use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod parts {
        // ANCHOR: program
        #[socket_filter]
        fn two_parts(packet: *mut __sk_buff) -> i32 {
            r2 = *(u32 *)(r1 + 0);          // len
            r2 &= 7;                        // the first part
            r3 = 7;
            r3 -= r2;                       // the second: 7 together
            r4 = r10;
            r4 += -8;
            r4 += r2;
            r4 += r3;
            *(u8 *)(r4 + 0) = 1;            // always r10 - 1
            r0 = -1;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    parts::load()?;
    println!("loaded");
    Ok(())
}
// ANCHOR_END: file
