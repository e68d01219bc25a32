//! What programs have in common whose load said where they go, by a type of the kernel's BTF.

use super::{Program, RawProgram};
use crate::capabilities::{self, Capability};
use crate::links::fd::Attachment;
use crate::{Errno, Error, ErrorKind, sys};
use ebpf_asm::object::ProgramKind;

/// Programs whose load says where they go:
/// [`ProgramOptions::target`](crate::load::ProgramOptions::target).
///
/// ```
/// use ebpf_rt::load::ProgramOptions;
/// use ebpf_rt::programs::{Fentry, HasTarget, Lsm};
///
/// /// From a command line: the same option for all of these kinds.
/// fn choose<P: HasTarget>(options: &mut ProgramOptions<P>, name: &str) {
///     options.target(name);
/// }
///
/// choose::<Fentry>(&mut ProgramOptions::default(), "vfs_unlink");
/// choose::<Lsm>(&mut ProgramOptions::default(), "file_open");
/// ```
pub trait HasTarget: Program {}

/// Those among them that go to functions of other programs, too:
/// [`ProgramOptions::target_program`](crate::load::ProgramOptions::target_program).
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// use ebpf_rt::load::ProgramOptions;
/// use ebpf_rt::programs::{Fexit, HasTargetProgram, Program};
///
/// /// Watches a function of another program.
/// fn watch<P: HasTargetProgram>(
///     options: &mut ProgramOptions<P>,
///     program: &impl Program,
///     function: &str,
/// ) -> Result<(), ebpf_rt::Error> {
///     options.target(function).target_program(program)?;
///     Ok(())
/// }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!();
/// let calls = calls::load()?;
/// watch::<Fexit>(&mut ProgramOptions::default(), &calls.progs.enter, "enter")?;
/// # Ok(())
/// # }
/// ```
pub trait HasTargetProgram: HasTarget {}

impl RawProgram {
    /// Attaches the program to what its load named.
    pub(super) fn attach_to_target(&self) -> Result<Attachment, Error> {
        sys::by_btf::open_tracing(self.fd()?)
            .map(Attachment::Link)
            .map_err(|errno| self.explain_target("BPF_RAW_TRACEPOINT_OPEN", errno))
    }

    /// The same, with a number for `bpf_get_attach_cookie`.
    pub(super) fn attach_to_target_with_cookie(&self, cookie: u64) -> Result<Attachment, Error> {
        let program = self.fd()?;
        let kind = self.kind();
        let Some(attach_type) = kind.expected_attach_type() else {
            return Err(self.no_place());
        };
        let result = sys::by_btf::link_tracing(program, attach_type, cookie);
        result.map(Attachment::Link).map_err(|errno| {
            let error = self.explain_target("BPF_LINK_CREATE", errno);
            // A kernel that knows no cookie refuses one, and before that the whole command.
            let refuses = matches!(errno, Errno::EINVAL | Errno::E2BIG);
            let minor_of_tracepoints = matches!(kind, ProgramKind::BtfTracepoint { .. });
            match (refuses, minor_of_tracepoints) {
                (false, _) => error,
                (true, true) => capabilities::explain_since(error, 6, 10, "a cookie"),
                (true, false) => capabilities::explain_since(error, 5, 19, "a cookie"),
            }
        })
    }

    /// An error of attaching to what the load named.
    pub(super) fn explain_target(&self, operation: &str, errno: Errno) -> Error {
        let error = self.error(Error::failed(operation, errno));
        let target = self.target().unwrap_or_default();
        let kind = self.kind();
        match errno {
            Errno::EPERM => capabilities::explain(error, &[Capability::Bpf, Capability::Perfmon]),
            Errno::E2BIG => error.because(format!(
                "`{target}` has as many programs as the kernel allows"
            )),
            Errno::EBUSY if matches!(kind, ProgramKind::Extension { .. }) => {
                error.with_kind(ErrorKind::Exists).because(format!(
                    "`{target}` is replaced already, or has programs at its entry or return"
                ))
            }
            Errno::EBUSY => error.because(format!(
                "`{target}` does not begin with a call that can be redirected: it cannot be \
                 traced, or something else traces it in a way that excludes this"
            )),
            Errno::ENOTSUPP | Errno::EOPNOTSUPP => error.because(format!(
                "this kernel cannot do it on this machine: {} programs take trampolines",
                kind.name()
            )),
            Errno::ENOENT | Errno::ENODEV => error.because(format!(
                "`{target}` is no longer there, or cannot be traced"
            )),
            _ => error,
        }
    }
}

/// Of kinds that are attached to what their load named.
macro_rules! attach_impls {
    ($name:ident, $link:ident, $what:literal) => {
        impl $name {
            #[doc = concat!("Attaches the program to ", $what, ".")]
            ///
            /// # Errors
            /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not
            /// loaded; [`ErrorKind::Permission`](crate::ErrorKind::Permission) without
            /// `CAP_PERFMON`; what else `BPF_RAW_TRACEPOINT_OPEN` says.
            #[doc(alias = "BPF_RAW_TRACEPOINT_OPEN")]
            pub fn attach(&self) -> Result<crate::links::$link, crate::Error> {
                self.raw.attach_to_target().map(crate::links::$link::new)
            }

            /// Where the program goes, as the attribute or the options said it before the
            /// program was loaded.
            #[must_use]
            pub fn target(&self) -> Option<&str> {
                self.raw.target()
            }
        }

        impl crate::programs::HasTarget for $name {}
    };
}
pub(super) use attach_impls;

/// Of kinds whose links can have a cookie.
macro_rules! cookie_impls {
    ($name:ident, $link:ident, $since:literal) => {
        impl $name {
            /// Attaches the program to the same place, with a number that the program gets from
            #[doc = concat!("`bpf_get_attach_cookie`. Linux ", $since, ".")]
            ///
            /// ```
            /// use core::ffi::c_void;
            /// use ebpf_rt::ebpf;
            ///
            /// ebpf! {
            ///     #[license = "GPL"]
            ///     mod switches {
            ///         #[tp_btf("sched_switch")]
            ///         fn seen(ctx: *mut c_void) -> i32 {
            ///             call bpf_get_attach_cookie;         // 7
            ///             r0 = 0;
            ///             exit;
            ///         }
            ///     }
            /// }
            ///
            /// fn main() -> Result<(), ebpf_rt::Error> {
            ///     # kernel_test::example!(Kernel(6, 10));
            ///     let link = switches::load()?.progs.seen.attach_with_cookie(7)?;
            ///     link.detach()
            /// }
            /// ```
            ///
            /// # Errors
            /// As of [`attach`](Self::attach), and
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the kernel is too
            /// old.
            #[doc(alias = "BPF_LINK_CREATE")]
            #[doc(alias = "bpf_cookie")]
            pub fn attach_with_cookie(
                &self,
                cookie: u64,
            ) -> Result<crate::links::$link, crate::Error> {
                let attached = self.raw.attach_to_target_with_cookie(cookie);
                attached.map(crate::links::$link::new)
            }
        }
    };
}
pub(super) use cookie_impls;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::raw::for_test;
    use crate::programs::{BtfTracepoint, Extension, Fentry};
    use crate::sys::script::{Recorded, Script, run};

    const FENTRY: ProgramKind = ProgramKind::Fentry {
        function: "vfs_read",
        sleepable: false,
    };

    fn attach<P: Program, T>(
        script: Script,
        kind: ProgramKind,
        attach: impl FnOnce(&P) -> Result<T, Error>,
    ) -> (Result<(), Error>, Vec<Recorded>) {
        run(script, || attach(&P::from_raw(for_test(kind))?).map(drop))
    }

    #[test]
    fn without_a_cookie_the_oldest_command_does() {
        let (result, calls) = attach(Script::new().fd(), FENTRY, Fentry::attach);
        result.unwrap();
        assert_eq!(calls[0].name, "BPF_RAW_TRACEPOINT_OPEN");
        assert_eq!((calls[0].attr.len(), calls[0].u32(0)), (16, 0));
    }

    #[test]
    fn cookies_are_handed_on_or_refused_with_the_version() {
        let with_cookie = |program: &Fentry| program.attach_with_cookie(7);
        let (result, calls) = attach(Script::new().fd(), FENTRY, with_cookie);
        result.unwrap();
        assert_eq!(calls[0].name, "BPF_LINK_CREATE");
        assert_eq!((calls[0].u32(8), calls[0].u32(24)), (24, 7));
        let old = || Script::new().release("5.10.0").fails(Errno::EINVAL);
        let (result, _) = attach(old(), FENTRY, with_cookie);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("a cookie needs Linux 5.19"));
        let kind = ProgramKind::BtfTracepoint { name: "x" };
        let (result, _) = attach(old(), kind, |program: &BtfTracepoint| {
            program.attach_with_cookie(7)
        });
        let error = result.unwrap_err();
        assert!(error.to_string().contains("a cookie needs Linux 6.10"));
    }

    #[test]
    fn what_is_taken_already_is_said() {
        let busy = || Script::new().fails(Errno::EBUSY);
        let (result, _) = attach(busy(), FENTRY, Fentry::attach);
        let error = result.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`somewhere` does not begin with a call")
        );
        let kind = ProgramKind::Extension { function: "rule" };
        let (result, _) = attach(busy(), kind, Extension::attach);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Exists);
    }
}
