//! Functions of programs and libraries.

use super::attach::Pmu;
use super::{RawProgram, program_impls};
use crate::links::UprobeLink;
use crate::links::fd::Attachment;
use crate::sys::perf::Probe;
use crate::user_space::{self, Binary};
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::ffi::CString;

/// A program that runs where a function of a program or library begins
/// (`#[uprobe("libc.so.6", "malloc")]`) or returns (`#[uretprobe("libc.so.6", "malloc")]`), in
/// any process or in one; its context is the registers there, see
/// [`PT_REGS_PARM1_OFFSET`](crate::context::PT_REGS_PARM1_OFFSET). Linux 4.17.
///
/// A file is named by its path, or as a library by its soname (`libc.so.6`, or `libc` for
/// whatever version there is): one that the process uses, else one in the directories of
/// `/etc/ld.so.conf`; else a program in `PATH`. Symbols are those of the file or of its
/// separate debug file, by build id.
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
///         #[uprobe("libc", "getppid")]
///         fn asked(ctx: *mut c_void) -> i32 {
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
///     # kernel_test::example!();
///     let parents = parents::load()?;
///     let _link = parents.progs.asked.attach()?;  // in all processes
///     let parent = std::os::unix::process::parent_id();
///     assert!(parents.maps.CALLS.get() >= 1, "{parent} was asked for");
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_KPROBE")]
#[derive(Debug)]
pub struct Uprobe {
    raw: RawProgram,
}

program_impls!(
    Uprobe,
    ProgramKind::Uprobe { .. } | ProgramKind::Uretprobe { .. }
);

/// Where a [`Uprobe`] goes.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf, programs::UprobePoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod parents {
///         static CALLS: Global<u64> = Global::new(0);
///
///         #[uprobe("libc", "getppid")]
///         fn asked(ctx: *mut c_void) -> i32 {
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
///     # kernel_test::example!(Kernel(5, 15));
///     let asked = parents::load()?.progs.asked;
///     println!("{:?}", asked.point()?);           // what the attribute says
///     let mine = UprobePoint::symbol("libc", "getppid").pid(std::process::id()).cookie(7);
///     let _link = asked.attach_to(mine)?;
///     // By a place in the file, from a tool that reads debug information, say:
///     assert!(asked.attach_to(UprobePoint::file_offset("/no/such/file", 0x2340)).is_err());
///     // Inside a function, where an instruction has to begin:
///     assert!(asked.attach_to(mine.offset(1 << 30)).is_err());
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct UprobePoint<'a> {
    path: &'a str,
    symbol: Option<&'a str>,
    offset: u64,
    pid: Option<u32>,
    cookie: Option<u64>,
}

impl<'a> UprobePoint<'a> {
    /// The beginning, or the returns, of this function of this file.
    pub const fn symbol(path: &'a str, symbol: &'a str) -> Self {
        Self {
            path,
            symbol: Some(symbol),
            offset: 0,
            pid: None,
            cookie: None,
        }
    }

    /// The instruction at this offset in the file.
    pub const fn file_offset(path: &'a str, offset: u64) -> Self {
        Self {
            path,
            symbol: None,
            offset,
            pid: None,
            cookie: None,
        }
    }

    /// So many bytes into the function, where an instruction has to begin.
    pub const fn offset(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// Only in this process. A library is looked for in that process first.
    pub const fn pid(self, pid: u32) -> Self {
        Self {
            pid: Some(pid),
            ..self
        }
    }

    /// A number that the program gets from `bpf_get_attach_cookie`. Linux 5.15.
    #[doc(alias = "bpf_cookie")]
    pub const fn cookie(self, cookie: u64) -> Self {
        Self {
            cookie: Some(cookie),
            ..self
        }
    }
}

impl Uprobe {
    /// Where the program's attribute says that it goes.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it does not say it.
    pub fn point(&self) -> Result<UprobePoint<'static>, Error> {
        match self.raw.kind() {
            ProgramKind::Uprobe {
                path,
                symbol,
                offset,
            }
            | ProgramKind::Uretprobe {
                path,
                symbol,
                offset,
            } if !path.is_empty() => Ok(match symbol {
                "" => UprobePoint::file_offset(path, offset),
                symbol => UprobePoint::symbol(path, symbol).offset(offset),
            }),
            _ => Err(self.raw.no_place()),
        }
    }

    /// Attaches the program to the function of its attribute, in all processes.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<UprobeLink, Error> {
        self.attach_to(self.point()?)
    }

    /// Attaches the program to this function.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled alike,
    /// if there is no such file or function; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid)
    /// if it is not an ELF file; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if
    /// the kernel has no uprobes, or no cookies;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_PERFMON`.
    #[doc(alias = "perf_event_open")]
    pub fn attach_to(&self, point: UprobePoint<'_>) -> Result<UprobeLink, Error> {
        self.raw.fd()?;
        let in_program = |error| self.raw.error(error);
        let path = user_space::find(point.path, point.pid).map_err(in_program)?;
        let at_return = matches!(self.raw.kind(), ProgramKind::Uretprobe { .. });
        let offset = match point.symbol {
            None => point.offset,
            Some(symbol) if at_return && point.offset != 0 => {
                return Err(in_program(Error::invalid(format!(
                    "`{symbol}` returns where it returns: an offset makes no sense"
                ))));
            }
            Some(symbol) => {
                let function = Binary::open(&path).and_then(|binary| binary.function(symbol));
                // Past the end of the file the kernel says so.
                function.map_err(in_program)?.saturating_add(point.offset)
            }
        };
        let place = UserPlace {
            path: &path,
            offset,
            semaphore: 0,
            at_return,
        };
        self.raw
            .attach_in_user_space(place, point.pid, point.cookie)
            .map(UprobeLink::new)
    }
}

/// A place in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct UserPlace<'a> {
    pub(super) path: &'a str,
    pub(super) offset: u64,
    /// The offset of a counter that is raised while somebody listens; 0 if there is none.
    pub(super) semaphore: u64,
    pub(super) at_return: bool,
}

impl RawProgram {
    /// Attaches the program to a place in a file, in one process or in all.
    pub(super) fn attach_in_user_space(
        &self,
        place: UserPlace<'_>,
        pid: Option<u32>,
        cookie: Option<u64>,
    ) -> Result<Attachment, Error> {
        let in_program = |error| self.error(error);
        let shown = format!("{}+{:#x}", place.path, place.offset);
        let path = CString::new(place.path)
            .map_err(|_| in_program(Error::invalid(format!("{:?} is not a path", place.path))))?;
        let pmu = Pmu::find("uprobe").map_err(in_program)?;
        let mut config = 0;
        if place.at_return {
            config |= 1 << pmu.bit("retprobe").map_err(in_program)?;
        }
        if place.semaphore != 0 {
            if place.semaphore > u64::from(u32::MAX) {
                return Err(in_program(Error::invalid(format!(
                    "the semaphore of {shown} is beyond the first 4 GiB of the file"
                ))));
            }
            config |= place.semaphore << pmu.bit("ref_ctr_offset").map_err(in_program)?;
        }
        let probe = Probe {
            kind: pmu.kind,
            config,
            offset: place.offset,
        };
        let event = sys::perf::open_probe(probe, &path, pid).map_err(|errno| {
            let error = self.explain_open(errno);
            match errno {
                Errno::ENOENT => error.because(format!("there is no file {}", place.path)),
                Errno::EINVAL => error.because(format!(
                    "{shown} is no place for a probe: it is outside the file's code, or the file \
                     is not in a file system that can have probes"
                )),
                Errno::EIO | Errno::ENOTSUPP | Errno::EOPNOTSUPP => error.because(format!(
                    "the instruction at {shown} cannot be probed, or none begins there"
                )),
                _ => error,
            }
        })?;
        self.attach_to_event(event, cookie, &shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Recorded, Script, names, run};
    use crate::{ErrorKind, programs::raw::for_test};

    const UPROBE: ProgramKind = ProgramKind::Uprobe {
        path: "/bin/true",
        symbol: "",
        offset: 0x40,
    };

    fn attach(
        script: Script,
        kind: ProgramKind,
        point: Option<UprobePoint<'_>>,
    ) -> (Result<UprobeLink, Error>, Vec<Recorded>) {
        let script = script
            .file("/sys/bus/event_source/devices/uprobe/type", "9\n")
            .file(
                "/sys/bus/event_source/devices/uprobe/format/retprobe",
                "config:0\n",
            );
        run(script, || {
            let program = Uprobe {
                raw: for_test(kind),
            };
            match point {
                Some(point) => program.attach_to(point),
                None => program.attach(),
            }
        })
    }

    #[test]
    fn offsets_are_taken_as_they_are() {
        let (link, calls) = attach(Script::new().fd().fd(), UPROBE, None);
        drop(link.unwrap());
        assert_eq!(names(&calls), ["perf_event_open", "BPF_LINK_CREATE"]);
        assert_eq!((calls[0].u32(0), calls[0].u32(64)), (9, 0x40));
    }

    #[test]
    fn symbols_are_looked_up_in_the_file() {
        // This test's own file: the script hands out what is really there.
        let path = std::env::current_exe().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let path = path.to_str().unwrap();
        let script = || Script::new().file(path, &bytes);
        let point = UprobePoint::symbol(path, "main").offset(4).cookie(7).pid(1);
        let (link, calls) = attach(script().fd().fd(), UPROBE, Some(point));
        drop(link.unwrap());
        assert!(calls[0].u32(64) > 4);
        assert_eq!(calls[1].u32(16), 7);
        let at_return = ProgramKind::Uretprobe {
            path: "",
            symbol: "",
            offset: 0,
        };
        let (link, calls) = attach(
            script().fd().fd(),
            at_return,
            Some(UprobePoint::symbol(path, "main")),
        );
        drop(link.unwrap());
        assert_eq!(calls[0].u32(8), 1);
        let (result, _) = attach(script(), at_return, None);
        assert!(
            result
                .unwrap_err()
                .to_string()
                .contains("does not say where it goes")
        );
        let wrong = UprobePoint::symbol(path, "mian");
        let (result, _) = attach(script(), UPROBE, Some(wrong));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().ends_with("did you mean `main`?"),
            "{error}"
        );
    }

    #[test]
    fn no_file_is_said() {
        let point = UprobePoint::symbol("/no/such", "main");
        let (result, _) = attach(Script::new(), UPROBE, Some(point));
        assert_eq!(
            result.unwrap_err().to_string(),
            "object `test`, program `probe`: reading /no/such failed with ENOENT: no such entry"
        );
    }
}
