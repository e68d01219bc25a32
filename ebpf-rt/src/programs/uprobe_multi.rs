//! Many functions of a program or library at once.

use super::{RawProgram, program_impls};
use crate::links::UprobeMultiLink;
use crate::links::fd::Attachment;
use crate::sys::bpf::UserFunctions;
use crate::user_space::{self, Binary};
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::ffi::CString;

/// A program that runs where any of many functions of a program or library begins
/// (`#[uprobe_multi("libc.so.6", "str*")]`, Linux 6.6), returns (`#[uretprobe_multi(…)]`) or
/// both (`#[uprobe_session(…)]`, Linux 6.13). `bpf_get_func_ip` says which function it is.
///
/// Files are named and symbols looked up as for [`Uprobe`](super::Uprobe).
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod parents {
///         static CALLS: Global<u64> = Global::new(0);
///
///         #[uprobe_multi("libc", "getp?id")]
///         fn called(ctx: *mut c_void) -> i32 {
///             r1 = CALLS ll;
///             r2 = 1;
///             lock *(u64 *)(r1 + 0) += r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!(Kernel(6, 6));
///     let parents = parents::load()?;
///     let _link = parents.progs.called.attach()?;
///     let parent = std::os::unix::process::parent_id();
///     assert!(parents.maps.CALLS.get() >= 1, "{parent} was asked for");
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_TRACE_UPROBE_MULTI")]
#[doc(alias = "BPF_TRACE_UPROBE_SESSION")]
#[derive(Debug)]
pub struct UprobeMulti {
    raw: RawProgram,
}

program_impls!(
    UprobeMulti,
    ProgramKind::UprobeMulti { .. }
        | ProgramKind::UretprobeMulti { .. }
        | ProgramKind::UprobeSession { .. }
);

/// Where a [`UprobeMulti`] goes.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf, programs::UprobeMultiPoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod memory {
///         static CALLS: Global<u64> = Global::new(0);
///
///         #[uprobe_multi("libc", "malloc")]
///         fn called(ctx: *mut c_void) -> i32 {
///             r1 = CALLS ll;
///             r2 = 1;
///             lock *(u64 *)(r1 + 0) += r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!(Kernel(6, 6));
///     let called = memory::load()?.progs.called;
///     println!("{:?}", called.point()?);          // what the attribute says
///     let both = UprobeMultiPoint::symbols("libc", &["malloc", "free"]).cookies(&[1, 2]);
///     let _both = called.attach_to(both.pid(std::process::id()))?;
///     let _all = called.attach_to(UprobeMultiPoint::pattern("libc", "getp*"))?;
///     assert!(called.attach_to(UprobeMultiPoint::file_offsets("/no/such/file", &[64])).is_err());
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct UprobeMultiPoint<'a> {
    path: &'a str,
    functions: Functions<'a>,
    cookies: &'a [u64],
    pid: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Functions<'a> {
    Pattern(&'a str),
    Symbols(&'a [&'a str]),
    Offsets(&'a [u64]),
}

impl<'a> UprobeMultiPoint<'a> {
    const fn new(path: &'a str, functions: Functions<'a>) -> Self {
        Self {
            path,
            functions,
            cookies: &[],
            pid: None,
        }
    }

    /// The functions of the file that a pattern describes: `*` stands for any text, `?` for a
    /// character.
    pub const fn pattern(path: &'a str, pattern: &'a str) -> Self {
        Self::new(path, Functions::Pattern(pattern))
    }

    /// These functions; all have to be there.
    pub const fn symbols(path: &'a str, symbols: &'a [&'a str]) -> Self {
        Self::new(path, Functions::Symbols(symbols))
    }

    /// The instructions at these offsets in the file.
    pub const fn file_offsets(path: &'a str, offsets: &'a [u64]) -> Self {
        Self::new(path, Functions::Offsets(offsets))
    }

    /// For each symbol or offset a number that the program gets from `bpf_get_attach_cookie`.
    #[doc(alias = "bpf_cookie")]
    pub const fn cookies(self, cookies: &'a [u64]) -> Self {
        Self { cookies, ..self }
    }

    /// Only in this process. A library is looked for in that process first.
    pub const fn pid(self, pid: u32) -> Self {
        Self {
            pid: Some(pid),
            ..self
        }
    }
}

impl UprobeMulti {
    /// Where the program's attribute says that it goes.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it does not say it.
    pub fn point(&self) -> Result<UprobeMultiPoint<'static>, Error> {
        match self.raw.kind() {
            ProgramKind::UprobeMulti { path, pattern }
            | ProgramKind::UretprobeMulti { path, pattern }
            | ProgramKind::UprobeSession { path, pattern }
                if !path.is_empty() =>
            {
                Ok(UprobeMultiPoint::pattern(path, pattern))
            }
            _ => Err(self.raw.no_place()),
        }
    }

    /// Attaches the program to the functions of its attribute, in all processes.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<UprobeMultiLink, Error> {
        self.attach_to(self.point()?)
    }

    /// Attaches the program to these functions.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the file or a function is not
    /// there, or the pattern describes none;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the kernel is too old;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_PERFMON`.
    #[doc(alias = "BPF_LINK_CREATE")]
    pub fn attach_to(&self, point: UprobeMultiPoint<'_>) -> Result<UprobeMultiLink, Error> {
        let program = self.raw.fd()?;
        let kind = self.raw.kind();
        let in_program = |error| self.raw.error(error);
        let named = match point.functions {
            Functions::Pattern(_) => 0,
            Functions::Symbols(symbols) => symbols.len(),
            Functions::Offsets(offsets) => offsets.len(),
        };
        if !point.cookies.is_empty() && point.cookies.len() != named {
            return Err(in_program(Error::invalid(format!(
                "there are {} cookies for {named} named functions",
                point.cookies.len()
            ))));
        }
        let path = user_space::find(point.path, point.pid).map_err(in_program)?;
        let offsets = match point.functions {
            Functions::Offsets(offsets) => Ok(offsets.to_vec()),
            Functions::Pattern(pattern) => {
                Binary::open(&path).and_then(|binary| binary.functions(pattern))
            }
            Functions::Symbols(symbols) => Binary::open(&path).and_then(|binary| {
                symbols
                    .iter()
                    .map(|symbol| binary.function(symbol))
                    .collect()
            }),
        };
        let offsets = offsets.map_err(in_program)?;
        if offsets.is_empty() {
            return Err(in_program(Error::invalid(
                "it is to be attached to no function at all",
            )));
        }
        let c_path = CString::new(&*path)
            .map_err(|_| in_program(Error::invalid(format!("{path:?} is not a path"))))?;
        let functions = UserFunctions {
            path: &c_path,
            offsets: &offsets,
            cookies: point.cookies,
            at_return: matches!(kind, ProgramKind::UretprobeMulti { .. }),
            pid: point.pid,
        };
        let Some(attach_type) = kind.expected_attach_type() else {
            return Err(self.raw.no_place());
        };
        sys::bpf::link_uprobe_multi(program, attach_type, &functions)
            .map(|link| UprobeMultiLink::new(Attachment::Link(link)))
            .map_err(|errno| {
                let error = self.raw.explain_multi(errno);
                match errno {
                    Errno::ENOENT => error.because(format!("there is no file {path}")),
                    Errno::ESRCH => error.because("there is no such process"),
                    Errno::EBADF => error.because(format!("{path} is not a regular file")),
                    _ => error,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Script, run};
    use crate::{ErrorKind, programs::raw::for_test};

    const SESSION: ProgramKind = ProgramKind::UprobeSession {
        path: "",
        pattern: "",
    };
    const POINT: UprobeMultiPoint<'static> =
        UprobeMultiPoint::file_offsets("/bin/true", &[0x40, 0x80]);

    #[test]
    fn offsets_cookies_and_process_are_handed_on() {
        let (link, calls) = run(Script::new().fd(), || {
            let program = UprobeMulti {
                raw: for_test(SESSION),
            };
            program.attach_to(POINT.cookies(&[1, 2]).pid(7))
        });
        drop(link.unwrap());
        assert_eq!(calls[0].name, "BPF_LINK_CREATE");
        let words: Vec<_> = [8, 48, 52, 56].map(|at| calls[0].u32(at)).into();
        assert_eq!(words, [57, 2, 0, 7], "attach type, count, flags, pid");
        assert_ne!(calls[0].u32(40), 0, "cookies");
    }

    #[test]
    fn old_kernels_are_named() {
        let script = Script::new().release("6.1.0").fails(Errno::EINVAL);
        let (result, _) = run(script, || {
            UprobeMulti {
                raw: for_test(SESSION),
            }
            .attach_to(POINT)
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error
                .to_string()
                .ends_with("a uprobe_session program needs Linux 6.13, and this is 6.1"),
            "{error}"
        );
    }
}
