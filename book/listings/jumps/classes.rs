//! Listing: three branches.

// ANCHOR: file
use core::mem::offset_of;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn class(packet: *mut __sk_buff) -> i32 {
            r1 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r1 > 1000 goto large;
            if r1 > 100 goto medium;
            r0 = 1;
            goto done;
        medium:
            r0 = 2;
            goto done;
        large:
            r0 = 3;
        done:
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let first = first::load()?;
    for size in [60, 600, 1400] {
        let packet = vec![0; size];
        let run = TestRun::new().data(&packet);
        let class = first.progs.class.test_run(run)?.return_value;
        println!("{size} bytes: class {class}");
    }
    Ok(())
}
// ANCHOR_END: file
