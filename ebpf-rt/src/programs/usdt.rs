//! Static probes of programs and libraries.

use super::uprobe::UserPlace;
use super::{RawProgram, program_impls};
use crate::Error;
use crate::links::UsdtLink;
use crate::user_space::{self, Binary};
use ebpf_asm::object::ProgramKind;

/// A program that runs at the static probes (USDT) that a program or library was built with:
/// `#[usdt("libc.so.6", "libc", "setjmp")]`. Its context is the registers there.
///
/// A probe can be at several places of the file: the program is attached to all. Where the
/// probe has a semaphore, it is raised while the program is attached (Linux 4.20). Where its
/// arguments are, the notes say (`readelf -n`).
///
/// Files are named as for [`Uprobe`](super::Uprobe).
///
/// ```no_run
/// use ebpf_rt::programs::UsdtPoint;
///
/// # fn f(probe: ebpf_rt::programs::Usdt) -> Result<(), ebpf_rt::Error> {
/// let link = probe.attach_to(UsdtPoint::new("libc", "libc", "setjmp").pid(1234))?;
/// println!("attached at {} places", link.len());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "BPF_PROG_TYPE_KPROBE")]
#[derive(Debug)]
pub struct Usdt {
    raw: RawProgram,
}

program_impls!(Usdt, ProgramKind::Usdt { .. });

/// Where a [`Usdt`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct UsdtPoint<'a> {
    path: &'a str,
    provider: &'a str,
    name: &'a str,
    pid: Option<u32>,
    cookie: Option<u64>,
}

impl<'a> UsdtPoint<'a> {
    /// This probe of this provider in this file.
    pub const fn new(path: &'a str, provider: &'a str, name: &'a str) -> Self {
        Self {
            path,
            provider,
            name,
            pid: None,
            cookie: None,
        }
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

impl Usdt {
    /// Where the program's attribute says that it goes.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it does not say it.
    pub fn point(&self) -> Result<UsdtPoint<'static>, Error> {
        match self.raw.kind() {
            ProgramKind::Usdt {
                path,
                provider,
                name,
            } if !path.is_empty() => Ok(UsdtPoint::new(path, provider, name)),
            _ => Err(self.raw.no_place()),
        }
    }

    /// Attaches the program to the probe of its attribute, in all processes.
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to).
    pub fn attach(&self) -> Result<UsdtLink, Error> {
        self.attach_to(self.point()?)
    }

    /// Attaches the program to this probe, at all places where it is. If one of them fails,
    /// it is attached to none.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled alike,
    /// if there is no such file or probe; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// if the kernel has no uprobes, or no cookies;
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_PERFMON`.
    pub fn attach_to(&self, point: UsdtPoint<'_>) -> Result<UsdtLink, Error> {
        self.raw.fd()?;
        let in_program = |error| self.raw.error(error);
        let path = user_space::find(point.path, point.pid).map_err(in_program)?;
        let probes = Binary::open(&path)
            .and_then(|binary| binary.static_probe(point.provider, point.name))
            .map_err(in_program)?;
        let attachments = probes.iter().map(|probe| {
            let place = UserPlace {
                path: &path,
                offset: probe.offset,
                semaphore: probe.semaphore,
                at_return: false,
            };
            self.raw
                .attach_in_user_space(place, point.pid, point.cookie)
        });
        attachments.collect::<Result<_, _>>().map(UsdtLink::new)
    }
}
