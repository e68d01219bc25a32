//! Listing: the time since the machine was started.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

const NS_PER_SECOND: u32 = 1_000_000_000;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        // ANCHOR: program
        fn uptime(packet: *mut c_void) -> i32 {
            call bpf_ktime_get_ns;
            r0 /= NS_PER_SECOND;    // seconds
            r1 = r0;
            r1 %= 60;               // seconds of the minute
            r0 /= 60;               // minutes
            r2 = r0;
            r2 %= 60;               // minutes of the hour
            r0 /= 60;               // hours
            r0 <<= 8;
            r0 |= r2;
            r0 <<= 8;
            r0 |= r1;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let first = first::load()?;
    let run = TestRun::new().data(&[0; 64]);
    let packed = first.progs.uptime.test_run(run)?.return_value;
    let hours = packed >> 16;
    let minutes = (packed >> 8) & 0xff;
    let seconds = packed & 0xff;
    println!("up for {hours} h {minutes} min {seconds} s");
    Ok(())
}
// ANCHOR_END: file
