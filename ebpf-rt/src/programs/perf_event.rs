//! Counters and clocks.

use super::{RawProgram, program_impls};
use crate::links::PerfEventLink;
use crate::sys::perf::Sampling;
use crate::{Errno, Error, sys};
use core::ffi::c_int;
use ebpf_asm::object::ProgramKind;

/// A program that runs at each sample of a counter or clock; its context is
/// `bpf_perf_event_data`: the registers at that moment, and what the sample stands for.
/// `#[perf_event]`. Linux 4.9.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
/// use ebpf_rt::{Global, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod profile {
///         static SAMPLES: Global<u64> = Global::new(0);
///
///         #[perf_event]
///         fn sample(ctx: *mut c_void) -> i32 {
///             r1 = SAMPLES ll;
///             r2 = 1;
///             lock *(u64 *)(r1 + 0) += r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let profile = profile::load()?;
///     // 99 times a second on each CPU, whatever runs there.
///     let point = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(99));
///     let link = profile.progs.sample.attach_to(point)?;
///     assert!(link.len() >= 1);
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_PERF_EVENT")]
#[derive(Debug)]
pub struct PerfEvent {
    raw: RawProgram,
}

program_impls!(PerfEvent, ProgramKind::PerfEvent);

/// What is counted.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
/// use ebpf_rt::{Global, ebpf};
/// # ebpf! {
/// #     #[license = "GPL"]
/// #     mod profile {
/// #         static SAMPLES: Global<u64> = Global::new(0);
/// #         #[perf_event]
/// #         fn sample(ctx: *mut c_void) -> i32 {
/// #             r1 = SAMPLES ll; r2 = 1; lock *(u64 *)(r1 + 0) += r2; r0 = 0; exit;
/// #         }
/// #     }
/// # }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!();
/// #     let profile = profile::load()?;
/// // `sample` is a program that counts in `SAMPLES`.
/// let sample = profile.progs.sample;
/// let faults = PerfEventPoint::new(PerfCounter::PageFaults, PerfSample::Period(1));
/// let _link = sample.attach_to(faults.pid(std::process::id()))?;
/// std::hint::black_box(vec![1_u8; 1 << 20]);      // memory that was not there before
/// assert!(profile.maps.SAMPLES.get() > 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PerfCounter {
    /// Time of the CPU in nanoseconds, by a timer of the kernel.
    #[doc(alias = "PERF_COUNT_SW_CPU_CLOCK")]
    CpuClock,
    /// Time of the task on a CPU in nanoseconds.
    #[doc(alias = "PERF_COUNT_SW_TASK_CLOCK")]
    TaskClock,
    /// Page faults.
    #[doc(alias = "PERF_COUNT_SW_PAGE_FAULTS")]
    PageFaults,
    /// Switches from task to task.
    #[doc(alias = "PERF_COUNT_SW_CONTEXT_SWITCHES")]
    ContextSwitches,
    /// Moves of a task from CPU to CPU.
    #[doc(alias = "PERF_COUNT_SW_CPU_MIGRATIONS")]
    CpuMigrations,
    /// Cycles of the CPU, where the hardware counts them.
    #[doc(alias = "PERF_COUNT_HW_CPU_CYCLES")]
    Cycles,
    /// Instructions, where the hardware counts them.
    #[doc(alias = "PERF_COUNT_HW_INSTRUCTIONS")]
    Instructions,
    /// Accesses to the last level of caches that found nothing, where the hardware counts them.
    #[doc(alias = "PERF_COUNT_HW_CACHE_MISSES")]
    CacheMisses,
    /// Any other event, by the numbers of `struct perf_event_attr`.
    Other {
        /// `type`: `PERF_TYPE_*`, or the number of a PMU.
        kind: u32,
        /// `config`
        config: u64,
    },
}

impl PerfCounter {
    const fn numbers(self) -> (u32, u64) {
        const HARDWARE: u32 = 0;
        const SOFTWARE: u32 = 1;
        match self {
            Self::CpuClock => (SOFTWARE, 0),
            Self::TaskClock => (SOFTWARE, 1),
            Self::PageFaults => (SOFTWARE, 2),
            Self::ContextSwitches => (SOFTWARE, 3),
            Self::CpuMigrations => (SOFTWARE, 4),
            Self::Cycles => (HARDWARE, 0),
            Self::Instructions => (HARDWARE, 1),
            Self::CacheMisses => (HARDWARE, 3),
            Self::Other { kind, config } => (kind, config),
        }
    }
}

/// When the program runs.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
/// use ebpf_rt::{Global, ebpf};
/// # ebpf! {
/// #     #[license = "GPL"]
/// #     mod profile {
/// #         static SAMPLES: Global<u64> = Global::new(0);
/// #         #[perf_event]
/// #         fn sample(ctx: *mut c_void) -> i32 {
/// #             r1 = SAMPLES ll; r2 = 1; lock *(u64 *)(r1 + 0) += r2; r0 = 0; exit;
/// #         }
/// #     }
/// # }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!();
/// #     let profile = profile::load()?;
/// // `sample` is a program that counts in `SAMPLES`.
/// let sample = profile.progs.sample;
/// // Every hundredth switch from task to task, not so many a second.
/// let point = PerfEventPoint::new(PerfCounter::ContextSwitches, PerfSample::Period(100));
/// let _link = sample.attach_to(point)?;
/// println!("{} hundreds", profile.maps.SAMPLES.get());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerfSample {
    /// So many times a second; the kernel finds the period. At most what
    /// `/proc/sys/kernel/perf_event_max_sample_rate` says.
    Frequency(u64),
    /// Each time when the counter has gone up by so much.
    Period(u64),
}

/// Where a [`PerfEvent`] goes: a counter, of all processes on each CPU if nothing else is said.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
/// use ebpf_rt::{Global, ebpf};
/// # ebpf! {
/// #     #[license = "GPL"]
/// #     mod profile {
/// #         static SAMPLES: Global<u64> = Global::new(0);
/// #         #[perf_event]
/// #         fn sample(ctx: *mut c_void) -> i32 {
/// #             r1 = SAMPLES ll; r2 = 1; lock *(u64 *)(r1 + 0) += r2; r0 = 0; exit;
/// #         }
/// #     }
/// # }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!();
/// #     let profile = profile::load()?;
/// // `sample` is a program that counts in `SAMPLES`.
/// let sample = profile.progs.sample;
/// let clock = PerfEventPoint::new(PerfCounter::TaskClock, PerfSample::Period(100_000));
/// let mine = clock.pid(std::process::id()).cpu(0);    // of this process, while it is on CPU 0
/// assert_eq!(sample.attach_to(mine)?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct PerfEventPoint {
    counter: PerfCounter,
    sample: PerfSample,
    pid: Option<u32>,
    cpu: Option<u32>,
    cookie: Option<u64>,
}

impl PerfEventPoint {
    /// This counter, sampled so.
    pub const fn new(counter: PerfCounter, sample: PerfSample) -> Self {
        Self {
            counter,
            sample,
            pid: None,
            cpu: None,
            cookie: None,
        }
    }

    /// Only of this process's first thread (of any thread, by its number); on all CPUs, if no
    /// CPU is chosen.
    pub const fn pid(self, pid: u32) -> Self {
        Self {
            pid: Some(pid),
            ..self
        }
    }

    /// Only on this CPU.
    pub const fn cpu(self, cpu: u32) -> Self {
        Self {
            cpu: Some(cpu),
            ..self
        }
    }

    /// A number that the program gets from `bpf_get_attach_cookie`. Linux 5.15.
    ///
    /// ```
    /// use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
    ///
    /// let clock = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(99));
    /// assert_ne!(clock.cookie(7), clock);             // the program gets the 7
    /// ```
    #[doc(alias = "bpf_cookie")]
    pub const fn cookie(self, cookie: u64) -> Self {
        Self {
            cookie: Some(cookie),
            ..self
        }
    }
}

impl PerfEvent {
    /// Attaches the program to a counter: with one event, or one on each CPU that is switched
    /// on. If one of them fails, it is attached to none.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the machine does not count
    /// this, or the kernel has no cookies;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_PERFMON`.
    #[doc(alias = "perf_event_open")]
    pub fn attach_to(&self, point: PerfEventPoint) -> Result<PerfEventLink, Error> {
        self.raw.fd()?;
        let in_program = |error| self.raw.error(error);
        let (kind, config) = point.counter.numbers();
        let (period_or_frequency, is_frequency) = match point.sample {
            PerfSample::Frequency(frequency) => (frequency, true),
            PerfSample::Period(period) => (period, false),
        };
        if period_or_frequency == 0 {
            return Err(in_program(Error::invalid(
                "a counter that is never sampled never runs the program: give a frequency or \
                 period above 0",
            )));
        }
        let sampling = Sampling {
            kind,
            config,
            period_or_frequency,
            is_frequency,
        };
        let number = |number: u32, what: &str| {
            c_int::try_from(number)
                .map_err(|_| in_program(Error::invalid(format!("there is no {what} {number}"))))
        };
        let pid = point.pid.map_or(Ok(-1), |pid| number(pid, "process"))?;
        let cpus = match (point.cpu, point.pid) {
            (Some(cpu), _) => vec![number(cpu, "CPU")?],
            (None, Some(_)) => vec![-1],
            (None, None) => online_cpus().map_err(in_program)?,
        };
        let place = format!("{:?}", point.counter);
        let attach = |cpu| {
            let event = sys::perf::open_sampling(sampling, pid, cpu)
                .map_err(|errno| self.explain(errno, point, cpu))?;
            self.raw.attach_to_event(event, point.cookie, &place)
        };
        let attachments = cpus.into_iter().map(attach);
        attachments
            .collect::<Result<_, _>>()
            .map(PerfEventLink::new)
    }

    fn explain(&self, errno: Errno, point: PerfEventPoint, cpu: c_int) -> Error {
        let error = self.raw.explain_open(errno);
        match errno {
            Errno::ENOENT | Errno::EOPNOTSUPP => error
                .with_kind(crate::ErrorKind::Unsupported)
                .because(format!("this machine does not count {:?}", point.counter))
                .remedy("PerfCounter::CpuClock is there on every machine"),
            Errno::ENODEV | Errno::EINVAL
                if cpu != -1 && online_cpus().is_ok_and(|online| !online.contains(&cpu)) =>
            {
                error.because(format!("there is no CPU {cpu}, or it is switched off"))
            }
            Errno::EINVAL if matches!(point.sample, PerfSample::Frequency(_)) => error
                .because(format!("{:?} is more than the kernel allows", point.sample))
                .remedy("raise /proc/sys/kernel/perf_event_max_sample_rate"),
            _ => error,
        }
    }
}

/// The CPUs that are switched on.
fn online_cpus() -> Result<Vec<c_int>, Error> {
    const PATH: &str = "/sys/devices/system/cpu/online";
    let operation = format!("reading {PATH}");
    let text = sys::fs::read_file(PATH).map_err(|errno| Error::failed(&*operation, errno))?;
    parse_cpus(text.trim()).ok_or_else(|| {
        Error::failed(operation, Errno::EIO).because(format!("it says `{}`", text.trim()))
    })
}

/// `0-3,8,10-11`
fn parse_cpus(text: &str) -> Option<Vec<c_int>> {
    /// More than any kernel has: a damaged text is no reason to run out of memory.
    const MOST: c_int = 1 << 16;
    let mut cpus = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        if !(0..=MOST).contains(&first) || !(first..=MOST).contains(&last) {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Recorded, Script, names, run};
    use crate::{ErrorKind, programs::raw::for_test};

    const CLOCK: PerfEventPoint =
        PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(99));

    fn attach(
        script: Script,
        point: PerfEventPoint,
    ) -> (Result<PerfEventLink, Error>, Vec<Recorded>) {
        let script = script.file("/sys/devices/system/cpu/online", "0,2-3\n");
        run(script, || {
            PerfEvent {
                raw: for_test(ProgramKind::PerfEvent),
            }
            .attach_to(point)
        })
    }

    #[test]
    fn lists_of_cpus() {
        assert_eq!(parse_cpus("0-2,5,7-8").unwrap(), [0, 1, 2, 5, 7, 8]);
        for bad in ["", "x", "1-", "3-1", "0-99999999999", "0-9999999", "-1"] {
            assert_eq!(parse_cpus(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_event_for_each_cpu_that_is_on() {
        let (link, calls) = attach(Script::new().fd().fd().fd().fd().fd().fd(), CLOCK);
        assert_eq!(link.unwrap().len(), 3);
        assert_eq!(calls.len(), 6);
        let open = &calls[0];
        assert_eq!((open.u32(0), open.u32(8), open.u32(16)), (1, 0, 99));
        assert_eq!(open.u32(40), 1 << 10, "a frequency");
    }

    #[test]
    fn of_a_process_there_is_one() {
        let point = PerfEventPoint::new(PerfCounter::Cycles, PerfSample::Period(1000)).pid(7);
        let (link, calls) = attach(Script::new().fd().fd(), point);
        drop(link.unwrap());
        assert_eq!(names(&calls), ["perf_event_open", "BPF_LINK_CREATE"]);
        assert_eq!((calls[0].u32(0), calls[0].u32(40)), (0, 0));
    }

    #[test]
    fn what_is_missing_is_said() {
        let cycles = PerfEventPoint::new(PerfCounter::Cycles, PerfSample::Period(1000));
        let (result, _) = attach(Script::new().fails(Errno::ENOENT), cycles);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.to_string().contains("does not count Cycles"),
            "{error}"
        );
        let never = PerfEventPoint::new(PerfCounter::Cycles, PerfSample::Period(0));
        let (result, _) = attach(Script::new(), never);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
    }
}
