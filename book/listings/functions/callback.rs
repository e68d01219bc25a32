//! Listing that does not compile: a callback with one parameter.

// ANCHOR: file
use core::mem::offset_of;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;

// ANCHOR: search
/// What the filter and the function that it passes share.
#[repr(C)]
struct Search {
    packet: *mut __sk_buff,
    keep: u64,
}

/// Where it is on the filter's stack.
const SEARCH: i32 = -(size_of::<Search>() as i32);
const KEEP: i32 = SEARCH + offset_of!(Search, keep) as i32;
// ANCHOR_END: search

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.17"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn first_line(packet: *mut __sk_buff) -> i32 {
            r6 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            *(u64 *)(r10 + {SEARCH + offset_of!(Search, packet) as i32}) = r1;
            *(u64 *)(r10 + KEEP) = r6;      // all, if there is no newline

            r1 = r6;                        // how many rounds
            r2 = look ll;                   // what to call
            r3 = r10;
            r3 += SEARCH;                   // what to pass to it
            r4 = 0;                         // flags: none
            call bpf_loop;
            r0 = *(u64 *)(r10 + KEEP);
            exit;
        }

        // ANCHOR: callback
        /// One round: returns 1 to end the loop.
        fn look(index: u64) -> i64 {
            r6 = r1;
            r7 = r2;
            // ANCHOR_END: callback
            r1 = *(u64 *)(r7 + {offset_of!(Search, packet)});
            r2 = r6;
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto end;
            r1 = *(u8 *)(r10 - 1);
            if r1 != b'\n' goto next;
            r6 += 1;
            *(u64 *)(r7 + {offset_of!(Search, keep)}) = r6;
        end:
            r0 = 1;
            exit;
        next:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    let mut buffer = vec![0; 100_000];

    let first = first::load()?;
    let _link = first.progs.first_line.attach_to(&receiver)?;
    let long = format!("{}\n{}", "x".repeat(50_000), "y".repeat(10_000));
    for message in ["one\ntwo\n", "three", &long] {
        sender.send(message.as_bytes())?;
        let bytes = receiver.recv(&mut buffer)?;
        println!("{bytes} bytes of {}", message.len());
    }
    Ok(())
}
// ANCHOR_END: file
