//! Listing: the instructions of version 4.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "6.6"]
    mod newer {
        static OUT: Global<[i64; 8]> = Global::new([0; 8]);

        // ANCHOR: program
        #[socket_filter]
        fn show(packet: *mut c_void) -> i32 {
            r1 = OUT ll;

            r2 = 0xff;
            r3 = (s8)r2;                    // move, with the sign of 8 bits
            *(u64 *)(r1 + 0) = r3;
            w3 = (s8)w2;                    // in 32 bits: the upper are 0
            *(u64 *)(r1 + 8) = r3;

            *(u32 *)(r10 - 8) = -5;
            r3 = *(u32 *)(r10 - 8);         // load, without a sign
            *(u64 *)(r1 + 16) = r3;
            r3 = *(s32 *)(r10 - 8);         // and with it
            *(u64 *)(r1 + 24) = r3;

            r2 = -7;
            r3 = r2;
            r3 s/= 2;                       // signed division
            *(u64 *)(r1 + 32) = r3;
            r3 = r2;
            r3 s%= 2;
            *(u64 *)(r1 + 40) = r3;

            r3 = 0x1234;
            r3 = bswap16 r3;                // turns the bytes around, always
            *(u64 *)(r1 + 48) = r3;

            gotol done;                     // 32 bits of distance
        done:
            *(u64 *)(r1 + 56) = 1;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let newer = newer::load()?;
    let packet = [0; 14];
    newer.progs.show.test_run(TestRun::new().data(&packet))?;
    let [sx64, sx32, zero, signed, quotient, rest, swapped, reached] = newer.maps.OUT.get();
    println!("(s8)0xff      {sx64} in 64 bits, {sx32:#x} in 32");
    println!("loads of -5   {zero:#x} as u32, {signed} as s32");
    println!("-7 / 2        {quotient}, and {rest} remain");
    println!("bswap16       {swapped:#x}");
    println!("reached       {reached}");
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
