//! Listing: a filter that keeps the messages that begin with certain bytes.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::ebpf;

const GET: u32 = u32::from_ne_bytes(*b"GET ");

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn requests(packet: *mut c_void) -> i32 {
            r2 = 0;                     // from the packet's first byte
            r3 = r10;
            r3 += -4;                   // to the stack
            r4 = 4;                     // four bytes
            call bpf_skb_load_bytes;
            if r0 != 0 goto drop;       // there are not so many
            r1 = *(u32 *)(r10 - 4);
            if r1 != GET goto drop;
            r0 = -1;
            exit;
        drop:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    receiver.set_nonblocking(true)?;

    let first = first::load()?;
    let _link = first.progs.requests.attach_to(&receiver)?;
    for message in ["GET /index.html", "PUT /index.html", "GE"] {
        sender.send(message.as_bytes())?;
        match receiver.recv(&mut [0; 64]) {
            Ok(bytes) => println!("{message}: {bytes} bytes received"),
            Err(_) => println!("{message}: dropped"),
        }
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
