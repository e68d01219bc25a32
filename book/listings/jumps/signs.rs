//! Listing: the same numbers with and without sign, in 64 and 32 bits.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::{SocketFilter, TestRun};

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: programs
        #[socket_filter]
        fn without_sign(packet: *mut c_void) -> i32 {
            r1 = -5;
            r0 = 0;
            if r1 > 5 goto taken;
            exit;
        taken:
            r0 = 1;
            exit;
        }

        #[socket_filter]
        fn with_sign(packet: *mut c_void) -> i32 {
            r1 = -5;
            r0 = 0;
            if r1 s> 5 goto taken;
            exit;
        taken:
            r0 = 1;
            exit;
        }

        #[socket_filter]
        fn widened(packet: *mut c_void) -> i32 {
            w1 = -5;  // an i32: the upper half is zero
            r0 = 0;
            if r1 s< 0 goto taken;
            exit;
        taken:
            r0 = 1;
            exit;
        }

        #[socket_filter]
        fn in_32_bits(packet: *mut c_void) -> i32 {
            w1 = -5;
            r0 = 0;
            if w1 s< 0 goto taken;
            exit;
        taken:
            r0 = 1;
            exit;
        }
        // ANCHOR_END: programs
    }
}

fn show(name: &str, program: &SocketFilter) -> Result<(), ebpf_rt::Error> {
    let result = program.test_run(TestRun::new().data(&[0; 64]))?;
    println!("{name}: {}", result.return_value == 1);
    Ok(())
}

fn main() -> Result<(), ebpf_rt::Error> {
    let progs = first::load()?.progs;
    show("r1 = -5; r1 > 5", &progs.without_sign)?;
    show("r1 = -5; r1 s> 5", &progs.with_sign)?;
    show("w1 = -5; r1 s< 0", &progs.widened)?;
    show("w1 = -5; w1 s< 0", &progs.in_32_bits)
}
// ANCHOR_END: file
