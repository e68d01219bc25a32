//! Samples from programs to user space, in a ring for each CPU.

use super::{Def, RecordType};
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
pub use rings::{PerfRecord, PerfRings, Sample};
#[cfg(feature = "std")]
use {super::RawMap, crate::Error};

#[cfg(feature = "std")]
mod rings;

/// Samples of any length from programs to user space, put out with `bpf_perf_event_output`:
/// in order on each CPU, in no order between CPUs. [`RingBuf`](super::RingBuf) is better where
/// the kernel has it (Linux 5.8).
///
/// `T` is what the samples are; samples of another length come as bytes.
///
/// ```no_run
/// use ebpf_rt::PerfEventArray;
/// use ebpf_rt::maps::PerfRecord;
///
/// # fn f(events: PerfEventArray<[u32; 2]>) -> Result<(), ebpf_rt::Error> {
/// let mut rings = events.open(16)?;
/// while rings.wait(None)? {
///     rings.consume(|record| match record {
///         PerfRecord::Sample(sample) => println!("{} {:?}", sample.cpu(), sample.get()),
///         PerfRecord::Lost { cpu, count } => println!("{cpu}: {count} did not fit"),
///         _ => {}
///     })?;
/// }
/// # Ok(())
/// # }
/// ```
#[doc(alias = "BPF_MAP_TYPE_PERF_EVENT_ARRAY")]
pub struct PerfEventArray<T: RecordType + ?Sized = [u8]> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn(&T)>,
}

impl<T: RecordType + ?Sized> PerfEventArray<T> {
    /// The definition, with room for all CPUs that the machine can have.
    #[must_use]
    pub const fn new() -> Def<Self> {
        Def::new::<u32, u32>(MapType::PerfEventArray, 0)
    }
}

#[cfg(feature = "std")]
impl<T: RecordType + ?Sized> PerfEventArray<T> {
    /// Creates one without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create() -> Result<Self, Error> {
        Self::new().create("perf_events")
    }

    /// Makes a ring of this many pages, a power of two, for each CPU that is in use, and has
    /// programs put their samples there from now on: instead of the rings that another `open`
    /// made.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the number of pages is not a power
    /// of two; what perf_event_open(2), mmap(2) and `BPF_MAP_UPDATE_ELEM` say.
    #[doc(alias = "perf_event_open")]
    pub fn open(&self, pages: usize) -> Result<PerfRings<T>, Error> {
        PerfRings::open(&self.raw, pages)
    }
}

super::map_impls!(
    [T: RecordType + ?Sized] PerfEventArray<T>, Def<Self>, PerfEventArray, 4, 4
);
