//! Listing: answers to the exercises.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

const LONGEST: u32 = 256;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: ascii
        #[socket_filter]
        fn ascii(packet: *mut c_void) -> i32 {
            r6 = r1;
            r7 = 0;
        next:
            r1 = r6;
            r2 = r7;
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto keep;
            r1 = *(u8 *)(r10 - 1);
            if r1 & 0x80 goto drop;
            r7 += 1;
            if r7 < LONGEST goto next;
        keep:
            r0 = -1;
            exit;
        drop:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: ascii

        // ANCHOR: lines
        #[socket_filter]
        fn two_lines(packet: *mut c_void) -> i32 {
            r6 = r1;
            r7 = 0;
            r8 = 0;  // lines that are over
        next:
            r1 = r6;
            r2 = r7;
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto done;
            r7 += 1;
            r1 = *(u8 *)(r10 - 1);
            if r1 != b'\n' goto again;
            r8 += 1;
            if r8 == 2 goto done;
        again:
            if r7 < LONGEST goto next;
        done:
            r0 = r7;
            exit;
        }
        // ANCHOR_END: lines

        // ANCHOR: divisor
        #[socket_filter]
        fn greatest_common_divisor(packet: *mut c_void) -> i32 {
            r1 = 1071;
            r2 = 462;
            r3 = 64;
        next:
            if r2 == 0 goto done;
            r0 = r1;
            r0 %= r2;
            r1 = r2;
            r2 = r0;
            r3 -= 1;
            if r3 != 0 goto next;
        done:
            r0 = r1;
            exit;
        }
        // ANCHOR_END: divisor
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let first = first::load()?;
    let (sender, receiver) = UnixDatagram::pair()?;
    receiver.set_nonblocking(true)?;
    let mut buffer = [0; 64];

    let link = first.progs.ascii.attach_to(&receiver)?;
    for message in ["tea", "th\u{e9}"] {
        sender.send(message.as_bytes())?;
        println!("{message}: {}", receiver.recv(&mut buffer).is_ok());
    }
    drop(link);

    let link = first.progs.two_lines.attach_to(&receiver)?;
    sender.send(b"one\ntwo\nthree\n")?;
    println!("{} bytes received", receiver.recv(&mut buffer)?);
    drop(link);

    let run = TestRun::new().data(&[0; 64]);
    let result = first.progs.greatest_common_divisor.test_run(run)?;
    println!("{}", result.return_value);
    Ok(())
}
// ANCHOR_END: file
