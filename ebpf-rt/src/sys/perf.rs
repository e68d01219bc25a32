//! perf events: what programs are attached to, and rings of samples.

use super::bpf::attributes;
use super::{Call, Result, call, call_for_fd};
use crate::Errno;
use bytemuck::Zeroable;
use core::ffi::{CStr, c_int};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

attributes! {
    /// `struct perf_event_attr`, its second version.
    EventAttr: 72 {
        kind: u32,
        size: u32,
        config: u64,
        sample_period: u64,
        sample_type: u64,
        read_format: u64,
        flags: u64,
        wakeup_events: u32,
        bp_type: u32,
        config1: u64,
        config2: u64,
    }
}

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_COUNT_SW_BPF_OUTPUT: u64 = 10;
const PERF_SAMPLE_RAW: u64 = 1 << 10;

/// Some architectures have other direction bits in their ioctl numbers.
const OTHER_IOCTL_BITS: bool = cfg!(any(
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc",
    target_arch = "sparc64",
));
const IOC_NONE: u32 = if OTHER_IOCTL_BITS { 1 << 29 } else { 0 };
const IOC_WRITE: u32 = if OTHER_IOCTL_BITS { 1 << 31 } else { 1 << 30 };
const PERF_EVENT_IOC_ENABLE: u32 = IOC_NONE | (b'$' as u32) << 8;
const PERF_EVENT_IOC_SET_BPF: u32 = IOC_WRITE | 4 << 16 | (b'$' as u32) << 8 | 8;

fn open(mut attr: EventAttr, pid: c_int, cpu: c_int) -> Result<OwnedFd> {
    call_for_fd(Call::PerfEventOpen {
        attr: bytemuck::bytes_of_mut(&mut attr),
        pid,
        cpu,
    })
}

/// perf_event_open(2) of the trace point with this number, all processes. The event is bound
/// to CPU 0, but a program attached to it runs on all.
pub(crate) fn open_tracepoint(id: u64) -> Result<OwnedFd> {
    let attr = EventAttr {
        kind: PERF_TYPE_TRACEPOINT,
        size: size_of::<EventAttr>() as u32,
        config: id,
        sample_period: 1,
        sample_type: PERF_SAMPLE_RAW,
        wakeup_events: 1,
        ..Zeroable::zeroed()
    };
    open(attr, -1, 0)
}

/// perf_event_open(2) of what programs put out on a CPU with `bpf_perf_event_output`, all
/// processes. Whoever waits is woken for every sample.
pub(crate) fn open_output(cpu: u32) -> Result<OwnedFd> {
    let attr = EventAttr {
        kind: PERF_TYPE_SOFTWARE,
        size: size_of::<EventAttr>() as u32,
        config: PERF_COUNT_SW_BPF_OUTPUT,
        sample_period: 1,
        sample_type: PERF_SAMPLE_RAW,
        wakeup_events: 1,
        ..Zeroable::zeroed()
    };
    open(attr, -1, c_int::try_from(cpu).map_err(|_| Errno::EINVAL)?)
}

/// What a probe is: numbers from the PMU's directory in sysfs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// The PMU's number.
    pub(crate) kind: u32,
    /// What makes it a probe of returns, where the semaphore is.
    pub(crate) config: u64,
    /// Bytes into the function or file.
    pub(crate) offset: u64,
}

/// perf_event_open(2) of a probe in the kernel (`name` is a function) or in a file (`name` is
/// its path): of one process, or of all; on all CPUs. Linux 4.17.
pub(crate) fn open_probe(probe: Probe, name: &CStr, pid: Option<u32>) -> Result<OwnedFd> {
    let attr = EventAttr {
        kind: probe.kind,
        size: size_of::<EventAttr>() as u32,
        config: probe.config,
        config1: name.as_ptr() as usize as u64,
        config2: probe.offset,
        ..Zeroable::zeroed()
    };
    match pid {
        // Of a process the event follows the process.
        Some(pid) => open(attr, c_int::try_from(pid).map_err(|_| Errno::ESRCH)?, -1),
        None => open(attr, -1, 0),
    }
}

/// What is counted, and when it is sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    pub(crate) kind: u32,
    pub(crate) config: u64,
    pub(crate) period_or_frequency: u64,
    pub(crate) is_frequency: bool,
}

/// perf_event_open(2) of a counter that is sampled. -1 is any process, and any CPU; not both.
pub(crate) fn open_sampling(sampling: Sampling, pid: c_int, cpu: c_int) -> Result<OwnedFd> {
    /// `freq` among the flags, which are bits of the machine's order.
    const FREQUENCY: u64 = if cfg!(target_endian = "little") {
        1 << 10
    } else {
        1 << (63 - 10)
    };
    let attr = EventAttr {
        kind: sampling.kind,
        size: size_of::<EventAttr>() as u32,
        config: sampling.config,
        sample_period: sampling.period_or_frequency,
        flags: if sampling.is_frequency { FREQUENCY } else { 0 },
        ..Zeroable::zeroed()
    };
    open(attr, pid, cpu)
}

/// `PERF_EVENT_IOC_SET_BPF`: attaches the program for as long as the event is open.
pub(crate) fn set_program(event: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    call(Call::Ioctl {
        fd: event,
        request: PERF_EVENT_IOC_SET_BPF,
        argument: u64::from(program.as_raw_fd().cast_unsigned()),
    })
    .map(drop)
}

/// `PERF_EVENT_IOC_ENABLE`.
pub(crate) fn enable(event: BorrowedFd<'_>) -> Result<()> {
    call(Call::Ioctl {
        fd: event,
        request: PERF_EVENT_IOC_ENABLE,
        argument: 0,
    })
    .map(drop)
}
