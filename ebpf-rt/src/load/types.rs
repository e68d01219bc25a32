//! The types of an object in the kernel: loaded when something needs them.

use super::{Options, RawMapOptions, RawProgramOptions};
use crate::sys::bpf;
use crate::{Error, ErrorKind};
use ebpf_asm::Object;
use ebpf_asm::object::{MapDef, ProgramDef};

#[cfg(feature = "btf")]
use crate::{
    Errno,
    capabilities::{self, Capability},
    maps::raw::with_memlock,
};
#[cfg(feature = "btf")]
use ebpf_asm::{
    KernelVersion,
    btf::{DescribeError, Kind, ObjectBtf},
};
#[cfg(feature = "btf")]
use std::os::fd::{AsFd, OwnedFd};

/// What is loaded, which for most objects is nothing.
#[derive(Debug, Default)]
pub(super) struct Types {
    #[cfg(feature = "btf")]
    loaded: Option<Loaded>,
}

#[cfg(feature = "btf")]
#[derive(Debug)]
struct Loaded {
    fd: OwnedFd,
    btf: ObjectBtf,
    /// Whether also those are told that can do without.
    for_all: bool,
}

/// The first thing that the kernel has to know the types of.
fn needed_by(
    object: &Object,
    maps: &[RawMapOptions],
    programs: &[RawProgramOptions],
) -> Option<String> {
    let shared = |index: usize| maps.get(index).is_some_and(|map| map.shared.is_some());
    let skipped = |index: usize| programs.get(index).is_some_and(|program| program.skip);
    let map = (0..).zip(object.maps);
    let map = map.filter(|&(index, map)| map.needs_types() && !shared(index));
    let program = (0..).zip(object.programs);
    let program = program.filter(|&(index, program)| program.needs_types() && !skipped(index));
    let map = map.map(|(_, map)| format!("the map `{}`", map.name));
    let program = program.map(|(_, program)| format!("the program `{}`", program.name));
    map.chain(program).next()
}

#[cfg(not(feature = "btf"))]
impl Types {
    /// Nothing, if nothing needs it.
    pub(super) fn load(
        object: &Object,
        maps: &[RawMapOptions],
        programs: &[RawProgramOptions],
        options: &Options,
    ) -> Result<Self, Error> {
        let needed = needed_by(object, maps, programs);
        let asked = options.debug_info.then(|| "debug_info(true)".to_owned());
        match needed.or(asked) {
            None => Ok(Self::default()),
            Some(what) => Err(Error::new(ErrorKind::Unsupported)
                .because(format!("{what} needs type information"))
                .remedy("build ebpf-rt with its feature `btf`")),
        }
    }

    pub(super) fn of_map(&self, _: usize, _: &MapDef) -> Option<bpf::MapTypes<'_>> {
        None
    }

    pub(super) fn of_program(&self, _: usize, _: &ProgramDef) -> Option<bpf::ProgramRecords<'_>> {
        None
    }
}

#[cfg(feature = "btf")]
impl Types {
    /// Loads the types of an object, if something needs them.
    pub(super) fn load(
        object: &Object,
        maps: &[RawMapOptions],
        programs: &[RawProgramOptions],
        options: &Options,
    ) -> Result<Self, Error> {
        let needed = needed_by(object, maps, programs);
        if needed.is_none() && !options.debug_info {
            return Ok(Self::default());
        }
        let btf = ObjectBtf::new(object, None).map_err(|error| undescribed(error, None))?;
        let (fd, btf) = match load(&btf) {
            Ok(fd) => (fd, btf),
            Err(errno) => match for_this_kernel(object)? {
                Some(older) => match load(&older) {
                    Ok(fd) => (fd, older),
                    Err(errno) => return Err(refused(&older, errno)),
                },
                None => return Err(refused(&btf, errno)),
            },
        };
        Ok(Self {
            loaded: Some(Loaded {
                fd,
                btf,
                for_all: options.debug_info,
            }),
        })
    }

    /// The types of a map, if it needs them or they were asked for.
    pub(super) fn of_map(&self, index: usize, def: &MapDef) -> Option<bpf::MapTypes<'_>> {
        let loaded = self.loaded.as_ref()?;
        let types = loaded.btf.maps.get(index).copied().flatten()?;
        (loaded.for_all || def.needs_types()).then(|| bpf::MapTypes {
            btf: loaded.fd.as_fd(),
            key: types.key.get(),
            value: types.value.get(),
        })
    }

    /// The records of a program, if it needs them or they were asked for.
    pub(super) fn of_program(
        &self,
        index: usize,
        def: &ProgramDef,
    ) -> Option<bpf::ProgramRecords<'_>> {
        let loaded = self.loaded.as_ref()?;
        let records = loaded.btf.programs.get(index)?;
        (loaded.for_all || def.needs_types()).then(|| bpf::ProgramRecords {
            btf: loaded.fd.as_fd(),
            functions: &records.functions,
            lines: &records.lines,
        })
    }
}

#[cfg(feature = "btf")]
fn load(btf: &ObjectBtf) -> Result<OwnedFd, Errno> {
    with_memlock(|| bpf::btf_load(&btf.bytes, &mut []))
}

/// The types in the words of the running kernel, if it is one that lacks some.
#[cfg(feature = "btf")]
fn for_this_kernel(object: &Object) -> Result<Option<ObjectBtf>, Error> {
    // The kind that came last.
    let complete = Kind::Enum64.since();
    match capabilities::running_kernel() {
        Some(kernel) if kernel < complete => ObjectBtf::new(object, Some(kernel))
            .map(Some)
            .map_err(|error| undescribed(error, Some(kernel))),
        _ => Ok(None),
    }
}

#[cfg(feature = "btf")]
fn undescribed(error: DescribeError, kernel: Option<KernelVersion>) -> Error {
    let (kind, running) = match (&error, kernel) {
        (DescribeError::Unsupported { .. }, Some(kernel)) => {
            (ErrorKind::Unsupported, format!(", and this is {kernel}"))
        }
        _ => (ErrorKind::Invalid, String::new()),
    };
    Error::new(kind)
        .because(format!("{error}{running}"))
        .caused_by(error)
}

/// Why the kernel does not take the types: in its own words.
#[cfg(feature = "btf")]
fn refused(btf: &ObjectBtf, errno: Errno) -> Error {
    const SMALLEST: usize = 64 * 1024;
    const LARGEST: usize = 64 * 1024 * 1024;
    let error = Error::failed("BPF_BTF_LOAD", errno);
    if errno == Errno::EPERM {
        return capabilities::explain(error, &[Capability::Bpf]);
    }
    let mut size = SMALLEST;
    loop {
        let mut log = vec![0; size];
        let result = with_memlock(|| bpf::btf_load(&btf.bytes, &mut log));
        if matches!(result, Err(Errno::ENOSPC)) && size < LARGEST {
            size *= 8;
            continue;
        }
        let log = super::program::text(&log);
        let last = log.lines().rfind(|line| !line.trim().is_empty());
        return match last {
            Some(reason) => error
                .with_kind(ErrorKind::Rejected)
                .because(format!("the types are refused: {}", reason.trim()))
                .with_log(log),
            None => error,
        };
    }
}
