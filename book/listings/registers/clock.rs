//! Listing: answers to two exercises, the number of the CPU and the cost of a call.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

ebpf! {
    #[license = "GPL"]
    mod first {
        // ANCHOR: cpu
        #[socket_filter]
        fn cpu(packet: *mut c_void) -> i32 {
            call bpf_get_smp_processor_id;
            exit;
        }
        // ANCHOR_END: cpu

        // ANCHOR: clock
        #[socket_filter]
        fn clock(packet: *mut c_void) -> i32 {
            call bpf_ktime_get_ns;
            r6 = r0;
            call bpf_ktime_get_ns;
            r0 -= r6;
            exit;
        }
        // ANCHOR_END: clock
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let first = first::load()?;
    let run = TestRun::new().data(&[0; 64]);
    let cpu = first.progs.cpu.test_run(run)?.return_value;
    println!("CPU {cpu}");
    let clock = first.progs.clock.test_run(run)?.return_value;
    println!("{clock} ns");
    Ok(())
}
// ANCHOR_END: file
