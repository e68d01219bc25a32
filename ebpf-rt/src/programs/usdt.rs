//! Static probes of programs and libraries.

use super::uprobe::UserPlace;
use super::{RawProgram, program_impls};
use crate::context::UsdtArgumentSpec;
use crate::links::UsdtLink;
use crate::user_space::{self, Binary, StaticProbe, UsdtArgument};
use crate::{Array, Error};
use bytemuck::Zeroable;
use ebpf_asm::object::ProgramKind;

/// A program that runs at the static probes (USDT) that a program or library was built with:
/// `#[usdt("libc.so.6", "libc", "setjmp")]`. Its context is the registers there.
///
/// A probe can be at several places of the file: the program is attached to all. Where the
/// probe has a semaphore, it is raised while the program is attached (Linux 4.20). Where its
/// arguments are, [`UsdtPoint::places`] and
/// [`attach_with_arguments`](Self::attach_with_arguments) say.
///
/// Files are named as for [`Uprobe`](super::Uprobe).
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod requests {
///         static CALLS: Global<u64> = Global::new(0);
///
///         #[usdt("/proc/self/exe", "ebpf_rt", "request")]
///         fn seen(ctx: *mut c_void) -> i32 {
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
///     let requests = requests::load()?;
///     let link = requests.progs.seen.attach()?;
///     // A function of this program that was built with the probe:
///     kernel_test::handle_request(7);
///     assert_eq!(requests.maps.CALLS.get(), link.len() as u64);   // one place, one hit
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_KPROBE")]
#[derive(Debug)]
pub struct Usdt {
    raw: RawProgram,
}

program_impls!(Usdt, ProgramKind::Usdt { .. });

/// Where a [`Usdt`] goes.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf, programs::UsdtPoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod requests {
///         static CALLS: Global<u64> = Global::new(0);
///
///         #[usdt("/proc/self/exe", "ebpf_rt", "request")]
///         fn seen(ctx: *mut c_void) -> i32 {
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
///     # kernel_test::handle_request(1);
///     let seen = requests::load()?.progs.seen;
///     println!("{:?}", seen.point()?);            // what the attribute says
///     let mine = UsdtPoint::new("/proc/self/exe", "ebpf_rt", "request").pid(std::process::id()).cookie(7);
///     assert!(seen.attach_to(mine)?.len() >= 1);
///     Ok(())
/// }
/// ```
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

/// One of the places of a static probe in a file.
///
/// ```
/// use ebpf_rt::programs::UsdtPoint;
///
/// # kernel_test::example!();
/// # kernel_test::handle_request(1);
/// let places = UsdtPoint::new("/proc/self/exe", "ebpf_rt", "request").places()?;
/// for place in &places {
///     println!("{:#x}: {} arguments", place.offset, place.arguments.len());
/// }
/// assert!(!places.is_empty());
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsdtPlace {
    /// Its offset in the file.
    pub offset: u64,
    /// The offset in the file of the counter that says that somebody listens; 0 if there is none.
    pub semaphore: u64,
    /// Where the probe's arguments are at this place.
    pub arguments: Vec<UsdtArgument>,
}

impl UsdtPoint<'_> {
    /// The places of the probe in the file, in the order of their offsets, with where its
    /// arguments are (x86-64 and arm64).
    ///
    /// ```
    /// use ebpf_rt::programs::UsdtPoint;
    ///
    /// # kernel_test::example!();
    /// # kernel_test::handle_request(1);
    /// let places = UsdtPoint::new("/proc/self/exe", "ebpf_rt", "request").places()?;
    /// for argument in &places[0].arguments {
    ///     println!("{} is {:?}", argument.text, argument.location);
    /// }
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled alike, if
    /// there is no such file or probe; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is
    /// not an ELF file or is damaged.
    pub fn places(self) -> Result<Vec<UsdtPlace>, Error> {
        let (_, probes) = self.find()?;
        let places = probes.into_iter().map(|probe| UsdtPlace {
            offset: probe.offset,
            semaphore: probe.semaphore,
            arguments: probe.arguments,
        });
        Ok(places.collect())
    }

    /// The file's path and the places in it.
    fn find(self) -> Result<(String, Vec<StaticProbe>), Error> {
        let path = user_space::find(self.path, self.pid)?;
        let probes = Binary::open(&path)?.static_probe(self.provider, self.name)?;
        Ok((path, probes))
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
        let (path, probes) = point.find().map_err(|error| self.raw.error(error))?;
        self.attach_at(&path, &probes, point.pid, |_| point.cookie)
    }

    /// As [`attach_to`](Self::attach_to), with a program that reads the probe's arguments: they
    /// can be elsewhere at each place. The first `N` of each place are put into the array, at the
    /// index that the program gets from `bpf_get_attach_cookie` when it is hit there. Linux 5.15.
    ///
    /// [`UsdtArgumentSpec`] shows such a program.
    ///
    /// ```
    /// use ebpf_rt::context::UsdtArgumentSpec;
    /// use ebpf_rt::programs::{Usdt, UsdtPoint};
    /// use ebpf_rt::{Array, Error, links::UsdtLink};
    ///
    /// /// Where the first argument is, the array says at the index that is the cookie.
    /// fn watch(program: &Usdt, places: &Array<[UsdtArgumentSpec; 1]>) -> Result<UsdtLink, Error> {
    ///     let point = UsdtPoint::new("/proc/self/exe", "ebpf_rt", "request");
    ///     program.attach_with_arguments(point, places)
    /// }
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod requests { #[usdt] fn seen(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    /// # fn main() -> Result<(), Error> {
    /// #     kernel_test::example!(Kernel(5, 15));
    /// #     kernel_test::handle_request(1);
    ///
    /// let places = Array::create(64)?;
    /// let _link = watch(&requests::load()?.progs.seen, &places)?;
    /// assert_eq!(places.get(0)?[0].size, 4);          // at the first place: four bytes
    /// #     Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As of [`attach_to`](Self::attach_to), and
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the probe has more places than the
    /// array has elements, or the point has a cookie.
    #[doc(alias = "bpf_usdt_arg")]
    pub fn attach_with_arguments<const N: usize>(
        &self,
        point: UsdtPoint<'_>,
        arguments: &Array<[UsdtArgumentSpec; N]>,
    ) -> Result<UsdtLink, Error> {
        self.raw.fd()?;
        let in_program = |error| self.raw.error(error);
        if point.cookie.is_some() {
            return Err(in_program(Error::invalid(
                "the cookie says at which place the program is, and cannot say more",
            )));
        }
        let (path, probes) = point.find().map_err(in_program)?;
        if probes.len() > arguments.len() as usize {
            return Err(in_program(Error::invalid(format!(
                "the probe {}:{} has {} places in {path}, and the array has {} elements",
                point.provider,
                point.name,
                probes.len(),
                arguments.len()
            ))));
        }
        // Before the program runs.
        for (index, probe) in (0..).zip(&probes) {
            let mut specs = [UsdtArgumentSpec::zeroed(); N];
            for (spec, argument) in specs.iter_mut().zip(&probe.arguments) {
                *spec = argument.spec();
            }
            arguments.set(index, specs)?;
        }
        self.attach_at(&path, &probes, point.pid, Some)
    }

    /// Attaches the program at all places, with the cookie for each.
    fn attach_at(
        &self,
        path: &str,
        probes: &[StaticProbe],
        pid: Option<u32>,
        cookie: impl Fn(u64) -> Option<u64>,
    ) -> Result<UsdtLink, Error> {
        let attachments = (0..).zip(probes).map(|(index, probe)| {
            let place = UserPlace {
                path,
                offset: probe.offset,
                semaphore: probe.semaphore,
                at_return: false,
            };
            self.raw.attach_in_user_space(place, pid, cookie(index))
        });
        attachments.collect::<Result<_, _>>().map(UsdtLink::new)
    }
}
