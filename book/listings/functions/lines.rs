//! Listing: the answer to an exercise, lines that are counted.

// ANCHOR: file
use core::ffi::c_void;
use core::mem::offset_of;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::ebpf;
use ebpf_rt::programs::TestRun;

// ANCHOR: search
/// What the filter and the function that it passes share.
#[repr(C)]
struct Search {
    packet: *mut __sk_buff,
    newlines: u64,
}

/// Where it is on the filter's stack.
const SEARCH: i32 = -(size_of::<Search>() as i32);
const NEWLINES: i32 = SEARCH + offset_of!(Search, newlines) as i32;
// ANCHOR_END: search

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.17"]
    mod first {
        // ANCHOR: program
        #[socket_filter]
        fn lines(packet: *mut __sk_buff) -> i32 {
            r6 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            *(u64 *)(r10 + {SEARCH + offset_of!(Search, packet) as i32}) = r1;
            *(u64 *)(r10 + NEWLINES) = 0;  // newlines

            r1 = r6;                        // how many rounds
            r2 = look ll;                   // what to call
            r3 = r10;
            r3 += SEARCH;                   // what to pass to it
            r4 = 0;                         // flags: none
            call bpf_loop;
            r0 = *(u64 *)(r10 + NEWLINES);
            exit;
        }

        /// One round: returns 1 to end the loop.
        fn look(index: u64, search: *mut c_void) -> i64 {
            r6 = r1;
            r7 = r2;
            r1 = *(u64 *)(r7 + {offset_of!(Search, packet)});
            r2 = r6;
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto end;
            r1 = *(u8 *)(r10 - 1);
            if r1 != b'\n' goto next;
            r1 = *(u64 *)(r7 + {offset_of!(Search, newlines)});
            r1 += 1;
            *(u64 *)(r7 + {offset_of!(Search, newlines)}) = r1;
            goto next;
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
    let first = first::load()?;
    let mut packet = vec![0; 14];
    packet.extend("one\ntwo\nthree\n".bytes());
    let run = TestRun::new().data(&packet);
    let lines = first.progs.lines.test_run(run)?.return_value;
    println!("{lines} lines");
    Ok(())
}
// ANCHOR_END: file
