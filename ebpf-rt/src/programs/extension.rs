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
/// ```no_run
/// # use ebpf_rt::{Error, load::ProgramOptions, programs::{Extension, SocketFilter}};
/// # fn f(mut replacement: ProgramOptions<Extension>, filter: &SocketFilter) -> Result<(), Error> {
/// // In a module `new` with a program `replacement`: let mut loader = new::loader();
/// replacement.target("rule").target_program(filter)?;
/// # Ok(())
/// # }
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
    /// ```no_run
    /// # use ebpf_rt::{Error, programs::{Extension, SocketFilter}};
    /// # fn f(replacement: Extension, other: &SocketFilter) -> Result<(), Error> {
    /// let _link = replacement.attach_to(other, "rule")?;
    /// # Ok(())
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
