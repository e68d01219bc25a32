//! Listing: the answer to an exercise, the same filter on UDP.

// ANCHOR: file
use core::ffi::c_void;
use std::net::UdpSocket;

use ebpf_rt::ebpf;

const UDP_HEADER: i32 = 8;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn keep_four(packet: *mut c_void) -> i32 {
            r0 = {UDP_HEADER + 4};
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let mut buffer = [0; 64];

    let first = first::load()?;
    let _link = first.progs.keep_four.attach_to(&receiver)?;
    sender.send_to(b"Hello", receiver.local_addr()?)?;
    let received = receiver.recv(&mut buffer)?;
    println!("{}", str::from_utf8(&buffer[..received])?);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
