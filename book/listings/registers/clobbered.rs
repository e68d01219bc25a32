//! Listing that does not compile: a value that does not survive a call.

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
            r2 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            call bpf_get_prandom_u32;
            if r2 <= SHORT goto keep;
            if r0 < QUARTER goto lose;
        keep:
            r0 = -1;
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
        for _ in 0..1000 {
            sender.send(message.as_bytes())?;
            if receiver.recv(&mut [0; 64]).is_ok() {
                arrived += 1;
            }
        }
        println!("{message}: 1000 sent, {arrived} arrived");
    }
    Ok(())
}
// ANCHOR_END: file
