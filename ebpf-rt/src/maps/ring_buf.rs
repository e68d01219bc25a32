//! Ring buffers: records from programs to user space.

use super::Def;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;
use ebpf_asm::object::MapDef;
#[cfg(feature = "std")]
pub use reader::{Reader, Record, Records};
#[cfg(feature = "std")]
use {
    super::{RawMap, flags::BPF_F_RB_OVERWRITE, handle_impls, wait},
    crate::{Error, ErrorKind, sys::memory::page_size},
    reader::Ring,
    std::os::fd::AsFd,
    std::sync::{Arc, OnceLock},
    std::time::Duration,
};

#[cfg(feature = "std")]
mod reader;

/// What the records of a [`RingBuf`] can be: a type of plain old data, or bytes (`[u8]`).
///
/// ```
/// use ebpf_rt::maps::{Def, RecordType, RingBuf};
///
/// /// Any kind of records, in 64 KiB.
/// const fn records<T: RecordType + ?Sized>() -> Def<RingBuf<T>> {
///     RingBuf::with_byte_size(1 << 16)
/// }
///
/// static PAIRS: Def<RingBuf<[u32; 2]>> = records();
/// static BYTES: Def<RingBuf<[u8]>> = records();
/// assert_eq!(PAIRS.map_def("PAIRS").max_entries, BYTES.map_def("BYTES").max_entries);
/// ```
pub trait RecordType: sealed::Sealed {}

impl<T: Pod> RecordType for T {}
impl RecordType for [u8] {}

mod sealed {
    pub trait Sealed {}
    impl<T: bytemuck::Pod> Sealed for T {}
    impl Sealed for [u8] {}
}

/// Records of any length from programs to user space, in the order in which programs on all
/// CPUs reserve them. Linux 5.8.
///
/// Programs put records in with `bpf_ringbuf_output`, or with `bpf_ringbuf_reserve` and then
/// `bpf_ringbuf_submit` or `bpf_ringbuf_discard`. When there is no room these helpers fail and
/// the record is not made: only the program can count it, by the helper's result.
///
/// This side reads records where they are, without copying, and without system calls. `T` is
/// what they are; records of another length come as bytes. A record takes eight bytes
/// besides, and is rounded up to eight.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Pod, RingBuf, ebpf};
/// use std::time::Duration;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Pod)]
/// #[repr(C)]
/// struct Event {
///     pid: u32,
///     thread: u32,
/// }
///
/// ebpf! {
///     #[license = "MIT"]
///     mod starts {
///         static EVENTS: RingBuf<Event> = RingBuf::with_byte_size(1 << 16);
///
///         #[raw_tracepoint("sched_process_exec")]
///         fn started(ctx: *mut c_void) -> i32 {
///             call bpf_get_current_pid_tgid;
///             *(u32 *)(r10 - 4) = w0;
///             r0 >>= 32;
///             *(u32 *)(r10 - 8) = w0;
///             r1 = EVENTS ll;
///             r2 = r10;
///             r2 += -8;
///             r3 = {size_of::<Event>()};
///             r4 = 0;
///             call bpf_ringbuf_output;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let starts = starts::vm()?;                 // load() in the kernel
///     starts.progs.started.run(&mut [0; 8])?;
///     let events = &starts.maps.EVENTS;
///     assert_eq!(events.unread_bytes()?, 16);     // of 65,536: eight for the header
///     # /*
///     while events.wait(Some(Duration::from_secs(5)))? {
///     # */
///     # {
///         events.consume(|record| match record.get() {
///             Ok(event) => println!("{event:?}"),
///             Err(bytes) => println!("{} other bytes", bytes.len()),
///         })?;
///     }
///     assert_eq!((events.unread_bytes()?, events.byte_size()), (0, 1 << 16));
///     Ok(())
/// }
/// ```
///
/// # Waking up
/// The descriptor ([`AsFd`](std::os::fd::AsFd)) can be polled: [`wait`](Self::wait),
/// [`wait_any`](super::wait_any), epoll (edge-triggered, too) or an executor's wrapper. The
/// kernel wakes whoever waits when a record is submitted that the reader has come to: while it
/// is behind, nothing needs to be said. Programs can decide themselves with the flags of
/// `bpf_ringbuf_submit` and `bpf_ringbuf_output`:
/// [`BPF_RB_NO_WAKEUP`](super::flags::BPF_RB_NO_WAKEUP) and
/// [`BPF_RB_FORCE_WAKEUP`](super::flags::BPF_RB_FORCE_WAKEUP), for instance to wake for
/// every hundredth record. It can be read at any time, woken or not.
///
/// # One reader
/// The buffer has one position for all readers, so there is one [`Reader`] at a time in the
/// process, whichever handle it comes from. Other processes that have the map must not read it
/// meanwhile: records could change while they are looked at.
#[doc(alias = "BPF_MAP_TYPE_RINGBUF")]
pub struct RingBuf<T: RecordType + ?Sized = [u8]> {
    #[cfg(feature = "std")]
    raw: RawMap,
    /// Made when it is first read: programs' handles need none.
    #[cfg(feature = "std")]
    ring: OnceLock<Arc<Ring>>,
    types: PhantomData<fn(&T)>,
}

/// Whether a ring buffer can have this size.
pub(super) const fn is_size(bytes: u32, page_size: usize) -> bool {
    bytes.is_power_of_two() && bytes as usize >= page_size
}

impl<T: RecordType + ?Sized> RingBuf<T> {
    /// The definition of a buffer of this many bytes, a power of two and a multiple of the
    /// page size: 4096 on most machines. The kernel maps twice as many addresses.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, RingBuf};
    ///
    /// static EVENTS: Def<RingBuf<u64>> = RingBuf::with_byte_size(1 << 16);
    /// assert_eq!(EVENTS.map_def("EVENTS").max_entries, 65_536);
    /// ```
    ///
    /// # Panics
    /// If it is not a power of two or less than 4096: in const evaluation a compile error.
    ///
    /// ```compile_fail,E0080
    /// use ebpf_rt::maps::{Def, RingBuf};
    ///
    /// static EVENTS: Def<RingBuf<u64>> = RingBuf::with_byte_size(100_000);
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn with_byte_size(bytes: u32) -> Def<Self> {
        assert!(
            is_size(bytes, 4096),
            "the size of a ring buffer is a power of two and a multiple of the page size, at \
             least 4096"
        );
        Def::of(MapDef::new("", MapType::Ringbuf, 0, 0, bytes))
    }
}

#[cfg(feature = "std")]
impl<T: RecordType + ?Sized> RingBuf<T> {
    /// Creates a buffer without an object. [`Def::create`] is for flags and a name.
    ///
    /// ```
    /// use ebpf_rt::RingBuf;
    /// use std::time::Duration;
    ///
    /// # kernel_test::example!(Kernel(5, 8));
    /// let events = RingBuf::<u64>::create(4096)?;
    /// assert!(!events.wait(Some(Duration::ZERO))?);   // nothing is there
    /// assert_eq!(events.consume(|_| ())?, 0);
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the size is not a power of two and a multiple of the page
    /// size, [`ErrorKind::Permission`] without the capability,
    /// [`ErrorKind::Unsupported`] before Linux 5.8; what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(bytes: u32) -> Result<Self, Error> {
        Def::of(MapDef::new("", MapType::Ringbuf, 0, 0, bytes)).create("ring_buf")
    }

    /// Its size in bytes.
    #[must_use]
    pub fn byte_size(&self) -> u32 {
        self.raw.max_entries()
    }

    /// Calls the function with each record that is there, and frees each after it; how many
    /// there were. It does not wait. Records that come meanwhile are included.
    ///
    /// # Errors
    /// As [`reader`](Self::reader), and if the buffer's contents make no sense; the records
    /// before were passed on.
    pub fn consume(&self, mut each: impl FnMut(Record<'_, T>)) -> Result<usize, Error> {
        let mut reader = self.reader()?;
        let mut count = 0;
        while let Some(record) = reader.next()? {
            each(record);
            count += 1;
        }
        Ok(count)
    }

    /// The one who reads: record by record, or by an iterator.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] while there is another [`Reader`] of this map in the process;
    /// [`ErrorKind::Unsupported`] if the map was made with
    /// [`BPF_F_RB_OVERWRITE`](super::flags::BPF_F_RB_OVERWRITE). The first time, what mmap(2)
    /// says.
    pub fn reader(&self) -> Result<Reader<'_, T>, Error> {
        Reader::new(&self.raw, self.ring()?)
    }

    /// Waits until there is something to read, or the time is over: whether there is. Without
    /// a time it waits forever.
    ///
    /// What is there may be a record that its program has not submitted yet, or that it
    /// discards: [`consume`](Self::consume) then finds none.
    ///
    /// # Errors
    /// What poll(2) says.
    #[doc(alias = "poll")]
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        // Without a kernel nothing comes while nothing runs.
        #[cfg(feature = "vm")]
        if self.raw.vm().is_some() {
            return Ok(self.unread_bytes()? > 0);
        }
        wait::wait_any(&[self.raw.as_fd()], timeout)
            .map(|ready| ready.contains(&true))
            .map_err(|error| self.raw.error(error))
    }

    /// How many bytes are taken by records that are not read yet, submitted or not.
    ///
    /// # Errors
    /// The first time, what mmap(2) says.
    pub fn unread_bytes(&self) -> Result<usize, Error> {
        Ok(self.ring()?.unread())
    }

    fn ring(&self) -> Result<&Arc<Ring>, Error> {
        if let Some(ring) = self.ring.get() {
            return Ok(ring);
        }
        let info = self.raw.info()?;
        if info.flags & BPF_F_RB_OVERWRITE != 0 {
            return Err(self.raw.error(Error::new(ErrorKind::Unsupported).because(
                "it was made with BPF_F_RB_OVERWRITE: programs can overwrite what is being read",
            )));
        }
        let ring = Ring::shared(info.id, &self.raw, page_size())?;
        Ok(self.ring.get_or_init(|| ring))
    }
}

impl<T: RecordType + ?Sized> super::Map for RingBuf<T> {
    type Definition = Def<Self>;
    type Key = ();
    type Value = ();

    #[cfg(feature = "std")]
    fn from_raw(raw: RawMap) -> Result<Self, Error> {
        Ok(Self {
            raw: raw.expect_sizes(MapType::Ringbuf, 0, 0)?,
            ring: OnceLock::new(),
            types: PhantomData,
        })
    }

    #[cfg(feature = "std")]
    fn as_raw(&self) -> &RawMap {
        &self.raw
    }
}

#[cfg(feature = "std")]
handle_impls!([T: RecordType + ?Sized] RingBuf<T>);
