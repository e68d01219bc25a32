//! The reading side: positions, headers, records.

use super::RecordType;
use crate::maps::RawMap;
use crate::sys::memory::Mapping;
use crate::{Error, ErrorKind};
use bytemuck::Pod;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{
    AtomicBool, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Of a record's first word: its program has not submitted it yet.
const BUSY: u32 = 1 << 31;
/// Of a record's first word: its program has discarded it.
const DISCARDED: u32 = 1 << 30;
/// The two words before a record.
const HEADER: usize = 8;

/// The memory of a ring buffer. There is one for each map in the process, so that there is one
/// reader: the mapping keeps the map alive, and so its number its own.
#[derive(Debug)]
pub(super) struct Ring {
    /// A page that begins with the position that we have read to; the kernel reads it.
    consumer: Mapping,
    /// A page that begins with the position that programs have written to, and then the data,
    /// twice, so that a record at the end goes on behind it. Read-only.
    producer: Mapping,
    page: usize,
    /// The size of the data, a power of two.
    size: usize,
    is_read: AtomicBool,
}

static RINGS: Mutex<Vec<(u32, Weak<Ring>)>> = Mutex::new(Vec::new());

impl Ring {
    /// The memory of the map with this number.
    pub(super) fn shared(id: u32, map: &RawMap, page: usize) -> Result<Arc<Self>, Error> {
        let mut rings = RINGS.lock().unwrap_or_else(PoisonError::into_inner);
        rings.retain(|(_, ring)| ring.strong_count() > 0);
        let known = rings.iter().find(|(known, _)| *known == id);
        if let Some(ring) = known.and_then(|(_, ring)| ring.upgrade()) {
            return Ok(ring);
        }
        let ring = Arc::new(Self::map(map, page)?);
        rings.push((id, Arc::downgrade(&ring)));
        Ok(ring)
    }

    fn map(map: &RawMap, page: usize) -> Result<Self, Error> {
        let failed = |errno| map.failed("mmap", errno);
        let size = map.max_entries() as usize;
        let both = size
            .checked_mul(2)
            .and_then(|both| both.checked_add(page))
            .filter(|_| size.is_power_of_two())
            .ok_or_else(|| map.error(Error::invalid("the ring buffer's size makes no sense")))?;
        Ok(Self {
            consumer: Mapping::part(map.as_fd(), 0, page, true).map_err(failed)?,
            producer: Mapping::part(map.as_fd(), page, both, false).map_err(failed)?,
            page,
            size,
            is_read: AtomicBool::new(false),
        })
    }

    /// Positions only grow; the place in the data is what is left of them by the size.
    fn consumer(&self) -> &AtomicUsize {
        // SAFETY: the mapping is a page, aligned to one, and lives as long as `self`. The
        // kernel only reads this word; we change it only as an atomic.
        unsafe { self.consumer.address().cast().as_ref() }
    }

    fn producer(&self) -> &AtomicUsize {
        // SAFETY: the mapping begins with a page, aligned to one, and lives as long as `self`.
        // The kernel changes this word atomically; we only load it, which read-only memory
        // allows.
        unsafe { self.producer.address().cast().as_ref() }
    }

    /// The first word of the header at this position, which is a multiple of eight.
    fn header(&self, position: usize) -> &AtomicU32 {
        let offset = self.page + (position & (self.size - 1) & !7);
        // SAFETY: behind the first page there are twice `size` bytes; the offset into them is
        // below `size` and a multiple of eight. The kernel changes the word atomically; we
        // only load it.
        unsafe { self.producer.address().add(offset).cast().as_ref() }
    }

    /// The data of a record.
    ///
    /// # Safety
    /// `length` is at most `size`, the record was submitted, and for as long as the slice
    /// lives the consumer's position is not moved beyond the record's header.
    unsafe fn data(&self, position: usize, length: usize) -> &[u8] {
        let offset = self.page + (position & (self.size - 1) & !7) + HEADER;
        // SAFETY: the offset into the data is at most `size`, and `length` too (the caller's
        // promise), so that it ends inside of the two copies. Programs and the kernel leave a
        // submitted record alone until the consumer's position is beyond it, which it does
        // not get to be (the caller's promise).
        unsafe {
            let start = self.producer.address().add(offset);
            core::slice::from_raw_parts(start.as_ptr(), length)
        }
    }

    pub(super) fn unread(&self) -> usize {
        let consumer = self.consumer().load(Relaxed);
        self.producer().load(Acquire).wrapping_sub(consumer)
    }
}

/// Reads a [`RingBuf`](super::RingBuf): there is one at a time.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{RingBuf, ebpf};
///
/// ebpf! {
///     #[license = "MIT"]
///     mod calls {
///         static NUMBERS: RingBuf<u64> = RingBuf::with_byte_size(4096);
///
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r2 = *(u64 *)(r1 + 8);              // the system call's number
///             *(u64 *)(r10 - 8) = r2;
///             r1 = NUMBERS ll;
///             r2 = r10;
///             r2 += -8;
///             r3 = 8;
///             r4 = 0;
///             call bpf_ringbuf_output;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let calls = calls::vm()?;
///     for number in [1_u64, 59, 2] {
///         calls.progs.enter.run(&mut [[0; 8], number.to_ne_bytes()].concat())?;
///     }
///     let mut reader = calls.maps.NUMBERS.reader()?;
///     // One by one; each is freed when it is dropped.
///     let first = reader.next()?.expect("three were put in");
///     assert_eq!(first.get(), Ok(&1));
///     drop(first);
///     // By an iterator; all of them are freed when the reader is used again or dropped.
///     let sum: u64 = reader.records().filter_map(|record| record.ok()?.get().ok().copied()).sum();
///     assert_eq!(sum, 59 + 2);
///     Ok(())
/// }
/// ```
#[must_use = "the reader does nothing by itself"]
pub struct Reader<'a, T: RecordType + ?Sized> {
    map: &'a RawMap,
    ring: &'a Ring,
    /// Where the next record begins. Records up to here may still be borrowed, if the
    /// consumer's position is behind.
    position: usize,
    /// How far programs had written when it was last looked at: they change that word with every
    /// record, so that looking costs.
    written: usize,
    types: PhantomData<fn(&T)>,
}

impl<'a, T: RecordType + ?Sized> Reader<'a, T> {
    pub(super) fn new(map: &'a RawMap, ring: &'a Ring) -> Result<Self, Error> {
        if ring.is_read.swap(true, Acquire) {
            return Err(map.error(
                Error::new(ErrorKind::Exists)
                    .because("something else in this process is reading it"),
            ));
        }
        let position = ring.consumer().load(Relaxed);
        Ok(Self {
            map,
            ring,
            position,
            written: position,
            types: PhantomData,
        })
    }

    /// The next record, if there is one. It is freed when it is dropped.
    ///
    /// # Errors
    /// If the buffer's contents make no sense, which the kernel does not let happen.
    #[expect(
        clippy::should_implement_trait,
        reason = "the record borrows the reader, which iterators cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<Record<'_, T>>, Error> {
        self.release();
        let Some((start, length)) = self.find(true)? else {
            return Ok(None);
        };
        // SAFETY: `find` says that the record was submitted and how long it is. The position
        // is moved when the record is dropped, or by `release`, which needs `&mut self`, so
        // that the record is gone; nobody else moves it, since there is one reader.
        let bytes = unsafe { self.ring.data(start, length) };
        Ok(Some(Record {
            bytes,
            release: Some((self.ring, self.position)),
            types: PhantomData,
        }))
    }

    /// The records that are there, and those that come meanwhile. They are freed together,
    /// when the reader is used again or dropped: until then they can be kept and compared, and
    /// programs have that much less room.
    ///
    /// The iterator ends where there are no more records for now; another may have some.
    /// Before an edge-triggered wait, call [`next`](Self::next) until it gives none: the kernel
    /// wakes for records that come after all others were freed.
    pub fn records(&mut self) -> Records<'_, 'a, T> {
        self.release();
        Records {
            reader: self,
            failed: false,
        }
    }

    /// Frees what was read.
    fn release(&mut self) {
        self.ring.consumer().store(self.position, Release);
    }

    /// The next record that was submitted, beyond which `position` is then; those before it
    /// that were discarded are skipped. With `release` what is before it can be freed: no
    /// record is borrowed.
    #[inline]
    fn find(&mut self, release: bool) -> Result<Option<(usize, usize)>, Error> {
        let mut is_second_look = false;
        loop {
            let unread = self.written.wrapping_sub(self.position);
            let header = match unread {
                0 => BUSY,
                _ => self.ring.header(self.position).load(Acquire),
            };
            if header & BUSY != 0 {
                if is_second_look {
                    return Ok(None);
                }
                self.look_again(release);
                is_second_look = true;
                continue;
            }
            is_second_look = false;
            let length = (header & !DISCARDED) as usize;
            // 30 bits and eight: it does not overflow.
            let taken = (length + HEADER).next_multiple_of(8);
            if taken > unread || taken > self.ring.size {
                return Err(nonsense(self.map, length, unread));
            }
            let start = self.position;
            self.position = start.wrapping_add(taken);
            if header & DISCARDED == 0 {
                return Ok(Some((start, length)));
            }
        }
    }

    /// Asks how far programs have written.
    ///
    /// Whether it wakes us the kernel decides by the consumer's position, after it has written a
    /// record's header. Our store of the position must not come after our last look at the
    /// header, or both sides miss each other: edge-triggered waits would then not end.
    fn look_again(&mut self, release: bool) {
        if release {
            self.release();
        }
        fence(SeqCst);
        self.written = self.ring.producer().load(Acquire);
    }
}

/// Not in the loop over records, which is short.
#[cold]
fn nonsense(map: &RawMap, length: usize, unread: usize) -> Error {
    map.error(Error::invalid(format!(
        "a record of {length} bytes is among {unread} unread bytes"
    )))
}

impl<T: RecordType + ?Sized> Drop for Reader<'_, T> {
    fn drop(&mut self) {
        self.release();
        self.ring.is_read.store(false, Release);
    }
}

impl<T: RecordType + ?Sized> fmt::Debug for Reader<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("map", self.map)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// The records of a [`Reader`], by an iterator.
///
/// ```
/// use ebpf_rt::RingBuf;
///
/// /// Records can be kept while the next ones are looked at: how many differ from their neighbour.
/// fn changes(events: &RingBuf<u64>) -> Result<usize, ebpf_rt::Error> {
///     let mut reader = events.reader()?;
///     let records: Vec<_> = reader.records().collect::<Result<_, _>>()?;
///     Ok(records.windows(2).filter(|pair| pair[0].bytes() != pair[1].bytes()).count())
/// }
///
/// # kernel_test::example!(Kernel(5, 8));
/// assert_eq!(changes(&RingBuf::create(4096)?)?, 0);   // nobody has put anything in
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct Records<'r, 'a, T: RecordType + ?Sized> {
    reader: &'r mut Reader<'a, T>,
    failed: bool,
}

impl<'r, 'a, T: RecordType + ?Sized> Iterator for Records<'r, 'a, T> {
    type Item = Result<Record<'r, T>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let found = self.reader.find(false).transpose()?;
        self.failed = found.is_err();
        let ring = self.reader.ring;
        Some(found.map(|(start, length)| Record {
            // SAFETY: `find` says that the record was submitted and how long it is. While
            // `'r` lasts the reader is borrowed mutably, and only its `release` moves the
            // consumer's position; this iterator does not.
            bytes: unsafe { ring.data(start, length) },
            release: None,
            types: PhantomData,
        }))
    }
}

/// A record of a [`RingBuf`](super::RingBuf), where the program has written it.
///
/// ```
/// use ebpf_rt::{Pod, RingBuf, maps::Record};
///
/// #[derive(Clone, Copy, Pod)]
/// #[repr(C)]
/// struct Event {
///     pid: u32,
/// }
///
/// /// What another version of the program may have sent has another length.
/// fn show(record: &Record<'_, Event>) -> String {
///     match record.get() {
///         Ok(event) => event.pid.to_string(),
///         Err(_) => format!("{} bytes", record.bytes().len()),
///     }
/// }
///
/// # kernel_test::example!(Kernel(5, 8));
/// let events = RingBuf::<Event>::create(4096)?;
/// let count = events.consume(|record| println!("{}", show(&record)))?;
/// assert_eq!(count, 0);                           // nobody has put anything in
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
pub struct Record<'r, T: RecordType + ?Sized> {
    bytes: &'r [u8],
    /// The position to move to when it is dropped.
    release: Option<(&'r Ring, usize)>,
    types: PhantomData<fn(&T)>,
}

impl<T: RecordType + ?Sized> Record<'_, T> {
    /// Its bytes. The first is aligned to eight.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }
}

impl<T: Pod> Record<'_, T> {
    /// The record as what it is to be; its bytes if it has another length (or `T` has to be
    /// aligned to more than eight bytes, and it is not).
    ///
    /// # Errors
    /// The bytes.
    pub fn get(&self) -> Result<&T, &[u8]> {
        bytemuck::try_from_bytes(self.bytes).map_err(|_| self.bytes)
    }
}

impl<T: RecordType + ?Sized> Drop for Record<'_, T> {
    fn drop(&mut self) {
        if let Some((ring, position)) = self.release {
            ring.consumer().store(position, Release);
        }
    }
}

impl<T: RecordType + ?Sized> fmt::Debug for Record<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Record").field(&self.bytes).finish()
    }
}

#[cfg(test)]
mod tests;
