//! Listing: messages dropped on their way into a socket.

// ANCHOR: file
use core::mem::offset_of;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::{Rodata, SockMap, ebpf};

const LENGTH: usize = "foobar".len();
const SK_DROP: i32 = 0;
const SK_PASS: i32 = 1;

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "6.1"]
    mod verdicts {
        static WORD: Rodata<[u8; LENGTH + 1]> = Rodata::new(*b"foobar\0");

        // ANCHOR: program
        #[sk_skb_stream_verdict]
        fn drop_foobar(ctx: *mut __sk_buff) -> i32 {
            r6 = r1;
            r1 = *(u32 *)(r6 + {offset_of!(__sk_buff, len)});
            if r1 < LENGTH goto pass;
            r7 = 0;                             // the place in the message
        compare:
            r1 = r6;
            r2 = r7;
            r3 = r10;
            r3 += -8;
            r4 = LENGTH;
            call bpf_skb_load_bytes;
            if r0 s< 0 goto pass;               // the message ends before
            r1 = r10;
            r1 += -8;
            r2 = LENGTH;
            r3 = WORD ll;
            call bpf_strncmp;
            if r0 == 0 goto drop;
            r7 += 1;
            if r7 < 512 goto compare;
        drop:
            r0 = SK_DROP;
            exit;
        pass:
            r0 = SK_PASS;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verdicts = verdicts::load()?;
    let sockets = SockMap::create(1)?;
    let _link = verdicts.progs.drop_foobar.attach_to(&sockets)?;
    let (sender, receiver) = UnixDatagram::pair()?;
    sockets.set(0, &receiver)?;
    receiver.set_nonblocking(true)?;

    for message in ["foo", "foobar", "ffoobarbaz", "bazbarfoo"] {
        sender.send(message.as_bytes())?;
        match receiver.recv(&mut [0; 64]) {
            Ok(_) => println!("{message}: arrived"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                println!("{message}: dropped");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
