//! Programs of any kind.

use super::ProgramInfo;
use crate::load::LoadedProgram;
use crate::{Error, ErrorKind, pins, sys};
use ebpf_asm::object::{ProgramDef, ProgramKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// A program of an object after loading, of whatever kind.
#[derive(Debug)]
pub struct RawProgram {
    object: &'static str,
    name: &'static str,
    kind: ProgramKind,
    state: State,
}

#[derive(Debug)]
enum State {
    Loaded(LoadedProgram),
    Skipped,
    Failed(Error),
}

impl RawProgram {
    pub(crate) fn loaded(object: &'static str, def: &ProgramDef, program: LoadedProgram) -> Self {
        Self::new(object, def, State::Loaded(program))
    }

    pub(crate) fn skipped(object: &'static str, def: &ProgramDef) -> Self {
        Self::new(object, def, State::Skipped)
    }

    pub(crate) fn failed(object: &'static str, def: &ProgramDef, error: Error) -> Self {
        Self::new(object, def, State::Failed(error))
    }

    fn new(object: &'static str, def: &ProgramDef, state: State) -> Self {
        Self {
            object,
            name: def.name,
            kind: def.kind,
            state,
        }
    }

    /// The name as it was written; the kernel shows its first 15 bytes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The kind of program, with what its attribute says about where it goes.
    #[must_use]
    pub fn kind(&self) -> ProgramKind {
        self.kind
    }

    /// Whether the program is in the kernel.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        matches!(self.state, State::Loaded(_))
    }

    /// Why the kernel refused the program, if it is optional and was refused.
    #[must_use]
    pub fn load_error(&self) -> Option<&Error> {
        match &self.state {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The verifier's log, if it was asked for.
    #[must_use]
    pub fn log(&self) -> Option<&str> {
        match &self.state {
            State::Loaded(program) => program.log.as_deref(),
            State::Failed(error) => error.log(),
            State::Skipped => None,
        }
    }

    /// What the program was loaded for, of kinds whose load says where they go: as the attribute
    /// or the options named it.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        match &self.state {
            State::Loaded(program) => program.target.as_deref(),
            _ => None,
        }
    }

    /// The descriptor.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`] if the program was left out, or is optional and was refused.
    pub fn fd(&self) -> Result<BorrowedFd<'_>, Error> {
        let reason = match &self.state {
            State::Loaded(program) => return Ok(program.fd.as_fd()),
            State::Skipped => "it is not loaded: it was left out with skip()".to_owned(),
            State::Failed(error) => {
                format!("it is not loaded: it is optional and was refused ({error})")
            }
        };
        Err(self.error(Error::new(ErrorKind::NotLoaded).because(reason)))
    }

    /// The kernel's number for the program, as `bpftool prog` shows it.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`] if it has none; what `BPF_OBJ_GET_INFO_BY_FD` says.
    pub fn id(&self) -> Result<u32, Error> {
        sys::bpf::id(self.fd()?)
            .map_err(|errno| self.error(Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno)))
    }

    /// An error that is about this program.
    pub(crate) fn error(&self, error: Error) -> Error {
        error.in_object(self.object).of_program(self.name)
    }

    /// What the kernel says about the program.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`] if the program is not loaded; what `BPF_OBJ_GET_INFO_BY_FD`
    /// says.
    #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
    pub fn info(&self) -> Result<ProgramInfo, Error> {
        ProgramInfo::of(self.fd()?)
            .map_err(|errno| self.error(Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno)))
    }

    /// Gives the program a name in the file system for eBPF objects: it stays in the kernel
    /// after the process ends, until the name is removed.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`] if the program is not loaded; what `BPF_OBJ_PIN` says, with a
    /// hint where no such file system is mounted.
    #[doc(alias = "BPF_OBJ_PIN")]
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        pins::pin(self.fd()?, path.as_ref()).map_err(|error| self.error(error))
    }

    pub(super) fn expect(&self, wanted: &str, fits: bool) -> Result<(), Error> {
        if fits {
            return Ok(());
        }
        Err(self.error(Error::invalid(format!(
            "a {wanted} is wanted, and this is a {} program",
            self.kind.name()
        ))))
    }
}

/// A loaded program of this kind, whose descriptor is that of a file.
#[cfg(test)]
pub(super) fn for_test(kind: ProgramKind) -> RawProgram {
    use ebpf_asm::object::LineTable;
    let def = ProgramDef::new("probe", kind, &[], &[], &[], LineTable::EMPTY);
    let null = std::fs::File::open("/dev/null").expect("/dev/null");
    let program = LoadedProgram {
        fd: null.into(),
        log: None,
        target: Some("somewhere".to_owned()),
    };
    RawProgram::loaded("test", &def, program)
}
