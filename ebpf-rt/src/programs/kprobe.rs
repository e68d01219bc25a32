//! Functions of the kernel.

use super::attach::Pmu;
use super::{RawProgram, program_impls};
use crate::links::KprobeLink;
use crate::sys::perf::Probe;
use crate::{Errno, Error, kallsyms, sys};
use ebpf_asm::object::ProgramKind;
use std::ffi::CString;

/// A program that runs where a function of the kernel begins (`#[kprobe("symbol")]`) or
/// returns (`#[kretprobe("symbol")]`); its context is the registers there, see
/// [`PT_REGS_PARM1_OFFSET`](crate::context::PT_REGS_PARM1_OFFSET). Linux 4.17.
///
/// Functions of the kernel come and go with its versions: where there is a
/// [`Tracepoint`](super::Tracepoint), that is better.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::context::{PT_REGS_PARM1_OFFSET, pt_regs};
/// use ebpf_rt::{Global, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod exits {
///         static CODE: Global<u64> = Global::new(0);
///
///         #[kprobe("do_exit")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r2 = *(u64 *)(r1 + {PT_REGS_PARM1_OFFSET});
///             r1 = CODE ll;
///             *(u64 *)(r1 + 0) = r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     // What it does, without a kernel:
///     let exits = exits::vm()?;
///     let mut registers = [0; size_of::<pt_regs>()];
///     registers[PT_REGS_PARM1_OFFSET as usize] = 7;
///     exits.progs.enter.run(&mut registers)?;
///     assert_eq!(exits.maps.CODE.get(), 7);
///
///     # kernel_test::example!(Matrix(kernel_test::has_kprobes));
///     let exits = exits::load()?;
///     let _link = exits.progs.enter.attach()?;
///     let _syscall = exits.progs.enter.attach_to_syscall("exit_group")?;
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_KPROBE")]
#[derive(Debug)]
pub struct Kprobe {
    raw: RawProgram,
}

program_impls!(
    Kprobe,
    ProgramKind::Kprobe { .. } | ProgramKind::Kretprobe { .. }
);

/// Where a [`Kprobe`] goes.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{ebpf, programs::KprobePoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod opens {
///         #[kprobe("do_sys_openat2")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             call bpf_get_attach_cookie;         // which of the places it is
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!(Kernel(5, 15), Matrix(kernel_test::has_kprobes));
///     let opens = opens::load()?;
///     println!("{:?}", opens.progs.enter.point()?);       // what the attribute says
///     let exec = KprobePoint::new("do_exit").offset(0).cookie(2);
///     let _links = [opens.progs.enter.attach()?, opens.progs.enter.attach_to(exec)?];
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct KprobePoint<'a> {
    symbol: &'a str,
    offset: u64,
    cookie: Option<u64>,
}

impl<'a> KprobePoint<'a> {
    /// The beginning, or the returns, of this function.
    pub const fn new(symbol: &'a str) -> Self {
        Self {
            symbol,
            offset: 0,
            cookie: None,
        }
    }

    /// So many bytes into the function, where an instruction has to begin.
    pub const fn offset(self, offset: u64) -> Self {
        Self { offset, ..self }
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

impl<'a> From<&'a str> for KprobePoint<'a> {
    fn from(symbol: &'a str) -> Self {
        Self::new(symbol)
    }
}

impl Kprobe {
    /// Where the program's attribute says that it goes.
    ///
    /// # Errors
    /// Does not happen with programs of an object.
    pub fn point(&self) -> Result<KprobePoint<'static>, Error> {
        match self.raw.kind() {
            ProgramKind::Kprobe { symbol, offset } => Ok(KprobePoint::new(symbol).offset(offset)),
            ProgramKind::Kretprobe { symbol } => Ok(KprobePoint::new(symbol)),
            _ => Err(self.raw.no_place()),
        }
    }

    /// Attaches the program to the function of its attribute.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<KprobeLink, Error> {
        self.attach_to(self.point()?)
    }

    /// Attaches the program to this function, on all CPUs and in all processes.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled alike,
    /// if there is no such function; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// if the kernel has no kprobes, or no cookies;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_PERFMON`.
    #[doc(alias = "perf_event_open")]
    pub fn attach_to<'a>(&self, point: impl Into<KprobePoint<'a>>) -> Result<KprobeLink, Error> {
        let KprobePoint {
            symbol,
            offset,
            cookie,
        } = point.into();
        self.raw.fd()?;
        let invalid = |reason: String| self.raw.error(Error::invalid(reason));
        let name = CString::new(symbol)
            .map_err(|_| invalid(format!("{symbol:?} is not the name of a function")))?;
        let at_return = matches!(self.raw.kind(), ProgramKind::Kretprobe { .. });
        if at_return && offset != 0 {
            return Err(invalid(format!(
                "`{symbol}` returns where it returns: an offset makes no sense"
            )));
        }
        let in_program = |error| self.raw.error(error);
        let pmu = Pmu::find("kprobe").map_err(in_program)?;
        let config = match at_return {
            true => 1 << pmu.bit("retprobe").map_err(in_program)?,
            false => 0,
        };
        let probe = Probe {
            kind: pmu.kind,
            config,
            offset,
        };
        let event = sys::perf::open_probe(probe, &name, None)
            .map_err(|errno| self.explain(errno, symbol, offset))?;
        self.raw
            .attach_to_event(event, cookie, symbol)
            .map(KprobeLink::new)
    }

    /// Attaches the program to the kernel's function for a system call, `execve`: its name and
    /// how it gets its arguments differ between architectures, see
    /// [`SYSCALL_FUNCTION_PREFIX`](crate::context::SYSCALL_FUNCTION_PREFIX).
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "s390x",
        target_arch = "loongarch64",
        target_arch = "powerpc64",
    ))]
    #[doc(alias = "ksyscall")]
    pub fn attach_to_syscall(&self, name: &str) -> Result<KprobeLink, Error> {
        let symbol = format!("{}{name}", crate::context::SYSCALL_FUNCTION_PREFIX);
        self.attach_to(&*symbol)
    }

    fn explain(&self, errno: Errno, symbol: &str, offset: u64) -> Error {
        let error = self.raw.explain_open(errno);
        match errno {
            Errno::ENOENT | Errno::EADDRNOTAVAIL => kallsyms::explain_missing(error, symbol),
            Errno::EINVAL | Errno::EILSEQ if offset != 0 => error.because(format!(
                "no instruction begins {offset} bytes into `{symbol}`, or none that can be probed"
            )),
            Errno::EINVAL => error.because(format!(
                "the kernel forbids probes on `{symbol}`: it is on its list of functions that \
                 probes themselves need"
            )),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Recorded, Script, names, run};
    use crate::{ErrorKind, programs::raw::for_test};

    const KPROBE: ProgramKind = ProgramKind::Kprobe {
        symbol: "do_exit",
        offset: 4,
    };
    const KRETPROBE: ProgramKind = ProgramKind::Kretprobe { symbol: "do_exit" };

    fn machine() -> Script {
        Script::new()
            .file("/sys/bus/event_source/devices/kprobe/type", "8\n")
            .file(
                "/sys/bus/event_source/devices/kprobe/format/retprobe",
                "config:0\n",
            )
    }

    fn attach(
        script: Script,
        kind: ProgramKind,
        attach: impl Fn(&Kprobe) -> Result<KprobeLink, Error>,
    ) -> (Result<KprobeLink, Error>, Vec<Recorded>) {
        run(script, || {
            attach(&Kprobe {
                raw: for_test(kind),
            })
        })
    }

    #[test]
    fn new_kernels_make_a_link() {
        let (link, calls) = attach(machine().fd().fd(), KPROBE, Kprobe::attach);
        drop(link.unwrap());
        assert_eq!(names(&calls), ["perf_event_open", "BPF_LINK_CREATE"]);
        let open = &calls[0];
        assert_eq!((open.u32(0), open.u32(4)), (8, 72), "type and size");
        assert_eq!((open.u32(8), open.u32(64)), (0, 4), "config and offset");
    }

    #[test]
    fn returns_are_a_bit() {
        let (link, calls) = attach(machine().fd().fd(), KRETPROBE, Kprobe::attach);
        drop(link.unwrap());
        assert_eq!(calls[0].u32(8), 1);
        let offset = |probe: &Kprobe| probe.attach_to(KprobePoint::new("do_exit").offset(4));
        let (result, _) = attach(machine(), KRETPROBE, offset);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn old_kernels_are_asked_by_ioctl_and_have_no_cookies() {
        let old = || machine().release("5.10.0").fd().fails(Errno::EINVAL);
        let (link, calls) = attach(old().value(0).value(0), KPROBE, Kprobe::attach);
        let link = link.unwrap();
        assert_eq!(names(&calls[2..]), ["ioctl", "ioctl"]);
        let error = link.info().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);

        let cookie = |probe: &Kprobe| probe.attach_to(KprobePoint::new("do_exit").cookie(7));
        let (result, calls) = attach(old(), KPROBE, cookie);
        assert_eq!(calls[1].u32(16), 7);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "object `test`, program `probe`: BPF_LINK_CREATE failed with EINVAL: a cookie needs \
             Linux 5.15, and this is 5.10"
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        let (result, _) = attach(Script::new(), KPROBE, Kprobe::attach);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.to_string().contains("this kernel has no kprobes"),
            "{error}"
        );

        let script = machine().file("/proc/kallsyms", "ffffffff81000000 T do_exit\n");
        let wrong = |probe: &Kprobe| probe.attach_to("do_exti");
        let (result, _) = attach(script.fails(Errno::ENOENT), KPROBE, wrong);
        assert_eq!(
            result.unwrap_err().to_string(),
            "object `test`, program `probe`: perf_event_open failed with ENOENT: this kernel has \
             no function named `do_exti`; did you mean `do_exit`?"
        );
    }
}
