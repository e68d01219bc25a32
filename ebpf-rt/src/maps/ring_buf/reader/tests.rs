//! A ring in the test's own memory, which plays the kernel.

use super::*;
use crate::sys::Call;
use crate::sys::script::{Script, run};
use crate::{RingBuf, maps::Map};
use std::sync::atomic::AtomicU32 as Id;

const PAGE: usize = 4096;
const SIZE: usize = 4096;

/// The memory behind a ring: the consumer's page, the producer's page, the data twice. The
/// second copy is not the first one's mirror here, so that records that go over the end are
/// written as they are to be read.
struct Kernel {
    consumer: &'static [AtomicUsize],
    producer: &'static [AtomicUsize],
}

impl Kernel {
    fn new() -> Self {
        // The mappings have to be aligned to eight bytes only, as far as this is concerned.
        let words = |bytes: usize| -> &'static [AtomicUsize] {
            (0..bytes / size_of::<usize>())
                .map(|_| AtomicUsize::new(0))
                .collect::<Vec<_>>()
                .leak()
        };
        Self {
            consumer: words(PAGE),
            producer: words(PAGE + 2 * SIZE),
        }
    }

    fn script(&self) -> Script {
        static NEXT_ID: Id = Id::new(1 << 20);
        let id = NEXT_ID.fetch_add(1, Relaxed);
        let address = |words: &'static [AtomicUsize]| words.as_ptr() as usize as i64;
        Script::new()
            .fd()
            .with(move |call| {
                let Call::Bpf { attr, .. } = call else {
                    panic!("{call:?}")
                };
                let to: u64 = bytemuck::pod_read_unaligned(&attr[8..16]);
                let info: [u32; 6] = [27, id, 0, 0, SIZE as u32, 0];
                // SAFETY: the buffer of `map_info` is larger than that.
                unsafe { (to as usize as *mut [u32; 6]).write_unaligned(info) };
                Ok(0)
            })
            .value(address(self.consumer))
            .value(address(self.producer))
    }

    fn consumed(&self) -> usize {
        self.consumer[0].load(Acquire)
    }

    fn produced(&self) -> usize {
        self.producer[0].load(Acquire)
    }

    /// Moves both positions, as if that much had gone through.
    fn starts_at(&self, position: usize) {
        self.consumer[0].store(position, Release);
        self.producer[0].store(position, Release);
    }

    /// Puts a header and data in.
    fn put(&self, header: u32, data: &[u8]) {
        let position = self.produced();
        let at = PAGE + position % SIZE;
        let to = self.producer.as_ptr() as usize + at;
        // SAFETY: inside of the words, which are interior-mutable and this thread's alone.
        unsafe {
            (to as *mut u32).write(header);
            core::ptr::copy_nonoverlapping(data.as_ptr(), (to + HEADER) as *mut u8, data.len());
        }
        let taken = (data.len() + HEADER).next_multiple_of(8);
        self.producer[0].store(position + taken, Release);
    }

    fn submit(&self, data: &[u8]) {
        self.put(data.len() as u32, data);
    }
}

fn with_ring<R>(test: impl FnOnce(&Kernel, &RingBuf<u32>) -> R) -> R {
    let kernel = Kernel::new();
    let script = kernel.script().value(0).value(0);
    let (result, calls) = run(script, || {
        let ring = RingBuf::<u32>::create(SIZE as u32).unwrap();
        test(&kernel, &ring)
    });
    let names: Vec<_> = calls.iter().map(|call| call.name).collect();
    assert_eq!(
        names,
        [
            "BPF_MAP_CREATE",
            "BPF_OBJ_GET_INFO_BY_FD",
            "mmap",
            "mmap",
            "munmap",
            "munmap"
        ]
    );
    result
}

#[test]
fn records_come_in_order_and_are_freed_when_dropped() {
    with_ring(|kernel, ring| {
        kernel.submit(&7u32.to_ne_bytes());
        kernel.submit(b"other");
        let mut reader = ring.reader().unwrap();
        let record = reader.next().unwrap().unwrap();
        assert_eq!(record.get(), Ok(&7));
        assert_eq!(kernel.consumed(), 0);
        drop(record);
        assert_eq!(kernel.consumed(), 16);
        let record = reader.next().unwrap().unwrap();
        assert_eq!(record.get(), Err(&b"other"[..]));
        // A record that is never dropped is freed with the next.
        core::mem::forget(record);
        assert!(reader.next().unwrap().is_none());
        assert_eq!(kernel.consumed(), 32);
        assert_eq!(ring.unread_bytes().unwrap(), 0);
    });
}

#[test]
fn discarded_records_are_skipped_and_busy_ones_waited_for() {
    with_ring(|kernel, ring| {
        kernel.put(DISCARDED | 4, &[1; 4]);
        kernel.put(DISCARDED | 100, &[1; 100]);
        assert_eq!(ring.consume(|_| panic!("it was discarded")).unwrap(), 0);
        // What was skipped is free, or the kernel would not wake us for the next.
        assert_eq!(kernel.consumed(), kernel.produced());

        let busy = kernel.produced();
        kernel.put(BUSY | 4, &[2; 4]);
        kernel.submit(&[3; 4]);
        assert_eq!(ring.consume(|_| panic!("it is not submitted")).unwrap(), 0);
        assert_eq!(kernel.consumed(), busy);
        let end = kernel.produced();
        kernel.producer[0].store(busy, Release);
        kernel.submit(&[2; 4]);
        kernel.producer[0].store(end, Release);
        let mut seen = Vec::new();
        let count = ring.consume(|record| seen.push(record.bytes()[0])).unwrap();
        assert_eq!((count, &seen[..]), (2, &[2, 3][..]));
    });
}

#[test]
fn records_go_over_the_end_and_positions_over_theirs() {
    with_ring(|kernel, ring| {
        kernel.starts_at(SIZE - 8);
        let data: Vec<u8> = (0..200).collect();
        kernel.submit(&data);
        let mut reader = ring.reader().unwrap();
        assert_eq!(reader.next().unwrap().unwrap().bytes(), data);
        drop(reader);
        kernel.starts_at(usize::MAX - 7);
        // `put` counts without overflow checks only up to here; the header lies at the end.
        let at = PAGE + (usize::MAX - 7) % SIZE;
        let to = kernel.producer.as_ptr() as usize + at;
        // SAFETY: as in `put`.
        unsafe { (to as *mut [u32; 4]).write([4, 0, 9, 0]) };
        kernel.producer[0].store(8, Release);
        let mut seen = 0;
        ring.consume(|record| seen = *record.get().unwrap())
            .unwrap();
        assert_eq!((seen, kernel.consumed()), (9, 8));
    });
}

#[test]
fn an_iterator_frees_when_the_reader_is_used_again() {
    with_ring(|kernel, ring| {
        for number in 0u32..4 {
            kernel.submit(&number.to_ne_bytes());
        }
        let mut reader = ring.reader().unwrap();
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(kernel.consumed(), 0);
        let numbers: Vec<u32> = records.iter().map(|r| *r.get().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        drop(records);
        assert!(reader.next().unwrap().is_none());
        assert_eq!(kernel.consumed(), 64);
    });
}

#[test]
fn lengths_that_cannot_be_are_errors() {
    for length in [17, SIZE as u32 - 7, DISCARDED - 1] {
        with_ring(|kernel, ring| {
            kernel.put(length, &[0; 8]);
            let error = ring.consume(|_| panic!("{length}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let mut reader = ring.reader().unwrap();
            let mut records = reader.records();
            assert!(records.next().unwrap().is_err());
            assert!(records.next().is_none());
        });
    }
}

#[test]
fn there_is_one_reader_of_a_map() {
    with_ring(|kernel, ring| {
        let other = RingBuf::<[u8]>::from_raw(ring.as_raw().clone()).unwrap();
        other.ring.set(Arc::clone(ring.ring().unwrap())).unwrap();
        let reader = ring.reader().unwrap();
        let error = other.reader().unwrap_err();
        assert_eq!(
            error.to_string(),
            "map `ring_buf`: something else in this process is reading it"
        );
        drop(reader);
        kernel.submit(b"x");
        assert_eq!(other.consume(|_| {}).unwrap(), 1);
    });
}

#[test]
fn two_descriptors_of_a_map_share_its_memory() {
    let kernel = Kernel::new();
    let script = kernel.script().fd();
    // Its number is the first one's: what `id` says is asked for again, nothing is mapped.
    let (_, calls) = run(
        script
            .with(|call| {
                let Call::Bpf { attr, .. } = call else {
                    panic!("{call:?}")
                };
                let to: u64 = bytemuck::pod_read_unaligned(&attr[8..16]);
                let id = LAST.with(core::cell::Cell::get);
                // SAFETY: the buffer of `map_info` is larger than that.
                unsafe {
                    (to as usize as *mut [u32; 6]).write_unaligned([27, id, 0, 0, SIZE as u32, 0]);
                }
                Ok(0)
            })
            .value(0)
            .value(0),
        || {
            let first = RingBuf::<u32>::create(SIZE as u32).unwrap();
            let ring = Arc::clone(first.ring().unwrap());
            let rings = RINGS.lock().unwrap();
            let id = rings
                .iter()
                .find(|(_, known)| Weak::ptr_eq(known, &Arc::downgrade(&ring)));
            LAST.set(id.unwrap().0);
            drop((rings, ring));
            let second = RingBuf::<u32>::create(SIZE as u32).unwrap();
            let _reader = first.reader().unwrap();
            assert_eq!(second.reader().unwrap_err().kind(), ErrorKind::Exists);
        },
    );
    assert_eq!(calls.iter().filter(|call| call.name == "mmap").count(), 2);
}

thread_local! {
    static LAST: core::cell::Cell<u32> = const { core::cell::Cell::new(0) };
}
