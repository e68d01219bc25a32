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
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::maps::{PerfRecord, flags::BPF_F_CURRENT_CPU};
/// use ebpf_rt::programs::TestRun;
/// use ebpf_rt::{PerfEventArray, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod starts {
///         static EVENTS: PerfEventArray<[u32; 3]> = PerfEventArray::new();
///
///         #[raw_tracepoint("sched_process_exec")]
///         fn started(ctx: *mut c_void) -> i32 {
///             *(u32 *)(r10 - 12) = 1;
///             *(u32 *)(r10 - 8) = 2;
///             *(u32 *)(r10 - 4) = 3;
///             r2 = EVENTS ll;
///             r3 = BPF_F_CURRENT_CPU ll;
///             r4 = r10;
///             r4 += -12;
///             r5 = 12;
///             call bpf_perf_event_output;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let starts = starts::load()?;
///     let mut rings = starts.maps.EVENTS.open(16)?;       // 16 pages for each CPU
///     # starts.progs.started.test_run(TestRun::new().context(&[0; 8]))?;
///     let mut samples = Vec::new();
///     rings.consume(|record| match record {
///         PerfRecord::Sample(sample) => samples.push(sample.get().ok().copied()),
///         PerfRecord::Lost { cpu, count } => println!("{cpu}: {count} did not fit"),
///         _ => {}
///     })?;
///     assert_eq!(samples, [Some([1, 2, 3])]);
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_MAP_TYPE_PERF_EVENT_ARRAY")]
pub struct PerfEventArray<T: RecordType + ?Sized = [u8]> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn(&T)>,
}

impl<T: RecordType + ?Sized> PerfEventArray<T> {
    /// The definition, with room for all CPUs that the machine can have.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, PerfEventArray};
    ///
    /// static EVENTS: Def<PerfEventArray<[u32; 3]>> = PerfEventArray::new();
    /// # kernel_test::example!();
    /// let events = EVENTS.create("EVENTS")?;
    /// assert!(events.info()?.max_entries > 0);        // one for each CPU
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
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
