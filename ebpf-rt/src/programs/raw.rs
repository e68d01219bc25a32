//! Programs of any kind.

use super::ProgramInfo;
use crate::load::LoadedProgram;
use crate::{Error, ErrorKind, pins, sys};
use ebpf_asm::object::{ProgramDef, ProgramKind, RecordField};
use std::borrow::Cow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// A program of an object after loading, of whatever kind.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// use ebpf_rt::load::{Options, load};
/// use ebpf_rt::programs::Program;
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!();
/// // An object of which nothing is known: without its skeleton.
/// let mut loaded = load(&calls::OBJECT, &[], &[], &[], &Options::default())?;
/// let program = loaded.program::<ebpf_rt::programs::RawTracepoint>(0)?;
/// let raw = program.as_raw();
/// assert_eq!((raw.name(), raw.is_loaded()), ("enter", true));
/// assert_eq!(raw.kind().name(), "raw_tracepoint");
/// assert!(raw.load_error().is_none() && raw.log().is_none() && raw.target().is_none());
/// assert_eq!(raw.info()?.id, raw.id()?);
/// println!("{:?}", raw.fd()?);                    // for other libraries
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RawProgram {
    object: &'static str,
    name: Cow<'static, str>,
    kind: ProgramKind,
    record: &'static [RecordField],
    state: State,
}

#[derive(Debug)]
enum State {
    Loaded(LoadedProgram),
    /// In a machine, which runs it without a kernel.
    #[cfg(feature = "vm")]
    Vm(crate::vm::VmProgram),
    Skipped,
    NotPinned,
    Failed(Error),
}

impl RawProgram {
    pub(crate) fn loaded(object: &'static str, def: &ProgramDef, program: LoadedProgram) -> Self {
        Self::new(object, def, State::Loaded(program))
    }

    #[cfg(feature = "vm")]
    pub(crate) fn of_machine(
        object: &'static str,
        def: &ProgramDef,
        vm: crate::vm::VmProgram,
    ) -> Self {
        Self::new(object, def, State::Vm(vm))
    }

    /// The machine's program, if it is one's.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`] if it is in the kernel, or nowhere.
    #[cfg(feature = "vm")]
    pub(crate) fn vm(&self) -> Result<&crate::vm::VmProgram, Error> {
        match &self.state {
            State::Vm(vm) => Ok(vm),
            State::Loaded(_) => Err(self.error(
                Error::new(ErrorKind::NotLoaded)
                    .because("it is in the kernel, and not in a machine")
                    .remedy("call test_run, or load the object with vm()"),
            )),
            _ => Err(self.not_loaded()),
        }
    }

    pub(crate) fn skipped(object: &'static str, def: &ProgramDef) -> Self {
        Self::new(object, def, State::Skipped)
    }

    pub(crate) fn failed(object: &'static str, def: &ProgramDef, error: Error) -> Self {
        Self::new(object, def, State::Failed(error))
    }

    pub(crate) fn not_pinned(object: &'static str, def: &ProgramDef) -> Self {
        Self::new(object, def, State::NotPinned)
    }

    /// The program that is pinned at this path, as one of this kind.
    ///
    /// The kernel says of which type it is, which is compared, and not where it was to be
    /// attached: that, `kind` says, and attaching to another place is what the kernel refuses.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// use ebpf_rt::programs::{Program, RawProgram};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!();
    /// #     let (_mount, dir) = kernel_test::bpf::file_system()?;
    /// // `dir` is in a bpffs: /sys/fs/bpf on most machines.
    /// let enter = calls::load()?.progs.enter;
    /// enter.as_raw().pin(dir.join("enter"))?;
    /// let kind = enter.as_raw().kind();               // where it goes the kernel does not say
    /// assert_eq!(RawProgram::from_pin(dir.join("enter"), kind)?.id()?, enter.info()?.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if nothing is pinned there, [`ErrorKind::Invalid`] if it is not a
    /// program or is one of another type; what else `BPF_OBJ_GET` says. Where no bpffs is mounted
    /// there, the error says so.
    #[doc(alias = "BPF_OBJ_GET")]
    pub fn from_pin(path: impl AsRef<Path>, kind: ProgramKind) -> Result<Self, Error> {
        let path = path.as_ref();
        let (fd, info) = pinned(path, kind)?;
        Ok(Self {
            object: "",
            name: Cow::Owned(info.name),
            kind,
            record: &[],
            state: State::Loaded(LoadedProgram::found(fd)),
        })
    }

    /// The program of an object that is pinned at this path.
    pub(crate) fn pinned(
        object: &'static str,
        def: &ProgramDef,
        path: &Path,
    ) -> Result<Self, Error> {
        let (fd, info) = pinned(path, def.kind)?;
        let wanted = sys::bpf::from_kernel_name(&sys::bpf::kernel_name(def.name));
        if info.name != wanted {
            return Err(Error::invalid(format!(
                "what is pinned at {} is the program `{}`",
                path.display(),
                info.name
            )));
        }
        Ok(Self::loaded(object, def, LoadedProgram::found(fd)))
    }

    fn new(object: &'static str, def: &ProgramDef, state: State) -> Self {
        Self {
            object,
            name: Cow::Borrowed(def.name),
            kind: def.kind,
            record: def.record,
            state,
        }
    }

    /// The name as it was written; the kernel shows its first 15 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of program, with what its attribute says about where it goes.
    #[must_use]
    pub fn kind(&self) -> ProgramKind {
        self.kind
    }

    /// What the program takes its context's fields to be.
    pub(super) fn record(&self) -> &'static [RecordField] {
        self.record
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
            #[cfg(feature = "vm")]
            State::Vm(_) => None,
            State::Skipped | State::NotPinned => None,
        }
    }

    /// What the program was loaded for, of kinds whose load says where they go: as the attribute
    /// or the options named it. Not known of programs that were pinned.
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
        match &self.state {
            State::Loaded(program) => Ok(program.fd.as_fd()),
            _ => Err(self.not_loaded()),
        }
    }

    #[cold]
    fn not_loaded(&self) -> Error {
        let error = Error::new(ErrorKind::NotLoaded);
        self.error(match &self.state {
            State::Loaded(_) => error.because("it is loaded"),
            #[cfg(feature = "vm")]
            State::Vm(_) => error
                .because("it is in a machine, and not in the kernel")
                .remedy("call run, or load the object with load()"),
            State::Skipped => error.because("it is not loaded: it was left out with skip()"),
            State::NotPinned => {
                error.because("it was not there when the object was pinned, or its pin was removed")
            }
            State::Failed(reason) => error.because(format!(
                "it is not loaded: it is optional and was refused ({reason})"
            )),
        })
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
        error.in_object(self.object).of_program(&self.name)
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

/// What is pinned there, if it is a program of the type that this kind has.
fn pinned(path: &Path, kind: ProgramKind) -> Result<(OwnedFd, ProgramInfo), Error> {
    let fd = pins::open(path)?;
    let shown = path.display();
    let wanted = kind.program_type();
    let invalid = |what: &str| {
        let reason = format!(
            "what is pinned at {shown} is {what}, and a {} program is wanted (type {})",
            kind.name(),
            wanted.name()
        );
        Error::invalid(reason)
    };
    // Maps and links are answered, too, with other fields.
    if !pins::is_of_kind(fd.as_fd(), "prog_type:") {
        return Err(invalid("not a program"));
    }
    let info = ProgramInfo::of(fd.as_fd())
        .map_err(|errno| Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno))?;
    match info.program_type {
        Some(found) if found == wanted => Ok((fd, info)),
        Some(found) => Err(invalid(&format!("a program of type {}", found.name()))),
        None => Err(invalid(
            "a program of a type that is newer than this library",
        )),
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
