//! Raw trace points.

use super::{RawProgram, program_impls};
use crate::capabilities::{self, Capability};
use crate::links::RawTracepointLink;
use crate::tracefs::{Tracefs, did_you_mean};
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::ffi::CString;

/// A program that runs at a trace point of the kernel with its raw arguments
/// ([`bpf_raw_tracepoint_args`](crate::context::bpf_raw_tracepoint_args)): no record is made,
/// so that it costs less than [`Tracepoint`](super::Tracepoint), and the arguments can change
/// from kernel to kernel. Linux 4.17.
///
/// ```no_run
/// # fn f(enter: ebpf_rt::programs::RawTracepoint) -> Result<(), ebpf_rt::Error> {
/// let _link = enter.attach_to("sys_enter")?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "BPF_PROG_TYPE_RAW_TRACEPOINT")]
#[derive(Debug)]
pub struct RawTracepoint {
    raw: RawProgram,
}

program_impls!(RawTracepoint);

impl RawTracepoint {
    /// Attaches the program to the trace point of its attribute.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<RawTracepointLink, Error> {
        match self.raw.kind() {
            ProgramKind::RawTracepoint { name } => self.attach_to(name),
            _ => Err(self
                .raw
                .error(Error::invalid("its attribute names no trace point"))),
        }
    }

    /// Attaches the program to the trace point of this name; there is no category.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled alike
    /// where tracefs can be read, if there is no such trace point.
    #[doc(alias = "BPF_RAW_TRACEPOINT_OPEN")]
    pub fn attach_to(&self, name: &str) -> Result<RawTracepointLink, Error> {
        let program = self.raw.fd()?;
        let c_name = CString::new(name).map_err(|error| {
            let error = Error::invalid(format!("`{name}` is not the name of a trace point"))
                .caused_by(error);
            self.raw.error(error)
        })?;
        match sys::bpf::raw_tracepoint_open(program, &c_name) {
            Ok(link) => Ok(RawTracepointLink::new(link)),
            Err(errno) => Err(self.explain(errno, name)),
        }
    }

    fn explain(&self, errno: Errno, name: &str) -> Error {
        let error = self
            .raw
            .error(Error::failed("BPF_RAW_TRACEPOINT_OPEN", errno));
        match errno {
            Errno::ENOENT => {
                let error =
                    error.because(format!("this kernel has no raw trace point named `{name}`"));
                match Tracefs::open() {
                    Ok(tracefs) => did_you_mean(error, &tracefs.similar_raw_tracepoints(name)),
                    Err(_) => error,
                }
            }
            Errno::EPERM => capabilities::explain(error, &[Capability::Bpf, Capability::Perfmon]),
            Errno::EINVAL => {
                error.because(format!("the program uses more arguments than `{name}` has"))
            }
            _ => error,
        }
    }
}
