//! Listing: a number that nobody else gets.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.12"]
    mod tickets {
        static NEXT: Global<u64> = Global::new(100);

        // ANCHOR: program
        #[socket_filter]
        fn take(packet: *mut c_void) -> i32 {
            r1 = NEXT ll;
            r0 = 1;
            r0 = atomic_fetch_add((u64 *)(r1 + 0), r0);
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let tickets = tickets::load()?;
    let packet = [0; 14];
    for _ in 0..3 {
        let run = TestRun::new().data(&packet);
        let ticket = tickets.progs.take.test_run(run)?.return_value;
        println!("ticket {ticket}");
    }
    println!("the next is {}", tickets.maps.NEXT.get());
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
