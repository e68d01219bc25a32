//! Trace points.

use super::{RawProgram, program_impls};
use crate::capabilities::{self, Capability};
use crate::links::TracepointLink;
use crate::tracefs::Tracefs;
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::os::fd::AsFd;

/// A program that runs at a stable trace point of the kernel; its context is the record that
/// tracefs describes under `events/CATEGORY/NAME/format`.
///
/// ```no_run
/// # fn f(count: ebpf_rt::programs::Tracepoint) -> Result<(), ebpf_rt::Error> {
/// let _link = count.attach()?;
/// std::thread::sleep(std::time::Duration::from_secs(1));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "BPF_PROG_TYPE_TRACEPOINT")]
#[derive(Debug)]
pub struct Tracepoint {
    raw: RawProgram,
}

program_impls!(Tracepoint);

impl Tracepoint {
    /// Attaches the program to the trace point of its attribute.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<TracepointLink, Error> {
        match self.raw.kind() {
            ProgramKind::Tracepoint { category, name } => self.attach_to(category, name),
            _ => Err(self
                .raw
                .error(Error::invalid("its attribute names no trace point"))),
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
    /// if there is no such trace point; [`ErrorKind::Permission`](crate::ErrorKind::Permission)
    /// without `CAP_PERFMON` or access to tracefs.
    #[doc(alias = "perf_event_open")]
    #[doc(alias = "PERF_EVENT_IOC_SET_BPF")]
    pub fn attach_to(&self, category: &str, name: &str) -> Result<TracepointLink, Error> {
        let program = self.raw.fd()?;
        let id = Tracefs::open()
            .and_then(|tracefs| tracefs.tracepoint_id(category, name))
            .map_err(|error| self.raw.error(error))?;
        let event = sys::perf::open_tracepoint(id).map_err(|errno| {
            let error = Error::failed("perf_event_open", errno);
            let error = match errno {
                Errno::EPERM | Errno::EACCES => capabilities::explain_perf(error),
                _ => error,
            };
            self.raw.error(error)
        })?;
        match sys::bpf::link_perf_event(program, event.as_fd()) {
            // The link holds the event.
            Ok(link) => return Ok(TracepointLink::new(link)),
            // Linux before 5.15 has no such link. If it is something else, the old way fails
            // too and says what.
            Err(Errno::EINVAL) => {}
            Err(errno) => return Err(self.explain("BPF_LINK_CREATE", errno, category, name)),
        }
        sys::perf::set_program(event.as_fd(), program)
            .map_err(|errno| self.explain("PERF_EVENT_IOC_SET_BPF", errno, category, name))?;
        sys::perf::enable(event.as_fd())
            .map_err(|errno| self.explain("PERF_EVENT_IOC_ENABLE", errno, category, name))?;
        Ok(TracepointLink::new(event))
    }

    fn explain(&self, operation: &str, errno: Errno, category: &str, name: &str) -> Error {
        let error = self.raw.error(Error::failed(operation, errno));
        match errno {
            Errno::EPERM => capabilities::explain(error, &[Capability::Bpf, Capability::Perfmon]),
            Errno::EACCES => error.because(format!(
                "the program reads beyond the record of {category}:{name}"
            )),
            Errno::E2BIG => error.because(format!(
                "{category}:{name} has as many programs as the kernel allows"
            )),
            Errno::EEXIST => error.because(format!("it is attached to {category}:{name} already")),
            _ => error,
        }
    }
}
