//! Programs in the place of a function of another program.

use super::by_btf::attach_impls;
use super::{HasTargetProgram, Program, RawProgram, program_impls};
use crate::links::ExtensionLink;
use crate::links::fd::Attachment;
use crate::load::target;
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;

/// A program that takes the place of a global function of a program that is loaded:
/// `#[freplace("rule")]`. Signatures have to be the same; the program gets the function's
/// arguments in r1 to r5, and the context is that of the program it is in. Linux 5.6.
///
/// The program that has the function is said before this one is loaded:
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::ebpf;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod filter {
///         #[socket_filter]
///         fn keep(skb: *const c_void) -> i32 {
///             call rule;
///             exit;
///         }
///
///         /// How many bytes to keep: for others to replace.
///         pub fn rule() -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// ebpf! {
///     #[license = "GPL"]
///     mod new {
///         #[freplace("rule")]
///         fn keep_all(ctx: *mut c_void) -> i32 {
///             r0 = 65535;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let mut loader = filter::loader();
///     loader.options.debug_info(true);                    // its functions have to be known by name
///     let filter = loader.load()?;
///     let mut loader = new::loader();
///     loader.progs.keep_all.target_program(&filter.progs.keep)?;
///     # let Ok(new) = loader.load() else {
///     #     return Ok(kernel_test::for_the_matrix("programs in the place of functions"));
///     # };
///     # /*
///     let new = loader.load()?;
///     # */
///     assert_eq!(new.progs.keep_all.target(), Some("rule"));
///     let link = new.progs.keep_all.attach()?;    // from now on packets are kept
///     link.detach()                               // and from now on dropped again
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_EXT")]
#[doc(alias = "freplace")]
#[derive(Debug)]
pub struct Extension {
    raw: RawProgram,
}

program_impls!(Extension, ProgramKind::Extension { .. });
attach_impls!(
    Extension,
    ExtensionLink,
    "the function of the program that it was loaded for"
);
impl HasTargetProgram for Extension {}

impl Extension {
    /// Puts the program also into the place of this function of another program, which has to
    /// be of the type and have the signature of the one that it was loaded for. Linux 5.10.
    ///
    /// ```
    /// use ebpf_rt::{Error, links::ExtensionLink, programs::{Extension, SocketFilter}};
    ///
    /// /// Gives the same rule to several filters that were loaded from one object.
    /// fn replace(rule: &Extension, filters: &[SocketFilter]) -> Result<Vec<ExtensionLink>, Error> {
    ///     filters.iter().map(|filter| rule.attach_to(filter, "rule")).collect()
    /// }
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod filter { #[socket_filter] fn keep(skb: *const core::ffi::c_void) -> i32 { call rule; exit; } pub fn rule() -> i32 { r0 = 0; exit; } } }
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod new { #[freplace("rule")] fn keep_all(ctx: *mut core::ffi::c_void) -> i32 { r0 = 65535; exit; } } }
    /// # fn main() -> Result<(), Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// #     let load = || { let mut loader = filter::loader(); loader.options.debug_info(true); loader.load() };
    /// #     let (filter, other) = (load()?, load()?);
    /// #     let mut loader = new::loader();
    /// #     loader.progs.keep_all.target_program(&filter.progs.keep)?;
    /// #     let Ok(new) = loader.load() else {
    /// #         return Ok(kernel_test::for_the_matrix("programs in the place of functions"));
    /// #     };
    /// #     let new = new.progs.keep_all;
    /// assert_eq!(replace(&new, &[other.progs.keep])?.len(), 1);
    /// #     Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if one of the programs is not
    /// loaded; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), with names that are spelled
    /// alike, if the other has no such function; what else `BPF_LINK_CREATE` says: `EINVAL` if
    /// the function is of another signature or not global.
    #[doc(alias = "BPF_LINK_CREATE")]
    pub fn attach_to(
        &self,
        program: &impl Program,
        function: &str,
    ) -> Result<ExtensionLink, Error> {
        let ours = self.raw.fd()?;
        let target = program.as_raw().fd()?;
        let function_id =
            target::function_of_program(target, function).map_err(|error| self.raw.error(error))?;
        sys::by_btf::link_to_program(ours, target, function_id)
            .map(|link| ExtensionLink::new(Attachment::Link(link)))
            .map_err(|errno| match errno {
                Errno::EINVAL => self
                    .raw
                    .error(Error::failed("BPF_LINK_CREATE", errno))
                    .because(format!(
                        "`{function}` of `{}` is not what this program replaces: its signature, \
                         the type of its program, or that it is `pub fn` differs",
                        program.as_raw().name()
                    )),
                _ => self.raw.explain_target("BPF_LINK_CREATE", errno),
            })
    }
}
