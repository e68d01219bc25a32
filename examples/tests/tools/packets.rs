use crate::support::{PACKETS, Tool, leaves_nothing};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

/// The counters of the last table: ICMP, TCP, UDP, other.
fn row(lines: &[String], name: &str) -> [u64; 4] {
    let row = lines.iter().rev().find_map(|line| line.strip_prefix(name));
    let row = row.unwrap_or_else(|| panic!("no {name} in {lines:#?}"));
    let counts: Vec<u64> = row
        .split_whitespace()
        .map(|count| count.parse().unwrap())
        .collect();
    counts.try_into().unwrap()
}

fn send(address: &str, datagrams: usize) {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    let to = socket.local_addr().unwrap();
    for _ in 0..datagrams {
        socket.send_to(b"test", to).unwrap();
    }
}

fn connect(address: &str) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
}

/// A datagram to a port where nobody listens is answered by ICMP.
fn refused(address: &str) {
    let closed = UdpSocket::bind((address, 0)).unwrap().local_addr().unwrap();
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.connect(closed).unwrap();
    socket.send(b"test").unwrap();
    assert!(socket.recv(&mut [0]).is_err());
}

pub(crate) fn once() {
    leaves_nothing(|| {
        let mut tool = Tool::start(PACKETS, &["--once", "--seconds", "2"]);
        tool.line(|line| line.starts_with("Counting packets on lo"));
        send("127.0.0.1", 30);
        connect("127.0.0.1");
        refused("127.0.0.1");
        let ipv6 = UdpSocket::bind("[::1]:0").is_ok();
        if ipv6 {
            send("::1", 20);
            connect("::1");
            refused("::1");
        }
        let lines = tool.succeeds();
        let [icmp, tcp, udp, _] = row(&lines, "IPv4");
        // Ten are the tool's own. Each is counted once: others' traffic would have to be
        // heavy to double the number.
        assert!((41..80).contains(&udp), "{lines:#?}");
        assert!(icmp >= 1, "{lines:#?}");
        // Three to connect, the byte and its acknowledgement.
        assert!(tcp >= 5, "{lines:#?}");
        if ipv6 {
            let [icmp, tcp, udp, _] = row(&lines, "IPv6");
            assert!(udp >= 21 && icmp >= 1 && tcp >= 5, "{lines:#?}");
        }
        row(&lines, "not IP");
        assert_eq!(
            lines.last().map(String::as_str),
            Some("Among them are ten UDP datagrams of this tool's own.")
        );
    });
}

pub(crate) fn again() {
    leaves_nothing(|| {
        let mut tool = Tool::start(PACKETS, &[]);
        tool.line(|line| line.starts_with("Counting packets on lo"));
        send("127.0.0.1", 5);
        tool.line(|line| line.starts_with("Since the start, 2 seconds ago."));
        tool.signal(libc::SIGTERM);
        let (_, lines, stderr) = tool.end();
        assert!(row(&lines, "IPv4")[2] >= 5, "{lines:#?}");
        assert_eq!(stderr, "");
    });
}
