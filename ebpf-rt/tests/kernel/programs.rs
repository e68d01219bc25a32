//! Programs at work: attached, seen to run, detached.

use super::common::{
    counts_up, eventually, load_plain, make_system_calls, object, prints, program,
    program_with_maps, returns,
};
use ebpf_rt::links::{SocketFilterLink, TracepointLink};
use ebpf_rt::maps::GlobalDef;
use ebpf_rt::object::ProgramKind;
use ebpf_rt::programs::{Program, RawTracepoint, SocketFilter, Tracepoint};
use ebpf_rt::trace_pipe::Event;
use ebpf_rt::tracefs::Tracefs;
use ebpf_rt::{Global, TracePipe};
use kernel_test::{Need, Suite};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

const ROOT: &[Need] = &[Need::Root];
const OPENAT: ProgramKind = ProgramKind::Tracepoint {
    category: "syscalls",
    name: "sys_enter_openat",
};

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("programs::socket_filter", ROOT, socket_filter)
        .programs(&["socket_filter"]);
    suite
        .test(
            "programs::socket_filter_outlives_its_socket",
            ROOT,
            outlives_its_socket,
        )
        .programs(&["socket_filter"]);
    suite
        .test("programs::reuseport", ROOT, reuseport)
        .programs(&["socket_filter"]);
    suite
        .test("programs::tracepoint", ROOT, tracepoint)
        .programs(&["tracepoint"]);
    suite
        .test("programs::raw_tracepoint", ROOT, raw_tracepoint)
        .programs(&["raw_tracepoint"]);
    suite
        .test(
            "programs::trace_pipe",
            &[Need::Root, Need::Other(tracing_is_on)],
            trace_pipe,
        )
        .programs(&["raw_tracepoint"]);
}

fn tracing_is_on() -> Result<(), String> {
    match Tracefs::open().and_then(|tracefs| tracefs.tracing_on()) {
        Ok(true) => Ok(()),
        Ok(false) => Err("tracing_on of tracefs is 0; an oops may have switched it off".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// A filter that keeps this many bytes of each packet.
pub(crate) fn keeping(bytes: i32) -> SocketFilter {
    let program = program("keep", ProgramKind::SocketFilter, &returns(bytes));
    load_plain(&object(vec![], vec![program]))
        .unwrap()
        .program(0)
        .unwrap()
}

/// What comes out when "Hello" goes in.
fn echo(from: &UnixDatagram, to: &UnixDatagram) -> String {
    from.send(b"Hello").unwrap();
    let mut buffer = [0; 16];
    let length = to.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

fn socket_filter() {
    let (from, to) = UnixDatagram::pair().unwrap();
    let filter = keeping(4);
    assert!(filter.is_loaded());
    assert!(filter.as_raw().id().unwrap() > 0);
    assert_eq!(echo(&from, &to), "Hello");

    let link: SocketFilterLink = filter.attach_to(&to).unwrap();
    assert_eq!(echo(&from, &to), "Hell");
    link.detach().unwrap();
    assert_eq!(echo(&from, &to), "Hello");

    {
        let _link = filter.attach_to(&to).unwrap();
        assert_eq!(echo(&from, &to), "Hell");
    }
    assert_eq!(echo(&from, &to), "Hello");

    // The descriptor without the guard: it stays, also without the program's handle.
    let fd = filter.attach_to(&to).unwrap().into_fd();
    drop(filter);
    drop(fd);
    assert_eq!(echo(&from, &to), "Hell");

    // Another filter in its place, and nothing left to detach.
    let first = keeping(3).attach_to(&to).unwrap();
    let second = keeping(2).attach_to(&to).unwrap();
    assert_eq!(echo(&from, &to), "He");
    second.detach().unwrap();
    let error = first.detach().unwrap_err();
    assert_eq!(
        error.to_string(),
        "SO_DETACH_FILTER failed with ENOENT: the socket has no filter any more"
    );
}

fn outlives_its_socket() {
    let (_, to) = UnixDatagram::pair().unwrap();
    let link = keeping(4).attach_to(&to).unwrap();
    drop(to);
    link.detach().unwrap();
}

fn reuseport() {
    let first = kernel_test::bind_shared(0);
    let address = first.local_addr().unwrap();
    let sockets = [first, kernel_test::bind_shared(address.port())];
    for (index, socket) in sockets.iter().enumerate() {
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        let program = program("choose", ProgramKind::SocketFilter, &returns(index as i32));
        let filter: SocketFilter = load_plain(&object(vec![], vec![program]))
            .unwrap()
            .program(0)
            .unwrap();
        let link = filter.attach_to_reuseport(&sockets[0]).unwrap();
        for _ in 0..4 {
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            sender.send_to(b"x", address).unwrap();
            socket.recv(&mut [0; 4]).unwrap();
        }
        link.detach().unwrap();
    }
    let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = keeping(0).attach_to_reuseport(&plain).unwrap_err();
    assert_eq!(
        error.to_string(),
        "object `test`, program `keep`: SO_ATTACH_REUSEPORT_EBPF failed with EINVAL: the socket \
         is in no reuseport group; set SO_REUSEPORT before it is bound"
    );
}

static HITS: GlobalDef<u64> = Global::new(0);

fn tracepoint() {
    let count = program_with_maps("count", OPENAT, &counts_up());
    let mut loaded = load_plain(&object(vec![HITS.map_def("HITS")], vec![count])).unwrap();
    let hits: Global<u64> = loaded.map(0).unwrap();
    let count: Tracepoint = loaded.program(0).unwrap();
    make_system_calls(10);
    assert_eq!(hits.get(), 0, "not attached yet");

    let link: TracepointLink = count.attach().unwrap();
    make_system_calls(100);
    assert!(hits.get() >= 100, "{}", hits.get());
    link.detach().unwrap();
    stays(&hits);

    // By argument, and with the descriptor alone.
    let before = hits.get();
    let fd = count
        .attach_to("syscalls", "sys_exit_openat")
        .unwrap()
        .into_fd();
    make_system_calls(10);
    assert!(hits.get() >= before + 10);
    drop(fd);
    stays(&hits);
}

/// Nothing counts any more, once runs on other CPUs are over.
fn stays(hits: &Global<u64>) {
    assert!(eventually(|| {
        let before = hits.get();
        make_system_calls(10);
        hits.get() == before
    }));
}

fn raw_tracepoint() {
    let kind = ProgramKind::RawTracepoint { name: "sys_enter" };
    let count = program_with_maps("count", kind, &counts_up());
    let mut loaded = load_plain(&object(vec![HITS.map_def("HITS")], vec![count])).unwrap();
    let hits: Global<u64> = loaded.map(0).unwrap();
    let count: RawTracepoint = loaded.program(0).unwrap();
    let link = count.attach().unwrap();
    make_system_calls(100);
    assert!(hits.get() >= 100);
    drop(link);
    let link = count.attach_to("sys_exit").unwrap();
    let before = hits.get();
    make_system_calls(100);
    assert!(hits.get() >= before + 100);
    let _ = link.as_fd();
}

fn trace_pipe() {
    let number = i32::try_from(std::process::id()).unwrap();
    let hello = program("hello", OPENAT, &prints(number));
    let hello: Tracepoint = load_plain(&object(vec![], vec![hello]))
        .unwrap()
        .program(0)
        .unwrap();
    let pipe = TracePipe::open()
        .unwrap()
        .with_timeout(Duration::from_secs(3));
    let link = hello.attach().unwrap();
    make_system_calls(3);
    drop(link);
    let wanted = format!("kt {number}");
    let found = pipe
        .map(Result::unwrap)
        .find_map(|event| match event {
            Event::Record(record) if record.message == wanted => Some(record),
            _ => None,
        })
        .expect("a record of the program");
    assert_eq!(found.source, "bpf_trace_printk");
    assert!((found.cpu as usize) < ebpf_rt::maps::possible_cpus().unwrap());
    assert!(found.timestamp > Duration::ZERO);

    // With nothing to come, the time ends.
    let mut quiet = TracePipe::open()
        .unwrap()
        .with_timeout(Duration::from_millis(50));
    while quiet.next_line().unwrap().is_some() {}
}
