//! Listing: a socket that loses every fourth packet.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::ebpf;

const QUARTER: u32 = u32::MAX / 4;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn lossy(packet: *mut c_void) -> i32 {
            call bpf_get_prandom_u32;
            if r0 < QUARTER goto lose;
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
    let mut arrived = 0;
    for _ in 0..1000 {
        sender.send(b"Hello")?;
        if receiver.recv(&mut [0; 64]).is_ok() {
            arrived += 1;
        }
    }
    println!("1000 sent, {arrived} arrived");
    Ok(())
}
// ANCHOR_END: file
