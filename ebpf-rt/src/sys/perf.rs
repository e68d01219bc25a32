//! perf events, as far as trace points and rings of samples need them.

use super::bpf::attributes;
use super::{Call, Result, call, call_for_fd};
use bytemuck::Zeroable;
use core::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

attributes! {
    /// `struct perf_event_attr`, its first version.
    EventAttr: 64 {
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

/// perf_event_open(2) of the trace point with this number, all processes. The event is bound
/// to CPU 0, but a program attached to it runs on all.
pub(crate) fn open_tracepoint(id: u64) -> Result<OwnedFd> {
    let mut attr = EventAttr {
        kind: PERF_TYPE_TRACEPOINT,
        size: size_of::<EventAttr>() as u32,
        config: id,
        sample_period: 1,
        sample_type: PERF_SAMPLE_RAW,
        wakeup_events: 1,
        ..Zeroable::zeroed()
    };
    call_for_fd(Call::PerfEventOpen {
        attr: bytemuck::bytes_of_mut(&mut attr),
        pid: -1,
        cpu: 0,
    })
}

/// perf_event_open(2) of what programs put out on a CPU with `bpf_perf_event_output`, all
/// processes. Whoever waits is woken for every sample.
pub(crate) fn open_output(cpu: u32) -> Result<OwnedFd> {
    let mut attr = EventAttr {
        kind: PERF_TYPE_SOFTWARE,
        size: size_of::<EventAttr>() as u32,
        config: PERF_COUNT_SW_BPF_OUTPUT,
        sample_period: 1,
        sample_type: PERF_SAMPLE_RAW,
        wakeup_events: 1,
        ..Zeroable::zeroed()
    };
    call_for_fd(Call::PerfEventOpen {
        attr: bytemuck::bytes_of_mut(&mut attr),
        pid: -1,
        cpu: c_int::try_from(cpu).map_err(|_| crate::Errno::EINVAL)?,
    })
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
