//! Listing: a flag that says that data are ready.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "6.15"]
    mod message {
        static DATA: Global<u64> = Global::new(0);
        static READY: Global<u32> = Global::new(0);

        // ANCHOR: program
        #[socket_filter]
        fn write(packet: *mut c_void) -> i32 {
            r1 = DATA ll;
            *(u64 *)(r1 + 0) = 42;
            r1 = READY ll;
            w2 = 1;
            store_release((u32 *)(r1 + 0), w2);
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn read(packet: *mut c_void) -> i32 {
            r1 = READY ll;
            w2 = load_acquire((u32 *)(r1 + 0));
            r0 = 0;
            if w2 == 0 goto done;
            r1 = DATA ll;
            r0 = *(u64 *)(r1 + 0);
        done:
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let message = message::load()?;
    let packet = [0; 14];
    let run = TestRun::new().data(&packet);
    println!("read {}", message.progs.read.test_run(run)?.return_value);
    message.progs.write.test_run(run)?;
    println!("read {}", message.progs.read.test_run(run)?.return_value);
    Ok(())
}
// ANCHOR_END: file
