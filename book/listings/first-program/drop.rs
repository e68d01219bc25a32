//! Listing: a filter that keeps nothing.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn drop_all(packet: *mut c_void) -> i32 {
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
    let _link = first.progs.drop_all.attach_to(&receiver)?;
    let sent = sender.send(b"Hello")?;
    println!("{sent} bytes sent");
    match receiver.recv(&mut [0; 64]) {
        Ok(received) => println!("{received} bytes received"),
        Err(error) => println!("nothing received: {error}"),
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
