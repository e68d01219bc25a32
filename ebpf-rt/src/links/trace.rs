//! Programs attached to trace points, probes and perf events.

use super::fd::{fd_link, set_link};

fd_link! {
    /// A program at a trace point.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod opens { #[tracepoint("syscalls", "sys_enter_openat")] fn count(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!();
    /// let opens = opens::load()?;
    /// // A descriptor, for a supervisor that keeps it: the program runs until it is closed.
    /// let fd = opens.progs.count.attach()?.into_fd();
    /// drop(fd);
    /// opens.progs.count.attach()?.forget();           // until the process ends
    /// # Ok(())
    /// # }
    /// ```
    TracepointLink, PerfEvent
}

fd_link! {
    /// A program at a raw trace point.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!(Kernel(5, 15));
    /// #     let (_mount, dir) = kernel_test::bpf::file_system()?;
    /// use ebpf_rt::links::RawTracepointLink;
    ///
    /// let calls = calls::load()?;
    /// // `dir` is in a bpffs: /sys/fs/bpf on most machines.
    /// calls.progs.enter.attach()?.pin(dir.join("enter"))?;
    /// // In another process, tomorrow:
    /// let link = RawTracepointLink::from_pin(dir.join("enter"))?;
    /// assert_eq!(link.info()?.program_id, calls.progs.enter.info()?.id);
    /// ebpf_rt::maps::unpin(dir.join("enter"))?;
    /// link.detach()?;                                 // it had no name any more: now it is gone
    /// # Ok(())
    /// # }
    /// ```
    RawTracepointLink, RawTracepoint
}

fd_link! {
    /// A program at a function of the kernel.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod exits { #[kprobe("do_exit")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 15), Matrix(kernel_test::has_kprobes));
    /// let exits = exits::load()?;
    /// let links = [exits.progs.enter.attach()?, exits.progs.enter.attach_to("do_group_exit")?];
    /// assert_ne!(links[0].info()?.id, links[1].info()?.id);
    /// # Ok(())
    /// # }
    /// ```
    KprobeLink, PerfEvent
}

fd_link! {
    /// A program at many functions of the kernel.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod files { #[kprobe_multi("vfs_*")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 18), Matrix(kernel_test::has_kprobes));
    /// let files = files::load()?;
    /// let link = files.progs.enter.attach()?;         // one link for all of them
    /// assert_eq!(link.info()?.link_type, Some(ebpf_rt::LinkType::KprobeMulti));
    /// # Ok(())
    /// # }
    /// ```
    KprobeMultiLink, KprobeMulti
}

#[cfg(feature = "uprobes")]
fd_link! {
    /// A program at a function of a program or library.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod parents { #[uprobe("libc", "getppid")] fn asked(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 15));
    /// let link = parents::load()?.progs.asked.attach()?;
    /// // The breakpoint is in the library's code until the link is dropped.
    /// assert_eq!(link.info()?.link_type, Some(ebpf_rt::LinkType::PerfEvent));
    /// # Ok(())
    /// # }
    /// ```
    UprobeLink, PerfEvent
}

#[cfg(feature = "uprobes")]
fd_link! {
    /// A program at many functions of a program or library.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod parents { #[uprobe_multi("libc", "getp*")] fn asked(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(6, 6));
    /// let link = parents::load()?.progs.asked.attach()?;
    /// assert_eq!(link.info()?.link_type, Some(ebpf_rt::LinkType::UprobeMulti));
    /// # Ok(())
    /// # }
    /// ```
    UprobeMultiLink, UprobeMulti
}

#[cfg(feature = "uprobes")]
set_link! {
    /// A program at the places of a static probe.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod requests { #[usdt("/proc/self/exe", "ebpf_rt", "request")] fn seen(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 15));
    /// # kernel_test::handle_request(1);
    /// let link = requests::load()?.progs.seen.attach()?;
    /// assert_eq!(link.info()?.len(), link.len());     // one of the kernel's for each place
    /// # Ok(())
    /// # }
    /// ```
    UsdtLink
}

set_link! {
    /// A program at a counter or clock, of one CPU or of each.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod profile { #[perf_event] fn sample(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!(Kernel(5, 15));
    /// #     let (_mount, dir) = kernel_test::bpf::file_system()?;
    /// use ebpf_rt::links::PerfEventLink;
    /// use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
    ///
    /// let point = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(9));
    /// let link = profile::load()?.progs.sample.attach_to(point)?;
    /// // `dir` is in a bpffs: a directory in it gets a name for each CPU.
    /// link.pin(dir.join("profile"))?;
    /// let link = PerfEventLink::from_pin(dir.join("profile"))?;
    /// println!("on {} CPUs", link.len());
    /// let fds = link.into_fds();                      // or forget(): until the process ends
    /// assert!(!fds.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    PerfEventLink
}
