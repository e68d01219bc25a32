//! Raw trace points.

use super::{RawProgram, program_impls, test_run_impl};
use crate::capabilities::{self, Capability};
use crate::links::RawTracepointLink;
use crate::links::fd::Attachment;
use crate::tracefs::{Tracefs, did_you_mean};
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::ffi::CString;

/// A program that runs at a trace point of the kernel with its raw arguments
/// ([`bpf_raw_tracepoint_args`](crate::context::bpf_raw_tracepoint_args)): no record is made,
/// so that it costs less than [`Tracepoint`](super::Tracepoint), and the arguments can change
/// from kernel to kernel. Linux 4.17.
///
/// With `#[raw_tracepoint_writable("name")]` it may write to the buffer that the trace point
/// hands it, of the few that do so: `nbd_send_request`. Linux 5.2.
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
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r2 = *(u64 *)(r1 + 8);              // the second argument: its number
///             r1 = LAST ll;
///             *(u64 *)(r1 + 0) = r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let calls = calls::load()?;
///     let link = calls.progs.enter.attach()?;     // or attach_to("sys_enter")
///     std::thread::yield_now();
///     link.detach()?;
///     println!("the last was {}", calls.maps.LAST.get());
///     assert!(calls.progs.enter.attach_to("no_such_point").is_err());
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_RAW_TRACEPOINT")]
#[derive(Debug)]
pub struct RawTracepoint {
    raw: RawProgram,
}

program_impls!(
    RawTracepoint,
    ProgramKind::RawTracepoint { .. } | ProgramKind::RawTracepointWritable { .. }
);
test_run_impl!(RawTracepoint, "a context (the arguments, eight bytes each)");

impl RawTracepoint {
    /// Attaches the program to the trace point of its attribute.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<RawTracepointLink, Error> {
        match self.raw.kind() {
            ProgramKind::RawTracepoint { name } | ProgramKind::RawTracepointWritable { name } => {
                self.attach_to(name)
            }
            _ => Err(self.raw.no_place()),
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
        self.open(name, None)
    }

    /// Attaches the program to the trace point of this name, with a number that the program
    /// gets from `bpf_get_attach_cookie`. Linux 6.10.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(6, 10));
    /// let calls = calls::load()?;
    /// // One program, two places: bpf_get_attach_cookie says which.
    /// let _enter = calls.progs.enter.attach_with_cookie("sys_enter", 1)?;
    /// let _exit = calls.progs.enter.attach_with_cookie("sys_exit", 2)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to), and
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 6.10.
    #[doc(alias = "bpf_cookie")]
    pub fn attach_with_cookie(&self, name: &str, cookie: u64) -> Result<RawTracepointLink, Error> {
        self.open(name, Some(cookie))
    }

    fn open(&self, name: &str, cookie: Option<u64>) -> Result<RawTracepointLink, Error> {
        let program = self.raw.fd()?;
        let c_name = CString::new(name).map_err(|error| {
            let error = Error::invalid(format!("`{name}` is not the name of a trace point"))
                .caused_by(error);
            self.raw.error(error)
        })?;
        let link = match cookie {
            None => sys::bpf::raw_tracepoint_open(program, &c_name),
            Some(cookie) => sys::bpf::raw_tracepoint_open_with_cookie(program, &c_name, cookie),
        };
        match link {
            Ok(link) => Ok(RawTracepointLink::new(Attachment::Link(link))),
            // A tail that is not known is the one, and its errno has a name of its own.
            Err(errno @ (Errno::EINVAL | Errno::E2BIG)) if cookie.is_some() => {
                let error = self.explain(errno, name);
                Err(capabilities::explain_since(error, 6, 10, "a cookie"))
            }
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
            Errno::EINVAL
                if matches!(self.raw.kind(), ProgramKind::RawTracepointWritable { .. }) =>
            {
                error.because(format!(
                    "`{name}` hands out no buffer that can be written, or one that is smaller \
                     than the program uses"
                ))
            }
            Errno::EINVAL => {
                error.because(format!("the program uses more arguments than `{name}` has"))
            }
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::programs::raw::for_test;
    use crate::sys::script::{Script, run};

    const KIND: ProgramKind = ProgramKind::RawTracepointWritable {
        name: "nbd_send_request",
    };

    #[test]
    fn cookies_are_handed_on_or_refused_with_the_version() {
        let (link, calls) = run(Script::new().fd(), || {
            RawTracepoint {
                raw: for_test(KIND),
            }
            .attach_with_cookie("sys_enter", 7)
        });
        drop(link.unwrap());
        assert_eq!((calls[0].attr.len(), calls[0].u32(16)), (24, 7));
        let script = Script::new().release("6.1.0").fails(Errno::EINVAL);
        let (result, _) = run(script, || {
            RawTracepoint {
                raw: for_test(KIND),
            }
            .attach_with_cookie("sys_enter", 7)
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error
                .to_string()
                .ends_with("a cookie needs Linux 6.10, and this is 6.1")
        );
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let (result, _) = run(Script::new().fails(Errno::EINVAL), || {
            RawTracepoint {
                raw: for_test(KIND),
            }
            .attach()
        });
        let error = result.unwrap_err().to_string();
        assert!(error.contains("hands out no buffer"), "{error}");
    }
}
