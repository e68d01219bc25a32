//! Listing that does not compile: a function that calls itself.

// ANCHOR: file
use core::mem::offset_of;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn brackets(packet: *mut __sk_buff) -> i32 {
            r6 = r1;
            r2 = 0;
            call byte_at;
            if r0 != b'<' goto drop;

            r1 = r6;
            r2 = *(u32 *)(r6 + {offset_of!(__sk_buff, len)});
            r2 -= 1;
            call byte_at;
            if r0 != b'>' goto drop;
            r0 = -1;
            exit;
        drop:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program

        // ANCHOR: function
        /// The byte at this place, or the last one.
        fn byte_at(packet: *mut __sk_buff, place: u64) -> i64 {
            r6 = r1;
            r7 = r2;
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto before;
            r0 = *(u8 *)(r10 - 1);
            exit;
        before:
            r1 = r6;
            r2 = r7;
            r2 -= 1;
            call byte_at;
            exit;
        }
        // ANCHOR_END: function
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    receiver.set_nonblocking(true)?;

    let first = first::load()?;
    let _link = first.progs.brackets.attach_to(&receiver)?;
    for message in ["<p>", "<p", "p>", ""] {
        sender.send(message.as_bytes())?;
        match receiver.recv(&mut [0; 64]) {
            Ok(bytes) => println!("{message:?}: {bytes} bytes received"),
            Err(_) => println!("{message:?}: dropped"),
        }
    }
    Ok(())
}
// ANCHOR_END: file
