//! The kinds of maps that are no tables: each is seen to work through a program.

use super::common::{cgroup2, eventually, make_system_calls};
use super::ring_buf::Trigger;
use core::ffi::c_void;
use core::mem::offset_of;
use ebpf_rt::maps::{Def, Map, PerfRecord, Prefix};
use ebpf_rt::symbols::KernelSymbols;
use ebpf_rt::{
    Array, ArrayOfMaps, BloomFilter, CgroupArray, CpuMap, DevMap, DevMapHash, ErrorKind, Global,
    HashMap, HashOfMaps, LpmTrie, PerfEventArray, Pod, ProgramArray, Queue, SockHash, SockMap,
    Stack, StackTrace, UserRingBuf, ebpf,
};
use kernel_test::{Need, Suite};
use std::cell::Cell;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("map_kinds::program_array", ROOT, program_array)
        .programs(&["raw_tracepoint"])
        .maps(&["prog_array"]);
    suite
        .test("map_kinds::perf_event_array", ROOT, perf_event_array)
        .programs(&["raw_tracepoint"])
        .maps(&["perf_event_array"]);
    suite
        .test(
            "map_kinds::perf_events_are_lost",
            ROOT,
            perf_events_are_lost,
        )
        .maps(&["perf_event_array"]);
    suite
        .test("map_kinds::lpm_trie", ROOT, lpm_trie)
        .maps(&["lpm_trie"]);
    suite
        .test("map_kinds::queue_and_stack", ROOT, queue_and_stack)
        .maps(&["queue", "stack"]);
    suite
        .test(
            "map_kinds::bloom_filter",
            &[Need::Root, Need::Kernel(5, 16)],
            bloom_filter,
        )
        .maps(&["bloom_filter"]);
    suite
        .test("map_kinds::stack_trace", ROOT, stack_trace)
        .programs(&["raw_tracepoint"])
        .maps(&["stack_trace"]);
    suite
        .test("map_kinds::maps_of_maps", ROOT, maps_of_maps)
        .maps(&["array_of_maps", "hash_of_maps"]);
    suite
        .test("map_kinds::sock_maps", ROOT, sock_maps)
        .maps(&["sockmap", "sockhash"]);
    suite
        .test(
            "map_kinds::cgroup_array",
            &[Need::Root, Need::Other(cgroup2)],
            cgroup_array,
        )
        .maps(&["cgroup_array"]);
    suite
        .test("map_kinds::device_and_cpu_maps", ROOT, device_and_cpu_maps)
        .maps(&["devmap", "devmap_hash", "cpumap"]);
    suite
        .test(
            "map_kinds::user_ring_buf",
            &[Need::Root, Need::Kernel(6, 1)],
            user_ring_buf,
        )
        .programs(&["socket_filter"])
        .maps(&["user_ringbuf"]);
}

/// How much of a packet of ten bytes comes through.
fn kept(filter: &ebpf_rt::programs::SocketFilter) -> usize {
    let (from, to) = UnixDatagram::pair().unwrap();
    let _link = filter.attach_to(&to).unwrap();
    from.send(&[0; 10]).unwrap();
    to.set_nonblocking(true).unwrap();
    to.recv(&mut [0; 16]).unwrap_or(0)
}

ebpf! {
    #[license = "GPL"]
    mod jumps {
        static CALLS: ProgramArray = ProgramArray::with_max_entries(4);

        /// Keeps one byte where nothing is called.
        #[socket_filter]
        fn jump(ctx: *mut c_void) -> i32 {
            r2 = CALLS ll;
            r3 = 2;
            call bpf_tail_call;
            r0 = 1;
            exit;
        }

        #[socket_filter]
        fn seven(ctx: *mut c_void) -> i32 { r0 = 7; exit }

        #[raw_tracepoint("sys_enter")]
        fn other_kind(ctx: *mut c_void) -> i32 { r0 = 0; exit }
    }
}

fn program_array() {
    let jumps = jumps::load().unwrap();
    let (calls, progs) = (&jumps.maps.CALLS, &jumps.progs);
    assert_eq!(calls.len(), 4);
    assert_eq!(kept(&progs.jump), 1);
    calls.set(2, &progs.seven).unwrap();
    assert_eq!(kept(&progs.jump), 7);
    use ebpf_rt::programs::Program;
    let id = progs.seven.as_raw().id().unwrap();
    assert_eq!(calls.program_id(2).unwrap(), Some(id));
    assert_eq!(calls.program_id(1).unwrap(), None);
    assert!(calls.clear(2).unwrap());
    assert!(!calls.clear(2).unwrap());
    assert_eq!(kept(&progs.jump), 1);

    let beyond = calls.set(4, &progs.seven).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::NotFound);
    assert_eq!(calls.clear(4).unwrap_err().kind(), ErrorKind::NotFound);
    let other = calls.set(0, &progs.other_kind).unwrap_err();
    assert_eq!(
        other.to_string(),
        "object `jumps`, map `CALLS`: BPF_MAP_UPDATE_ELEM failed with EINVAL: the program \
         `other_kind` is not of the kind that the array holds"
    );
}

#[derive(Clone, Copy, Debug, PartialEq, Pod)]
#[repr(C)]
struct Sampled {
    number: u64,
    inverse: u64,
}

ebpf! {
    #[license = "GPL"]
    mod samples {
        static EVENTS: PerfEventArray<Sampled> = PerfEventArray::new();
        static COUNTS: Array<[u64; 2]> = Array::with_max_entries(1);

        /// Puts a numbered sample out, and counts those it made and those without room.
        #[socket_filter]
        fn sample(ctx: *mut c_void) -> i32 {
            r6 = r1;
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r7 = r0;
            r1 = *(u64 *)(r7 + 0);
            *(u64 *)(r10 - 24) = r1;
            r1 ^= -1;
            *(u64 *)(r10 - 16) = r1;
            r1 = r6;
            r2 = EVENTS ll;
            r3 = 0xffff_ffff ll;
            r4 = r10;
            r4 += -24;
            r5 = 16;
            call bpf_perf_event_output;
            if r0 s< 0 goto lost;
            r1 = *(u64 *)(r7 + 0);
            r1 += 1;
            *(u64 *)(r7 + 0) = r1;
            goto out;
        lost:
            r1 = *(u64 *)(r7 + 8);
            r1 += 1;
            *(u64 *)(r7 + 8) = r1;
        out:
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn short(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 5;
            r2 = EVENTS ll;
            r3 = 0xffff_ffff ll;
            r4 = r10;
            r4 += -8;
            r5 = 3;
            call bpf_perf_event_output;
            r0 = 0;
            exit;
        }
    }
}

fn perf_event_array() {
    let samples = samples::load().unwrap();
    let trigger = Trigger::new(&samples.progs.sample);
    // Nobody has opened it.
    trigger.run();
    assert_eq!(samples.maps.COUNTS.get(0).unwrap(), [0, 1]);

    assert_eq!(
        samples.maps.EVENTS.open(3).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    let mut rings = samples.maps.EVENTS.open(4).unwrap();
    assert!(!rings.wait(Some(Duration::ZERO)).unwrap());
    // Often enough to come round the ring, whose end cuts records in two.
    for number in 0..3000 {
        trigger.run();
        assert!(rings.wait(Some(Duration::from_secs(5))).unwrap());
        let count = rings.consume(|record| {
            let PerfRecord::Sample(sample) = record else {
                panic!("{record:?}")
            };
            let inverse = !number;
            assert_eq!(sample.get(), Ok(&Sampled { number, inverse }));
        });
        assert_eq!(count.unwrap(), 1);
    }
    Trigger::new(&samples.progs.short).run();
    let mut other = Vec::new();
    rings
        .consume(|record| {
            if let PerfRecord::Sample(sample) = record {
                other = sample.get().unwrap_err().to_vec();
            }
        })
        .unwrap();
    assert_eq!((other.len(), &other[..3]), (4, &[5, 0, 0][..]));

    drop(rings);
    trigger.run();
    assert_eq!(samples.maps.COUNTS.get(0).unwrap(), [3000, 2]);
}

fn perf_events_are_lost() {
    let samples = samples::load().unwrap();
    let trigger = Trigger::new(&samples.progs.sample);
    let mut rings = samples.maps.EVENTS.open(1).unwrap();
    for _ in 0..1000 {
        trigger.run();
    }
    let (count, told) = (Cell::new(0), Cell::new(0));
    let mut consume = || {
        rings
            .consume(|record| match record {
                PerfRecord::Sample(_) => count.set(count.get() + 1),
                PerfRecord::Lost { count, .. } => told.set(told.get() + count),
                _ => {}
            })
            .unwrap();
    };
    consume();
    let [_, lost] = samples.maps.COUNTS.get(0).unwrap();
    assert!(lost > 0);
    // The kernel tells of lost ones with the next that has room, on each CPU.
    assert!(eventually(|| {
        trigger.run();
        consume();
        told.get() == lost
    }));
    let counts = samples.maps.COUNTS.get(0).unwrap();
    assert_eq!([count.get(), told.get()], counts);
}

ebpf! {
    #[license = "GPL"]
    mod routes {
        static ROUTES: LpmTrie<Ipv4Addr, u32> = LpmTrie::with_max_entries(8);

        /// Keeps as many bytes as 10.1.2.3 is worth.
        #[socket_filter]
        fn route(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 8) = 32;
            *(u8 *)(r10 - 4) = 10;
            *(u8 *)(r10 - 3) = 1;
            *(u8 *)(r10 - 2) = 2;
            *(u8 *)(r10 - 1) = 3;
            r2 = r10;
            r2 += -8;
            r1 = ROUTES ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r0 = *(u32 *)(r0 + 0);
        out:
            exit;
        }
    }
}

fn lpm_trie() {
    let routes = routes::load().unwrap();
    let map = &routes.maps.ROUTES;
    let prefix = |length| Prefix::new(Ipv4Addr::new(10, 1, 2, 3), length).unwrap();
    assert_eq!(kept(&routes.progs.route), 0);
    map.insert(prefix(8), 3).unwrap();
    assert_eq!(kept(&routes.progs.route), 3);
    map.insert(prefix(24), 5).unwrap();
    assert_eq!(kept(&routes.progs.route), 5);
    assert_eq!(map.find(Ipv4Addr::new(10, 9, 9, 9)).unwrap(), Some(3));
    assert_eq!(map.find(Ipv4Addr::new(11, 9, 9, 9)).unwrap(), None);
    assert_eq!(map.find_prefix(prefix(23)).unwrap(), Some(3));
    let mut entries: Vec<_> = map.iter().map(Result::unwrap).collect();
    entries.sort_by_key(|(prefix, _)| prefix.length());
    assert_eq!(entries, [(prefix(8), 3), (prefix(24), 5)]);
    assert!(map.remove(prefix(24)).unwrap());
    assert!(!map.remove(prefix(24)).unwrap());
    assert_eq!(kept(&routes.progs.route), 3);
    for length in 9..=15 {
        map.insert(prefix(length), 1).unwrap();
    }
    let full = map.insert(prefix(16), 1).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full);

    let wide = LpmTrie::<Ipv6Addr, u64>::create(4).unwrap();
    let net = Prefix::new("2001:db8::1".parse().unwrap(), 32).unwrap();
    wide.insert(net, 9).unwrap();
    assert_eq!(
        wide.find("2001:db8:ffff::".parse().unwrap()).unwrap(),
        Some(9)
    );
    let odd = LpmTrie::<[u8; 3], u8>::create(4).unwrap();
    odd.insert(Prefix::of(*b"abc"), 1).unwrap();
    assert_eq!(
        odd.iter().map(Result::unwrap).next(),
        Some((Prefix::of(*b"abc"), 1))
    );
}

ebpf! {
    #[license = "GPL"]
    mod lines {
        static TASKS: Queue<u64> = Queue::with_max_entries(2);
        static RESULTS: Stack<u64> = Stack::with_max_entries(2);

        /// Takes a number out of the queue and puts twice the number on the stack.
        #[socket_filter]
        fn double(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = TASKS ll;
            r2 = r10;
            r2 += -8;
            call bpf_map_pop_elem;
            if r0 != 0 goto out;
            r1 = *(u64 *)(r10 - 8);
            r1 <<= 1;
            *(u64 *)(r10 - 8) = r1;
            r1 = RESULTS ll;
            r2 = r10;
            r2 += -8;
            r3 = 0;
            call bpf_map_push_elem;
        out:
            r0 = 0;
            exit;
        }
    }
}

fn queue_and_stack() {
    let lines = lines::load().unwrap();
    let (tasks, results) = (&lines.maps.TASKS, &lines.maps.RESULTS);
    let trigger = Trigger::new(&lines.progs.double);
    assert_eq!(tasks.peek().unwrap(), None);
    tasks.push(10).unwrap();
    tasks.push(20).unwrap();
    assert_eq!(tasks.push(30).unwrap_err().kind(), ErrorKind::Full);
    tasks.push_over(30).unwrap();
    assert_eq!(tasks.peek().unwrap(), Some(20));
    trigger.run();
    trigger.run();
    assert_eq!(tasks.pop().unwrap(), None);
    assert_eq!(results.peek().unwrap(), Some(60));
    assert_eq!(results.pop().unwrap(), Some(60));
    assert_eq!(results.pop().unwrap(), Some(40));
    assert_eq!(results.pop().unwrap(), None);
}

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.16"]
    mod bloom {
        static SEEN: BloomFilter<u64> = BloomFilter::with_max_entries(100).hash_functions(3);
        const NUMBER: u32;

        /// Keeps a byte if the number may be in the set.
        #[socket_filter]
        fn ask(ctx: *mut c_void) -> i32 {
            r1 = NUMBER;
            *(u64 *)(r10 - 8) = r1;
            r1 = SEEN ll;
            r2 = r10;
            r2 += -8;
            call bpf_map_peek_elem;
            if r0 == 0 goto found;
            r0 = 0;
            exit;
        found:
            r0 = 1;
            exit;
        }
    }
}

fn bloom_filter() {
    let mut loader = bloom::loader();
    loader.consts.NUMBER.set(77);
    let bloom = loader.load().unwrap();
    let seen = &bloom.maps.SEEN;
    assert_eq!(seen.info().unwrap().extra, 3);
    assert_eq!(kept(&bloom.progs.ask), 0);
    assert!(!seen.may_contain(77).unwrap());
    seen.insert(77).unwrap();
    assert_eq!(kept(&bloom.progs.ask), 1);
    assert!(seen.may_contain(77).unwrap());
    let false_ones = (1000..2000).filter(|&n| seen.may_contain(n).unwrap());
    assert!(false_ones.count() < 100);
}

ebpf! {
    #[license = "GPL"]
    mod stacks {
        static STACKS: StackTrace = StackTrace::with_max_entries(64);
        static LAST: Global<u64> = Global::new(u64::MAX);
        const PID: u32;

        /// Not at a trace point of a system call, where 5.10 has no stack of the kernel.
        #[raw_tracepoint("sys_enter")]
        fn entered(ctx: *mut c_void) -> i32 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PID;
            if r0 != r1 goto out;
            r1 = r6;
            r2 = STACKS ll;
            r3 = 0;
            call bpf_get_stackid;
            if r0 s< 0 goto out;
            r1 = LAST ll;
            *(u64 *)(r1 + 0) = r0;
        out:
            r0 = 0;
            exit;
        }
    }
}

fn stack_trace() {
    let mut loader = stacks::loader();
    loader.consts.PID.set(std::process::id());
    let stacks = loader.load().unwrap();
    let link = stacks.progs.entered.attach().unwrap();
    make_system_calls(1);
    drop(link);
    let id = u32::try_from(stacks.maps.LAST.get()).expect("bpf_get_stackid gave a number");
    let map = &stacks.maps.STACKS;
    let ids: Vec<u32> = map.ids().map(Result::unwrap).collect();
    assert!(ids.contains(&id), "{ids:?}");
    let addresses = map.get(id).unwrap().unwrap();
    assert!((1..=127).contains(&addresses.len()));
    let symbols = KernelSymbols::load().unwrap();
    let names: Vec<_> = addresses
        .iter()
        .map(|&address| symbols.find(address).expect("a function").name)
        .collect();
    // The program's caller is somewhere in the entry of system calls.
    assert!(
        names.iter().any(|name| name.contains("syscall")),
        "{names:?}"
    );
    assert!(map.remove(id).unwrap());
    assert!(!map.remove(id).unwrap());
    assert_eq!(map.get(id).unwrap(), None);
    assert_eq!(map.get(1 << 20).unwrap(), None);
}

const INNER: Def<Array<u64>> = Array::with_max_entries(1);

ebpf! {
    #[license = "GPL"]
    mod nested {
        static BY_INDEX: ArrayOfMaps<Array<u64>> = ArrayOfMaps::with_max_entries(2, INNER);
        static BY_KEY: HashOfMaps<u32, HashMap<u32, u64>> =
            HashOfMaps::with_max_entries(2, HashMap::with_max_entries(4));

        /// Adds 1 in the map at index 1, and 2 in that of key 0 at key 0.
        #[socket_filter]
        fn count(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 4) = 1;
            *(u32 *)(r10 - 8) = 0;
            r1 = BY_INDEX ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto by_key;
            r1 = r0;
            r2 = r10;
            r2 += -8;
            call bpf_map_lookup_elem;
            if r0 == 0 goto by_key;
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        by_key:
            r1 = BY_KEY ll;
            r2 = r10;
            r2 += -8;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r1 = r0;
            r2 = r10;
            r2 += -8;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r1 = 2;
            lock *(u64 *)(r0 + 0) += r1;
        out:
            r0 = 0;
            exit;
        }
    }
}

fn maps_of_maps() {
    let nested = nested::load().unwrap();
    let (by_index, by_key) = (&nested.maps.BY_INDEX, &nested.maps.BY_KEY);
    let trigger = Trigger::new(&nested.progs.count);
    trigger.run();
    assert!(by_index.get(1).unwrap().is_none());
    let (first, second) = (INNER.create("a").unwrap(), INNER.create("b").unwrap());
    by_index.set(1, &first).unwrap();
    trigger.run();
    by_index.set(1, &second).unwrap();
    trigger.run();
    trigger.run();
    assert_eq!((first.get(0).unwrap(), second.get(0).unwrap()), (1, 2));
    let got = by_index.get(1).unwrap().unwrap();
    assert_eq!(got.as_raw().id().unwrap(), second.as_raw().id().unwrap());
    assert!(by_index.clear(1).unwrap());
    assert!(!by_index.clear(1).unwrap());

    let table = HashMap::create(4).unwrap();
    table.insert(0, 10).unwrap();
    by_key.insert(0, &table).unwrap();
    trigger.run();
    assert_eq!(table.get(&0).unwrap(), Some(12));
    assert_eq!(by_key.keys().map(Result::unwrap).collect::<Vec<_>>(), [0]);
    assert_eq!(by_key.get(&0).unwrap().unwrap().get(&0).unwrap(), Some(12));
    assert!(by_key.get(&1).unwrap().is_none());
    assert!(by_key.remove(&0).unwrap());
    assert!(!by_key.remove(&0).unwrap());

    const LAZY: Def<HashMap<u32, u64>> = HashMap::with_max_entries(4).no_prealloc();
    let other = by_key.insert(1, &LAZY.create("lazy").unwrap()).unwrap_err();
    assert_eq!(
        other.to_string(),
        "object `nested`, map `BY_KEY`: BPF_MAP_UPDATE_ELEM failed with EINVAL: map `lazy` (Hash, \
         keys of 4 bytes, values of 8 bytes) is not like the maps that it was made for"
    );
    assert_eq!(
        by_index.set(2, &first).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

fn cookie(socket: &impl AsRawFd) -> u64 {
    let (mut value, mut size) = (0u64, 8);
    // SAFETY: the value is eight bytes on our stack, as the size says.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_COOKIE,
            (&raw mut value).cast(),
            &mut size,
        )
    };
    assert_eq!(result, 0);
    value
}

fn sock_maps() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let map = SockMap::create(2).unwrap();
    assert_eq!(map.cookie(1).unwrap(), None);
    map.set(1, &stream).unwrap();
    assert_eq!(map.cookie(1).unwrap(), Some(cookie(&stream)));
    assert_eq!(map.cookie(2).unwrap_err().kind(), ErrorKind::NotFound);

    let table = SockHash::<[u8; 6]>::create(2).unwrap();
    table.insert(*b"stream", &stream).unwrap();
    assert_eq!(table.cookie(b"stream").unwrap(), Some(cookie(&stream)));
    assert_eq!(table.cookie(b"nobody").unwrap(), None);
    assert_eq!(
        table.keys().map(Result::unwrap).collect::<Vec<_>>(),
        [*b"stream"]
    );
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(
        map.set(0, &file).unwrap_err().to_string(),
        "map `sock_map`: BPF_MAP_UPDATE_ELEM failed with ENOTSOCK: the file descriptor is not a \
         socket's"
    );

    assert!(map.clear(1).unwrap());
    assert!(!map.clear(1).unwrap());
    map.set(0, &stream).unwrap();
    drop(stream);
    // Closed sockets leave, once the kernel is through with them.
    assert!(eventually(|| map.cookie(0).unwrap().is_none()));
    assert!(eventually(|| table.cookie(b"stream").unwrap().is_none()));
    assert!(!table.remove(b"stream").unwrap());
}

ebpf! {
    #[license = "GPL"]
    mod groups {
        static GROUPS: CgroupArray = CgroupArray::with_max_entries(2);
        static INSIDE: Global<[i32; 2]> = Global::new([-1, -1]);
        const PID: u32;

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn opened(ctx: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PID;
            if r0 != r1 goto out;
            r1 = GROUPS ll;
            r2 = 0;
            call bpf_current_task_under_cgroup;
            r1 = INSIDE ll;
            *(u32 *)(r1 + 0) = w0;
            r1 = GROUPS ll;
            r2 = 1;
            call bpf_current_task_under_cgroup;
            r1 = INSIDE + 4 ll;
            *(u32 *)(r1 + 0) = w0;
        out:
            r0 = 0;
            exit;
        }
    }
}

fn cgroup_array() {
    let root = kernel_test::cgroup2().unwrap();
    let empty = format!("{root}/kernel-test-{}", std::process::id());
    std::fs::create_dir(&empty).unwrap();
    let mut loader = groups::loader();
    loader.consts.PID.set(std::process::id());
    let groups = loader.load().unwrap();
    let map = &groups.maps.GROUPS;
    map.set(0, &std::fs::File::open(&root).unwrap()).unwrap();
    map.set(1, &std::fs::File::open(&empty).unwrap()).unwrap();
    let link = groups.progs.opened.attach().unwrap();
    make_system_calls(1);
    let inside = groups.maps.INSIDE.get();
    assert!(map.clear(1).unwrap());
    make_system_calls(1);
    let without = groups.maps.INSIDE.get();
    drop(link);
    std::fs::remove_dir(&empty).unwrap();
    assert_eq!(inside, [1, 0]);
    assert_eq!(without, [1, -libc::EAGAIN]);
    assert!(!map.clear(1).unwrap());
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(
        map.set(0, &file)
            .unwrap_err()
            .to_string()
            .contains("the file descriptor is not a cgroup2 directory's")
    );
}

fn device_and_cpu_maps() {
    let devices = DevMap::create(2).unwrap();
    assert_eq!(devices.get(0).unwrap(), None);
    devices.set(0, 1).unwrap();
    let loopback = devices.get(0).unwrap().unwrap();
    assert_eq!((loopback.ifindex, loopback.program_id), (1, None));
    devices.clear(0).unwrap();
    assert_eq!(devices.get(0).unwrap(), None);
    let missing = devices.set(0, 0x7fff_0000).unwrap_err();
    assert!(
        missing.to_string().contains("no device number"),
        "{missing}"
    );

    let table = DevMapHash::create(2).unwrap();
    table.set(500, 1).unwrap();
    assert_eq!(table.keys().map(Result::unwrap).collect::<Vec<_>>(), [500]);
    assert_eq!(table.get(500).unwrap(), Some(loopback));
    assert!(table.remove(500).unwrap());
    assert!(!table.remove(500).unwrap());

    let cpus = CpuMap::create(0).unwrap();
    assert_eq!(
        cpus.as_raw().max_entries() as usize,
        ebpf_rt::maps::possible_cpus().unwrap()
    );
    assert_eq!(cpus.get(0).unwrap(), None);
    cpus.set(0, 192).unwrap();
    let queue = cpus.get(0).unwrap().unwrap();
    assert_eq!((queue.size, queue.program_id), (192, None));
    assert_eq!(cpus.set(0, 0).unwrap_err().kind(), ErrorKind::Invalid);
    assert!(
        cpus.set(0, 1 << 20)
            .unwrap_err()
            .to_string()
            .contains("too long")
    );
    cpus.clear(0).unwrap();
    assert!(eventually(|| cpus.get(0).unwrap().is_none()));
}

/// What the callback of `takes` keeps of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Pod)]
#[repr(C)]
struct Taken {
    /// Of their first bytes.
    sum: u64,
    samples: u64,
    /// What the last `bpf_user_ringbuf_drain` returned.
    returned: i64,
    /// How many calls of the callback there were in it.
    called: u64,
}

impl Taken {
    const NOTHING: Self = Self {
        sum: 0,
        samples: 0,
        returned: 0,
        called: 0,
    };
}

/// The first byte of a sample behind which no more are taken for now.
const STOP: i32 = 0xff;

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "6.1"]
    mod takes {
        static SAMPLES: UserRingBuf = UserRingBuf::with_byte_size(4096);
        static TAKEN: Global<Taken> = Global::new(Taken::NOTHING);

        /// Takes the samples that are there.
        #[socket_filter]
        fn drain(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = SAMPLES ll;
            r2 = take ll;
            r3 = r10;
            r3 += -8;
            r4 = 0;
            call bpf_user_ringbuf_drain;
            r1 = TAKEN ll;
            *(u64 *)(r1 + {offset_of!(Taken, returned)}) = r0;
            r2 = *(u64 *)(r10 - 8);
            *(u64 *)(r1 + {offset_of!(Taken, called)}) = r2;
            r0 = 0;
            exit;
        }

        /// Counts a sample, here and for `drain`.
        fn take(dynptr: *const c_void, ctx: *mut c_void) -> i64 {
            r3 = r1;
            r1 = *(u64 *)(r2 + 0);
            r1 += 1;
            *(u64 *)(r2 + 0) = r1;
            *(u64 *)(r10 - 8) = 0;
            r1 = r10;
            r1 += -8;
            r2 = 1;
            r4 = 0;
            r5 = 0;
            call bpf_dynptr_read;
            r2 = *(u8 *)(r10 - 8);
            r1 = TAKEN ll;
            lock *(u64 *)(r1 + {offset_of!(Taken, sum)}) += r2;
            r3 = 1;
            lock *(u64 *)(r1 + {offset_of!(Taken, samples)}) += r3;
            r0 = 0;
            if r2 != STOP goto next;
            r0 = 1;
        next:
            exit;
        }
    }
}

fn user_ring_buf() {
    let takes = takes::load().unwrap();
    let (samples, taken) = (&takes.maps.SAMPLES, &takes.maps.TAKEN);
    let trigger = Trigger::new(&takes.progs.drain);
    let mut expected = Taken::NOTHING;
    let mut drains = |firsts: &[u8]| {
        trigger.run();
        let count = firsts.len();
        expected = Taken {
            sum: expected.sum + firsts.iter().map(|&byte| u64::from(byte)).sum::<u64>(),
            samples: expected.samples + count as u64,
            returned: count as i64,
            called: count as u64,
        };
        assert_eq!(taken.get(), expected);
    };

    drains(&[]);
    let mut writer = samples.writer().unwrap();
    assert_eq!(samples.writer().unwrap_err().kind(), ErrorKind::Exists);
    assert_eq!(writer.reserve(4096).unwrap_err().kind(), ErrorKind::Invalid);
    // Often enough to come round the buffer, with lengths that go over its end.
    for round in 0..300 {
        let first = (round % 250) as u8;
        for length in [1, 13, 64] {
            let mut sample = writer.reserve(length).unwrap().expect("room");
            sample.fill(first);
            sample.submit();
        }
        // Discarded ones are skipped.
        drop(writer.reserve(20).unwrap().expect("room"));
        drains(&[first; 3]);
        assert_eq!(writer.unread_bytes(), 0);
    }
    // The callback may leave the rest for later.
    for first in [1, STOP as u8, 2, 3] {
        let mut sample = writer.reserve(8).unwrap().expect("room");
        sample.fill(first);
        sample.submit();
    }
    drains(&[1, STOP as u8]);
    assert_eq!(writer.unread_bytes(), 32);
    drains(&[2, 3]);
    // Until it is full: 4096 bytes are 102 samples of 40.
    let mut submitted = 0;
    while let Some(mut sample) = writer.reserve(32).unwrap() {
        sample.fill(1);
        sample.submit();
        submitted += 1;
    }
    assert_eq!(submitted, 102);
    drains(&[1; 102]);
    assert!(writer.wait(Some(Duration::ZERO)).unwrap());
    assert!(writer.reserve(32).unwrap().is_some());
}
