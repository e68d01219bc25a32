//! Listing that the kernel refuses: a loop without an end.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::ebpf;

const LONGEST: u32 = 256;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn first_line(packet: *mut c_void) -> i32 {
            r6 = r1;
            r7 = 0;                     // bytes that were looked at
        next:
            r1 = r6;
            r2 = r7;
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto done;       // there are no more
            r1 = *(u8 *)(r10 - 1);
            if r1 == b'\n' goto done;
            if r7 < LONGEST goto next;
        done:
            r0 = r7;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    receiver.set_nonblocking(true)?;
    let mut buffer = [0; 1024];

    let first = first::load()?;
    let _link = first.progs.first_line.attach_to(&receiver)?;
    let long = "x".repeat(1000);
    for message in ["one\ntwo\n", "three", &long] {
        sender.send(message.as_bytes())?;
        match receiver.recv(&mut buffer) {
            Ok(bytes) => println!("{bytes} bytes of {}", message.len()),
            Err(_) => println!("{message:?}: dropped"),
        }
    }
    Ok(())
}
// ANCHOR_END: file
