//! What programs at trace points, probes and perf events have in common: they are attached to
//! a perf event.

use super::RawProgram;
use crate::capabilities::{self, Capability};
use crate::links::fd::Attachment;
use crate::{Errno, Error, ErrorKind, sys};
use std::os::fd::{AsFd, OwnedFd};

impl RawProgram {
    /// Attaches the program to the event: by a link (Linux 5.15), else by an ioctl. `place`
    /// names the event in errors.
    pub(super) fn attach_to_event(
        &self,
        event: OwnedFd,
        cookie: Option<u64>,
        place: &str,
    ) -> Result<Attachment, Error> {
        let program = self.fd()?;
        let explain = |operation, errno| self.explain_event(operation, errno, place);
        match sys::bpf::link_perf_event(program, event.as_fd(), cookie) {
            // The link holds the event.
            Ok(link) => return Ok(Attachment::Link(link)),
            // Linux before 5.15 has no such link. If it is something else, the old way fails
            // too and says what.
            Err(Errno::EINVAL) if cookie.is_none() => {}
            Err(errno @ Errno::EINVAL) => {
                let error = explain("BPF_LINK_CREATE", errno);
                return Err(capabilities::explain_since(error, 5, 15, "a cookie"));
            }
            Err(errno) => return Err(explain("BPF_LINK_CREATE", errno)),
        }
        sys::perf::set_program(event.as_fd(), program)
            .map_err(|errno| explain("PERF_EVENT_IOC_SET_BPF", errno))?;
        sys::perf::enable(event.as_fd())
            .map_err(|errno| explain("PERF_EVENT_IOC_ENABLE", errno))?;
        Ok(Attachment::Event(event))
    }

    fn explain_event(&self, operation: &str, errno: Errno, place: &str) -> Error {
        let error = self.error(Error::failed(operation, errno));
        match errno {
            Errno::EPERM => capabilities::explain(error, &[Capability::Bpf, Capability::Perfmon]),
            Errno::EACCES => {
                error.because(format!("the program reads beyond the record of {place}"))
            }
            Errno::E2BIG => {
                error.because(format!("{place} has as many programs as the kernel allows"))
            }
            Errno::EEXIST => error.because(format!("it is attached to {place} already")),
            _ => error,
        }
    }

    /// An error of perf_event_open(2).
    pub(super) fn explain_open(&self, errno: Errno) -> Error {
        let error = Error::failed("perf_event_open", errno);
        self.error(match errno {
            Errno::EPERM | Errno::EACCES => capabilities::explain_perf(error),
            Errno::ESRCH => error.because("there is no such process"),
            Errno::EMFILE => error
                .because("the process has as many open files as it may have")
                .remedy("raise RLIMIT_NOFILE: ulimit -n"),
            _ => error,
        })
    }

    /// The error of a program whose attribute does not say where it goes.
    pub(super) fn no_place(&self) -> Error {
        self.error(
            Error::invalid("its attribute does not say where it goes")
                .remedy("say it with attach_to"),
        )
    }

    /// An error of `BPF_LINK_CREATE` of many places.
    pub(super) fn explain_multi(&self, errno: Errno) -> Error {
        let error = Error::failed("BPF_LINK_CREATE", errno);
        let kind = self.kind();
        let since = kind.since();
        let name = format!("a {} program", kind.name());
        self.error(match errno {
            Errno::EPERM => capabilities::explain(error, &[Capability::Bpf, Capability::Perfmon]),
            Errno::EINVAL => capabilities::explain_since(error, since.major, since.minor, &name),
            Errno::ENOTSUPP | Errno::EOPNOTSUPP => {
                error.because(format!("this kernel was built without what {name} needs"))
            }
            Errno::E2BIG => error.because("these are more places than the kernel takes at once"),
            _ => error,
        })
    }
}

/// Numbers of a dynamic PMU, from its directory in sysfs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pmu {
    pub(super) kind: u32,
    name: &'static str,
}

impl Pmu {
    /// `kprobe` or `uprobe`.
    pub(super) fn find(name: &'static str) -> Result<Self, Error> {
        let path = format!("/sys/bus/event_source/devices/{name}/type");
        let operation = format!("reading {path}");
        match sys::fs::read_file(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(kind) => Ok(Self { kind, name }),
                Err(error) => Err(Error::failed(operation, Errno::EIO)
                    .because(format!("it says `{}`", text.trim()))
                    .caused_by(error)),
            },
            Err(Errno::ENOENT) => Err(Error::failed(operation, Errno::ENOENT)
                .with_kind(ErrorKind::Unsupported)
                .because(format!(
                    "this kernel has no {name}s: it was built without CONFIG_{}_EVENTS, or sysfs \
                     is not mounted",
                    name.to_ascii_uppercase()
                ))),
            Err(errno) => Err(Error::failed(operation, errno)),
        }
    }

    /// The first bit of a field of the event's `config`.
    pub(super) fn bit(self, field: &str) -> Result<u32, Error> {
        let path = format!("/sys/bus/event_source/devices/{}/format/{field}", self.name);
        let operation = format!("reading {path}");
        let text = sys::fs::read_file(&path).map_err(|errno| {
            Error::failed(&*operation, errno)
                .because(format!("this kernel's {}s have no `{field}`", self.name))
        })?;
        // `config:0` or `config:32-63`
        let bit = text.trim().strip_prefix("config:");
        let bit = bit.and_then(|bits| bits.split('-').next()?.parse().ok());
        bit.filter(|&bit| bit < 64).ok_or_else(|| {
            Error::failed(operation, Errno::EIO).because(format!("it says `{}`", text.trim()))
        })
    }
}
