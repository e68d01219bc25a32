//! Drops messages as `stream_verdict` does, of any length: the loop is the kernel's, its body a
//! function of its own, and what compares is a function of the kernel (a kfunc).

use core::ffi::{c_char, c_void};
use core::mem::offset_of;
use ebpf_examples::{Exit, MESSAGES, print_what_arrives, run_tool};
use ebpf_rt::context::__sk_buff;
use ebpf_rt::{Rodata, SockMap, ebpf};
use lexopt::prelude::*;
use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;

const HELP: &str = "\
Sends some messages through a pair of Unix sockets and prints what arrives; an eBPF program on
the way drops those with \"foobar\" in them, which it finds by a function of the kernel.

Usage: stream_verdict_kfunc

Options:
  -h, --help    Print this

Needs CAP_BPF and CAP_NET_ADMIN (after Linux 6.18 CAP_PERFMON as well), and Linux 6.17 or
later.
";

const WORD_LENGTH: usize = "foobar".len();
const SK_DROP: i32 = 0;
const SK_PASS: i32 = 1;

/// What the program and the body of its loop share, on the program's stack.
#[repr(C)]
struct Search {
    message: *mut __sk_buff,
    is_found: u64,
}

const SEARCH_SIZE: usize = size_of::<Search>();

ebpf! {
    /// Drops messages by what is in them.
    #[license = "GPL"]
    #[min_kernel = "6.17"]
    mod verdicts {
        extern "kernel" {
            fn bpf_strcmp(s1: *const c_char, s2: *const c_char) -> i32;
        }

        static WORD: Rodata<[u8; WORD_LENGTH + 1]> = Rodata::new(*b"foobar\0");

        #[sk_skb_stream_verdict]
        fn drop_foobar(ctx: *mut __sk_buff) -> i32 {
            r3 = r10;
            r3 += -SEARCH_SIZE;
            *(u64 *)(r3 + {offset_of!(Search, message)}) = r1;
            *(u64 *)(r3 + {offset_of!(Search, is_found)}) = 0;
            r6 = r3;
            r1 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r1 < WORD_LENGTH goto pass;
            r1 -= {WORD_LENGTH - 1};  // the places where the word may be
            r2 = compare ll;
            r4 = 0;
            call bpf_loop;
            r1 = *(u64 *)(r6 + {offset_of!(Search, is_found)});
            if r1 == 0 goto pass;
            r0 = SK_DROP;
            exit;
        pass:
            r0 = SK_PASS;
            exit;
        }

        // ANCHOR: compare
        /// Returns whether the loop is to end.
        fn compare(place: u64, search: *mut c_void) -> i64 {
            r6 = r2;
            *(u64 *)(r10 - 8) = 0;  // so that a zero follows what is copied
            r2 = r1;
            r1 = *(u64 *)(r6 + {offset_of!(Search, message)});
            r3 = r10;
            r3 += -8;
            r4 = WORD_LENGTH;
            call bpf_skb_load_bytes;
            if r0 != 0 goto end;
            r1 = r10;
            r1 += -8;
            r2 = WORD ll;
            call bpf_strcmp;
            if r0 != 0 goto next;
            *(u64 *)(r6 + {offset_of!(Search, is_found)}) = 1;
        end:
            r0 = 1;
            exit;
        next:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: compare
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    if let Some(argument) = arguments.next()? {
        return match argument {
            Short('h') | Long("help") => Err(Exit::Help),
            other => Err(other.unexpected().into()),
        };
    }

    let verdicts = verdicts::load()?;
    // It judges what the sockets in the map receive, those that are put there from now on.
    let sockets = SockMap::create(1)?;
    let _link = verdicts.progs.drop_foobar.attach_to(&sockets)?;
    let (sender, receiver) = UnixDatagram::pair()?;
    sockets.set(0, &receiver)?;
    print_what_arrives(&sender, &receiver, &MESSAGES)
}

#[cfg(test)]
mod tests {
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::verdicts::OBJECT);
    }
}
