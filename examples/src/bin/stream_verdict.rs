//! Drops messages on their way into a socket: a verdict on a sockmap, which compares what a
//! message has in it with a word in frozen memory.

use core::mem::offset_of;
use ebpf_examples::{Exit, MESSAGES, print_what_arrives, run_tool};
use ebpf_rt::context::__sk_buff;
use ebpf_rt::{Rodata, SockMap, ebpf};
use lexopt::prelude::*;
use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;

const HELP: &str = "\
Sends some messages through a pair of Unix sockets and prints what arrives; an eBPF program on
the way drops those with \"foobar\" in them.

Usage: stream_verdict

Options:
  -h, --help    Print this

Needs CAP_BPF and CAP_NET_ADMIN (before Linux 6.18 CAP_PERFMON as well), and Linux 5.17 or
later.
";

const WORD_LENGTH: usize = "foobar".len();
/// How often the program compares, or finds that the message has ended: the verifier follows each
/// round of the loop.
const MAX_ROUNDS: u32 = 512;
const SK_DROP: i32 = 0;
const SK_PASS: i32 = 1;

ebpf! {
    /// Drops messages by what is in them.
    #[license = "GPL"]
    #[min_kernel = "5.17"]
    mod verdicts {
        /// What nothing can change any more: `bpf_strncmp` takes no other string, and wants to
        /// see where it ends.
        static WORD: Rodata<[u8; WORD_LENGTH + 1]> = Rodata::new(*b"foobar\0");

        #[sk_skb_stream_verdict]
        fn drop_foobar(ctx: *mut __sk_buff) -> i32 {
            r6 = r1;
            r1 = *(u32 *)(r6 + {offset_of!(__sk_buff, len)});
            if r1 < WORD_LENGTH goto pass;
            r7 = 0;                             // the place in the message
        compare:
            r1 = r6;
            r2 = r7;
            r3 = r10;
            r3 += -8;
            r4 = WORD_LENGTH;
            call bpf_skb_load_bytes;
            if r0 s< 0 goto pass;               // the message ends before
            r1 = r10;
            r1 += -8;
            r2 = WORD_LENGTH;
            r3 = WORD ll;
            call bpf_strncmp;
            if r0 == 0 goto drop;
            r7 += 1;
            if r7 < MAX_ROUNDS goto compare;
            // Nobody knows what is in the rest of it.
        drop:
            r0 = SK_DROP;
            exit;
        pass:
            r0 = SK_PASS;
            exit;
        }
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
    use super::*;

    #[test]
    fn listing() {
        insta::assert_snapshot!(verdicts::OBJECT);
    }

    /// The verdict on a message.
    fn verdict(mut message: Vec<u8>) -> u64 {
        let verdicts = verdicts::vm().unwrap();
        let input = ebpf_rt::vm::Input::skb(&mut message);
        verdicts.progs.drop_foobar.run_on(input).unwrap()
    }

    #[test]
    fn finds_the_word_wherever_it_is() {
        for (message, expected) in MESSAGES.into_iter().zip([1, 1, 0, 1, 1, 0, 1]) {
            assert_eq!(verdict(message.into()), expected, "{message}");
        }
        assert_eq!(verdict(Vec::new()), 1);
        for before in 0..MAX_ROUNDS as usize + 2 {
            let mut message = vec![b'o'; before];
            message.extend(b"foobar");
            assert_eq!(verdict(message), 0, "behind {before} letters");
        }
    }

    #[test]
    fn drops_what_is_too_long_to_be_looked_through() {
        let longest = MAX_ROUNDS as usize - 1 + WORD_LENGTH - 1;
        assert_eq!(verdict(vec![b'o'; longest]), 1);
        assert_eq!(verdict(vec![b'o'; longest + 1]), 0);
    }
}
