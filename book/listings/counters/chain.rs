//! Listing: the answer to an exercise, a program that calls itself.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ProgramArray, ebpf};

ebpf! {
    #[license = "GPL"]
    mod chain {
        static PROGRAMS: ProgramArray = ProgramArray::with_max_entries(1);
        static RUNS: Global<u64> = Global::new(0);

        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn again(ctx: *mut c_void) -> i32 {
            r2 = RUNS ll;
            r3 = 1;
            lock *(u64 *)(r2 + 0) += r3;
            r2 = PROGRAMS ll;
            r3 = 0;
            call bpf_tail_call;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let chain = chain::load()?;
    chain.maps.PROGRAMS.set(0, &chain.progs.again)?;
    chain.progs.again.test_run(TestRun::new())?;
    println!("{} runs", chain.maps.RUNS.get());
    Ok(())
}
// ANCHOR_END: file
