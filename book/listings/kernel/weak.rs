//! Listing: a kernel function that need not be there.

// ANCHOR: file
use core::ffi::{c_char, c_void};

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Rodata, ebpf};

ebpf! {
    #[license = "GPL"]
    mod compares {
        // ANCHOR: extern
        extern "kernel" {
            #[weak]
            fn bpf_strcmp(a: *const c_char, b: *const c_char) -> i32;
        }
        // ANCHOR_END: extern

        static FIRST: Rodata<[u8; 4]> = Rodata::new(*b"bar\0");
        static SECOND: Rodata<[u8; 4]> = Rodata::new(*b"baz\0");

        // ANCHOR: program
        #[socket_filter]
        fn compare(packet: *mut c_void) -> i32 {
            r1 = bpf_strcmp ll;         // 0 if the kernel has none
            if r1 == 0 goto by_hand;
            r1 = FIRST ll;
            r2 = SECOND ll;
            call bpf_strcmp;
            exit;
        by_hand:
            r1 = FIRST ll;
            r2 = SECOND ll;
            r0 = *(u8 *)(r1 + 2);
            r1 = *(u8 *)(r2 + 2);
            r0 -= r1;
            r0 s>>= 63;                 // -1 if it is less
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let compares = compares::load()?;
    let packet = [0; 14];
    let run = TestRun::new().data(&packet);
    let result = compares.progs.compare.test_run(run)?;
    println!("it returned {}", result.return_value.cast_signed());
    Ok(())
}
// ANCHOR_END: file
