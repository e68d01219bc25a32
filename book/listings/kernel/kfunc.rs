//! Listing: a function of the kernel.

// ANCHOR: file
use core::ffi::{c_char, c_void};

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Rodata, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "6.17"]
    mod compares {
        // ANCHOR: extern
        extern "kernel" {
            fn bpf_strcmp(a: *const c_char, b: *const c_char) -> i32;
        }
        // ANCHOR_END: extern

        static FIRST: Rodata<[u8; 4]> = Rodata::new(*b"bar\0");
        static SECOND: Rodata<[u8; 4]> = Rodata::new(*b"baz\0");

        // ANCHOR: program
        #[socket_filter]
        fn compare(packet: *mut c_void) -> i32 {
            r1 = FIRST ll;
            r2 = SECOND ll;
            call bpf_strcmp;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let compares = compares::load()?;
    let packet = [0; 14];
    let run = TestRun::new().data(&packet);
    let result = compares.progs.compare.test_run(run)?;
    println!("bpf_strcmp returned {}", result.return_value.cast_signed());
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
