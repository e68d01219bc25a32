//! Listing: division by zero, shifts by registers, signs.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::{SocketFilter, TestRun};

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: programs
        #[socket_filter]
        fn divided_by_zero(packet: *mut c_void) -> i32 {
            r0 = 7;
            r1 = 0;
            r0 /= r1;  // the quotient is 0
            exit;
        }

        #[socket_filter]
        fn remainder_of_zero(packet: *mut c_void) -> i32 {
            r0 = 7;
            r1 = 0;
            r0 %= r1;  // the remainder is everything
            exit;
        }

        #[socket_filter]
        fn minus_seven_halves(packet: *mut c_void) -> i32 {
            r0 = -7;
            r0 /= 2;  // without sign: a very large number
            r0 >>= 32;
            exit;
        }

        #[socket_filter]
        fn shifted_with_sign(packet: *mut c_void) -> i32 {
            r0 = -7;
            r0 s>>= 1;  // rounds towards minus infinity: -4
            exit;
        }

        #[socket_filter]
        fn negated(packet: *mut c_void) -> i32 {
            r0 = 7;
            r0 = -r0;
            exit;
        }

        #[socket_filter]
        fn network_order(packet: *mut c_void) -> i32 {
            r0 = 0x1234;
            r0 = be16 r0;  // 0x3412 on a little-endian machine
            exit;
        }
        // ANCHOR_END: programs
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
    show("7 / 0", &progs.divided_by_zero)?;
    show("7 % 0", &progs.remainder_of_zero)?;
    show("upper half of -7 / 2", &progs.minus_seven_halves)?;
    show("-7 s>> 1", &progs.shifted_with_sign)?;
    show("-7", &progs.negated)?;
    show("be16 0x1234", &progs.network_order)
}
// ANCHOR_END: file
