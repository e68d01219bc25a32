//! Listing that the kernel refuses: a program without a result.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::ebpf;

// ANCHOR: object
ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        #[allow_unchecked(BPF0110)]
        fn keep_four(packet: *mut c_void) -> i32 {
            exit;
        }
        // ANCHOR_END: program
    }
}
// ANCHOR_END: object

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    let mut buffer = [0; 64];

    let first = first::load()?;
    let link = first.progs.keep_four.attach_to(&receiver)?;
    let sent = sender.send(b"Hello")?;
    let received = receiver.recv(&mut buffer)?;
    println!("attached: {sent} bytes sent, {received} received");
    println!("{}", str::from_utf8(&buffer[..received])?);

    drop(link);
    let sent = sender.send(b"Hello")?;
    let received = receiver.recv(&mut buffer)?;
    println!("detached: {sent} bytes sent, {received} received");
    println!("{}", str::from_utf8(&buffer[..received])?);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
