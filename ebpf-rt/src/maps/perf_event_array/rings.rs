//! The reading side: a perf event and its ring for each CPU.

use crate::maps::per_cpu_values::online_cpus;
use crate::maps::{RawMap, RecordType, Update, wait};
use crate::sys::memory::{Mapping, page_size};
use crate::{Errno, Error, capabilities, sys};
use bytemuck::Pod;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Where positions are in the first page (`struct perf_event_mmap_page`).
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;
const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_SAMPLE: u32 = 9;
/// Type, flags, size.
const HEADER: usize = 8;

/// The rings of a [`PerfEventArray`](super::PerfEventArray). When they are dropped, programs
/// cannot put samples out any more.
///
/// ```
/// use ebpf_rt::PerfEventArray;
/// use std::time::Duration;
///
/// # kernel_test::example!();
/// let events = PerfEventArray::<u64>::create()?;
/// let mut rings = events.open(1)?;
/// // No program puts anything out here, so that the time is over first.
/// if rings.wait(Some(Duration::from_millis(1)))? {
///     rings.consume(|record| println!("{record:?}"))?;
/// }
/// assert!(rings.fds().count() > 0);               // for `wait_any` and epoll
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
pub struct PerfRings<T: RecordType + ?Sized> {
    map: RawMap,
    rings: Vec<Ring>,
    /// The record that is looked at: rings have it in two parts where it goes over the end.
    record: Vec<u64>,
    types: PhantomData<fn(&T)>,
}

#[derive(Debug)]
struct Ring {
    cpu: u32,
    event: OwnedFd,
    memory: Mapping,
    page: usize,
    /// The size of the data, a power of two.
    size: usize,
}

impl Ring {
    fn open(cpu: u32, pages: usize) -> Result<Option<Self>, Error> {
        let page = page_size();
        let size = page
            .checked_mul(pages)
            .filter(|size| size.is_power_of_two())
            .ok_or_else(|| {
                Error::invalid(format!(
                    "{pages} pages are asked for, which is no power of two"
                ))
            })?;
        let event = match sys::perf::open_output(cpu) {
            Ok(event) => event,
            // It was switched off meanwhile.
            Err(Errno::ENODEV) => return Ok(None),
            Err(errno) => {
                let error = Error::failed("perf_event_open", errno);
                return Err(match errno {
                    Errno::EPERM | Errno::EACCES => capabilities::explain_perf(error),
                    _ => error,
                });
            }
        };
        let both = size
            .checked_add(page)
            .ok_or_else(|| Error::invalid(format!("{pages} pages are too many")))?;
        let memory = Mapping::new(event.as_fd(), both).map_err(|errno| {
            let error = Error::failed("mmap", errno);
            match errno {
                Errno::EPERM => error
                    .because("the process may lock no more memory")
                    .remedy("raise /proc/sys/kernel/perf_event_mlock_kb, or ask for fewer pages"),
                _ => error,
            }
        })?;
        Ok(Some(Self {
            cpu,
            event,
            memory,
            page,
            size,
        }))
    }

    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: both positions lie in the first page, at multiples of eight; it lives as
        // long as `self`. The kernel changes the head and we the tail, both atomically.
        unsafe { self.memory.address().add(offset).cast().as_ref() }
    }

    /// Copies bytes that begin at this position.
    ///
    /// # Safety
    /// They lie between tail and head, where the kernel leaves them alone, and are at most
    /// `size`.
    unsafe fn copy(&self, position: u64, to: &mut [u8]) {
        let start = (position as usize) & (self.size - 1);
        let first = to.len().min(self.size - start);
        let (one, two) = to.split_at_mut(first);
        // SAFETY: the data begins behind the first page and has `size` bytes: the first part
        // ends there at the latest, and the second is the rest of at most `size` bytes. The
        // kernel does not write there (the caller's promise).
        unsafe {
            let data = self.memory.address().as_ptr().add(self.page);
            core::ptr::copy_nonoverlapping(data.add(start), one.as_mut_ptr(), one.len());
            core::ptr::copy_nonoverlapping(data, two.as_mut_ptr(), two.len());
        }
    }
}

impl<T: RecordType + ?Sized> PerfRings<T> {
    pub(super) fn open(map: &RawMap, pages: usize) -> Result<Self, Error> {
        let in_map = |error| map.error(error);
        let mut rings = Self {
            map: map.clone(),
            rings: Vec::new(),
            record: Vec::new(),
            types: PhantomData,
        };
        for cpu in online_cpus().map_err(in_map)? {
            if let Some(ring) = Ring::open(cpu, pages).map_err(in_map)? {
                rings.rings.push(ring);
            }
        }
        for ring in &rings.rings {
            let fd = ring.event.as_raw_fd().to_ne_bytes();
            map.update(&ring.cpu.to_ne_bytes(), &fd, Update::Any)?;
            sys::perf::enable(ring.event.as_fd())
                .map_err(|errno| map.failed("PERF_EVENT_IOC_ENABLE", errno))?;
        }
        Ok(rings)
    }

    /// Calls the function with what is there, CPU after CPU, and frees it; how many records
    /// there were. It does not wait.
    ///
    /// # Errors
    /// If a ring's contents make no sense; what was before was passed on.
    pub fn consume(&mut self, mut each: impl FnMut(PerfRecord<'_, T>)) -> Result<usize, Error> {
        let Self {
            map, rings, record, ..
        } = self;
        let mut count = 0;
        for ring in rings {
            let tail = ring.position(DATA_TAIL);
            let mut position = tail.load(Relaxed);
            // What was there at first: a busy CPU does not keep us from the others.
            let head = ring.position(DATA_HEAD).load(Acquire);
            while position != head {
                let unread = head.wrapping_sub(position);
                let size = ring
                    .read(position, unread, record)
                    .ok_or_else(|| map.error(broken(ring.cpu, unread)))?;
                count += usize::from(pass_on(ring.cpu, record, size, &mut each));
                position = position.wrapping_add(size as u64);
                tail.store(position, Release);
            }
        }
        Ok(count)
    }

    /// Waits until there is something to read, or the time is over: whether there is. Without
    /// a time it waits forever.
    ///
    /// # Errors
    /// What poll(2) says.
    #[doc(alias = "poll")]
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        let fds: Vec<_> = self.fds().collect();
        wait::wait_any(&fds, timeout)
            .map(|ready| ready.contains(&true))
            .map_err(|error| self.map.error(error))
    }

    /// The descriptors of all rings, to wait for several maps.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.rings.iter().map(|ring| ring.event.as_fd())
    }
}

impl Ring {
    /// Copies the record at this position; its size, if it makes sense.
    fn read(&self, position: u64, unread: u64, record: &mut Vec<u64>) -> Option<usize> {
        if unread < HEADER as u64 || unread > self.size as u64 {
            return None;
        }
        let mut header = [0; HEADER];
        // SAFETY: the header lies before the head, as there are that many bytes.
        unsafe { self.copy(position, &mut header) };
        let size = usize::from(u16::from_ne_bytes([header[6], header[7]]));
        if size < HEADER || !size.is_multiple_of(8) || size as u64 > unread {
            return None;
        }
        record.clear();
        record.resize(size / 8, 0);
        // SAFETY: as above; all of it lies before the head.
        unsafe { self.copy(position, bytemuck::cast_slice_mut(record)) };
        Some(size)
    }
}

fn broken(cpu: u32, unread: u64) -> Error {
    Error::invalid(format!(
        "the ring of CPU {cpu} has {unread} unread bytes that are no records"
    ))
}

/// Whether the record is one for the user.
fn pass_on<T: RecordType + ?Sized>(
    cpu: u32,
    record: &mut [u64],
    size: usize,
    each: &mut impl FnMut(PerfRecord<'_, T>),
) -> bool {
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(record);
    let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    match word(0) {
        Some(PERF_RECORD_LOST) => {
            // The event's number, then how many.
            let count = record.get(2).copied().unwrap_or(0);
            each(PerfRecord::Lost { cpu, count });
        }
        Some(PERF_RECORD_SAMPLE) => {
            let length = word(8).unwrap_or(0) as usize;
            let length = length.min(size.saturating_sub(12));
            // Behind its length, at 12: moved so that it is aligned.
            bytes.copy_within(12..12 + length, 0);
            each(PerfRecord::Sample(Sample {
                cpu,
                bytes: &bytes[..length],
                types: PhantomData,
            }));
        }
        _ => return false,
    }
    true
}

impl<T: RecordType + ?Sized> Drop for PerfRings<T> {
    fn drop(&mut self) {
        for ring in &self.rings {
            // The array would keep the events. Nothing is lost if it is frozen or gone.
            let _ = self.map.delete(&ring.cpu.to_ne_bytes());
        }
    }
}

impl<T: RecordType + ?Sized> fmt::Debug for PerfRings<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerfRings")
            .field("map", &self.map)
            .field("rings", &self.rings)
            .finish_non_exhaustive()
    }
}

/// What is in a ring.
///
/// ```
/// use ebpf_rt::PerfEventArray;
/// use ebpf_rt::maps::PerfRecord;
///
/// /// Says what did not fit, so that somebody makes the rings larger.
/// fn lost(record: &PerfRecord<'_, u64>) -> u64 {
///     match record {
///         PerfRecord::Lost { count, .. } => *count,
///         _ => 0,
///     }
/// }
///
/// # kernel_test::example!();
/// let mut rings = PerfEventArray::<u64>::create()?.open(1)?;
/// let mut missing = 0;
/// rings.consume(|record| missing += lost(&record))?;
/// assert_eq!(missing, 0);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PerfRecord<'r, T: RecordType + ?Sized> {
    /// A sample of a program.
    Sample(Sample<'r, T>),
    /// So many samples had no room. The kernel says so when it has room again; the program
    /// sees each as an error of `bpf_perf_event_output`.
    Lost {
        /// The CPU.
        cpu: u32,
        /// How many.
        count: u64,
    },
}

/// A sample of a [`PerfEventArray`](super::PerfEventArray).
///
/// ```
/// use ebpf_rt::PerfEventArray;
/// use ebpf_rt::maps::{PerfRecord, Sample};
///
/// /// What is no sample of this program's is shown as it is.
/// fn show(sample: &Sample<'_, [u32; 3]>) -> String {
///     match sample.get() {
///         Ok([first, ..]) => format!("cpu {}: {first}", sample.cpu()),
///         Err(_) => format!("cpu {}: {} bytes", sample.cpu(), sample.bytes().len()),
///     }
/// }
///
/// # kernel_test::example!();
/// let mut rings = PerfEventArray::create()?.open(1)?;
/// let read = rings.consume(|record| {
///     if let PerfRecord::Sample(sample) = record {
///         println!("{}", show(&sample));
///     }
/// })?;
/// assert_eq!(read, 0);                            // no program puts anything out here
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
pub struct Sample<'r, T: RecordType + ?Sized> {
    cpu: u32,
    bytes: &'r [u8],
    types: PhantomData<fn(&T)>,
}

impl<T: RecordType + ?Sized> Sample<'_, T> {
    /// The CPU whose ring it was in.
    #[must_use]
    pub fn cpu(&self) -> u32 {
        self.cpu
    }

    /// Its bytes, and up to seven more: the kernel makes the length four less than a multiple
    /// of eight. The first is aligned to eight.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }
}

impl<T: Pod> Sample<'_, T> {
    /// The sample as what it is to be; its bytes if it has another length, as far as the
    /// kernel says it ([`bytes`](Self::bytes)), or `T` has to be aligned to more than eight.
    ///
    /// # Errors
    /// The bytes.
    pub fn get(&self) -> Result<&T, &[u8]> {
        let padded = (size_of::<T>() + 4).next_multiple_of(8) - 4;
        let bytes = self.bytes.get(..size_of::<T>());
        bytes
            .filter(|_| self.bytes.len() == padded)
            .and_then(|bytes| bytemuck::try_from_bytes(bytes).ok())
            .ok_or(self.bytes)
    }
}

impl<T: RecordType + ?Sized> fmt::Debug for Sample<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample")
            .field("cpu", &self.cpu)
            .field("bytes", &self.bytes)
            .finish()
    }
}
