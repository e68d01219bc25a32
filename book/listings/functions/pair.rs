//! Listing that the kernel refuses: a global function that does not compare its argument.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Btf, ebpf};

// ANCHOR: type
#[derive(Btf)]
#[repr(C)]
struct Pair {
    first: u32,
    second: u32,
}
// ANCHOR_END: type

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn sum(packet: *mut c_void) -> i32 {
            *(u32 *)(r10 - 8) = 40;
            *(u32 *)(r10 - 4) = 2;
            r1 = r10;
            r1 += -8;
            call add;
            exit;
        }

        pub fn add(pair: *mut Pair) -> i32 {
            r0 = *(u32 *)(r1 + 0);
            r1 = *(u32 *)(r1 + 4);
            r0 += r1;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let first = first::load()?;
    let run = TestRun::new().data(&[0; 64]);
    println!("{}", first.progs.sum.test_run(run)?.return_value);
    Ok(())
}
// ANCHOR_END: file
