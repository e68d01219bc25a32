//! Listing: a program for each system call.

// ANCHOR: file
use ebpf_rt::context::bpf_raw_tracepoint_args;
use ebpf_rt::{Global, ProgramArray, ebpf};

ebpf! {
    #[license = "GPL"]
    mod calls {
        const PID: u32;
        // ANCHOR: maps
        static PROGRAMS: ProgramArray = ProgramArray::with_max_entries(512);
        static PARENT: Global<u64> = Global::new(0);
        static OTHERS: Global<u64> = Global::new(0);
        // ANCHOR_END: maps

        // ANCHOR: enter
        #[raw_tracepoint("sys_enter")]
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PID;
            if r0 != r1 goto done;

            r1 = r6;
            r2 = PROGRAMS ll;
            r3 = *(u64 *)(r6 + 8);  // the system call's number
            call bpf_tail_call;
            // No program has this number.
            r1 = OTHERS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: enter

        // ANCHOR: others
        #[raw_tracepoint("sys_enter")]
        fn parent(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r1 = PARENT ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn ignore(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r0 = 0;
            exit;
        }
        // ANCHOR_END: others
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let mut loader = calls::loader();
    loader.consts.PID.set(std::process::id());
    let calls = loader.load()?;
    let (maps, progs) = (&calls.maps, &calls.progs);
    maps.PROGRAMS.set(libc::SYS_getppid as u32, &progs.parent)?;
    maps.PROGRAMS.set(libc::SYS_getuid as u32, &progs.ignore)?;

    let link = progs.enter.attach()?;
    for _ in 0..5 {
        let _ = std::os::unix::process::parent_id();
    }
    for _ in 0..7 {
        // SAFETY: takes nothing and cannot fail.
        unsafe { libc::getuid() };
    }
    for _ in 0..9 {
        std::thread::yield_now();
    }
    drop(link);

    println!("getppid: {}", maps.PARENT.get());
    // What detaches the program is one of them as well.
    println!("others, 9 or more: {}", maps.OTHERS.get() >= 9);
    println!("fewer than 16: {}", maps.OTHERS.get() < 16);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
