//! Asking the verifier, and what it says.

use crate::capabilities::{self, Capability};
use crate::load::{retrying, text};
use crate::maps::raw::with_memlock;
use crate::sys::bpf;
use crate::sys::probe::{self, ProbeProgram};
use crate::verifier_log::VerifierLog;
use crate::{Errno, Error, ErrorKind, sys};
use ebpf_asm::isa::Insn;
use ebpf_asm::{KernelVersion, ProgramType};
use std::os::fd::OwnedFd;

/// More than the log of the longest probe.
const LOG_SIZE: usize = 64 * 1024;

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) errno: Errno,
    pub(super) log: String,
}

impl Refusal {
    /// Whether the log has some of these words.
    pub(super) fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|words| self.log.contains(words))
    }

    /// Whether it is `EINVAL` without a word: the kernel did not come to look at the program,
    /// for it does not know its type or hook.
    pub(super) fn is_wordless(&self) -> bool {
        self.errno == Errno::EINVAL && self.log.trim().is_empty()
    }

    /// The refusal as an error, since it does not answer the question.
    pub(super) fn unexpected(self, asked: &str, operation: &str, of: ProgramType) -> Error {
        let error = unexpected(asked, operation, self.errno);
        let reason = VerifierLog::parse(&self.log)
            .reason()
            .map(|reason| reason.to_string());
        match reason {
            Some(reason) => error
                .with_kind(ErrorKind::Rejected)
                .because(reason)
                .with_log(self.log),
            None => explain(error, self.errno, capabilities::for_program(of)),
        }
    }
}

/// An error number that does not answer the question.
pub(super) fn unexpected(asked: &str, operation: &str, errno: Errno) -> Error {
    let error = Error::failed(format!("asking for {asked}: {operation}"), errno);
    // What an unexpected error means for the feature is not known, whatever its number says.
    match error.kind() {
        ErrorKind::Permission => error,
        _ => error.with_kind(ErrorKind::System),
    }
}

/// Says which capability is missing, if that may be it.
pub(super) fn explain(error: Error, errno: Errno, needs: &[Capability]) -> Error {
    match errno {
        Errno::EPERM | Errno::EACCES => capabilities::explain(error, needs),
        _ => error,
    }
}

/// A program of this type that needs no more than its instructions.
pub(super) fn program(program_type: ProgramType, insns: &[Insn]) -> ProbeProgram<'_> {
    ProbeProgram {
        program_type,
        attach_type: 0,
        flags: 0,
        insns,
        fd_array: &[],
        kernel_version: match program_type {
            ProgramType::Kprobe => version_of_old_kernel(),
            _ => 0,
        },
        attach_btf_id: 0,
    }
}

/// Loads a program; with the log if it is refused.
pub(super) fn load(program: &ProbeProgram<'_>) -> Result<OwnedFd, Refusal> {
    let mut log = vec![0; LOG_SIZE];
    let result = with_memlock(|| retrying(|| probe::prog_load(program, &mut log)));
    result.map_err(|errno| Refusal {
        errno,
        log: text(&log),
    })
}

/// Loads BTF; with the log if it is refused.
pub(super) fn load_btf(btf: &[u8]) -> Result<OwnedFd, Refusal> {
    let mut log = vec![0; LOG_SIZE];
    let result = with_memlock(|| bpf::btf_load(btf, &mut log));
    result.map_err(|errno| Refusal {
        errno,
        log: text(&log),
    })
}

/// `LINUX_VERSION_CODE` of a kernel before 5.0, which wants it of kprobes; else 0.
fn version_of_old_kernel() -> u32 {
    let Ok(release) = sys::process::release() else {
        return 0;
    };
    if KernelVersion::parse(&release) >= Some(KernelVersion::new(5, 0)) {
        return 0;
    }
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0).min(255));
    let mut next = || numbers.next().unwrap_or(0);
    let (major, minor, patch) = (next(), next(), next());
    major << 16 | minor << 8 | patch
}
