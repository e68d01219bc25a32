//! Programs at sockmaps: what the sockets in them receive.

use core::ffi::c_void;
use ebpf_rt::context::__sk_buff;
use ebpf_rt::links::SkSkbLink;
use ebpf_rt::{ErrorKind, Global, LinkType, ebpf};
use kernel_test::bpf::{put_socket, sockmap};
use kernel_test::{Need, Suite};
use std::io::{ErrorKind as Io, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

pub(crate) fn add(suite: &mut Suite) {
    let root = &[Need::Root];
    suite
        .test(
            "sockmaps::datagrams",
            &[Need::Root, Need::Kernel(6, 1)],
            datagrams,
        )
        .programs(&["sk_skb_verdict"])
        .maps(&["sockmap"]);
    let why = "a verdict that passes locks it up";
    suite
        .test(
            "sockmaps::stream",
            &[Need::Root, Need::NotKernel(5, 10, why)],
            stream,
        )
        .programs(&["sk_skb_stream_parser", "sk_skb_stream_verdict"])
        .maps(&["sockmap"]);
    suite.test("sockmaps::attach", root, attach);
    suite
        .test("sockmaps::link", &[Need::Root, Need::Kernel(6, 10)], link)
        .programs(&["sk_skb_verdict"])
        .maps(&["sockmap"]);
}

const SK_DROP: i32 = 0;
const SK_PASS: i32 = 1;

ebpf! {
    /// Verdicts on datagrams.
    #[license = "GPL"]
    mod verdicts {
        static HITS: Global<u64> = Global::new(0);

        #[sk_skb_verdict]
        fn drop_all(ctx: *mut c_void) -> i32 {
            call count;
            r0 = SK_DROP;
            exit;
        }

        #[sk_skb_verdict]
        fn pass_all(ctx: *mut c_void) -> i32 {
            call count;
            r0 = SK_PASS;
            exit;
        }

        fn count(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// Verdicts on the messages of a stream.
    #[license = "GPL"]
    mod streams {
        static HITS: Global<u64> = Global::new(0);

        /// All that is there is a message.
        #[sk_skb_stream_parser]
        fn parse(ctx: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {core::mem::offset_of!(__sk_buff, len)});
            exit;
        }

        #[sk_skb_stream_verdict]
        fn verdict(ctx: *mut __sk_buff) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = SK_PASS;
            exit;
        }
    }
}

fn receives(socket: &UnixDatagram) -> bool {
    match socket.recv(&mut [0; 16]) {
        Ok(_) => true,
        Err(error) if matches!(error.kind(), Io::WouldBlock | Io::TimedOut) => false,
        Err(error) => panic!("{error}"),
    }
}

fn datagrams() {
    let map = sockmap(2).unwrap();
    let (from, to) = UnixDatagram::pair().unwrap();
    to.set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let verdicts = verdicts::load().unwrap();
    let hits = &verdicts.maps.HITS;
    let mut link = verdicts.progs.drop_all.attach_to(&map).unwrap();
    put_socket(map.as_fd(), 0, to.as_fd()).unwrap();
    from.send(b"x").unwrap();
    assert!(!receives(&to), "dropped");
    assert_eq!(hits.get(), 1);

    // The socket in the map keeps what it has; another one gets the new program.
    link.update(&verdicts.progs.pass_all).unwrap();
    from.send(b"x").unwrap();
    assert!(!receives(&to), "dropped");
    let (from, to) = UnixDatagram::pair().unwrap();
    put_socket(map.as_fd(), 1, to.as_fd()).unwrap();
    to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    from.send(b"x").unwrap();
    assert!(receives(&to), "passed");
    assert_eq!(hits.get(), 3);

    let other = verdicts.progs.drop_all.attach_to(&map);
    if kernel_test::kernel_version() >= (6, 10) {
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Exists);
        link.detach().unwrap();
    } else {
        // Without links the second takes the place of the first.
        let error = link.detach().unwrap_err();
        assert!(error.to_string().contains("another program"), "{error}");
        other.unwrap().detach().unwrap();
    }
}

fn stream() {
    let map = sockmap(2).unwrap();
    let streams = streams::load().unwrap();
    let parser = streams.progs.parse.attach_to(&map).unwrap();
    let verdict = streams.progs.verdict.attach_to(&map).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    put_socket(map.as_fd(), 0, server.as_fd()).unwrap();
    for round in 1..=3 {
        client.write_all(b"hello").unwrap();
        let mut buffer = [0; 5];
        server.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"hello");
        assert!(streams.maps.HITS.get() >= round);
    }
    drop(client);
    drop(server);
    verdict.detach().unwrap();
    parser.detach().unwrap();
}

/// Attached and detached, by whatever way the kernel has, exactly once.
fn attach() {
    let map = sockmap(2).unwrap();
    let streams = streams::load().unwrap();
    let verdict = &streams.progs.verdict;
    for _ in 0..3 {
        let link: SkSkbLink = verdict.attach_to(&map).unwrap();
        link.detach().unwrap();
        drop(verdict.attach_to(&map).unwrap());
    }
    // The user's descriptors may go first.
    let link = verdict.attach_to(&map).unwrap();
    drop(map);
    drop(streams);
    link.detach().unwrap();

    let streams = streams::load().unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = streams.progs.verdict.attach_to(&file).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the descriptor is not that of a sockmap")
            || error.to_string().contains("EBADF"),
        "{error}"
    );
    let map = sockmap(2).unwrap();
    let mut link = streams.progs.verdict.attach_to(&map).unwrap();
    let error = link.update(&streams.progs.parse).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

fn link() {
    let (_root, directory) = kernel_test::bpf::file_system().unwrap();
    let path = directory.join("verdict");
    let map = sockmap(2).unwrap();
    let streams = streams::load().unwrap();
    let link = streams.progs.verdict.attach_to(&map).unwrap();
    assert_eq!(link.info().unwrap().link_type, Some(LinkType::Sockmap));
    link.pin(&path).unwrap();
    drop(link);
    let mut again = SkSkbLink::from_pin(&path).unwrap();
    assert_eq!(
        again.info().unwrap().program_id,
        streams.progs.verdict.info().unwrap().id
    );
    again.update(&streams.progs.verdict).unwrap();
    again.detach().unwrap();
    // Detached, although its name is still there.
    streams
        .progs
        .verdict
        .attach_to(&map)
        .unwrap()
        .detach()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
}
