//! Tables of functions: a congestion control of TCP, in use.

use core::ffi::c_void;
use ebpf_rt::context::arg_offset;
use ebpf_rt::links::{LinkDetails, StructOpsLink};
use ebpf_rt::object::StructOpsMember;
use ebpf_rt::{Error, ErrorKind, Global, LinkType, StructOps, ebpf};
use kernel_test::{Need, Suite};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

const ROOT: &[Need] = &[Need::Root];
const LINKS: &[Need] = &[Need::Root, Need::Kernel(6, 4)];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("struct_ops::congestion_control", ROOT, congestion_control)
        .programs(&["struct_ops"])
        .maps(&["struct_ops"]);
    suite.test("struct_ops::links", LINKS, links);
    suite.test("struct_ops::two_tables", ROOT, two_tables);
    suite.test("struct_ops::errors", ROOT, errors);
}

ebpf! {
    /// A congestion control that counts what it is asked.
    #[license = "GPL"]
    mod control {
        static STARTED: Global<u64> = Global::new(0);
        static AVOIDED: Global<u64> = Global::new(0);
        static SOCKET: Global<u64> = Global::new(0);

        static CONTROL: StructOps = StructOps::new("tcp_congestion_ops", &[
            StructOpsMember::text("name", "ebpf_rt_test"),
        ]);

        #[struct_ops("tcp_congestion_ops", "init")]
        fn init(ctx: *mut c_void) {
            r2 = *(u64 *)(r1 + {arg_offset(0)});  // struct sock *
            r1 = SOCKET ll;
            *(u64 *)(r1 + 0) = r2;
            r1 = STARTED ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            exit;
        }

        #[struct_ops("tcp_congestion_ops", "ssthresh")]
        fn ssthresh(ctx: *mut c_void) -> u32 {
            r0 = 10;
            exit;
        }

        #[struct_ops("tcp_congestion_ops", "undo_cwnd")]
        fn undo_cwnd(ctx: *mut c_void) -> u32 {
            r0 = 10;
            exit;
        }

        #[struct_ops("tcp_congestion_ops", "cong_avoid")]
        fn cong_avoid(ctx: *mut c_void) {
            r1 = AVOIDED ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            exit;
        }
    }
}

/// Chooses a congestion control for a socket.
fn choose(socket: &impl AsRawFd, name: &str) -> std::io::Result<()> {
    // SAFETY: the name is as long as it is said to be, and only read.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_CONGESTION,
            name.as_ptr().cast(),
            name.len() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// A connection with this congestion control that carries some megabytes.
fn transfer(name: &str) -> std::io::Result<()> {
    const BYTES: usize = 4 << 20;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut sender = TcpStream::connect(listener.local_addr()?)?;
    choose(&sender, name)?;
    let (mut receiver, _) = listener.accept()?;
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        receiver.read_to_end(&mut bytes).map(|_| bytes.len())
    });
    sender.write_all(&vec![7; BYTES])?;
    drop(sender);
    assert_eq!(reader.join().unwrap()?, BYTES);
    Ok(())
}

/// Those that sockets can choose.
fn available(name: &str) -> bool {
    let path = "/proc/sys/net/ipv4/tcp_available_congestion_control";
    let list = std::fs::read_to_string(path).unwrap();
    list.split_whitespace().any(|available| available == name)
}

fn congestion_control() {
    const NAME: &str = "ebpf_rt_test";
    let control = control::load().unwrap();
    assert!(!available(NAME));
    let error = transfer(NAME).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    let link = control.maps.CONTROL.attach().unwrap();
    assert!(available(NAME));
    transfer(NAME).unwrap();
    assert_eq!(control.maps.STARTED.get(), 1);
    assert!(control.maps.AVOIDED.get() > 0);
    assert_ne!(control.maps.SOCKET.get(), 0);
    assert_eq!(
        control.progs.ssthresh.target(),
        Some("tcp_congestion_ops.ssthresh")
    );
    // A second of the same name is refused.
    let second = control::load().unwrap();
    let error = second.maps.CONTROL.attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
    link.detach().unwrap();
    assert!(!available(NAME));
}

fn links() {
    const NAME: &str = "ebpf_rt_test";
    let control = control::load().unwrap();
    // It can be attached again.
    for _ in 0..2 {
        let link = control.maps.CONTROL.attach().unwrap();
        assert!(available(NAME));
        drop(link);
        assert!(!available(NAME));
    }
    let mut link = control.maps.CONTROL.attach().unwrap();
    let info = link.info().unwrap();
    assert_eq!(info.link_type, Some(LinkType::StructOps));
    let map_id = control.maps.CONTROL.info().unwrap().id;
    assert_eq!(info.details, LinkDetails::StructOps { map_id });
    transfer(NAME).unwrap();
    // Another one in its place.
    let other = control::load().unwrap();
    link.update(&other.maps.CONTROL).unwrap();
    transfer(NAME).unwrap();
    assert_eq!(control.maps.STARTED.get(), 1);
    assert_eq!(other.maps.STARTED.get(), 1);
    // Pinned, it outlives the objects.
    let (_mount, directory) = kernel_test::bpf::file_system().unwrap();
    let path = directory.join("control");
    link.pin(&path).unwrap();
    drop((link, control, other));
    transfer(NAME).unwrap();
    let link = StructOpsLink::from_pin(&path).unwrap();
    ebpf_rt::maps::unpin(&path).unwrap();
    assert!(available(NAME));
    drop(link);
    assert!(!available(NAME));
}

ebpf! {
    /// Two congestion controls that share a function.
    #[license = "GPL"]
    mod tables {
        static COUNTS: Global<[u64; 2]> = Global::new([0; 2]);

        static FIRST: StructOps = StructOps::new("tcp_congestion_ops", &[
            StructOpsMember::text("name", "ebpf_rt_first"),
            StructOpsMember::program("cong_avoid", "avoid_first"),
            StructOpsMember::program("ssthresh", "ssthresh"),
            StructOpsMember::program("undo_cwnd", "undo_cwnd"),
        ]);
        static SECOND: StructOps = StructOps::new("tcp_congestion_ops", &[
            StructOpsMember::bytes("name", b"ebpf_rt_second"),
            // Sockets of everybody may choose it.
            StructOpsMember::integer("flags", 1),
            StructOpsMember::program("cong_avoid", "avoid_second"),
            StructOpsMember::program("ssthresh", "ssthresh"),
            StructOpsMember::program("undo_cwnd", "undo_cwnd"),
        ]);

        #[struct_ops("tcp_congestion_ops", "cong_avoid")]
        fn avoid_first(ctx: *mut c_void) {
            r1 = COUNTS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            exit;
        }

        #[struct_ops("tcp_congestion_ops", "cong_avoid")]
        fn avoid_second(ctx: *mut c_void) {
            r1 = COUNTS + 8 ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            exit;
        }

        #[struct_ops("tcp_congestion_ops", "ssthresh")]
        fn ssthresh(ctx: *mut c_void) -> u32 { r0 = 10; exit }

        #[struct_ops("tcp_congestion_ops", "undo_cwnd")]
        fn undo_cwnd(ctx: *mut c_void) -> u32 { r0 = 10; exit }
    }
}

fn two_tables() {
    let tables = tables::load().unwrap();
    let _first = tables.maps.FIRST.attach().unwrap();
    let second = tables.maps.SECOND.attach().unwrap();
    transfer("ebpf_rt_first").unwrap();
    let [first_count, second_count] = tables.maps.COUNTS.get();
    assert!(first_count > 0 && second_count == 0);
    transfer("ebpf_rt_second").unwrap();
    assert!(tables.maps.COUNTS.get()[1] > 0);
    assert_eq!(tables.maps.COUNTS.get()[0], first_count);
    drop(second);
    assert!(available("ebpf_rt_first") && !available("ebpf_rt_second"));
}

mod wrong {
    use super::*;

    ebpf! {
        #[license = "GPL"]
        pub mod ops {
            static TABLE: StructOps = StructOps::new("tcp_congestion_op", &[]);
        }
    }

    ebpf! {
        #[license = "GPL"]
        pub mod member {
            static TABLE: StructOps = StructOps::new("tcp_congestion_ops", &[
                StructOpsMember::text("nmae", "x"),
            ]);
        }
    }

    ebpf! {
        #[license = "GPL"]
        pub mod text {
            static TABLE: StructOps = StructOps::new("tcp_congestion_ops", &[
                StructOpsMember::text("name", "sixteen_letters_"),
            ]);
        }
    }

    ebpf! {
        #[license = "GPL"]
        pub mod number {
            static TABLE: StructOps = StructOps::new("tcp_congestion_ops", &[
                StructOpsMember::integer("flags", -1),
            ]);
        }
    }

    ebpf! {
        #[license = "GPL"]
        pub mod program {
            static TABLE: StructOps = StructOps::new("tcp_congestion_ops", &[
                StructOpsMember::program("init", "begin"),
            ]);
        }
    }

    ebpf! {
        #[license = "GPL"]
        pub mod function {
            #[struct_ops("tcp_congestion_ops", "inti")]
            fn init(ctx: *mut c_void) { exit }
        }
    }

    ebpf! {
        #[license = "GPL"]
        pub mod incomplete {
            static TABLE: StructOps = StructOps::new("tcp_congestion_ops", &[
                StructOpsMember::text("name", "ebpf_rt_half"),
            ]);
        }
    }
}

fn errors() {
    fn message<T>(result: Result<T, Error>) -> String {
        result.map(drop).unwrap_err().to_string()
    }
    let cases = [
        (
            message(wrong::ops::load()),
            "map `TABLE`: this kernel has no struct_ops type named `tcp_congestion_op`; did you \
             mean `tcp_congestion_ops`?",
        ),
        (
            message(wrong::member::load()),
            "map `TABLE`: this kernel's `tcp_congestion_ops` has no member `nmae`; did you mean \
             `name`?",
        ),
        (
            message(wrong::text::load()),
            "it holds 15 bytes and the zero that ends them",
        ),
        (
            message(wrong::number::load()),
            "its member `flags` is -1: it holds 0 to 4294967295",
        ),
        (
            message(wrong::program::load()),
            "its member `init` is the program `begin`, and the object has none of that name",
        ),
        (
            message(wrong::function::load()),
            "has no member `inti`; did you mean `init`?",
        ),
        (
            message(wrong::incomplete::load().and_then(|object| object.maps.TABLE.attach())),
            "a program or a member that its type wants is missing",
        ),
    ];
    for (message, part) in cases {
        assert!(message.contains(part), "{message}\n{part}");
    }
    // A table by itself is empty.
    let table = StructOps::new("tcp_congestion_ops", &[]).create("table");
    assert_eq!(table.unwrap_err().kind(), ErrorKind::Invalid);
}
