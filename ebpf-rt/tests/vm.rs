//! Objects without a kernel: the same handles over a machine in this process. Needs no
//! privileges, and uses none.
#![allow(clippy::unwrap_used, reason = "tests, which fail by panicking")]

use core::ffi::c_void;
use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::vm::{FaultKind, Input};
use ebpf_rt::{
    Array, BloomFilter, Error, ErrorKind, Global, HashMap, LruHashMap, PerCpuArray, PerCpuHashMap,
    Pod, ProgramArray, Queue, RingBuf, Rodata, Stack, ebpf,
};
use std::error::Error as _;

ebpf! {
    #[license = "GPL"]
    mod opens {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(2);
        static NOT_COUNTED: Global<u64> = Global::new(0);

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn count(ctx: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 - 4) = w0;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;
            *(u64 *)(r10 - 16) = 0;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            r4 = BPF_NOEXIST;
            r1 = COUNTS ll;
            call bpf_map_update_elem;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;
            r0 = NOT_COUNTED ll;
        add:
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
            r0 = 0;
            exit;
        }
    }
}

#[test]
fn maps_and_globals_are_seen_from_both_sides() -> Result<(), Error> {
    let opens = opens::vm()?;
    let machine = opens.progs.count.machine()?.clone();
    for (uid, calls) in [(1000, 3), (0, 2), (7, 4)] {
        machine.with(|vm| vm.set_user(uid, 100));
        for _ in 0..calls {
            assert_eq!(opens.progs.count.run(&mut [])?, 0);
        }
    }
    let mut counts = opens.maps.COUNTS.iter().collect::<Result<Vec<_>, _>>()?;
    counts.sort_unstable();
    assert_eq!(counts, [(0, 2), (1000, 3)]);
    assert_eq!(opens.maps.NOT_COUNTED.get(), 4);
    // What this side writes, programs see.
    opens.maps.NOT_COUNTED.set(40);
    opens.maps.COUNTS.insert(0, 100)?;
    opens.progs.count.run(&mut [])?;
    machine.with(|vm| vm.set_user(0, 0));
    opens.progs.count.run(&mut [])?;
    assert_eq!(opens.maps.NOT_COUNTED.get(), 41);
    assert_eq!(opens.maps.COUNTS.get(&0)?, Some(101));
    assert!(opens.maps.COUNTS.remove(&1000)?);
    assert_eq!(opens.maps.COUNTS.insert(1, 1)?, ());
    let full = opens.maps.COUNTS.insert(2, 2).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full);
    assert_eq!(
        full.to_string(),
        "object `opens`, map `COUNTS`: BPF_MAP_UPDATE_ELEM failed with E2BIG: the map is full: \
         its max_entries is 2"
    );
    Ok(())
}

#[test]
fn two_skeletons_are_two_machines() -> Result<(), Error> {
    let (first, second) = (opens::vm()?, opens::vm()?);
    first.progs.count.run(&mut [])?;
    assert_eq!(first.maps.COUNTS.iter().count(), 1);
    assert_eq!(second.maps.COUNTS.iter().count(), 0);
    Ok(())
}

#[test]
fn options_are_those_of_the_loader() -> Result<(), Error> {
    let mut loader = opens::loader();
    loader.maps.COUNTS.max_entries(1);
    loader.maps.NOT_COUNTED.value(5);
    let opens = loader.vm()?;
    for uid in 0..3 {
        opens.progs.count.machine()?.with(|vm| vm.set_user(uid, 0));
        opens.progs.count.run(&mut [])?;
    }
    assert_eq!(opens.maps.COUNTS.iter().count(), 1);
    assert_eq!(opens.maps.NOT_COUNTED.get(), 7);
    let mut loader = opens::loader();
    loader.progs.count.skip();
    let skipped = loader.vm()?.progs.count.run(&mut []).unwrap_err();
    assert_eq!(skipped.kind(), ErrorKind::NotLoaded);
    let mut loader = opens::loader();
    loader.maps.COUNTS.pinned("/sys/fs/bpf/counts");
    assert_eq!(loader.vm().unwrap_err().kind(), ErrorKind::Unsupported);
    Ok(())
}

#[test]
fn what_needs_a_kernel_says_so() -> Result<(), Error> {
    let opens = opens::vm()?;
    let error = opens.progs.count.attach().unwrap_err();
    assert_eq!(
        error.to_string(),
        "object `opens`, program `count`: it is in a machine, and not in the kernel; call run, \
         or load the object with load()"
    );
    let error = opens.maps.COUNTS.pin("/sys/fs/bpf/counts").unwrap_err();
    assert_eq!(
        error.to_string(),
        "object `opens`, map `COUNTS`: it cannot be pinned: there is no kernel behind it"
    );
    assert_eq!(opens.maps.COUNTS.as_raw_info()?, ("COUNTS".to_owned(), 2));
    Ok(())
}

/// What `info` says of any handle.
trait AsRawInfo {
    fn as_raw_info(&self) -> Result<(String, u32), Error>;
}

impl<M: ebpf_rt::maps::Map> AsRawInfo for M {
    fn as_raw_info(&self) -> Result<(String, u32), Error> {
        let info = self.as_raw().info()?;
        Ok((info.name, info.max_entries))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod)]
#[repr(C)]
struct Event {
    pid: u32,
    size: u32,
}

ebpf! {
    #[license = "GPL"]
    mod events {
        const SIZE: u32;
        static EVENTS: RingBuf<Event> = RingBuf::with_byte_size(4096);
        static LIMIT: Rodata<u32> = Rodata::new(3);
        static PER_CPU: PerCpuArray<u64> = PerCpuArray::with_max_entries(1);
        pub static TABLE: Array<u32> = Array::with_max_entries(4).initial(&[5, 6, 7]);

        #[tracepoint("sched", "sched_process_exec")]
        fn record(ctx: *mut c_void) -> i32 {
            r6 = LIMIT ll;
            r6 = *(u32 *)(r6 + 0);
            r7 = 0;
            *(u32 *)(r10 - 4) = 0;
            r1 = PER_CPU ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r1 = *(u64 *)(r0 + 0);
            if r1 >= r6 goto out;
            r1 += 1;
            *(u64 *)(r0 + 0) = r1;
            r1 = EVENTS ll;
            r2 = {size_of::<Event>()};
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto out;
            r8 = r0;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r8 + 0) = w0;
            *(u32 *)(r8 + 4) = SIZE;
            r1 = r8;
            r2 = 0;
            call bpf_ringbuf_submit;
        out:
            r0 = 0;
            exit;
        }
    }
}

#[test]
fn ring_buffers_constants_and_per_cpu_values() -> Result<(), Error> {
    let missing = events::vm().unwrap_err();
    assert!(
        missing.to_string().contains("`SIZE` has no value"),
        "{missing}"
    );
    let mut loader = events::loader();
    loader.consts.SIZE.set(77);
    let events = loader.vm()?;
    let machine = events.progs.record.machine()?;
    assert!(!events.maps.EVENTS.wait(None)?);
    for pid in 1..=5 {
        machine.with(|vm| vm.set_process(pid, pid));
        events.progs.record.run(&mut [])?;
    }
    assert!(events.maps.EVENTS.wait(None)?);
    let mut seen = Vec::new();
    events
        .maps
        .EVENTS
        .consume(|event| seen.push(*event.get().unwrap()))?;
    let event = |pid| Event { pid, size: 77 };
    assert_eq!(seen, [event(1), event(2), event(3)]);
    assert_eq!(events.maps.EVENTS.consume(|_| {})?, 0);
    let values = events.maps.PER_CPU.get(0)?;
    assert_eq!(values.iter().sum::<u64>(), 3);
    assert_eq!(events.maps.LIMIT.get()?, 3);
    assert_eq!(events.maps.TABLE.get(2)?, 7);
    assert_eq!(events.maps.TABLE.get(3)?, 0);
    Ok(())
}

/// The ring is full until it is read, goes round, and records across its end come whole.
#[test]
fn ring_buffers_are_read_for_ever() -> Result<(), Error> {
    let mut loader = events::loader();
    loader.consts.SIZE.set(1);
    loader.maps.LIMIT.value(u32::MAX);
    let events = loader.vm()?;
    let machine = events.progs.record.machine()?;
    let mut seen = 0;
    for round in 0..10 {
        for pid in 0..100 {
            machine.with(|vm| vm.set_process(round * 100 + pid, 0));
            events.progs.record.run(&mut [])?;
        }
        events.maps.EVENTS.consume(|event| {
            assert_eq!(event.get().unwrap().pid, seen);
            seen += 1;
        })?;
    }
    assert_eq!(seen, 1000);
    for _ in 0..1000 {
        events.progs.record.run(&mut [])?;
    }
    // 16 bytes each.
    assert_eq!(events.maps.EVENTS.consume(|_| {})?, 255);
    Ok(())
}

ebpf! {
    #[license = "GPL"]
    mod calls {
        static NEXT: ProgramArray = ProgramArray::with_max_entries(2);
        static SEEN: Queue<u32> = Queue::with_max_entries(4);
        pub static LAST: Stack<u32> = Stack::with_max_entries(4);
        pub static LRU: LruHashMap<u32, u32> = LruHashMap::with_max_entries(2);
        pub static PER_CPU: PerCpuHashMap<u32, u32> = PerCpuHashMap::with_max_entries(2);

        #[socket_filter]
        fn first(skb: *mut c_void) -> i32 {
            r6 = r1;
            r0 = *(u16 *)skb[0];
            *(u32 *)(r10 - 4) = w0;
            r1 = SEEN ll;
            r2 = r10;
            r2 += -4;
            r3 = 0;
            call bpf_map_push_elem;
            r1 = r6;
            r2 = NEXT ll;
            r3 = 1;
            call bpf_tail_call;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn second(skb: *mut c_void) -> i32 {
            r0 = *(u32 *)(r1 + 0);
            r0 += 100;
            exit;
        }
    }
}

#[test]
fn packets_queues_and_tail_calls() -> Result<(), Error> {
    let calls = calls::vm()?;
    let mut packet = [1, 2, 3, 4];
    assert_eq!(calls.progs.first.run_on(Input::skb(&mut packet))?, 0);
    calls.maps.NEXT.set(1, &calls.progs.second)?;
    assert_eq!(calls.progs.first.run_on(Input::skb(&mut packet))?, 104);
    assert_eq!(calls.maps.SEEN.pop()?, Some(0x102));
    assert_eq!(calls.maps.SEEN.pop()?, Some(0x102));
    assert_eq!(calls.maps.SEEN.pop()?, None);
    assert_eq!(
        calls
            .maps
            .NEXT
            .set(2, &calls.progs.second)
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    let others = calls::vm()?;
    assert_eq!(
        calls
            .maps
            .NEXT
            .set(0, &others.progs.second)
            .unwrap_err()
            .kind(),
        ErrorKind::Invalid
    );
    calls.maps.LAST.push(1)?;
    calls.maps.LAST.push(2)?;
    assert_eq!(calls.maps.LAST.pop()?, Some(2));
    for key in 0..3 {
        calls.maps.LRU.insert(key, key)?;
    }
    assert_eq!(calls.maps.LRU.get(&0)?, None);
    assert_eq!(calls.maps.LRU.get(&2)?, Some(2));
    Ok(())
}

ebpf! {
    #[license = "GPL"]
    mod wrong {
        #[allow_unchecked(BPF0117)]
        #[socket_filter]
        fn reads_past(skb: *mut c_void) -> i32 {
            r0 = *(u32 *)(r1 + 192);
            exit;
        }
    }
}

#[test]
fn faults_name_the_line() -> Result<(), Error> {
    let wrong = wrong::vm()?;
    let error = wrong
        .progs
        .reads_past
        .run_on(Input::skb(&mut []))
        .unwrap_err();
    let line = line!() - 14;
    assert_eq!(error.kind(), ErrorKind::Fault);
    assert_eq!(
        error.to_string(),
        format!(
            "object `wrong`, program `reads_past`: reads 4 bytes at 192 of the context, which \
             has 192 bytes at {}:{line}:13 (r0 = *(u32 *)(r1 + 192))",
            file!()
        )
    );
    let fault: &ebpf_rt::vm::Fault = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(fault.kind(), &FaultKind::OutOfBounds);
    Ok(())
}

ebpf! {
    #[license = "GPL"]
    mod filters {
        static SEEN: BloomFilter<u32> = BloomFilter::with_max_entries(4);
    }
}

#[test]
fn maps_that_only_a_kernel_has_say_so() {
    let error = filters::vm().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error
            .to_string()
            .contains("map `SEEN`: the interpreter has no such BloomFilter map"),
        "{error}"
    );
}
