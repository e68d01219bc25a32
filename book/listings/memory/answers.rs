//! Listing: answers to the exercises.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

const GET: u32 = u32::from_ne_bytes(*b"GET ");

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: halves
        #[socket_filter]
        fn halves(packet: *mut c_void) -> i32 {
            r1 = 0x1111111122222222 ll;
            *(u64 *)(r10 - 8) = r1;
            r2 = *(u32 *)(r10 - 8);
            r3 = *(u32 *)(r10 - 4);
            *(u32 *)(r10 - 8) = w3;
            *(u32 *)(r10 - 4) = w2;
            r0 = *(u64 *)(r10 - 8);
            exit;
        }
        // ANCHOR_END: halves

        // ANCHOR: spilled
        #[socket_filter]
        fn spilled(packet: *mut c_void) -> i32 {
            *(u64 *)(r10 - 16) = r1;
            r2 = 0;
            r3 = r10;
            r3 += -4;
            r4 = 4;
            call bpf_skb_load_bytes;
            if r0 != 0 goto drop;
            r1 = *(u32 *)(r10 - 4);
            if r1 != GET goto drop;
            r1 = *(u64 *)(r10 - 16);
            r0 = *(u32 *)(r1 + 0);
            exit;
        drop:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: spilled

        // ANCHOR: prefix
        #[socket_filter]
        fn prefix(packet: *mut c_void) -> i32 {
            r2 = 0;
            r3 = r10;
            r3 += -2;
            r4 = 2;
            call bpf_skb_load_bytes;
            if r0 != 0 goto drop;
            r0 = *(u16 *)(r10 - 2);
            r0 = be16 r0;
            r0 += 2;
            exit;
        drop:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: prefix
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let first = first::load()?;
    let run = TestRun::new().data(&[0; 64]);
    let halves = first.progs.halves.test_run(run)?.return_value;
    println!("{halves:#x}");

    let (sender, receiver) = UnixDatagram::pair()?;
    let mut buffer = [0; 64];
    let link = first.progs.spilled.attach_to(&receiver)?;
    sender.send(b"GET /")?;
    println!("{} bytes received", receiver.recv(&mut buffer)?);
    drop(link);

    let _link = first.progs.prefix.attach_to(&receiver)?;
    sender.send(b"\x00\x05Hello and more")?;
    println!("{} bytes received", receiver.recv(&mut buffer)?);
    Ok(())
}
// ANCHOR_END: file
