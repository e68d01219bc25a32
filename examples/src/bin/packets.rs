//! Counts the packets of the loopback interface by protocol: a filter that lets nothing
//! through, and counters that CPUs share.

use core::mem::offset_of;
use ebpf_examples::{Exit, PacketSocket, run_tool, seconds};
use ebpf_rt::context::__sk_buff;
use ebpf_rt::{Array, ebpf};
use lexopt::prelude::*;
use std::io::{IsTerminal, Write, stdout};
use std::net::UdpSocket;
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

const HELP: &str = "\
Counts the packets on the loopback interface by protocol and prints a table.

Usage: packets [--once] [--seconds N]

Options:
      --once         Print the table once and exit, instead of again and again; sends ten UDP
                     datagrams to itself, so that there is something to see
      --seconds N    Seconds between two tables, or before the only one (1)
  -h, --help         Print this

Needs CAP_BPF and CAP_NET_RAW.
";

/// The counters: the IP version chooses one of the first two rows, the protocol the column.
const ROWS: [&str; 3] = ["IPv4", "IPv6", "not IP"];
const COLUMNS: [&str; 4] = ["ICMP", "TCP", "UDP", "OTHER"];
const COUNTERS: u32 = (ROWS.len() * COLUMNS.len()) as u32;
const IPV6_ROW: usize = COLUMNS.len();
const NOT_IP_ROW: usize = 2 * COLUMNS.len();

const ETHERNET_HEADER: usize = libc::ETH_ALEN as usize * 2 + 2;
/// The context has it as it is on the wire.
const IPV4: u16 = (libc::ETH_P_IP as u16).to_be();
const IPV6: u16 = (libc::ETH_P_IPV6 as u16).to_be();
/// Where the headers have the number of the protocol in them.
const IPV4_PROTOCOL: usize = ETHERNET_HEADER + 9;
const IPV6_NEXT_HEADER: usize = ETHERNET_HEADER + 6;

ebpf! {
    /// Counts packets and keeps none.
    #[license = "MIT"]
    #[min_kernel = "5.10"]
    mod packets {
        static COUNTS: Array<u64> = Array::with_max_entries(COUNTERS);

        #[socket_filter]
        fn count(ctx: *mut __sk_buff) -> i32 {
            // On loopback each packet is seen twice, as it leaves and as it arrives.
            r2 = *(u32 *)(r1 + {offset_of!(__sk_buff, pkt_type)});
            if r2 == {libc::PACKET_OUTGOING} goto done;

            r7 = NOT_IP_ROW;
            r8 = 3;                             // the column: other
            r2 = *(u32 *)(r1 + {offset_of!(__sk_buff, protocol)});
            if r2 == IPV4 goto ipv4;
            if r2 != IPV6 goto add;
            r7 = IPV6_ROW;
            r2 = IPV6_NEXT_HEADER;
            goto read_protocol;
        ipv4:
            r7 = 0;
            r2 = IPV4_PROTOCOL;
        read_protocol:
            r3 = r10;
            r3 += -1;
            r4 = 1;
            call bpf_skb_load_bytes;
            if r0 != 0 goto add;                // too short to say
            r2 = *(u8 *)(r10 - 1);
            if r2 == {libc::IPPROTO_TCP} goto tcp;
            if r2 == {libc::IPPROTO_UDP} goto udp;
            if r2 == {libc::IPPROTO_ICMP} goto icmp;
            if r2 != {libc::IPPROTO_ICMPV6} goto add;
        icmp:
            r8 = 0;
            goto add;
        tcp:
            r8 = 1;
            goto add;
        udp:
            r8 = 2;
        add:
            r7 += r8;
            *(u32 *)(r10 - 8) = r7;             // the index
            r2 = r10;
            r2 += -8;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;               // never, but the verifier wants to see it
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;        // CPUs count at the same time
        done:
            r0 = 0;                             // keep no byte: nothing is copied
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut once = false;
    let mut interval = NonZeroU64::MIN;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("once") => once = true,
            Long("seconds") => interval = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let interval = interval.get();

    let packets = packets::load()?;
    let socket = PacketSocket::new()?;
    // The filter first: what came between the two would be copied and wait in the socket.
    let _link = packets.progs.count.attach_to(&socket)?;
    let loopback = socket.bind(c"lo");
    loopback.map_err(|error| Exit::io("listening on the interface lo", &error))?;

    let mut out = stdout().lock();
    let mut total = 0;
    writeln!(
        out,
        "Counting packets on lo; the table comes in {} …",
        seconds(interval)
    )?;
    if once {
        send_to_itself(10)?;
    }
    loop {
        sleep(Duration::from_secs(interval));
        total += interval;
        if !once && out.is_terminal() {
            write!(out, "\x1b[H\x1b[2J")?;
        }
        print_table(&mut out, &packets.maps.COUNTS)?;
        if once {
            writeln!(
                out,
                "\nAmong them are ten UDP datagrams of this tool's own."
            )?;
            return Ok(());
        }
        writeln!(
            out,
            "\nSince the start, {} ago. Ctrl-C ends it.",
            seconds(total)
        )?;
    }
}

fn print_table(out: &mut impl Write, counts: &Array<u64>) -> Result<(), Exit> {
    let [icmp, tcp, udp, other] = COLUMNS;
    writeln!(out, "\n{:<8}{icmp:>10}{tcp:>10}{udp:>10}{other:>10}", "")?;
    let counts = counts
        .iter()
        .map(|entry| Ok(entry?.1))
        .collect::<Result<Vec<_>, Exit>>()?;
    for (name, row) in ROWS.iter().zip(counts.chunks(COLUMNS.len())) {
        write!(out, "{name:<8}")?;
        for count in row {
            write!(out, "{count:>10}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Sends datagrams over loopback; nobody reads them.
fn send_to_itself(count: usize) -> Result<(), Exit> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    for _ in 0..count {
        socket.send_to(b"hello", address)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebpf_rt::vm::Input;

    /// Packets as loopback shows them to a filter: Ethernet header, IP, and what is in it.
    #[test]
    fn recorded_packets_are_counted() -> Result<(), ebpf_rt::Error> {
        const IN: u32 = 0;
        let packets = packets::vm()?;
        let see = |kind: u32, ip: u16, protocol_at: usize, protocol: i32| {
            let mut packet = vec![0; 14 + 40];
            let mut context = [0; size_of::<__sk_buff>()];
            let mut put = |at: usize, word: u32| {
                context[at..at + 4].copy_from_slice(&word.to_ne_bytes());
            };
            put(offset_of!(__sk_buff, pkt_type), kind);
            put(offset_of!(__sk_buff, protocol), ip.into());
            match packet.get_mut(protocol_at) {
                Some(byte) => *byte = protocol as u8,
                None => packet.clear(),
            }
            let input = Input::context(&mut context).with_packet(&mut packet);
            packets.progs.count.run_on(input)
        };
        for (kind, ip, at, protocol) in [
            (IN, IPV4, IPV4_PROTOCOL, libc::IPPROTO_UDP),
            (IN, IPV4, IPV4_PROTOCOL, libc::IPPROTO_UDP),
            (
                libc::PACKET_OUTGOING as u32,
                IPV4,
                IPV4_PROTOCOL,
                libc::IPPROTO_UDP,
            ),
            (IN, IPV4, IPV4_PROTOCOL, libc::IPPROTO_ICMP),
            (IN, IPV4, IPV4_PROTOCOL, libc::IPPROTO_SCTP),
            (IN, IPV6, IPV6_NEXT_HEADER, libc::IPPROTO_TCP),
            (IN, IPV6, IPV6_NEXT_HEADER, libc::IPPROTO_ICMPV6),
            // Too short to have a protocol.
            (IN, IPV6, usize::MAX, 0),
            (IN, 0x1234, IPV4_PROTOCOL, libc::IPPROTO_TCP),
        ] {
            assert_eq!(see(kind, ip, at, protocol)?, 0);
        }
        let counts = packets.maps.COUNTS.iter().map(|entry| Ok(entry?.1));
        let counts = counts.collect::<Result<Vec<_>, ebpf_rt::Error>>()?;
        assert_eq!(counts, [1, 0, 2, 1, 1, 1, 0, 1, 0, 0, 0, 1]);
        Ok(())
    }

    // Protocol numbers are as they are on the wire.
    #[cfg(target_endian = "little")]
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::packets::OBJECT);
    }
}
