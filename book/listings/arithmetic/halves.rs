//! Listing: 32-bit operations and the upper half of a register.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::{SocketFilter, TestRun};

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: programs
        #[socket_filter]
        fn upper_half_of_r(packet: *mut c_void) -> i32 {
            r0 = 0xffffffff ll;
            r0 += 2;  // 0x1_0000_0001
            r0 >>= 32;
            exit;
        }

        #[socket_filter]
        fn upper_half_of_w(packet: *mut c_void) -> i32 {
            r0 = 0xffffffff ll;
            w0 += 2;  // 1: the carry is lost
            r0 >>= 32;
            exit;
        }

        #[socket_filter]
        fn cleared_by_copy(packet: *mut c_void) -> i32 {
            r1 = -1;        // 64 ones
            w0 = w1;        // 32 zeros and 32 ones
            r0 >>= 31;
            exit;
        }

        #[socket_filter]
        fn extended_by_constant(packet: *mut c_void) -> i32 {
            r0 = -1;        // 64 ones
            w1 = -1;        // 32 zeros and 32 ones
            r0 -= r1;       // 32 ones and 32 zeros
            r0 >>= 32;
            exit;
        }
        // ANCHOR_END: programs
    }
}

// ANCHOR: main
fn show(name: &str, program: &SocketFilter) -> Result<(), ebpf_rt::Error> {
    let result = program.test_run(TestRun::new().data(&[0; 64]))?;
    println!("{name}: {:#x}", result.return_value);
    Ok(())
}

fn main() -> Result<(), ebpf_rt::Error> {
    let progs = first::load()?.progs;
    show("upper half after r0 += 2", &progs.upper_half_of_r)?;
    show("upper half after w0 += 2", &progs.upper_half_of_w)?;
    show("bits from 31 after w0 = w1", &progs.cleared_by_copy)?;
    show("upper half of r0 - r1", &progs.extended_by_constant)
}
// ANCHOR_END: main
// ANCHOR_END: file
