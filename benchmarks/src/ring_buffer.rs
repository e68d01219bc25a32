//! Reading a ring buffer that a program has filled: by ebpf-rt, libbpf-rs and aya, each with a
//! buffer of its own, filled by the same program.

use benchmarks::raw;
use benchmarks::rounds::{Effort, Result, Side, compare, nanoseconds};
use ebpf_rt::context::__sk_buff;
use ebpf_rt::maps::Map as _;
use ebpf_rt::maps::flags::BPF_RB_NO_WAKEUP;
use ebpf_rt::programs::Program as _;
use ebpf_rt::{RingBuf, ebpf};
use libbpf_rs::{MapHandle, RingBufferBuilder};
use std::cell::Cell;
use std::os::fd::AsFd;
use std::rc::Rc;

const BUFFER: u32 = 1 << 22;
const HEADER: usize = 8;

ebpf! {
    /// Makes a record in every run.
    #[license = "GPL"]
    mod producer {
        static RECORDS: RingBuf = RingBuf::with_byte_size(BUFFER);
        /// Bytes of a record.
        const SIZE: u32;

        #[socket_filter]
        fn produce(ctx: *mut __sk_buff) -> i32 {
            r1 = RECORDS ll;
            r2 = SIZE;
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto full;
            r1 = 1;
            *(u64 *)(r0 + 0) = r1;
            r1 = r0;
            r2 = BPF_RB_NO_WAKEUP;
            call bpf_ringbuf_submit;
            r0 = 1;
            exit;
        full:
            r0 = 0;
            exit;
        }
    }
}

/// A buffer and the program that fills it.
struct Buffer {
    loaded: producer::Skeleton,
    records: usize,
}

impl Buffer {
    fn new(size: usize) -> Result<Self> {
        let mut loader = producer::loader();
        loader.consts.SIZE.set(size as u32);
        Ok(Self {
            loaded: loader.load()?,
            // Three quarters of it.
            records: BUFFER as usize / 4 * 3 / (size + HEADER).next_multiple_of(8),
        })
    }

    fn fill(&self) -> Result<()> {
        let program = self.loaded.progs.produce.as_raw().fd()?;
        match raw::test_run(program, &[0; 14], self.records as u32)? {
            (1, _) => Ok(()),
            _ => Err("the ring buffer was full too early".into()),
        }
    }

    /// Fills it, and the time for a record to be read.
    fn measure(&self, mut read: impl FnMut() -> Result<usize>) -> Result<f64> {
        let mut once = || -> Result<f64> {
            self.fill()?;
            let mut count = 0;
            let time = nanoseconds(|| {
                count = read()?;
                Ok(())
            })?;
            match count {
                // Each has a 1 in it.
                count if count == self.records => Ok(time / count as f64),
                count => Err(format!("{count} records of {} were read", self.records).into()),
            }
        };
        // The first time it is mapped into the process, page by page.
        once()?;
        once()
    }
}

pub fn run(effort: Effort) -> Result<()> {
    for size in [16, 256, 4096] {
        read(effort, size)?;
    }
    Ok(())
}

/// Everybody gets a new buffer in each round: where its pages are in the machine's memory makes a
/// difference.
fn read(effort: Effort, size: usize) -> Result<()> {
    // All look at the beginning of each record.
    let first = |bytes: &[u8]| usize::from(bytes[0]);
    compare(
        "ring buffer",
        &format!("records of {size} bytes"),
        "ns per record",
        effort.rounds(101),
        vec![
            Side::new("ebpf-rt", move || {
                let buffer = Buffer::new(size)?;
                let records = &buffer.loaded.maps.RECORDS;
                buffer.measure(|| {
                    let mut sum = 0;
                    records.consume(|record| sum += first(record.bytes()))?;
                    Ok(sum)
                })
            }),
            Side::new("libbpf-rs", move || {
                let buffer = Buffer::new(size)?;
                let map = MapHandle::from_map_id(buffer.loaded.maps.RECORDS.as_raw().id()?)?;
                let sum = Rc::new(Cell::new(0));
                let of_callback = Rc::clone(&sum);
                let mut builder = RingBufferBuilder::new();
                builder.add(&map, move |bytes| {
                    of_callback.set(of_callback.get() + first(bytes));
                    0
                })?;
                let records = builder.build()?;
                buffer.measure(|| {
                    sum.set(0);
                    records.consume()?;
                    Ok(sum.get())
                })
            }),
            Side::new("aya", move || {
                let buffer = Buffer::new(size)?;
                let fd = buffer.loaded.maps.RECORDS.as_fd().try_clone_to_owned()?;
                let map = aya::maps::Map::from_map_data(aya::maps::MapData::from_fd(fd)?)?;
                let mut records = aya::maps::RingBuf::try_from(map)?;
                buffer.measure(|| {
                    let mut sum = 0;
                    while let Some(record) = records.next() {
                        sum += first(&record);
                    }
                    Ok(sum)
                })
            }),
        ],
    )
}
