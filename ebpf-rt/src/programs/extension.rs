//! Programs in the place of a function of another program.

use super::by_btf::attach_impls;
use super::{HasTargetProgram, Program, RawProgram, program_impls};
use crate::kernel_btf;
use crate::links::ExtensionLink;
use crate::links::fd::Attachment;
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
