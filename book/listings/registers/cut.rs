//! Listing: the answer to an exercise, long packets that are cut.

// ANCHOR: file
use core::mem::offset_of;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

const QUARTER: u32 = u32::MAX / 4;
const SHORT: u32 = 8;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn lossy(packet: *mut __sk_buff) -> i32 {
            r6 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r6 <= SHORT goto keep;
            call bpf_get_prandom_u32;
            if r0 < QUARTER goto lose;
            r6 = SHORT;
        keep:
            r0 = r6;
            exit;
        lose:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    receiver.set_nonblocking(true)?;

    let first = first::load()?;
    let _link = first.progs.lossy.attach_to(&receiver)?;
    for message in ["Hello", "Good morning"] {
        let mut arrived = 0;
        let mut longest = 0;
        for _ in 0..1000 {
            sender.send(message.as_bytes())?;
            if let Ok(bytes) = receiver.recv(&mut [0; 64]) {
                arrived += 1;
                longest = longest.max(bytes);
            }
        }
        println!("{message}: {arrived} arrived, at most {longest} bytes");
    }
    Ok(())
}
// ANCHOR_END: file
