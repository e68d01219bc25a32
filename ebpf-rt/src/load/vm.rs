//! From an [`Object`] into a machine, without a kernel.

use super::{
    ConstantValue, Loaded, Options, RawMapOptions, RawProgramOptions, check_lengths, relocate,
};
use crate::Error;
use crate::maps::{RawMap, raw};
use crate::programs::RawProgram;
use crate::vm::{Machine, VmProgram};
use ebpf_asm::Object;
use ebpf_asm::object::{MapDef, ProgramDef, RelocationKind};

/// Loads an object into a machine of its own, without a kernel: what [`load`](super::load()) does,
/// with the same options. [`Options`] are for the kernel's verifier and change nothing.
///
/// ```
/// use ebpf_rt::load::{Options, load_vm};
/// use ebpf_rt::{Error, HashMap, Object, programs::Tracepoint};
///
/// fn run(object: &Object) -> Result<(), Error> {
///     let mut loaded = load_vm(object, &[], &[], &[], &Options::default())?;
///     let counts: HashMap<u32, u64> = loaded.map(0)?;
///     let count: Tracepoint = loaded.program(0)?;
///     count.run(&mut [])?;
///     println!("{:?}", counts.get(&0)?);
///     Ok(())
/// }
/// ```
///
/// # Errors
/// If the object has a map that only a kernel has, or something does not fit.
pub fn load_vm(
    object: &Object,
    maps: &[RawMapOptions],
    programs: &[RawProgramOptions],
    constants: &[Option<ConstantValue>],
    _options: &Options,
) -> Result<Loaded, Error> {
    let in_object = |error: Error| error.in_object(object.name);
    check_lengths(object, maps.len(), programs.len(), constants.len()).map_err(in_object)?;
    let machine = Machine::new().map_err(in_object)?;
    let created: Vec<RawMap> = object
        .maps
        .iter()
        .enumerate()
        .map(|(index, def)| make_map(&machine, object, def, maps.get(index)))
        .collect::<Result<_, _>>()?;
    let ids: Vec<_> = created
        .iter()
        .filter_map(|map| Some(map.vm()?.id()))
        .collect();
    let mut loaded = Vec::with_capacity(object.programs.len());
    for (index, def) in object.programs.iter().enumerate() {
        let program = if programs.get(index).is_some_and(|options| options.skip) {
            RawProgram::skipped(object.name, def)
        } else {
            if needs_the_kernel(def) {
                let error = "it asks for addresses or types of the running kernel";
                return Err(in_object(crate::vm::no_kernel(error).of_program(def.name)));
            }
            let insns = relocate::constants(object, def, constants).map_err(in_object)?;
            // The machine looks maps up by the numbers it gave them.
            relocate::check_maps(def, created.len()).map_err(in_object)?;
            let id = machine.with(|vm| vm.load_program(def, insns.into_owned(), &ids));
            RawProgram::of_machine(object.name, def, VmProgram::new(machine.clone(), id))
        };
        loaded.push(Some(program));
    }
    Ok(Loaded {
        object: object.name,
        maps: created,
        programs: loaded,
    })
}

/// Whether something is open that only a running kernel says.
fn needs_the_kernel(program: &ProgramDef) -> bool {
    program.relocations.iter().any(|relocation| {
        matches!(
            relocation.kind,
            RelocationKind::KernelAddress { .. } | RelocationKind::KernelConstant { .. }
        )
    })
}

fn make_map(
    machine: &Machine,
    object: &Object,
    def: &MapDef,
    options: Option<&RawMapOptions>,
) -> Result<RawMap, Error> {
    let mut request = raw::Request::from_def(object.name, def.name, def);
    // The machine creates it empty; what it is to hold comes after, as with a kernel.
    let mut empty = *def;
    empty.initial = None;
    empty.frozen = false;
    if let Some(options) = options {
        if options.pin.is_some() || options.shared.is_some() {
            return Err(
                crate::vm::no_kernel("it is to be pinned, or shared with another object")
                    .in_object(object.name)
                    .of_map(def.name),
            );
        }
        if let Some(max_entries) = options.max_entries {
            request.max_entries = max_entries;
        }
        if let Some(initial) = &options.initial {
            request.initial = Some(initial);
        }
    }
    request.max_entries = raw::max_entries(&request)?;
    empty.max_entries = request.max_entries;
    let map = machine.create_map(&request, &empty)?;
    map.begin(&request)?;
    Ok(map)
}
