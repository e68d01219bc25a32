//! Listing whose snapshot has another listing: a comparison is another.

// ANCHOR: file
// ANCHOR: head
use core::mem::offset_of;
use std::os::unix::net::UnixDatagram;

use ebpf_rt::context::__sk_buff;
use ebpf_rt::{Global, ebpf};

const LONGEST: u32 = 8;
// ANCHOR_END: head

// ANCHOR: object
ebpf! {
    #[license = "GPL"]
    mod lengths {
        static DROPPED: Global<u64> = Global::new(0);

        // ANCHOR: program
        #[socket_filter]
        fn keep_short(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            if r0 < LONGEST goto keep;
            r1 = DROPPED ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
        keep:
            exit;
        }
        // ANCHOR_END: program
    }
}
// ANCHOR_END: object

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lengths = lengths::load()?;
    let (sender, receiver) = UnixDatagram::pair()?;
    let _link = lengths.progs.keep_short.attach_to(&receiver)?;
    for message in ["Hello", "Good morning", "Good day"] {
        sender.send(message.as_bytes())?;
    }
    println!("{} dropped", lengths.maps.DROPPED.get());
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: tests
// ANCHOR: tests-head
#[cfg(test)]
mod tests {
    use super::lengths;
    use ebpf_rt::Error;
    use ebpf_rt::vm::Input;
    use proptest::prelude::*;
// ANCHOR_END: tests-head

    // ANCHOR: unit
    #[test]
    fn long_packets_are_dropped_and_counted() -> Result<(), Error> {
        let lengths = lengths::vm()?;
        let keep_short = &lengths.progs.keep_short;
        for (packet, kept) in [(&b"Hello"[..], 5), (b"Good morning", 0)] {
            let mut packet = packet.to_vec();
            let result = keep_short.run_on(Input::skb(&mut packet))?;
            assert_eq!(result, kept);
        }
        assert_eq!(lengths.maps.DROPPED.get(), 1);
        Ok(())
    }
    // ANCHOR_END: unit

    // ANCHOR: snapshot
    #[test]
    fn listing() {
        insta::assert_snapshot!(lengths::OBJECT);
    }
    // ANCHOR_END: snapshot

    // ANCHOR: property
    proptest! {
        #[test]
        fn a_packet_is_kept_whole_or_dropped(
            mut packet in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let length = packet.len() as u64;
            let lengths = lengths::vm()?;
            let input = Input::skb(&mut packet);
            let kept = lengths.progs.keep_short.run_on(input)?;
            prop_assert!(kept == 0 || kept == length);
            let dropped = lengths.maps.DROPPED.get();
            prop_assert_eq!(dropped, u64::from(kept < length));
        }
    }
    // ANCHOR_END: property
}
// ANCHOR_END: tests
// ANCHOR_END: file
