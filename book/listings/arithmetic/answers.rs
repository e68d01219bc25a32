//! Listing: answers to the exercises.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::{SocketFilter, TestRun};

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: round
        #[socket_filter]
        fn round_up(packet: *mut c_void) -> i32 {
            r0 = 13;
            r0 += 7;
            r0 &= -8;
            exit;
        }
        // ANCHOR_END: round

        // ANCHOR: sign
        #[socket_filter]
        fn sign_of_a_byte(packet: *mut c_void) -> i32 {
            r0 = 0xfe;
            r0 <<= 56;
            r0 s>>= 56;
            exit;
        }
        // ANCHOR_END: sign

        // ANCHOR: fold
        #[socket_filter]
        fn checksum(packet: *mut c_void) -> i32 {
            r0 = 0x45a73;
            r1 = r0;
            r1 >>= 16;          // the carries
            r0 &= 0xffff;
            r0 += r1;
            r1 = r0;            // adding them can carry again
            r1 >>= 16;
            r0 += r1;
            r0 ^= -1;           // ones' complement
            r0 &= 0xffff;
            exit;
        }
        // ANCHOR_END: fold
    }
}

fn show(name: &str, program: &SocketFilter) -> Result<(), ebpf_rt::Error> {
    let result = program.test_run(TestRun::new().data(&[0; 64]))?;
    let value = result.return_value;
    println!("{name}: {:#x} or {}", value, value.cast_signed());
    Ok(())
}

fn main() -> Result<(), ebpf_rt::Error> {
    let progs = first::load()?.progs;
    show("13, rounded up", &progs.round_up)?;
    show("the byte 0xfe", &progs.sign_of_a_byte)?;
    show("0x45a73, folded", &progs.checksum)
}
// ANCHOR_END: file
