//! Programs attached to trace points, probes and perf events.

use super::fd::{fd_link, set_link};

fd_link! {
    /// A program at a trace point.
    TracepointLink, PerfEvent
}

fd_link! {
    /// A program at a raw trace point.
    RawTracepointLink, RawTracepoint
}

fd_link! {
    /// A program at a function of the kernel.
    KprobeLink, PerfEvent
}

fd_link! {
    /// A program at many functions of the kernel.
    KprobeMultiLink, KprobeMulti
}

#[cfg(feature = "uprobes")]
fd_link! {
    /// A program at a function of a program or library.
    UprobeLink, PerfEvent
}

#[cfg(feature = "uprobes")]
fd_link! {
    /// A program at many functions of a program or library.
    UprobeMultiLink, UprobeMulti
}

#[cfg(feature = "uprobes")]
set_link! {
    /// A program at the places of a static probe.
    UsdtLink
}

set_link! {
    /// A program at a counter or clock, of one CPU or of each.
    PerfEventLink
}
