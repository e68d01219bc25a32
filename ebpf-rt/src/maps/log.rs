//! Log lines from programs.

use super::{Def, RingBuf};
use core::marker::PhantomData;
#[cfg(feature = "std")]
use {
    super::{RawMap, Reader, handle_impls},
    crate::{Error, log::LogLine},
    std::time::{Duration, Instant},
};

/// Log lines from programs to user space, in their order: a [`RingBuf`] whose records are
/// lines of [`log_lines!`](crate::log_lines). Linux 5.8.
///
/// Programs put a line in with `bpf_ringbuf_output`, or with `bpf_ringbuf_reserve` and
/// `bpf_ringbuf_submit`. When there is no room these helpers fail: only the program can count
/// what is lost, by the helper's result. See [`log_lines!`](crate::log_lines) for an example.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Log, ebpf, log_lines};
/// use std::time::Duration;
///
/// log_lines! {
///     enum Line {
///         #[log("process {pid} starts")]
///         Exec { pid: u32 },
///     }
/// }
///
/// ebpf! {
///     #[license = "MIT"]
///     mod starts {
///         static LOG: Log<Line> = Log::with_byte_size(4096);
///
///         #[raw_tracepoint("sched_process_exec")]
///         fn started(ctx: *mut c_void) -> i32 {
///             call bpf_get_current_pid_tgid;
///             r0 >>= 32;
///             *(u32 *)(r10 - 8) = {Exec::LINE};       // which line it is
///             *(u32 *)(r10 - 4) = w0;                 // and its argument
///             r1 = LOG ll;
///             r2 = r10;
///             r2 += -8;
///             r3 = {size_of::<Exec>()};
///             r4 = 0;
///             call bpf_ringbuf_output;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let starts = starts::vm()?;
///     starts.progs.started.machine()?.with(|vm| vm.set_process(42, 42));
///     starts.progs.started.run(&mut [0; 8])?;
///     // Those that are there: without a timeout the iterator waits for more.
///     for line in starts.maps.LOG.lines()?.with_timeout(Duration::ZERO) {
///         assert_eq!(line?.to_string(), "process 42 starts");
///     }
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_MAP_TYPE_RINGBUF")]
#[doc(alias = "EbpfLogger")]
#[doc(alias = "info!")]
pub struct Log<L> {
    #[cfg(feature = "std")]
    raw: RawMap,
    #[cfg(feature = "std")]
    ring: RingBuf,
    types: PhantomData<fn() -> L>,
}

impl<L> Log<L> {
    /// The definition of a log with a buffer of this many bytes, a power of two and a multiple
    /// of the page size. A line takes the bytes of its struct and eight more, rounded up to
    /// eight.
    ///
    /// # Panics
    /// If it is not a power of two or less than 4096: in const evaluation a compile error.
    #[must_use]
    #[track_caller]
    pub const fn with_byte_size(bytes: u32) -> Def<Self> {
        Def::of(*RingBuf::<[u8]>::with_byte_size(bytes).as_map_def())
    }
}

#[cfg(feature = "std")]
impl<L: LogLine> Log<L> {
    /// Reads the lines, beginning with those that are there. Without
    /// [`with_timeout`](LogLines::with_timeout) the iterator waits for more, without end.
    ///
    /// # Errors
    /// As of [`RingBuf::reader`]: there is one reader at a time.
    pub fn lines(&self) -> Result<LogLines<'_, L>, Error> {
        Ok(LogLines {
            ring: &self.ring,
            reader: self.ring.reader()?,
            timeout: None,
            failed: false,
            types: PhantomData,
        })
    }
}

/// The lines of a [`Log`].
///
/// A record that is none of the lines is an error among them; after an error of the system
/// there is nothing more.
///
/// ```
/// use ebpf_rt::{log_lines, maps::{Def, Log, LogLines}};
/// use std::time::Duration;
///
/// log_lines! {
///     enum Line {
///         #[log("process {pid} ends")]
///         Exit { pid: u32 },
///     }
/// }
///
/// static LOG: Def<Log<Line>> = Log::with_byte_size(4096);
/// # kernel_test::example!(Kernel(5, 8));
/// let log = LOG.create("LOG")?;
/// let mut lines: LogLines<'_, Line> = log.lines()?.with_timeout(Duration::from_millis(1));
/// assert!(lines.next().is_none());                // no program has written anything
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[cfg(feature = "std")]
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct LogLines<'a, L> {
    ring: &'a RingBuf,
    reader: Reader<'a, [u8]>,
    timeout: Option<Duration>,
    failed: bool,
    types: PhantomData<fn() -> L>,
}

#[cfg(feature = "std")]
impl<L: LogLine> LogLines<'_, L> {
    /// Ends the iteration when no line has come for this long; with [`Duration::ZERO`] after
    /// those that are there. It can be advanced again then.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The next line; `None` if none has come before the time was over.
    fn next_line(&mut self) -> Result<Option<Result<L, Error>>, Error> {
        // A time beyond what the clock counts never comes.
        let deadline = self
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(record) = self.reader.next()? {
                return Ok(Some(L::from_record(record.bytes()).ok_or_else(|| {
                    Error::invalid(format!(
                        "a record of {} bytes in the log is none of its lines: {:02x?}",
                        record.bytes().len(),
                        record.bytes()
                    ))
                })));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // What wakes us may be discarded, or not be submitted yet.
            if left == Some(Duration::ZERO) || !self.ring.wait(left)? {
                return Ok(None);
            }
        }
    }
}

#[cfg(feature = "std")]
impl<L: LogLine> Iterator for LogLines<'_, L> {
    type Item = Result<L, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        self.next_line().unwrap_or_else(|error| {
            self.failed = true;
            Some(Err(error))
        })
    }
}

impl<L> super::Map for Log<L> {
    type Definition = Def<Self>;
    type Key = ();
    type Value = ();

    #[cfg(feature = "std")]
    fn from_raw(raw: RawMap) -> Result<Self, Error> {
        Ok(Self {
            ring: RingBuf::from_raw(raw.clone())?,
            raw,
            types: PhantomData,
        })
    }

    #[cfg(feature = "std")]
    fn as_raw(&self) -> &RawMap {
        &self.raw
    }
}

#[cfg(feature = "std")]
handle_impls!([L] Log<L>);
