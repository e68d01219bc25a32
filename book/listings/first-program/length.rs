//! Listing: a filter that keeps short packets.

// ANCHOR: file
use core::mem::offset_of;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

const LONGEST: u32 = 8;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn keep_short(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r0 <= LONGEST goto keep;
            r0 = 0;
        keep:
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    receiver.set_nonblocking(true)?;
    let mut buffer = [0; 64];

    let first = first::load()?;
    let _link = first.progs.keep_short.attach_to(&receiver)?;
    for message in ["Hello", "Good morning", "Good day"] {
        sender.send(message.as_bytes())?;
        match receiver.recv(&mut buffer) {
            Ok(received) => println!("{message}: {received} bytes received"),
            Err(_) => println!("{message}: dropped"),
        }
    }
    Ok(())
}
// ANCHOR_END: file
