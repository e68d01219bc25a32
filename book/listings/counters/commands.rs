//! Listing: the answer to an exercise, a counter for each command.

// ANCHOR: file
use core::ffi::c_void;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{HashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    mod execs {
        static COUNTS: HashMap<[u8; 16], u64> =
            HashMap::with_max_entries(1024);

        // ANCHOR: program
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = r10;                       // the key: 16 bytes of name
            r1 += -16;
            r2 = 16;
            call bpf_get_current_comm;

            *(u64 *)(r10 - 24) = 0;         // a new counter
            r1 = COUNTS ll;
            r2 = r10;
            r2 += -16;
            r3 = r10;
            r3 += -24;
            r4 = BPF_NOEXIST;
            call bpf_map_update_elem;       // fails if there is one

            r1 = COUNTS ll;
            r2 = r10;
            r2 += -16;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;           // the table is full
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let execs = execs::load()?;
    let _link = execs.progs.count.attach()?;
    for _ in 0..3 {
        let _ = Command::new("/no/such/program").exec();
    }
    let name = std::fs::read("/proc/self/comm").unwrap_or_default();
    // Others may have started programs meanwhile.
    for entry in execs.maps.COUNTS.iter() {
        let (command, count) = entry?;
        if command.starts_with(name.trim_ascii_end()) {
            println!("this one: {count} calls");
        }
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
