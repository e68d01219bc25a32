//! Listing that does not compile: a register that nothing was put into.

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
            r0 += r2;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let first = first::load()?;
    let packet = [0; 64];
    let result = first.progs.sum.test_run(TestRun::new().data(&packet))?;
    println!("{}", result.return_value);
    Ok(())
}
// ANCHOR_END: file
