//! A struct of the user's as the value of a map, through a renamed dependency.
#![deny(warnings)]

use bpf::{HashMap, Pod, ebpf};
use core::mem::offset_of;

#[derive(Clone, Copy, Pod)]
#[pod(crate = bpf)]
#[repr(C)]
struct Event {
    time: u64,
    pid: u32,
    length: [u16; 2],
}

ebpf! {
    #[license = "GPL"]
    mod events {
        static LAST: HashMap<u32, Event> = HashMap::with_max_entries(16);

        #[raw_tracepoint("sys_enter")]
        fn run(ctx: *mut u8) -> i32 {
            r1 = LAST ll;
            r2 = { offset_of!(Event, length) };
            r0 = 0;
            exit;
        }
    }
}

fn main() {
    assert_eq!(events::OBJECT.maps[0].value_size, 16);
    let event = Event { time: 1, pid: 2, length: [3, 4] };
    assert_eq!((event.time, event.pid, event.length[1]), (1, 2, 4));
}
