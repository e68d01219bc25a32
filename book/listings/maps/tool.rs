//! Listing: a tool that shows which programs make how many system calls, and how many fail.

// ANCHOR: file
use core::cmp::Reverse;
use core::mem::offset_of;
use std::thread::sleep;
use std::time::Duration;

use ebpf_rt::context::trace_event_raw_sys_exit;
use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{Global, HashMap, Pod, ebpf};

// ANCHOR: types
/// Who calls: the key of the table.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Caller {
    uid: u32,
    command: [u8; 16],
}

/// What is counted: the value.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Calls {
    made: u64,
    failed: u64,
}

// The program's stack.
const CALLER: i32 = -(size_of::<Caller>() as i32);
const COMMAND: i32 = CALLER + offset_of!(Caller, command) as i32;
const CALLS: i32 = -48;
// ANCHOR_END: types

// ANCHOR: object
ebpf! {
    /// Counts system calls by user and command.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod calls {
        static TABLE: HashMap<Caller, Calls> = HashMap::with_max_entries(8192);
        /// Calls for which the table had no room.
        static NOT_COUNTED: Global<u64> = Global::new(0);

        #[tracepoint("raw_syscalls", "sys_exit")]
        fn returned(record: *const trace_event_raw_sys_exit) -> i32 {
            r6 = *(u64 *)(r1 + {offset_of!(trace_event_raw_sys_exit, ret)});

            // The key. Some kernels write no more than the name: zeros first.
            *(u64 *)(r10 + COMMAND) = 0;
            *(u64 *)(r10 + {COMMAND + 8}) = 0;
            r1 = r10;
            r1 += COMMAND;
            r2 = 16;
            call bpf_get_current_comm;
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 + {CALLER + offset_of!(Caller, uid) as i32}) = w0;

            r1 = TABLE ll;
            r2 = r10;
            r2 += CALLER;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;

            // A new entry, with zeros.
            *(u64 *)(r10 + CALLS) = 0;
            *(u64 *)(r10 + {CALLS + 8}) = 0;
            r1 = TABLE ll;
            r2 = r10;
            r2 += CALLER;
            r3 = r10;
            r3 += CALLS;
            r4 = BPF_NOEXIST;
            call bpf_map_update_elem;

            r1 = TABLE ll;
            r2 = r10;
            r2 += CALLER;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;
            r1 = NOT_COUNTED ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            goto done;

        add:
            r1 = 1;
            lock *(u64 *)(r0 + {offset_of!(Calls, made)}) += r1;
            if r6 s>= 0 goto done;
            lock *(u64 *)(r0 + {offset_of!(Calls, failed)}) += r1;
        done:
            r0 = 0;
            exit;
        }
    }
}
// ANCHOR_END: object

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: u64 = match std::env::args().nth(1) {
        Some(argument) => argument.parse()?,
        None => 5,
    };
    let calls = calls::load()?;
    let link = calls.progs.returned.attach()?;
    sleep(Duration::from_secs(seconds));
    drop(link);

    let mut rows = calls.maps.TABLE.iter().collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|(_, calls)| Reverse(calls.made));
    println!("    USER COMMAND              CALLS     FAILED");
    for (caller, Calls { made, failed }) in rows.into_iter().take(20) {
        let uid = caller.uid;
        let command = caller.command.split(|&byte| byte == 0).next();
        let command = String::from_utf8_lossy(command.unwrap_or_default());
        println!("{uid:>8} {command:<16} {made:>8} {failed:>10}");
    }
    match calls.maps.NOT_COUNTED.get() {
        0 => {}
        more => println!("and {more} calls for which the table had no room"),
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
