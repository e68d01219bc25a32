//! Listing: a function that a helper calls.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.17"]
    mod sums {
        // ANCHOR: program
        #[socket_filter]
        fn sum(packet: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = 10;                    // how often
            r2 = add ll;                // what
            r3 = r10;                   // its second argument
            r3 += -8;
            r4 = 0;
            call bpf_loop;
            r0 = *(u64 *)(r10 - 8);
            exit;
        }

        fn add(index: u64, sum: *mut c_void) -> i64 {
            r3 = *(u64 *)(r2 + 0);
            r3 += r1;
            *(u64 *)(r2 + 0) = r3;
            r0 = 0;  // go on
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    println!("{}\n", sums::OBJECT);
    let sums = sums::load()?;
    let packet = [0; 14];
    let run = TestRun::new().data(&packet);
    let sum = sums.progs.sum.test_run(run)?.return_value;
    println!("0 + 1 + … + 9 = {sum}");
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
