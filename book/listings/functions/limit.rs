//! Listing: a limit on packets, with a timer.

// ANCHOR: file
use core::ffi::c_void;
use core::mem::offset_of;
use std::os::unix::net::UnixDatagram;
use std::thread::sleep;
use std::time::Duration;

use ebpf_rt::kernel_types::bpf_timer;
use ebpf_rt::{Array, Btf, Pod, ebpf};

const CLOCK_MONOTONIC: i32 = 1;
const INTERVAL_NS: u32 = 1_000_000_000;
const BURST: u32 = 3;

// ANCHOR: type
#[derive(Clone, Copy, Pod, Btf)]
#[repr(C)]
struct Limit {
    /// How many packets may pass until the timer rings.
    left: u64,
    timer: bpf_timer,
}
// ANCHOR_END: type

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.15"]
    mod first {
        static LIMITS: Array<Limit> = Array::with_max_entries(1);

        // ANCHOR: program
        #[socket_filter]
        fn limit(packet: *mut c_void) -> i32 {
            *(u32 *)(r10 - 4) = 0;
            r1 = LIMITS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto drop;
            r6 = r0;

            // The first packet starts the timer.
            r1 = r6;
            r1 += {offset_of!(Limit, timer)};
            r2 = LIMITS ll;
            r3 = CLOCK_MONOTONIC;
            call bpf_timer_init;
            if r0 != 0 goto count;  // it is there already
            r1 = r6;
            r1 += {offset_of!(Limit, timer)};
            r2 = refill ll;
            call bpf_timer_set_callback;
            *(u64 *)(r6 + {offset_of!(Limit, left)}) = BURST;
            r1 = r6;
            r1 += {offset_of!(Limit, timer)};
            r2 = INTERVAL_NS;
            r3 = 0;
            call bpf_timer_start;

        count:
            r1 = *(u64 *)(r6 + {offset_of!(Limit, left)});
            if r1 == 0 goto drop;
            r1 -= 1;
            *(u64 *)(r6 + {offset_of!(Limit, left)}) = r1;
            r0 = -1;
            exit;
        drop:
            r0 = 0;
            exit;
        }

        /// The timer rings: fills up, and winds it again.
        fn refill(map: *mut c_void, key: *mut u32, limit: *mut Limit) -> i64 {
            *(u64 *)(r3 + {offset_of!(Limit, left)}) = BURST;
            r1 = r3;
            r1 += {offset_of!(Limit, timer)};
            r2 = INTERVAL_NS;
            r3 = 0;
            call bpf_timer_start;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    receiver.set_nonblocking(true)?;

    let first = first::load()?;
    let _link = first.progs.limit.attach_to(&receiver)?;
    for _ in 0..2 {
        let mut arrived = 0;
        for _ in 0..10 {
            sender.send(b"Hello")?;
            arrived += u32::from(receiver.recv(&mut [0; 64]).is_ok());
        }
        println!("10 sent, {arrived} arrived");
        sleep(Duration::from_millis(1500));
    }
    Ok(())
}
// ANCHOR_END: file
