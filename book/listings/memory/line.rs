//! Listing: two pieces of a packet on the stack.

// ANCHOR: file
use core::mem::offset_of;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

const GET: u32 = u32::from_ne_bytes(*b"GET ");

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn requests(packet: *mut __sk_buff) -> i32 {
            r6 = r1;
            r2 = 0;
            r3 = r10;
            r3 += -4;
            r4 = 4;
            call bpf_skb_load_bytes;        // the first four bytes
            if r0 != 0 goto drop;

            r1 = r6;
            r2 = *(u32 *)(r6 + {offset_of!(__sk_buff, len)});
            r2 += -1;
            r3 = r10;
            r3 += -5;
            r4 = 1;
            call bpf_skb_load_bytes;        // the last byte
            if r0 != 0 goto drop;

            r1 = *(u32 *)(r10 - 4);
            if r1 != GET goto drop;
            r1 = *(u8 *)(r10 - 5);
            if r1 != b'\n' goto drop;
            r0 = -1;
            exit;
        drop:
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
    let _link = first.progs.requests.attach_to(&receiver)?;
    for message in ["GET /index.html\n", "GET /index", "PUT /\n", "GET\n"] {
        sender.send(message.as_bytes())?;
        match receiver.recv(&mut [0; 64]) {
            Ok(bytes) => println!("{message:?}: {bytes} bytes received"),
            Err(_) => println!("{message:?}: dropped"),
        }
    }
    Ok(())
}
// ANCHOR_END: file
