//! A whole object in a bpffs: a directory with the names of its maps, programs and links.

use super::{Loaded, fits};
use crate::links::Link;
use crate::maps::RawMap;
use crate::programs::RawProgram;
use crate::{Error, ErrorKind, pins};
use ebpf_asm::Object;
use std::path::{Path, PathBuf};

/// The directories in that of the object.
const MAPS: &str = "maps";
const PROGRAMS: &str = "progs";
const LINKS: &str = "links";

/// A directory of a bpffs in which an object has its names: `maps/COUNTS`, `progs/count`,
/// `links/…`.
///
/// What is in it stays in the kernel when the process ends. `opens.pin(directory)` makes one and
/// `opens::from_pin(directory)` takes the object up again, in this process or another.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{HashMap, ebpf, links::RawTracepointLink, load::ObjectPins};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
///
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!(Kernel(5, 15));
///     # let (_mount, dir) = kernel_test::bpf::file_system()?;
///     // `dir` is in a bpffs: /sys/fs/bpf on most machines.
///     let loaded = calls::load()?;
///     let pins = loaded.pin(dir.join("calls"))?;
///     pins.pin_link("enter", &loaded.progs.enter.attach()?)?;
///     assert_eq!(pins.directory(), dir.join("calls"));
///
///     // Later, and elsewhere:
///     let again = calls::from_pin(dir.join("calls"))?;
///     assert_eq!(again.maps.COUNTS.get(&0)?, None);
///
///     // And when it is enough:
///     let pins = ObjectPins::at(dir.join("calls"));
///     let link = RawTracepointLink::from_pin(pins.link_path("enter"))?;
///     pins.unpin()?;
///     link.detach()?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ObjectPins {
    directory: PathBuf,
}

impl ObjectPins {
    /// The names in this directory, which was made by `pin`. Nothing is looked at.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the link of this name is.
    #[must_use]
    pub fn link_path(&self, name: &str) -> PathBuf {
        self.directory.join(LINKS).join(name)
    }

    /// Gives a link this name: the program stays attached until the name is removed. Linux 5.7,
    /// of trace points and probes 5.15.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) if there is one of that name;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is no link of the
    /// kernel; what else `BPF_OBJ_PIN` says.
    pub fn pin_link(&self, name: &str, link: &impl Link) -> Result<(), Error> {
        link.pin(&self.link_path(name))
    }

    /// Removes all names and the directory: links without another holder are detached, programs
    /// and maps go away unless something else holds them.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such directory; what
    /// else unlink(2) and rmdir(2) say. What could be removed is then removed; trying again
    /// removes the rest.
    pub fn unpin(self) -> Result<(), Error> {
        // Nothing runs on without what is removed after it.
        for part in [LINKS, PROGRAMS, MAPS] {
            match pins::remove_all(&self.directory.join(part)) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                result => result?,
            }
        }
        pins::remove_directory(&self.directory)
    }
}

/// Gives an object's maps and loaded programs names in a new directory. What generated code
/// calls for `skeleton.pin(directory)`.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::ebpf;
/// use ebpf_rt::load::{self, Options, load};
/// use ebpf_rt::programs::{Program, RawTracepoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     # let (_mount, dir) = kernel_test::bpf::file_system()?;
///     // `dir` is in a bpffs: /sys/fs/bpf on most machines.
///     let mut loaded = load(&calls::OBJECT, &[], &[], &[], &Options::default())?;
///     let enter: RawTracepoint = loaded.program(0)?;
///     let programs = [enter.as_raw()];
///     let pins = load::pin(&calls::OBJECT, loaded.raw_maps(), &programs, &dir.join("calls"))?;
///     assert!(pins.directory().join("progs/enter").exists());
///     Ok(())
/// }
/// ```
///
/// # Errors
/// Of the first step that fails; no name stays then.
pub fn pin(
    object: &Object,
    maps: &[RawMap],
    programs: &[&RawProgram],
    directory: &Path,
) -> Result<ObjectPins, Error> {
    let in_object = |error: Error| error.in_object(object.name);
    pins::make_directory(directory).map_err(|error| {
        let error = in_object(error);
        match error.kind() {
            ErrorKind::Exists => {
                error.remedy("take another directory, or remove that one: `ObjectPins::unpin`")
            }
            _ => error,
        }
    })?;
    let pins = ObjectPins::at(directory);
    let filled = fill(object, maps, programs, directory);
    if let Err(error) = filled {
        // The error tells what is wrong; what cannot be removed either adds nothing to it.
        let _ = pins.unpin();
        return Err(in_object(error));
    }
    Ok(pins)
}

fn fill(
    object: &Object,
    maps: &[RawMap],
    programs: &[&RawProgram],
    directory: &Path,
) -> Result<(), Error> {
    for part in [MAPS, PROGRAMS, LINKS] {
        pins::make_directory(&directory.join(part))?;
    }
    // A shared map may have the name of another object's.
    for (def, map) in object.maps.iter().zip(maps) {
        map.pin(directory.join(MAPS).join(def.name))?;
    }
    for program in programs.iter().filter(|program| program.is_loaded()) {
        program.pin(directory.join(PROGRAMS).join(program.name()))?;
    }
    Ok(())
}

/// The object whose maps and programs have names in this directory. What generated code calls
/// for `from_pin(directory)`.
///
/// Kinds and sizes of maps, and types and names of programs, are compared with the definition.
/// The number of entries may be another one, which was said when the object was loaded.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{HashMap, ebpf, load};
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
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     # let (_mount, dir) = kernel_test::bpf::file_system()?;
///     // `dir` is in a bpffs: /sys/fs/bpf on most machines.
///     let _pins = calls::load()?.pin(dir.join("calls"))?;
///     let loaded = load::from_pin(&calls::OBJECT, &dir.join("calls"))?;
///     let counts: HashMap<u32, u64> = loaded.map(0)?;
///     counts.insert(1, 1)?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`ErrorKind::NotFound`] if there is no such directory or it lacks a map;
/// [`ErrorKind::Invalid`] if a map or program is not what the object says; what else
/// `BPF_OBJ_GET` says. A program that was not loaded when the object was pinned is no error: its
/// handle says that it is not there.
pub fn from_pin(object: &Object, directory: &Path) -> Result<Loaded, Error> {
    let maps = object.maps.iter().map(|def| {
        let path = directory.join(MAPS).join(def.name);
        let in_map = |error: Error| error.in_object(object.name).of_map(def.name);
        let map = RawMap::from_pin(&path).map_err(in_map)?;
        if !fits(def, &map) {
            return Err(in_map(Error::invalid(format!(
                "its definition ({:?}, keys of {} bytes, values of {} bytes) does not fit what is \
                 pinned at {}: {}",
                def.map_type,
                def.key_size,
                def.value_size,
                path.display(),
                map.describe(),
            ))));
        }
        Ok(map.named(object.name, def.name))
    });
    let maps = maps.collect::<Result<_, _>>()?;
    let mut found = false;
    let mut missing = None;
    let mut programs = Vec::new();
    for def in object.programs {
        let path = directory.join(PROGRAMS).join(def.name);
        programs.push(Some(match RawProgram::pinned(object.name, def, &path) {
            Ok(program) => {
                found = true;
                program
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing = Some(error.in_object(object.name).of_program(def.name));
                RawProgram::not_pinned(object.name, def)
            }
            Err(error) => return Err(error.in_object(object.name).of_program(def.name)),
        }));
    }
    match missing {
        // Without a map that would have said it: there is nothing of the object.
        Some(error) if !found && object.maps.is_empty() => Err(error),
        _ => Ok(Loaded {
            object: object.name,
            maps,
            programs,
        }),
    }
}
