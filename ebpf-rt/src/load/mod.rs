//! From an [`Object`] to maps and programs in the kernel, with the fewest system calls.
//!
//! Users see this through the module that `ebpf!` generates: `opens::load()`, and
//! `opens::loader()` for options. [`load()`] is what both stand on, for code that handles any
//! object.
//!
//! ```
//! use core::ffi::c_void;
//! use ebpf_rt::{HashMap, ebpf};
//!
//! ebpf! {
//!     #[license = "GPL"]
//!     mod calls {
//!         static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(64);
//!         const LIMIT: u32;                       // said when the object is loaded
//!
//!         #[raw_tracepoint("sys_enter")]
//!         fn enter(ctx: *mut c_void) -> i32 {
//!             r0 = LIMIT;
//!             exit;
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), ebpf_rt::Error> {
//!     # kernel_test::example!();
//!     let mut loader = calls::loader();
//!     loader.consts.LIMIT.set(10);
//!     loader.maps.COUNTS.max_entries(1 << 16);
//!     loader.progs.enter.optional();
//!     let calls = loader.load()?;
//!     assert_eq!(calls.maps.COUNTS.info()?.max_entries, 1 << 16);
//!     Ok(())
//! }
//! ```

mod constant;
mod drawing;
#[cfg(feature = "btf")]
mod kernel;
#[cfg(not(feature = "btf"))]
#[path = "no_kernel.rs"]
mod kernel;
mod options;
mod pin;
mod program;
mod rejection;
mod relocate;
#[cfg(feature = "btf")]
mod struct_ops;
#[cfg(feature = "btf")]
pub(crate) mod target;
mod types;
#[cfg(feature = "vm")]
mod vm;

pub use constant::{Constant, ConstantValue};
pub use options::{MapOptions, Options, ProgramOptions, RawMapOptions, RawProgramOptions};
pub use pin::{ObjectPins, from_pin, pin};
pub(crate) use program::LoadedProgram;
#[cfg(feature = "features")]
pub(crate) use program::retrying;
#[cfg(feature = "btf")]
pub(crate) use program::text;
#[cfg(feature = "btf")]
pub(crate) use rejection::of_btf;
pub(crate) use rejection::of_map;
#[cfg(feature = "vm")]
pub use vm::load_vm;

use crate::maps::{Map, RawMap, raw};
use crate::programs::{Program, RawProgram};
use crate::sys::bpf::MapTypes;
use crate::{Errno, Error, ErrorKind, capabilities};
use ebpf_asm::Object;
use ebpf_asm::object::MapDef;
use std::path::Path;
use types::Types;

/// The maps and programs of an object, in the order of their definition.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::load::{Options, load};
/// use ebpf_rt::{Error, HashMap, Object, ebpf, programs::RawTracepoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(64);
///
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// /// Any object with such a program and such a map in the first places.
/// fn watch(object: &Object) -> Result<Option<u64>, Error> {
///     let mut loaded = load(object, &[], &[], &[], &Options::default())?;
///     println!("{} maps", loaded.raw_maps().len());
///     let counts: HashMap<u32, u64> = loaded.map(0)?;
///     assert_eq!(loaded.raw_map(0)?.info()?.id, counts.info()?.id);
///     let enter: RawTracepoint = loaded.program(0)?;
///     let _link = enter.attach()?;
///     counts.get(&0)
/// }
///
/// fn main() -> Result<(), Error> {
///     # kernel_test::example!();
///     assert_eq!(watch(&calls::OBJECT)?, None);
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Loaded {
    object: &'static str,
    maps: Vec<RawMap>,
    programs: Vec<Option<RawProgram>>,
}

impl Loaded {
    /// The map at this position of [`Object::maps`].
    ///
    /// # Errors
    /// If there is none, or it is another kind of map, or of other sizes.
    pub fn map<M: Map>(&self, index: usize) -> Result<M, Error> {
        M::from_raw(self.raw_map(index)?)
    }

    /// The same without its type.
    ///
    /// # Errors
    /// If there is none.
    pub fn raw_map(&self, index: usize) -> Result<RawMap, Error> {
        let raw = self.maps.get(index).ok_or_else(|| {
            Error::invalid(format!("there is no map number {index}")).in_object(self.object)
        })?;
        Ok(raw.clone())
    }

    /// All maps, without their types, in the order of [`Object::maps`].
    #[must_use]
    pub fn raw_maps(&self) -> &[RawMap] {
        &self.maps
    }

    /// Takes the program at this position of [`Object::programs`].
    ///
    /// # Errors
    /// If there is none, or it was taken before, or it is another kind of program.
    pub fn program<P: Program>(&mut self, index: usize) -> Result<P, Error> {
        let raw = self.programs.get_mut(index).and_then(Option::take);
        P::from_raw(raw.ok_or_else(|| {
            Error::invalid(format!("there is no program number {index} left"))
                .in_object(self.object)
        })?)
    }
}

/// What loads an object: into the kernel, or into a machine.
#[doc(hidden)]
pub type Load = fn(
    &Object,
    &[RawMapOptions],
    &[RawProgramOptions],
    &[Option<ConstantValue>],
    &Options,
) -> Result<Loaded, Error>;

/// Loads an object: creates its maps, fills and freezes read-only ones, fills in what
/// programs leave open, loads them.
///
/// Options and constant values stand at the positions of what they are about in the object;
/// what is missing at the end has no options and no value.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::load::{ConstantValue, Options, RawMapOptions, load};
/// use ebpf_rt::{HashMap, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(64);
///         const LIMIT: u32;
///
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r0 = LIMIT;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let mut counts = RawMapOptions::default();
///     counts.max_entries(1 << 16);
///     let limit = Some(ConstantValue::from(10_u32));
///     let loaded = load(&calls::OBJECT, &[counts], &[], &[limit], &Options::default())?;
///     assert_eq!(loaded.raw_maps()[0].max_entries(), 1 << 16);
///     Ok(())
/// }
/// ```
///
/// # Errors
/// Of the first step that fails; nothing stays in the kernel then. Optional programs that the
/// kernel refuses are no error: their handle says why they are not there.
pub fn load(
    object: &Object,
    maps: &[RawMapOptions],
    programs: &[RawProgramOptions],
    constants: &[Option<ConstantValue>],
    options: &Options,
) -> Result<Loaded, Error> {
    let in_object = |error: Error| error.in_object(object.name);
    check_lengths(object, maps.len(), programs.len(), constants.len()).map_err(in_object)?;
    // Everything that can be found without the kernel is found before it is asked.
    let mut kernel = kernel::Kernel::new(object);
    let mut patched = Vec::with_capacity(object.programs.len());
    for (index, program) in object.programs.iter().enumerate() {
        let skipped = programs.get(index).is_some_and(|options| options.skip);
        if skipped {
            patched.push(None);
            continue;
        }
        #[cfg(feature = "btf")]
        target::check(program, programs.get(index)).map_err(in_object)?;
        let insns = relocate::constants(object, program, constants);
        let mut insns = insns.map_err(in_object)?;
        // What a kernel lacks is no error of a program that need not be there.
        patched.push(Some(match kernel.fill_in(program, &mut insns) {
            Ok(fd_array) => Ok((insns, fd_array)),
            Err(error) => {
                let error = explain_version(error.in_object(object.name), object);
                if !programs.get(index).is_some_and(|options| options.optional) {
                    return Err(error);
                }
                Err(error)
            }
        }));
    }
    let types = Types::load(object, maps, programs, options)
        .map_err(|error| explain_version(in_object(error), object))?;
    let created: Vec<RawMap> = object
        .maps
        .iter()
        .enumerate()
        .map(|(index, def)| make_map(object, def, maps.get(index), types.of_map(index, def)))
        .collect::<Result<_, _>>()
        .map_err(|error| explain_version(error, object))?;
    let mut loaded = Vec::with_capacity(object.programs.len());
    for (index, (def, patched)) in object.programs.iter().zip(patched).enumerate() {
        let program = match patched {
            None => RawProgram::skipped(object.name, def),
            Some(Err(error)) => RawProgram::failed(object.name, def, error),
            Some(Ok((mut insns, fd_array))) => {
                relocate::maps(def, &created, insns.to_mut()).map_err(in_object)?;
                let records = types.of_program(index, def);
                let tables = (&*fd_array, records);
                let own = programs.get(index);
                match program::load(object, def, &insns, tables, own, options) {
                    Ok(loaded) => RawProgram::loaded(object.name, def, loaded),
                    Err(error) => {
                        let error = explain_version(error, object);
                        if !programs.get(index).is_some_and(|options| options.optional) {
                            return Err(error);
                        }
                        RawProgram::failed(object.name, def, error)
                    }
                }
            }
        };
        loaded.push(Some(program));
    }
    #[cfg(feature = "btf")]
    struct_ops::fill(object, &created, &loaded)?;
    Ok(Loaded {
        object: object.name,
        maps: created,
        programs: loaded,
    })
}

fn check_lengths(
    object: &Object,
    maps: usize,
    programs: usize,
    constants: usize,
) -> Result<(), Error> {
    let all = [
        ("maps", maps, object.maps.len()),
        ("programs", programs, object.programs.len()),
        ("constants", constants, object.constants.len()),
    ];
    match all.iter().find(|(_, given, has)| given > has) {
        None => Ok(()),
        Some((what, given, has)) => Err(Error::invalid(format!(
            "options for {given} {what} are given, and it has {has}"
        ))),
    }
}

fn make_map(
    object: &Object,
    def: &MapDef,
    options: Option<&RawMapOptions>,
    types: Option<MapTypes<'_>>,
) -> Result<RawMap, Error> {
    if let Some(table) = &def.struct_ops {
        #[cfg(feature = "btf")]
        return struct_ops::create(object, def, table, options);
        #[cfg(not(feature = "btf"))]
        return Err(Error::new(ErrorKind::Unsupported)
            .because(format!("`{}` is looked up in the kernel's BTF", table.ops))
            .remedy("build ebpf-rt with its feature `btf`")
            .in_object(object.name)
            .of_map(def.name));
    }
    let mut request = raw::Request::from_def(object.name, def.name, def);
    request.needs = capabilities::for_object(object);
    request.types = types;
    let Some(options) = options else {
        return create(def, &request);
    };
    let invalid = |reason: String| {
        Error::invalid(reason)
            .in_object(object.name)
            .of_map(def.name)
    };
    if let Some(shared) = &options.shared {
        if options.pin.is_some() {
            return Err(invalid(format!(
                "it is to be pinned and to be shared with {}",
                shared.describe()
            )));
        }
        if options.max_entries.is_some() || options.initial.is_some() {
            return Err(invalid(format!(
                "it is to be shared with {}, whose size and contents are what they are",
                shared.describe()
            )));
        }
        if !fits(def, shared) {
            return Err(invalid(format!(
                "its definition ({:?}, keys of {} bytes, values of {} bytes) does not fit the \
                 map it is to be shared with: {}",
                def.map_type,
                def.key_size,
                def.value_size,
                shared.describe()
            )));
        }
        return Ok(shared.clone());
    }
    if let Some(max_entries) = options.max_entries {
        if def.is_global {
            return Err(invalid(
                "it is a global, which has one value: its size cannot be changed".to_owned(),
            ));
        }
        request.max_entries = max_entries;
    }
    if let Some(initial) = &options.initial {
        request.initial = Some(initial);
    }
    match &options.pin {
        None => create(def, &request),
        Some(path) => pinned(&request, def, path),
    }
}

/// Creates a map; without the types of its keys and values where the kernel does not take them and
/// they only describe.
fn create(def: &MapDef, request: &raw::Request<'_>) -> Result<RawMap, Error> {
    match raw::create(request) {
        Err(error) if request.types.is_some() && !def.needs_types() => {
            let plain = raw::Request {
                types: None,
                ..*request
            };
            raw::create(&plain).map_err(|_| error)
        }
        result => result,
    }
}

fn fits(def: &MapDef, map: &RawMap) -> bool {
    map.map_type() == def.map_type
        && map.key_size() == def.key_size
        // Of tables of functions the kernel says how large they are.
        && (map.value_size() == def.value_size || def.struct_ops.is_some())
}

/// The map that is pinned there, or a new one that then is.
fn pinned(request: &raw::Request<'_>, def: &MapDef, path: &Path) -> Result<RawMap, Error> {
    let in_map = |error: Error| error.in_object(request.object).of_map(request.name);
    let created = match RawMap::from_pin(path) {
        Ok(map) => return reused(request, def, path, map).map_err(in_map),
        Err(error) if error.errno() == Some(Errno::ENOENT) => create(def, request)?,
        Err(error) => return Err(in_map(error)),
    };
    match created.pin(path) {
        Ok(()) => Ok(created),
        // Another process has just pinned one.
        Err(error) if error.kind() == ErrorKind::Exists => {
            let map = RawMap::from_pin(path).map_err(in_map)?;
            reused(request, def, path, map).map_err(in_map)
        }
        Err(error) => Err(error),
    }
}

fn reused(
    request: &raw::Request<'_>,
    def: &MapDef,
    path: &Path,
    map: RawMap,
) -> Result<RawMap, Error> {
    let entries = request.max_entries;
    // No number is as many as there are CPUs.
    if fits(def, &map) && (entries == 0 || entries == map.max_entries()) {
        return Ok(map);
    }
    Err(Error::invalid(format!(
        "its definition ({:?}, keys of {} bytes, values of {} bytes, {entries} entries) does not \
         fit what is pinned at {}: {}, {} entries",
        def.map_type,
        def.key_size,
        def.value_size,
        path.display(),
        map.describe(),
        map.max_entries()
    ))
    .remedy("pin it at another path, or remove that pin"))
}

/// After a failure: whether the kernel is older than the object is meant for.
fn explain_version(error: Error, object: &Object) -> Error {
    match capabilities::running_kernel() {
        Some(version) if version < object.min_kernel => error.remedy(format!(
            "the object needs Linux {}, and this is {version}",
            object.min_kernel
        )),
        _ => error,
    }
}

#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "btf"))]
mod type_tests;
