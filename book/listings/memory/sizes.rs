//! Listing: stores and loads of all sizes.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::{SocketFilter, TestRun};

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: programs
        #[socket_filter]
        fn lowest_address(packet: *mut c_void) -> i32 {
            r1 = 0x11223344;
            *(u32 *)(r10 - 4) = w1;
            r0 = *(u8 *)(r10 - 4);
            exit;
        }

        #[socket_filter]
        fn middle(packet: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            *(u8 *)(r10 - 7) = 0xab;
            *(u8 *)(r10 - 6) = 0xcd;
            r0 = *(u32 *)(r10 - 8);
            exit;
        }

        #[socket_filter]
        fn cut_off(packet: *mut c_void) -> i32 {
            r1 = 0x123456;
            *(u16 *)(r10 - 2) = w1;     // stores the lower 16 bits
            r0 = *(u16 *)(r10 - 2);     // and clears the others
            exit;
        }
        // ANCHOR_END: programs
    }
}

fn show(name: &str, program: &SocketFilter) -> Result<(), ebpf_rt::Error> {
    let result = program.test_run(TestRun::new().data(&[0; 64]))?;
    println!("{name}: {:#x}", result.return_value);
    Ok(())
}

fn main() -> Result<(), ebpf_rt::Error> {
    let progs = first::load()?.progs;
    show("byte at the lowest address", &progs.lowest_address)?;
    show("two bytes in the middle", &progs.middle)?;
    show("0x123456 in 16 bits", &progs.cut_off)
}
// ANCHOR_END: file
