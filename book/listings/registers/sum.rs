//! Listing: a sum, run by request.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn sum(packet: *mut c_void) -> i32 {
            r0 = 40;
            r2 = 2;
            r0 += r2;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let first = first::load()?;
    let packet = [0; 64];
    let result = first.progs.sum.test_run(TestRun::new().data(&packet))?;
    println!("{}", result.return_value);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
