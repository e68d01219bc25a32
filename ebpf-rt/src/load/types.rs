//! The types of an object in the kernel: loaded when something needs them.

use super::{Options, RawMapOptions, RawProgramOptions};
use crate::Error;
#[cfg(not(feature = "btf"))]
use crate::ErrorKind;
use crate::sys::bpf;
use ebpf_asm::Object;
use ebpf_asm::object::{MapDef, ProgramDef};

#[cfg(feature = "btf")]
use crate::type_information;
#[cfg(feature = "btf")]
use ebpf_asm::btf::ObjectBtf;
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
        let (fd, btf) = type_information::load(|kernel| ObjectBtf::new(object, kernel))?;
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
