//! Many functions of the kernel at once.

use super::{RawProgram, program_impls};
use crate::kallsyms::{self, Found};
use crate::links::KprobeMultiLink;
use crate::pattern::is_pattern;
use crate::sys::bpf::KernelFunctions;
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::ffi::CString;

/// A program that runs where any of many functions of the kernel begins
/// (`#[kprobe_multi("vfs_*")]`, Linux 5.18), returns (`#[kretprobe_multi("vfs_*")]`) or both
/// (`#[kprobe_session("vfs_*")]`, Linux 6.10). Its context is the registers there;
/// `bpf_get_func_ip` says which function it is. Attaching to thousands takes one system call.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod vfs {
///         static CALLS: Global<u64> = Global::new(0);
///
///         #[kprobe_multi("vfs_*")]
///         fn enter(ctx: *mut c_void) -> i32 {
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
///     // What it does, without a kernel:
///     let vfs = vfs::vm()?;
///     vfs.progs.enter.run(&mut [0; 168])?;
///     assert_eq!(vfs.maps.CALLS.get(), 1);
///
///     # kernel_test::example!(Kernel(5, 18), Matrix(kernel_test::has_kprobes));
///     let vfs = vfs::load()?;
///     println!("{:?}", vfs.progs.enter.point()?);         // what the attribute says
///     let _link = vfs.progs.enter.attach()?;
///     assert!(std::fs::metadata("/").is_ok());
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_TRACE_KPROBE_MULTI")]
#[doc(alias = "BPF_TRACE_KPROBE_SESSION")]
#[derive(Debug)]
pub struct KprobeMulti {
    raw: RawProgram,
}

program_impls!(
    KprobeMulti,
    ProgramKind::KprobeMulti { .. }
        | ProgramKind::KretprobeMulti { .. }
        | ProgramKind::KprobeSession { .. }
);

/// Where a [`KprobeMulti`] goes.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{ebpf, programs::KprobeMultiPoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod files {
///         #[kprobe_multi("vfs_read")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             call bpf_get_attach_cookie;         // 1 or 2
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!(Kernel(5, 18), Matrix(kernel_test::has_kprobes));
///     let files = files::load()?;
///     let both = KprobeMultiPoint::symbols(&["vfs_read", "vfs_write"]).cookies(&[1, 2]);
///     let _both = files.progs.enter.attach_to(both)?;
///     let _all = files.progs.enter.attach_to(KprobeMultiPoint::pattern("vfs_read*"))?;
///     assert!(files.progs.enter.attach_to(KprobeMultiPoint::addresses(&[1])).is_err());
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct KprobeMultiPoint<'a> {
    functions: Functions<'a>,
    cookies: &'a [u64],
}

#[derive(Clone, Copy, Debug)]
enum Functions<'a> {
    Pattern(&'a str),
    Symbols(&'a [&'a str]),
    Addresses(&'a [u64]),
}

impl<'a> KprobeMultiPoint<'a> {
    /// The functions that a pattern describes, of those that can be traced: `*` stands for any
    /// text, `?` for a character.
    pub const fn pattern(pattern: &'a str) -> Self {
        Self {
            functions: Functions::Pattern(pattern),
            cookies: &[],
        }
    }

    /// These functions; all have to be there.
    pub const fn symbols(symbols: &'a [&'a str]) -> Self {
        Self {
            functions: Functions::Symbols(symbols),
            cookies: &[],
        }
    }

    /// The functions that begin at these addresses.
    pub const fn addresses(addresses: &'a [u64]) -> Self {
        Self {
            functions: Functions::Addresses(addresses),
            cookies: &[],
        }
    }

    /// For each symbol or address a number that the program gets from
    /// `bpf_get_attach_cookie`.
    #[doc(alias = "bpf_cookie")]
    pub const fn cookies(self, cookies: &'a [u64]) -> Self {
        Self { cookies, ..self }
    }
}

impl KprobeMulti {
    /// Where the program's attribute says that it goes.
    ///
    /// # Errors
    /// Does not happen with programs of an object.
    pub fn point(&self) -> Result<KprobeMultiPoint<'static>, Error> {
        match self.raw.kind() {
            ProgramKind::KprobeMulti { pattern }
            | ProgramKind::KretprobeMulti { pattern }
            | ProgramKind::KprobeSession { pattern } => Ok(KprobeMultiPoint::pattern(pattern)),
            _ => Err(self.raw.no_place()),
        }
    }

    /// Attaches the program to the functions of its attribute.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<KprobeMultiLink, Error> {
        self.attach_to(self.point()?)
    }

    /// Attaches the program to these functions, on all CPUs and in all processes.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if a function is not there, or the
    /// pattern describes none; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if
    /// the kernel was built without what it takes (`CONFIG_FPROBE`) or is too old;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_PERFMON`.
    #[doc(alias = "BPF_LINK_CREATE")]
    pub fn attach_to(&self, point: KprobeMultiPoint<'_>) -> Result<KprobeMultiLink, Error> {
        let program = self.raw.fd()?;
        let kind = self.raw.kind();
        let invalid = |reason: String| self.raw.error(Error::invalid(reason));
        let count = match point.functions {
            Functions::Pattern(_) => 0,
            Functions::Symbols(symbols) => symbols.len(),
            Functions::Addresses(addresses) => addresses.len(),
        };
        if !point.cookies.is_empty() && point.cookies.len() != count {
            return Err(invalid(format!(
                "there are {} cookies for {count} named functions",
                point.cookies.len()
            )));
        }
        let owned: Vec<String>;
        let mut addresses: Vec<u64> = Vec::new();
        let mut symbols: Vec<&str> = Vec::new();
        match point.functions {
            Functions::Pattern(pattern) if !is_pattern(pattern) => symbols.push(pattern),
            Functions::Pattern(pattern) => {
                match kallsyms::matching(pattern).map_err(|error| self.raw.error(error))? {
                    Found::Addresses(found) => addresses = found,
                    Found::Symbols(found) => {
                        owned = found;
                        symbols = owned.iter().map(|name| &**name).collect();
                    }
                }
            }
            Functions::Symbols(named) => symbols = named.to_vec(),
            Functions::Addresses(given) => addresses = given.to_vec(),
        }
        if symbols.is_empty() && addresses.is_empty() {
            return Err(invalid(
                "it is to be attached to no function at all".to_owned(),
            ));
        }
        let names = symbols
            .iter()
            .map(|&name| {
                CString::new(name)
                    .map_err(|_| invalid(format!("{name:?} is not the name of a function")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<u64> = names.iter().map(|n| n.as_ptr() as usize as u64).collect();
        let functions = KernelFunctions {
            symbols: &pointers,
            addresses: &addresses,
            cookies: point.cookies,
            at_return: matches!(kind, ProgramKind::KretprobeMulti { .. }),
        };
        let Some(attach_type) = kind.expected_attach_type() else {
            return Err(self.raw.no_place());
        };
        sys::bpf::link_kprobe_multi(program, attach_type, &functions)
            .map(|link| KprobeMultiLink::new(crate::links::fd::Attachment::Link(link)))
            .map_err(|errno| self.explain(errno, &symbols))
    }

    fn explain(&self, errno: Errno, symbols: &[&str]) -> Error {
        let error = self.raw.explain_multi(errno);
        match errno {
            // The kernel does not say which it is.
            Errno::ESRCH | Errno::ENOENT => match symbols {
                [only] => kallsyms::explain_missing(error, only),
                _ => kallsyms::explain_one_of(error, symbols),
            },
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Recorded, Script, names, run};
    use crate::{ErrorKind, programs::raw::for_test};

    const MULTI: ProgramKind = ProgramKind::KprobeMulti { pattern: "vfs_*" };
    const SYMBOLS: &str = "ffffffff81000000 T vfs_read\nffffffff81000100 T vfs_write\n";

    fn attach(
        script: Script,
        kind: ProgramKind,
        point: Option<KprobeMultiPoint<'_>>,
    ) -> (Result<KprobeMultiLink, Error>, Vec<Recorded>) {
        run(script.file("/proc/kallsyms", SYMBOLS), || {
            let program = KprobeMulti {
                raw: for_test(kind),
            };
            match point {
                Some(point) => program.attach_to(point),
                None => program.attach(),
            }
        })
    }

    #[test]
    fn patterns_become_addresses() {
        // tracefs cannot be opened: what kallsyms has is taken.
        let script = Script::new()
            .fails(Errno::ENOENT)
            .fails(Errno::ENOENT)
            .fails(Errno::EPERM)
            .fd();
        let (link, calls) = attach(script, MULTI, None);
        drop(link.unwrap());
        let create = calls.last().unwrap();
        assert_eq!(create.name, "BPF_LINK_CREATE");
        let words: Vec<_> = (8..24).step_by(4).map(|at| create.u32(at)).collect();
        assert_eq!(words, [42, 0, 0, 2], "attach type, flags, flags, count");
        assert_eq!(create.u32(24), 0, "no symbols");
        assert_ne!(create.u32(32), 0, "addresses");
    }

    #[test]
    fn names_and_cookies_are_handed_on() {
        let symbols = ["vfs_read", "vfs_write"];
        let point = KprobeMultiPoint::symbols(&symbols).cookies(&[1, 2]);
        let kind = ProgramKind::KretprobeMulti { pattern: "x" };
        let (link, calls) = attach(Script::new().fd(), kind, Some(point));
        drop(link.unwrap());
        assert_eq!(names(&calls), ["BPF_LINK_CREATE"]);
        assert_eq!((calls[0].u32(16), calls[0].u32(20)), (1, 2));
        assert_ne!(calls[0].u32(40), 0, "cookies");
        let point = KprobeMultiPoint::symbols(&symbols).cookies(&[1]);
        let (result, _) = attach(Script::new(), MULTI, Some(point));
        let error = result.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("1 cookies for 2 named functions"),
            "{error}"
        );
    }

    #[test]
    fn sessions_are_another_attach_type() {
        let kind = ProgramKind::KprobeSession {
            pattern: "vfs_read",
        };
        let (link, calls) = attach(Script::new().fd(), kind, None);
        drop(link.unwrap());
        assert_eq!(calls[0].u32(8), 56);
    }

    #[test]
    fn what_is_missing_is_said() {
        let point = KprobeMultiPoint::symbols(&["vfs_read", "vfs_wrte"]);
        let (result, _) = attach(Script::new().fails(Errno::ESRCH), MULTI, Some(point));
        assert_eq!(
            result.unwrap_err().to_string(),
            "object `test`, program `probe`: BPF_LINK_CREATE failed with ESRCH: this kernel has \
             no function named `vfs_wrte`; did you mean `vfs_write`?"
        );
        let point = KprobeMultiPoint::symbols(&["vfs_read"]);
        let (result, _) = attach(Script::new().fails(Errno::ENOTSUPP), MULTI, Some(point));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let old = Script::new().release("5.10.0").fails(Errno::EINVAL);
        let (result, _) = attach(old, MULTI, Some(point));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error
                .to_string()
                .ends_with("a kprobe_multi program needs Linux 5.18, and this is 5.10"),
            "{error}"
        );
    }
}
