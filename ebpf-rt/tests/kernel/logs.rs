//! What programs tell: log lines, and formats of `bpf_trace_printk`.

use core::ffi::{c_char, c_void};
use core::mem::offset_of;
use ebpf_rt::trace_pipe::{Event, TracePipe};
use ebpf_rt::tracefs::Tracefs;
use ebpf_rt::{ErrorKind, Global, Log, Rodata, TraceFormat, ebpf, log_lines};
use kernel_test::{Need, Suite};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

pub(crate) fn add(suite: &mut Suite) {
    let root = &[Need::Root];
    let trace = &[Need::Root, Need::Other(tracing_is_on)];
    suite.test("logs::lines", root, lines);
    suite.test("logs::lines_that_do_not_fit", root, lines_that_do_not_fit);
    suite.test("logs::trace_formats", trace, trace_formats);
}

fn tracing_is_on() -> Result<(), String> {
    match Tracefs::open().and_then(|tracefs| tracefs.tracing_on()) {
        Ok(true) => Ok(()),
        Ok(false) => Err("tracing_on of tracefs is 0; an oops may have switched it off".into()),
        Err(error) => Err(error.to_string()),
    }
}

log_lines! {
    /// What the filter tells.
    enum Line {
        #[log("process {pid} ({command}) sent {length:#x} bytes")]
        Sent { pid: u32, length: u64, command: [u8; 16] },
        #[log("an empty message")]
        Empty {},
    }
}

ebpf! {
    /// Tells of messages; a message of three bytes brings a record that is no line.
    #[license = "MIT"]
    #[min_kernel = "5.10"]
    mod messages {
        static LOG: Log<Line> = Log::with_byte_size(4096);
        static LOST: Global<u64> = Global::new(0);

        #[socket_filter]
        fn tell(ctx: *mut c_void) -> i32 {
            r7 = *(u32 *)(r1 + 0);                              // __sk_buff.len
            if r7 == 0 goto empty;
            if r7 == 3 goto other;
            r1 = LOG ll;
            r2 = {size_of::<Sent>()};
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto lost;
            r6 = r0;
            *(u32 *)(r6 + {offset_of!(Sent, line)}) = {Sent::LINE};
            *(u64 *)(r6 + {offset_of!(Sent, length)}) = r7;
            // Socket filters may not ask who sends; the tests know it.
            *(u32 *)(r6 + {offset_of!(Sent, pid)}) = 7;
            r1 = 0x1b6873;                                      // "sh", and an escape
            *(u64 *)(r6 + {offset_of!(Sent, command)}) = r1;
            *(u64 *)(r6 + {offset_of!(Sent, command) + 8}) = 0;
            r1 = r6;
            r2 = 0;
            call bpf_ringbuf_submit;
            goto done;
        empty:
            *(u32 *)(r10 - 4) = {Empty::LINE};
            goto output;
        other:
            *(u32 *)(r10 - 4) = 77;
        output:
            r1 = LOG ll;
            r2 = r10;
            r2 += -4;
            r3 = {size_of::<Empty>()};
            r4 = 0;
            call bpf_ringbuf_output;
            if r0 == 0 goto done;
        lost:
            r1 = LOST ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }
    }
}

fn lines() {
    let messages = messages::load().unwrap();
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    let _link = messages.progs.tell.attach_to(&receiver).unwrap();
    for message in [&b"12345678901234567"[..], b"", b"123", b"1"] {
        sender.send(message).unwrap();
    }
    let log = messages.maps.LOG.lines().unwrap();
    let mut log = log.with_timeout(Duration::ZERO);
    let mut next = || log.next().map(|line| line.map(|line| line.to_string()));
    let sent = "process 7 (sh\\u{1b}) sent 0x11 bytes";
    assert_eq!(next().unwrap().unwrap(), sent);
    assert_eq!(next().unwrap().unwrap(), "an empty message");
    let error = next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "a record of 4 bytes in the log is none of its lines: [4d, 00, 00, 00]"
    );
    assert!(next().unwrap().unwrap().ends_with(" 0x1 bytes"));
    assert!(next().is_none());

    // It waits for what comes later.
    let late = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        sender.send(b"").unwrap();
        sender
    });
    let mut log = log.with_timeout(Duration::from_secs(20));
    assert_eq!(log.next().unwrap().unwrap().to_string(), "an empty message");
    drop(late.join().unwrap());
    drop(log);
    assert_eq!(messages.maps.LOST.get(), 0);
}

/// Those that found no room are the program's to count, and none of the others is lost.
fn lines_that_do_not_fit() {
    const MESSAGES: usize = 1000;
    let messages = messages::load().unwrap();
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    let _link = messages.progs.tell.attach_to(&receiver).unwrap();
    for _ in 0..MESSAGES {
        sender.send(b"").unwrap();
    }
    let log = messages.maps.LOG.lines().unwrap();
    let read = log.with_timeout(Duration::ZERO).map(Result::unwrap).count();
    // Twelve bytes with the header, rounded up to sixteen.
    assert_eq!(read, 4096 / 16 - 1);
    assert_eq!(messages.maps.LOST.get(), (MESSAGES - read) as u64);
}

ebpf! {
    /// Prints something of each sort.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod prints {
        static NAME: Rodata<[u8; 8]> = Rodata::new(*b"kernel!\0");
        static NUMBERS: TraceFormat<(i32, u64, u16)> = TraceFormat::new(c"log %d %llu,%x");
        static TEXT: TraceFormat<(*const c_char, i64)> = TraceFormat::new(c"log (%pks) %lld");
        static PLAIN: TraceFormat<()> = TraceFormat::new(c"log plain");
        static FAILED: Global<u64> = Global::new(0);

        #[socket_filter]
        fn print(ctx: *mut c_void) -> i32 {
            r6 = 0;
            r1 = NUMBERS ll;
            r2 = {NUMBERS.size()};
            r3 = -7;
            r4 = {1u64 << 40} ll;
            r5 = 0xbeef;
            call bpf_trace_printk;
            r0 s>>= 63;
            r6 += r0;
            r1 = TEXT ll;
            r2 = {TEXT.size()};
            r3 = NAME ll;
            r4 = -9;
            call bpf_trace_printk;
            r0 s>>= 63;
            r6 += r0;
            r1 = PLAIN ll;
            r2 = {PLAIN.size()};
            call bpf_trace_printk;
            r0 s>>= 63;
            r6 += r0;
            r6 = -r6;
            r1 = FAILED ll;
            lock *(u64 *)(r1 + 0) += r6;
            r0 = 0;
            exit;
        }
    }
}

fn trace_formats() {
    let prints = prints::load().unwrap();
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    let _link = prints.progs.print.attach_to(&receiver).unwrap();
    let mut pipe = TracePipe::open().unwrap();
    pipe.drain().unwrap();
    sender.send(b"x").unwrap();
    let pipe = pipe.with_timeout(Duration::from_secs(5));
    let messages = pipe.filter_map(|event| match event.unwrap() {
        Event::Record(record) => Some(record.message),
        _ => None,
    });
    let ours: Vec<String> = messages
        .filter(|message| message.starts_with("log "))
        .take(3)
        .collect();
    assert_eq!(
        ours,
        ["log -7 1099511627776,beef", "log (kernel!) -9", "log plain"]
    );
    assert_eq!(prints.maps.FAILED.get(), 0);
}
