//! Ring buffers: a million records, overload, waiting.

use super::common::eventually;
use core::ffi::c_void;
use ebpf_rt::maps::{self, Map, RingBuf, wait_any};
use ebpf_rt::{ErrorKind, PerCpuArray, Pod, ebpf};
use kernel_test::{Need, Suite};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("ring_buf::a_million_records", ROOT, a_million_records)
        .maps(&["ringbuf"]);
    suite
        .test("ring_buf::overload_is_counted", ROOT, overload_is_counted)
        .maps(&["ringbuf"]);
    suite
        .test("ring_buf::kinds_of_records", ROOT, kinds_of_records)
        .maps(&["ringbuf"]);
    suite
        .test("ring_buf::waiting", ROOT, waiting)
        .maps(&["ringbuf"]);
    suite
        .test("ring_buf::edge_triggered", ROOT, edge_triggered)
        .maps(&["ringbuf"]);
    suite
        .test("ring_buf::one_reader", ROOT, one_reader)
        .maps(&["ringbuf"]);
    suite.test("ring_buf::sizes", ROOT, sizes);
}

/// What a program puts in: each part can be told from the others.
#[derive(Clone, Copy, Debug, Pod)]
#[repr(C)]
struct Event {
    cpu: u64,
    number: u64,
    inverse: u64,
    sum: u64,
}

/// How many records the program makes each time it runs.
const BATCH: u64 = 500;

ebpf! {
    /// Makes numbered records; for each CPU it counts those made and those that did not fit.
    #[license = "GPL"]
    #[min_kernel = "5.8"]
    mod numbered {
        static EVENTS: RingBuf<Event> = RingBuf::with_byte_size(1 << 18);
        static COUNTS: PerCpuArray<[u64; 2]> = PerCpuArray::with_max_entries(1);

        #[socket_filter]
        fn produce(ctx: *mut c_void) -> i32 {
            call bpf_get_smp_processor_id;
            r7 = r0;
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r8 = r0;
            r6 = BATCH;
        again:
            r9 = *(u64 *)(r8 + 0);
            r1 = EVENTS ll;
            r2 = {size_of::<Event>()};
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto lost;
            *(u64 *)(r0 + 0) = r7;
            *(u64 *)(r0 + 8) = r9;
            r1 = r9;
            r1 ^= -1;
            *(u64 *)(r0 + 16) = r1;
            r1 = r9;
            r1 += r7;
            *(u64 *)(r0 + 24) = r1;
            r1 = r0;
            r2 = 0;
            call bpf_ringbuf_submit;
            r9 += 1;
            *(u64 *)(r8 + 0) = r9;
            goto next;
        lost:
            r1 = *(u64 *)(r8 + 8);
            r1 += 1;
            *(u64 *)(r8 + 8) = r1;
        next:
            r6 -= 1;
            if r6 != 0 goto again;
        out:
            r0 = 0;
            exit;
        }
    }
}

/// Binds this thread to a CPU; `false` if there is no such CPU for it.
fn bind_to(cpu: usize) -> bool {
    // SAFETY: an array of integers, for which zeros are valid.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: both work on the set on our stack, whose size is given; 0 is this thread.
    unsafe {
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set) == 0
    }
}

/// A producer bound to each CPU, so that programs on one CPU never interrupt each other.
/// Calls `pace` before each run, until it says `false`; how many runs there were.
fn produce(filter: &ebpf_rt::programs::SocketFilter, pace: &(dyn Fn() -> bool + Sync)) -> u64 {
    let runs = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for cpu in 0..maps::possible_cpus().unwrap() {
            let runs = &runs;
            scope.spawn(move || {
                if !bind_to(cpu) {
                    return;
                }
                let (from, to) = UnixDatagram::pair().unwrap();
                let _link = filter.attach_to(&to).unwrap();
                while pace() {
                    from.send(b"x").unwrap();
                    runs.fetch_add(1, SeqCst);
                }
            });
        }
    });
    runs.load(SeqCst)
}

/// Looks at every record: whole, and the next of its CPU.
#[derive(Default)]
struct Order {
    next: Vec<u64>,
    count: u64,
}

impl Order {
    fn see(&mut self, event: &Event) {
        assert_eq!(event.inverse, !event.number, "torn: {event:?}");
        assert_eq!(event.sum, event.number + event.cpu, "torn: {event:?}");
        let cpu = event.cpu as usize;
        if self.next.len() <= cpu {
            self.next.resize(cpu + 1, 0);
        }
        assert_eq!(event.number, self.next[cpu], "out of order on {cpu}");
        self.next[cpu] += 1;
        self.count += 1;
    }
}

fn a_million_records() {
    const RUNS: u64 = 1_000_000 / BATCH;
    let numbered = numbered::load().unwrap();
    let events = &numbered.maps.EVENTS;
    let (started, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut order = Order::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let most = events.byte_size() as usize / 2;
            let runs = produce(&numbered.progs.produce, &|| {
                // Only when there is room for a batch of each CPU.
                while events.unread_bytes().unwrap() > most {
                    std::thread::yield_now();
                }
                started.fetch_add(1, SeqCst) < RUNS
            });
            assert_eq!(runs, RUNS);
            done.store(true, SeqCst);
        });
        loop {
            let last = done.load(SeqCst);
            events.wait(Some(Duration::from_millis(20))).unwrap();
            events
                .consume(|record| order.see(record.get().unwrap()))
                .unwrap();
            if last {
                break;
            }
        }
    });
    let counts = numbered.maps.COUNTS.get(0).unwrap();
    let made: u64 = counts.iter().map(|[made, _]| made).sum();
    let lost: u64 = counts.iter().map(|[_, lost]| lost).sum();
    assert_eq!(order.count, made, "{lost} did not fit");
    assert_eq!(made + lost, 1_000_000);
    // The kernel looks at the consumer's position before it waits for the buffer's lock. A CPU
    // that is held up in between (a guest's, when its host is busy) may judge by a position
    // that is a whole buffer old: one record then does not fit, for all the room there is.
    assert!(lost < 100, "{lost} did not fit");
    assert!(counts.iter().filter(|[made, _]| *made > 0).count() >= 1);
}

fn overload_is_counted() {
    let mut loader = numbered::loader();
    loader.maps.EVENTS.byte_size(1 << 14);
    let numbered = loader.load().unwrap();
    let events = &numbered.maps.EVENTS;
    assert_eq!(events.byte_size(), 1 << 14);
    let left = AtomicU64::new(400);
    let mut order = Order::default();
    let mut runs = 0;
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            produce(&numbered.progs.produce, &|| {
                left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                    .is_ok()
            })
        });
        while !producer.is_finished() {
            let mut reader = events.reader().unwrap();
            if let Some(record) = reader.next().unwrap() {
                order.see(record.get().unwrap());
            }
            drop(reader);
            std::thread::sleep(Duration::from_micros(50));
        }
        runs = producer.join().unwrap();
    });
    let mut reader = events.reader().unwrap();
    for record in reader.records() {
        order.see(record.unwrap().get().unwrap());
    }
    assert_eq!(runs, 400);
    let counts = numbered.maps.COUNTS.get(0).unwrap();
    let made: u64 = counts.iter().map(|[made, _]| made).sum();
    let lost: u64 = counts.iter().map(|[_, lost]| lost).sum();
    assert_eq!(order.count, made);
    assert_eq!(made + lost, 400 * BATCH);
    assert!(lost > 0, "it was meant to be too much");
}

ebpf! {
    /// Records of other lengths, discarded ones, and two buffers.
    #[license = "GPL"]
    #[min_kernel = "5.8"]
    mod mixed {
        static FIRST: RingBuf<u64> = RingBuf::with_byte_size(4096);
        static SECOND: RingBuf = RingBuf::with_byte_size(4096);

        /// A record of eight bytes, one that is discarded, one of three bytes.
        #[socket_filter]
        fn first(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 77;
            r1 = FIRST ll;
            r2 = r10;
            r2 += -8;
            r3 = 8;
            r4 = 0;
            call bpf_ringbuf_output;
            r1 = FIRST ll;
            r2 = 100;
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto out;
            r1 = r0;
            r2 = 0;
            call bpf_ringbuf_discard;
            r1 = FIRST ll;
            r2 = r10;
            r2 += -8;
            r3 = 3;
            r4 = 0;
            call bpf_ringbuf_output;
        out:
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn second(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 88;
            r1 = SECOND ll;
            r2 = r10;
            r2 += -8;
            r3 = 5;
            r4 = 0;
            call bpf_ringbuf_output;
            r0 = 0;
            exit;
        }
    }
}

/// Runs a socket filter by sending it packets.
pub(crate) struct Trigger {
    from: UnixDatagram,
    _to: UnixDatagram,
    _link: ebpf_rt::links::SocketFilterLink,
}

impl Trigger {
    pub(crate) fn new(filter: &ebpf_rt::programs::SocketFilter) -> Self {
        let (from, to) = UnixDatagram::pair().unwrap();
        let link = filter.attach_to(&to).unwrap();
        Self {
            from,
            _to: to,
            _link: link,
        }
    }

    pub(crate) fn run(&self) {
        self.from.send(b"x").unwrap();
    }
}

fn kinds_of_records() {
    let mixed = mixed::load().unwrap();
    let trigger = Trigger::new(&mixed.progs.first);
    let first = &mixed.maps.FIRST;
    // Often enough to come round the buffer.
    for _ in 0..200 {
        trigger.run();
        let mut seen = Vec::new();
        let count = first.consume(|record| match record.get() {
            Ok(number) => seen.push((*number, 8)),
            Err(bytes) => seen.push((u64::from(bytes[0]), bytes.len())),
        });
        assert_eq!(count.unwrap(), 2);
        assert_eq!(seen, [(77, 8), (77, 3)]);
        assert_eq!(first.unread_bytes().unwrap(), 0);
    }
}

fn waiting() {
    let mixed = mixed::load().unwrap();
    let (first, second) = (&mixed.maps.FIRST, &mixed.maps.SECOND);
    let start = Instant::now();
    assert!(!first.wait(Some(Duration::from_millis(30))).unwrap());
    assert!(start.elapsed() >= Duration::from_millis(30));

    let fds = [first.as_fd(), second.as_fd()];
    let trigger = Trigger::new(&mixed.progs.second);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            trigger.run();
        });
        assert_eq!(wait_any(&fds, None).unwrap(), [false, true]);
    });
    Trigger::new(&mixed.progs.first).run();
    assert_eq!(wait_any(&fds, Some(Duration::ZERO)).unwrap(), [true, true]);
    let mut lengths = Vec::new();
    second
        .consume(|record| lengths.push(record.bytes().len()))
        .unwrap();
    assert_eq!(lengths, [5]);
    assert_eq!(wait_any(&fds, Some(Duration::ZERO)).unwrap(), [true, false]);
}

/// Every record after the reader has seen all wakes an edge-triggered epoll.
fn edge_triggered() {
    let mixed = mixed::load().unwrap();
    let second = &mixed.maps.SECOND;
    // SAFETY: takes a number.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    assert!(epoll >= 0);
    let mut event = libc::epoll_event {
        events: (libc::EPOLLIN | libc::EPOLLET) as u32,
        u64: 0,
    };
    // SAFETY: both descriptors are open, and the event is on our stack.
    let added = unsafe {
        libc::epoll_ctl(
            epoll,
            libc::EPOLL_CTL_ADD,
            second.as_fd().as_raw_fd(),
            &mut event,
        )
    };
    assert_eq!(added, 0);
    let trigger = Trigger::new(&mixed.progs.second);
    let mut seen = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2000 {
                // None is lost.
                while second.unread_bytes().unwrap() > 2048 {
                    std::thread::yield_now();
                }
                trigger.run();
            }
        });
        while seen < 2000 {
            // SAFETY: room for one event, on our stack.
            let woken = unsafe { libc::epoll_wait(epoll, &mut event, 1, 5000) };
            assert_eq!(woken, 1, "not woken after {seen} records");
            seen += second.consume(|_| {}).unwrap();
        }
    });
    assert_eq!(seen, 2000);
    // SAFETY: it is ours.
    unsafe { libc::close(epoll) };
}

fn one_reader() {
    let mixed = mixed::load().unwrap();
    let first = &mixed.maps.FIRST;
    // The same map behind another descriptor, of which nobody else knows.
    let same = RingBuf::<[u8]>::from_id(first.as_raw().id().unwrap()).unwrap();
    let reader = first.reader().unwrap();
    assert_eq!(same.consume(|_| {}).unwrap_err().kind(), ErrorKind::Exists);
    drop(reader);
    Trigger::new(&mixed.progs.first).run();
    assert!(eventually(|| same.consume(|_| {}).unwrap() == 2));
    assert_eq!(first.consume(|_| {}).unwrap(), 0);
}

fn sizes() {
    let odd = RingBuf::<u64>::create(100_000).unwrap_err();
    assert_eq!(odd.kind(), ErrorKind::Invalid);
    assert_eq!(
        odd.to_string(),
        "map `ring_buf`: BPF_MAP_CREATE failed with EINVAL: its size of 100000 bytes is not a \
         power of two and a multiple of the page size, 4096"
    );
    let small = RingBuf::<u64>::create(0).unwrap_err();
    assert_eq!(small.kind(), ErrorKind::Invalid);
    let ring = RingBuf::<u64>::create(8192).unwrap();
    assert_eq!(ring.info().unwrap().max_entries, 8192);
}
