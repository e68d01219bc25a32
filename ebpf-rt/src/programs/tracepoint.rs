//! Trace points.

use super::{RawProgram, program_impls};
use crate::links::TracepointLink;
use crate::tracefs::Tracefs;
use crate::{Error, ErrorKind, sys};
use ebpf_asm::object::ProgramKind;

/// A program that runs at a stable trace point of the kernel; its context is the record that
/// tracefs describes under `events/CATEGORY/NAME/format`.
///
/// Offsets of fields differ between kernels now and then. Where the type of the program's
/// context is a [`TracepointRecord`](crate::context::TracepointRecord), attaching compares the
/// fields with that description, and a field that is elsewhere is an error.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod opens {
///         static COUNT: Global<u64> = Global::new(0);
///
///         #[tracepoint("syscalls", "sys_enter_openat")]
///         fn count(ctx: *mut c_void) -> i32 {
///             r1 = COUNT ll;
///             r2 = 1;
///             lock *(u64 *)(r1 + 0) += r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     let opens = opens::load()?;
///     let link = opens.progs.count.attach()?;
///     std::fs::File::open("/dev/null")?;
///     link.detach()?;
///     assert!(opens.maps.COUNT.get() >= 1);
///
///     // Any other trace point whose record the program does not look into:
///     let _exits = opens.progs.count.attach_to("sched", "sched_process_exit")?;
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_TRACEPOINT")]
#[derive(Debug)]
pub struct Tracepoint {
    raw: RawProgram,
}

program_impls!(Tracepoint, ProgramKind::Tracepoint { .. });

impl Tracepoint {
    /// Attaches the program to the trace point of its attribute.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<TracepointLink, Error> {
        match self.raw.kind() {
            ProgramKind::Tracepoint { category, name } => self.attach_to(category, name),
            _ => Err(self.raw.no_place()),
        }
    }

    /// Attaches the program to the trace point `name` of `category`, on all CPUs and in all
    /// processes.
    ///
    /// The trace point's number is read from tracefs, see [`Tracefs::open`]. From Linux 5.15
    /// on the attachment is a link of the kernel, before it is a perf event.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled alike,
    /// if there is no such trace point, or its record lacks a field that the program reads;
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if such a field is elsewhere;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_PERFMON` or access
    /// to tracefs.
    #[doc(alias = "perf_event_open")]
    #[doc(alias = "PERF_EVENT_IOC_SET_BPF")]
    pub fn attach_to(&self, category: &str, name: &str) -> Result<TracepointLink, Error> {
        self.open(category, name, None)
    }

    /// Attaches the program to a trace point, with a number that the program gets from
    /// `bpf_get_attach_cookie`. Linux 5.15.
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::{Global, ebpf};
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod calls {
    ///         static LAST: Global<u64> = Global::new(0);
    ///
    ///         #[tracepoint("syscalls", "sys_enter_openat")]
    ///         fn seen(ctx: *mut c_void) -> i32 {
    ///             call bpf_get_attach_cookie;         // r1 still is the context
    ///             r1 = LAST ll;
    ///             *(u64 *)(r1 + 0) = r0;
    ///             r0 = 0;
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     # kernel_test::example!(Kernel(5, 15));
    ///     let calls = calls::load()?;
    ///     let _link = calls.progs.seen.attach_with_cookie("syscalls", "sys_enter_openat", 7)?;
    ///     std::fs::File::open("/dev/null")?;
    ///     assert_eq!(calls.maps.LAST.get(), 7);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to), and
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.15.
    #[doc(alias = "bpf_cookie")]
    pub fn attach_with_cookie(
        &self,
        category: &str,
        name: &str,
        cookie: u64,
    ) -> Result<TracepointLink, Error> {
        self.open(category, name, Some(cookie))
    }

    fn open(
        &self,
        category: &str,
        name: &str,
        cookie: Option<u64>,
    ) -> Result<TracepointLink, Error> {
        self.raw.fd()?;
        let id = self
            .id(category, name)
            .map_err(|error| self.raw.error(error))?;
        let event = sys::perf::open_tracepoint(id).map_err(|errno| self.raw.explain_open(errno))?;
        self.raw
            .attach_to_event(event, cookie, &format!("{category}:{name}"))
            .map(TracepointLink::new)
    }

    /// The trace point's number; if the program says which fields it reads, after a look at
    /// whether they are there.
    fn id(&self, category: &str, name: &str) -> Result<u64, Error> {
        let tracefs = Tracefs::open()?;
        let record = self.raw.record();
        if record.is_empty() {
            return tracefs.tracepoint_id(category, name);
        }
        match tracefs.format(category, name) {
            Ok(format) => format.check(record).map(|()| format.id),
            // The number may be readable where the description is not.
            Err(error) if error.kind() == ErrorKind::Permission => {
                tracefs.tracepoint_id(category, name)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;
    use crate::sys::script::{Script, names, run};
    use ebpf_asm::object::{LineTable, ProgramDef};

    /// A loaded program, and the answers to reading the trace point's number.
    fn attach(
        script: impl Fn(Script) -> Script,
    ) -> (Result<TracepointLink, Error>, Vec<&'static str>) {
        let kind = ProgramKind::Tracepoint {
            category: "syscalls",
            name: "sys_enter_openat",
        };
        let def = ProgramDef::new("count", kind, &[], &[], &[], LineTable::EMPTY);
        let opened = Script::new().fd().fd().fd();
        let read = opened.with(|call| {
            let crate::sys::Call::Read { buffer, .. } = call else {
                panic!("{call:?}")
            };
            buffer[..3].copy_from_slice(b"631");
            Ok(3)
        });
        let (result, calls) = run(script(read.value(0)), || {
            let null = std::fs::File::open("/dev/null").expect("/dev/null");
            let program = crate::load::LoadedProgram {
                fd: null.into(),
                log: None,
                target: None,
            };
            let raw = RawProgram::loaded("opens", &def, program);
            Tracepoint { raw }.attach()
        });
        // Without the five calls that read the number.
        (result, names(&calls[5..]))
    }

    #[test]
    fn new_kernels_make_a_link() {
        let (link, calls) = attach(|script| script.fd().fd());
        drop(link.unwrap());
        assert_eq!(calls, ["perf_event_open", "BPF_LINK_CREATE"]);
    }

    #[test]
    fn old_kernels_are_asked_by_ioctl() {
        let (link, calls) = attach(|script| script.fd().fails(Errno::EINVAL).value(0).value(0));
        drop(link.unwrap());
        assert_eq!(
            calls,
            ["perf_event_open", "BPF_LINK_CREATE", "ioctl", "ioctl"]
        );
    }

    #[test]
    fn who_may_not_is_told_why() {
        let (result, _) = attach(|script| {
            script
                .file("/proc/sys/kernel/perf_event_paranoid", "2\n")
                .capabilities(1 << 39)
                .fails(Errno::EACCES)
        });
        assert_eq!(
            result.unwrap_err().to_string(),
            "object `opens`, program `count`: perf_event_open failed with EACCES: the process \
             lacks CAP_PERFMON (perf_event_paranoid is 2); run it as root or give the executable \
             the capability: setcap cap_perfmon+ep FILE"
        );
    }
}
