//! The writing side: positions, headers, samples.

use crate::maps::{RawMap, wait};
use crate::sys::memory::{Mapping, page_size};
use crate::{Error, ErrorKind};
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
/// The two words before a sample.
const HEADER: usize = 8;

/// The numbers of the maps that have a writer: the writer keeps its map alive, and so the
/// number its own.
static WRITERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Writes to a [`UserRingBuf`](super::UserRingBuf): there is one at a time.
///
/// ```
/// use ebpf_rt::UserRingBuf;
/// use std::time::Duration;
///
/// # kernel_test::example!(Kernel(6, 1));
/// let requests = UserRingBuf::create(4096)?;
/// let mut writer = requests.writer()?;
/// // As many as there is room for: no program takes any here.
/// while let Some(sample) = writer.reserve(1016)? {
///     sample.submit();
/// }
/// assert!(!writer.wait(Some(Duration::from_millis(1)))?);
/// assert_eq!(writer.unread_bytes(), 4 * 1024);    // each with a header of eight bytes
/// assert_eq!(writer.map_id(), requests.info()?.id);
/// assert!(requests.writer().is_err());            // one at a time
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the writer does nothing by itself"]
pub struct Writer<'a> {
    map: &'a RawMap,
    id: Claim,
    /// A page that begins with the position that programs have read to. Read-only.
    consumer: Mapping,
    /// A page that begins with the position that we have written to, and then the data,
    /// twice, so that a sample at the end goes on behind it.
    producer: Mapping,
    page: usize,
    /// The size of the data, a power of two.
    size: usize,
}

/// That a map has a writer.
#[derive(Debug)]
struct Claim(u32);

impl Drop for Claim {
    fn drop(&mut self) {
        let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|&id| id != self.0);
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(map: &'a RawMap) -> Result<Self, Error> {
        let id = map.id()?;
        let mut writers = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
        if writers.contains(&id) {
            return Err(map.error(
                Error::new(ErrorKind::Exists)
                    .because("something else in this process is writing to it"),
            ));
        }
        writers.push(id);
        drop(writers);
        let id = Claim(id);
        let (page, size) = (page_size(), map.max_entries() as usize);
        let both = size
            .checked_mul(2)
            .and_then(|both| both.checked_add(page))
            .filter(|_| size.is_power_of_two())
            .ok_or_else(|| map.error(Error::invalid("the ring buffer's size makes no sense")))?;
        let failed = |errno| map.failed("mmap", errno);
        Ok(Self {
            map,
            id,
            consumer: Mapping::part(map.as_fd(), 0, page, false).map_err(failed)?,
            producer: Mapping::part(map.as_fd(), page, both, true).map_err(failed)?,
            page,
            size,
        })
    }

    fn consumer(&self) -> &AtomicUsize {
        // SAFETY: the mapping is a page, aligned to one, and lives as long as `self`. The
        // kernel changes this word atomically; we only load it.
        unsafe { self.consumer.address().cast().as_ref() }
    }

    fn producer(&self) -> &AtomicUsize {
        // SAFETY: the mapping begins with a page, aligned to one, and lives as long as `self`.
        // The kernel only reads this word; we change it only as an atomic.
        unsafe { self.producer.address().cast().as_ref() }
    }

    /// The header at this position, which is a multiple of eight.
    fn header(&self, position: usize) -> &[AtomicU32; 2] {
        let offset = self.page + (position & (self.size - 1) & !7);
        // SAFETY: behind the first page there are twice `size` bytes; the offset into them is
        // below `size` and a multiple of eight. The kernel reads and changes the words
        // atomically, and so do we.
        unsafe { self.producer.address().add(offset).cast().as_ref() }
    }

    /// Room for a sample of this many bytes, which are what was there before; `None` if there
    /// is none now.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the buffer is too small for it; if the positions make no
    /// sense.
    pub fn reserve(&mut self, length: usize) -> Result<Option<UserSample<'_>>, Error> {
        let taken = length
            .checked_add(HEADER)
            .and_then(|taken| taken.checked_next_multiple_of(8))
            .filter(|&taken| taken <= self.size && length < DISCARDED as usize)
            .ok_or_else(|| {
                self.map.error(Error::invalid(format!(
                    "a sample of {length} bytes is too large for {} bytes",
                    self.size
                )))
            })?;
        let position = self.producer().load(Relaxed);
        let unread = position.wrapping_sub(self.consumer().load(Acquire));
        if unread > self.size || !position.is_multiple_of(8) {
            return Err(self.map.error(Error::invalid(format!(
                "{unread} bytes are unread of {}, at {position:#x}",
                self.size
            ))));
        }
        if self.size - unread < taken {
            return Ok(None);
        }
        let [first, second] = self.header(position);
        second.store(0, Relaxed);
        first.store(length as u32 | BUSY, Relaxed);
        // The header is there before the position says so.
        self.producer().store(position.wrapping_add(taken), Release);
        let offset = self.page + (position & (self.size - 1)) + HEADER;
        // SAFETY: the offset into the data is at most `size`, and so is the length, so that it
        // ends inside of the two copies. Programs and the kernel leave a sample alone while it
        // is busy, and the only other writer would be through `&mut self`, which the sample
        // borrows.
        let bytes = unsafe {
            let start = self.producer.address().add(offset);
            core::slice::from_raw_parts_mut(start.as_ptr(), length)
        };
        Ok(Some(UserSample {
            header: first,
            bytes,
        }))
    }

    /// Waits until a program has taken something, or the time is over: whether there is room
    /// for any sample. Without a time it waits forever.
    ///
    /// # Errors
    /// What poll(2) says.
    #[doc(alias = "poll")]
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        wait::wait_for(&[self.map.as_fd()], true, timeout)
            .map(|ready| ready.contains(&true))
            .map_err(|error| self.map.error(error))
    }

    /// How many bytes are taken by samples that no program has taken yet.
    #[must_use]
    pub fn unread_bytes(&self) -> usize {
        let consumer = self.consumer().load(Relaxed);
        self.producer().load(Relaxed).wrapping_sub(consumer)
    }

    /// The kernel's number for the map.
    #[must_use]
    pub fn map_id(&self) -> u32 {
        self.id.0
    }
}

/// Room for a sample in a [`UserRingBuf`](super::UserRingBuf). Dropping it discards the sample:
/// programs skip it.
///
/// ```
/// use ebpf_rt::UserRingBuf;
///
/// # kernel_test::example!(Kernel(6, 1));
/// let requests = UserRingBuf::create(4096)?;
/// let mut writer = requests.writer()?;
/// let mut sample = writer.reserve(8)?.expect("the buffer is empty");
/// sample[..4].copy_from_slice(&7_u32.to_ne_bytes());
/// sample[4..].fill(0);
/// sample.submit();                                // without it, programs skip the sample
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a sample that is dropped is discarded: `submit` it"]
pub struct UserSample<'w> {
    header: &'w AtomicU32,
    bytes: &'w mut [u8],
}

impl UserSample<'_> {
    /// Lets programs have the sample.
    pub fn submit(self) {
        let sample = ManuallyDrop::new(self);
        // The bytes are there before the header says so.
        sample.header.store(sample.bytes.len() as u32, Release);
    }
}

impl Drop for UserSample<'_> {
    fn drop(&mut self) {
        let discarded = self.bytes.len() as u32 | DISCARDED;
        self.header.store(discarded, Release);
    }
}

impl Deref for UserSample<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl DerefMut for UserSample<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserRingBuf;
    use crate::sys::Call;
    use crate::sys::script::{Script, run};

    const SIZE: usize = 4096;

    /// A writer over words of the test's own: the consumer's page, and the producer's with the
    /// data twice.
    fn with_writer<R>(
        id: u32,
        test: impl FnOnce(&mut Writer<'_>, &[AtomicUsize], &[AtomicUsize]) -> R,
    ) -> R {
        let words = |bytes: usize| -> &'static [AtomicUsize] {
            (0..bytes / size_of::<usize>())
                .map(|_| AtomicUsize::new(0))
                .collect::<Vec<_>>()
                .leak()
        };
        let page = page_size();
        let (consumer, producer) = (words(page), words(page + 2 * SIZE));
        let address = |words: &'static [AtomicUsize]| words.as_ptr() as usize as i64;
        let script = Script::new()
            .fd()
            .with(move |call| {
                let Call::Bpf { attr, .. } = call else {
                    panic!("{call:?}")
                };
                let to: u64 = bytemuck::pod_read_unaligned(&attr[8..16]);
                // SAFETY: the buffer of `id` has eight bytes.
                unsafe { (to as usize as *mut [u32; 2]).write_unaligned([31, id]) };
                Ok(0)
            })
            .value(address(consumer))
            .value(address(producer))
            .value(0)
            .value(0);
        let (result, _) = run(script, || {
            let map = UserRingBuf::create(SIZE as u32).unwrap();
            let mut writer = map.writer().unwrap();
            test(&mut writer, consumer, producer)
        });
        result
    }

    #[test]
    fn a_sample_is_busy_until_it_is_submitted_and_discarded_if_it_is_not() {
        with_writer((1 << 24) + 1, |writer, _, producer| {
            let header = |producer: &[AtomicUsize], at: usize| {
                producer[(page_size() + at) / size_of::<usize>()].load(Acquire) as u32
            };
            let mut sample = writer.reserve(5).unwrap().unwrap();
            sample.copy_from_slice(b"hello");
            assert_eq!(producer[0].load(Acquire), 16);
            assert_eq!(header(producer, 0), BUSY | 5);
            sample.submit();
            assert_eq!(header(producer, 0), 5);
            drop(writer.reserve(8).unwrap().unwrap());
            assert_eq!(header(producer, 16), DISCARDED | 8);
        });
    }

    #[test]
    fn there_is_no_room_until_something_was_read() {
        with_writer((1 << 24) + 2, |writer, consumer, _| {
            writer.reserve(SIZE - HEADER).unwrap().unwrap().submit();
            assert!(writer.reserve(0).unwrap().is_none());
            consumer[0].store(SIZE, Release);
            assert_eq!(writer.unread_bytes(), 0);
            writer.reserve(0).unwrap().unwrap().submit();
            assert_eq!(writer.unread_bytes(), HEADER);
            // More than ever fits, and positions that cannot be.
            assert!(writer.reserve(SIZE).is_err());
            assert!(writer.reserve(usize::MAX).is_err());
            consumer[0].store(SIZE * 3, Release);
            assert!(writer.reserve(1).is_err());
        });
    }
}
