//! Listing: a program that the kernel runs on a packet of the caller's.

// ANCHOR: file
use core::mem::offset_of;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

ebpf! {
    #[license = "GPL"]
    mod lengths {
        #[socket_filter]
        fn keep_short(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r0 <= 8 goto keep;
            r0 = 0;
        keep:
            exit;
        }
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let lengths = lengths::load()?;
    // An Ethernet header of 14 bytes, which a socket filter does not see.
    let packet = [0; 14 + 20];
    for length in [5, 8, 9] {
        let run = TestRun::new().data(&packet[..14 + length]).repeat(100);
        let result = lengths.progs.keep_short.test_run(run)?;
        println!("{length} bytes: {}", result.return_value);
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
