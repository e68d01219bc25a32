//! Helpers: a call as a program's first instruction.

use super::ask::{self, Refusal};
use super::program_type::hooks;
use crate::{Errno, Error, ErrorKind, capabilities, similar};
use ebpf_asm::ProgramType;
use ebpf_asm::helpers::{self, Helper};
use ebpf_asm::isa::Instruction;

/// A helper by what it is known by: its name, its row of the table
/// ([`helpers`](crate::helpers)), or its number, which may be newer than the table.
///
/// ```
/// use ebpf_rt::features::{self, HelperName};
/// use ebpf_rt::{ProgramType, helpers};
///
/// /// Which of two helpers there is, however they are called.
/// fn choose(new: impl HelperName, old: &'static str) -> Result<bool, ebpf_rt::Error> {
///     Ok(features::helper(ProgramType::Kprobe, new)? || features::helper(ProgramType::Kprobe, old)?)
/// }
///
/// # kernel_test::example!();
/// assert!(choose("bpf_probe_read_kernel", "bpf_probe_read")?);    // by name
/// assert!(choose(113, "bpf_probe_read")?);                        // by number
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
pub trait HelperName: sealed::HelperName {}

impl<T: sealed::HelperName> HelperName for T {}

mod sealed {
    use crate::Error;

    pub trait HelperName {
        fn id(&self) -> Result<u32, Error>;
    }
}

impl sealed::HelperName for u32 {
    fn id(&self) -> Result<u32, Error> {
        Ok(*self)
    }
}

impl sealed::HelperName for &Helper {
    fn id(&self) -> Result<u32, Error> {
        Ok(self.id)
    }
}

impl sealed::HelperName for &str {
    fn id(&self) -> Result<u32, Error> {
        if let Some(helper) = helpers::by_name(self) {
            return Ok(helper.id);
        }
        let known: Vec<String> = helpers::ALL.iter().map(|h| h.name.to_owned()).collect();
        let error = Error::invalid(format!("`{self}` is not the name of a helper"));
        Err(match similar::names(self, &known).as_slice() {
            [] => error,
            names => error.remedy(format!("did you mean `{}`?", names.join("` or `"))),
        })
    }
}

/// What verifiers say of a helper that the program may not call, whatever its arguments: a
/// number that the kernel does not have; a helper that programs of this type do not have (as
/// older kernels say it, and as newer ones do); one that is only for some of the type's hooks;
/// one that is only for programs that may sleep, which others of the type may.
const UNKNOWN: [&str; 6] = [
    "invalid func ",
    "unknown func ",
    "cannot use helper ",
    "helper call is not allowed in probe",
    "not supported for program type",
    "non-sleepable prog",
];

fn is_unknown(refusal: &Refusal) -> bool {
    matches!(refusal.errno, Errno::EINVAL | Errno::ENOTSUPP) && refusal.says(&UNKNOWN)
}

/// Whether the verifier came to the call, and was not content with the arguments.
fn is_about_arguments(refusal: &Refusal) -> bool {
    refusal.says(&["(85) call "]) && !refusal.says(&UNKNOWN)
}

pub(super) fn ask(program_type: ProgramType, id: u32) -> Result<bool, Error> {
    let name = match helpers::by_id(id) {
        Some(helper) => helper.name.to_owned(),
        None => format!("#{id}"),
    };
    let asked = format!("{name} in programs of type {program_type}");
    if matches!(
        program_type,
        ProgramType::Tracing | ProgramType::Lsm | ProgramType::Ext | ProgramType::StructOps
    ) {
        return Err(Error::invalid(format!(
            "asking for {asked}: that depends on what they attach to, and cannot be asked in \
             general"
        )));
    }
    let call = [Instruction::call_helper(id), Instruction::exit()];
    let insns: Vec<_> = call.iter().flat_map(|i| i.encode().to_vec()).collect();
    for hook in hooks(program_type) {
        match ask::load(&hook.program(program_type, &insns)) {
            Ok(_) => return Ok(true),
            Err(refusal) if is_about_arguments(&refusal) => return Ok(true),
            Err(refusal) if is_unknown(&refusal) => {}
            // The kernel has no such place for programs.
            Err(refusal) if refusal.is_wordless() || refusal.errno == Errno::E2BIG => {}
            Err(refusal) if refusal.says(&["can be sleepable", "cannot be sleepable"]) => {}
            Err(refusal) => return Err(refusal.unexpected(&asked, "BPF_PROG_LOAD", program_type)),
        }
    }
    // The kernel hides helpers from processes that may not use them, in the same words.
    if let Some(missing) = capabilities::hides_helper(id) {
        return Err(Error::new(ErrorKind::Permission).because(format!(
            "asking for {asked}: the process lacks {missing}, without which the kernel does not \
             say what it has"
        )));
    }
    Ok(false)
}
