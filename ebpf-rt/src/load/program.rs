//! `BPF_PROG_LOAD`: once without a log; after a failure once more with one.

#[cfg(feature = "btf")]
use super::target::{self, Target};
use super::{Options, RawProgramOptions, rejection};
use crate::maps::raw::with_memlock;
use crate::sys::bpf::{self, NewProgram, ProgramRecords};
use crate::{Errno, Error, KernelVersion, capabilities};
use ebpf_asm::isa::Insn;
use ebpf_asm::object::{ProgramDef, RelocationKind};
use ebpf_asm::{AttachType, MapType, Object};
use std::ffi::CString;
use std::os::fd::{OwnedFd, RawFd};

/// The kernel gives up with `EAGAIN` when a signal is pending; libbpf tries as often.
const ATTEMPTS: u32 = 5;
const FIRST_LOG_SIZE: u32 = 64 * 1024;
/// The kernel takes no larger log.
const LARGEST_LOG_SIZE: u32 = u32::MAX >> 2;

/// A program in the kernel.
#[derive(Debug)]
pub(crate) struct LoadedProgram {
    pub(crate) fd: OwnedFd,
    /// The log, if one was asked for.
    pub(crate) log: Option<String>,
    /// What it was loaded for, if its kind asks for that.
    pub(crate) target: Option<String>,
}

impl LoadedProgram {
    /// A program that was loaded before.
    pub(crate) fn found(fd: OwnedFd) -> Self {
        Self {
            fd,
            log: None,
            target: None,
        }
    }
}

/// `BPF_F_SLEEPABLE`
const BPF_F_SLEEPABLE: u32 = 1 << 4;

/// Loads a program.
pub(super) fn load(
    object: &Object,
    def: &ProgramDef,
    insns: &[Insn],
    (fd_array, records): (&[RawFd], Option<ProgramRecords<'_>>),
    own_options: Option<&RawProgramOptions>,
    options: &Options,
) -> Result<LoadedProgram, Error> {
    let in_program = |error: Error| error.in_object(object.name).of_program(def.name);
    let license = CString::new(object.license).map_err(|error| {
        in_program(Error::invalid("the licence contains a zero byte").caused_by(error))
    })?;
    let attach_type = def.kind.expected_attach_type().map(AttachType::as_raw);
    #[cfg(feature = "btf")]
    let target = target::find(def, own_options).map_err(in_program)?;
    #[cfg(not(feature = "btf"))]
    let target = no_target(def, own_options).map_err(in_program)?;
    let program = NewProgram {
        name: def.name,
        program_type: def.kind.program_type(),
        expected_attach_type: match &target {
            Some(target) => target.member.or(attach_type),
            None => attach_type,
        },
        flags: match def.kind.is_sleepable() {
            true => BPF_F_SLEEPABLE,
            false => 0,
        },
        license: &license,
        insns,
        records,
        fd_array,
        attach_to: target.as_ref().map(Target::attach_to),
    };
    let target = || target.as_ref().map(|target| target.name.clone());
    let loaded = |fd, log| LoadedProgram {
        fd,
        log,
        target: target(),
    };
    /// The bits of the level that make the log tell the verifier's way.
    const TRACE: u32 = 1 | 2;
    let (result, log) = if options.log_level != 0 {
        match load_with_log(&program, options.log_level) {
            // Statistics alone do not say where it was refused.
            (Err(_), _) if options.log_level & TRACE == 0 => {
                load_with_log(&program, options.log_level | 1)
            }
            loaded => loaded,
        }
    } else {
        match with_memlock(|| retrying(|| bpf::prog_load(&program))) {
            Ok(fd) => return Ok(loaded(fd, None)),
            // The log costs time, and most programs load: it is asked for only now. What
            // this second attempt says counts, also if it is that all is well after all.
            Err(_) => load_with_log(&program, 1),
        }
    };
    let errno = match result {
        Ok(fd) => return Ok(loaded(fd, (options.log_level != 0).then_some(log))),
        Err(errno) => errno,
    };
    Err(in_program(explain(object, def, errno, log)))
}

pub(crate) fn retrying<T>(mut attempt: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let mut result = attempt();
    for _ in 1..ATTEMPTS {
        if !matches!(result, Err(Errno::EAGAIN)) {
            break;
        }
        result = attempt();
    }
    result
}

/// Loads with a log that grows until it is whole.
fn load_with_log(program: &NewProgram<'_>, level: u32) -> (Result<OwnedFd, Errno>, String) {
    let mut size = FIRST_LOG_SIZE;
    loop {
        let mut buffer = vec![0; size as usize];
        let mut true_size = 0;
        let result = with_memlock(|| {
            retrying(|| {
                let (result, needed) = bpf::prog_load_with_log(program, level, &mut buffer);
                true_size = needed;
                result
            })
        });
        let too_small = matches!(result, Err(Errno::ENOSPC)) && size < LARGEST_LOG_SIZE;
        if !too_small {
            return (result, text(&buffer));
        }
        // Before Linux 6.4 the kernel does not say how much it takes.
        size = true_size.max(size.saturating_mul(4)).min(LARGEST_LOG_SIZE);
    }
}

/// The log up to the zero byte that ends it.
pub(crate) fn text(buffer: &[u8]) -> String {
    let end = buffer.iter().position(|&byte| byte == 0);
    let text = buffer
        .get(..end.unwrap_or(buffer.len()))
        .unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// Whether the program uses an array that the verifier reads, and can read only of one element.
fn has_large_read_only_array(object: &Object, def: &ProgramDef) -> bool {
    def.relocations.iter().any(|relocation| {
        let RelocationKind::MapFd { map } = relocation.kind else {
            return false;
        };
        let map = object.maps.get(usize::from(map));
        map.is_some_and(|map| map.map_type == MapType::Array && map.frozen && map.max_entries > 1)
    })
}

fn explain(object: &Object, def: &ProgramDef, errno: Errno, log: String) -> Error {
    let error = Error::failed("BPF_PROG_LOAD", errno);
    let since = KernelVersion::new(5, 13);
    if def.has_callbacks() && capabilities::running_kernel().is_some_and(|kernel| kernel < since) {
        let what = "a function that is passed to a helper";
        return capabilities::explain_since(error, since.major, since.minor, what).with_log(log);
    }
    if let Some(error) = rejection::of_program(object, def, errno, &log) {
        return error;
    }
    let program_type = def.kind.program_type();
    let error = match errno {
        Errno::EPERM => capabilities::explain(error, capabilities::for_program(program_type)),
        Errno::EINVAL => {
            let error = error.because(format!(
                "the kernel refuses it without a word: it may not know programs of type \
                 {program_type:?}, or the program needs a licence that is compatible with the GPL"
            ));
            let since = def.kind.since();
            let what = match def.kind.is_sleepable() {
                true => format!("a sleepable {} program", def.kind.name()),
                false => format!("a {} program", def.kind.name()),
            };
            capabilities::explain_since(error, since.major, since.minor, &what)
        }
        Errno::E2BIG => error.because(format!(
            "{} instructions are more than the kernel takes from this process",
            def.insns.len()
        )),
        Errno::ENOTSUPP if has_large_read_only_array(object, def) => error
            .because("the verifier cannot read values of read-only arrays with several elements")
            .remedy("leave `read_only` out, or make it a `Rodata`"),
        Errno::ENOMEM if capabilities::counts_memlock() => error.remedy("raise RLIMIT_MEMLOCK"),
        _ => error,
    };
    if log.is_empty() {
        error
    } else {
        error.with_log(log)
    }
}

/// Without type information no program can be loaded that goes by it.
#[cfg(not(feature = "btf"))]
fn no_target(def: &ProgramDef, _: Option<&RawProgramOptions>) -> Result<Option<Target>, Error> {
    use ebpf_asm::ProgramType;
    match def.kind.program_type() {
        ProgramType::Tracing | ProgramType::Lsm | ProgramType::Ext | ProgramType::StructOps => {
            Err(Error::new(crate::ErrorKind::Unsupported)
                .because("it goes by the kernel's BTF")
                .remedy("build ebpf-rt with its feature `btf`"))
        }
        _ => Ok(None),
    }
}

/// What no program is loaded for.
#[cfg(not(feature = "btf"))]
struct Target {
    name: String,
    member: Option<u32>,
}

#[cfg(not(feature = "btf"))]
impl Target {
    fn attach_to(&self) -> bpf::AttachTo<'_> {
        bpf::AttachTo {
            type_id: 0,
            owner: None,
        }
    }
}
