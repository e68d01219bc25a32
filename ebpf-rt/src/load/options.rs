//! What can be said before an object is loaded.

#[cfg(feature = "btf")]
use crate::Error;
use crate::maps::{Global, Map, RawMap, RecordType, RingBuf, Rodata};
#[cfg(feature = "btf")]
use crate::programs::{HasTarget, HasTargetProgram, Program};
use bytemuck::Pod;
use core::marker::PhantomData;
#[cfg(feature = "btf")]
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
#[cfg(feature = "btf")]
use std::sync::Arc;

/// Options of a map, before it is created.
///
/// ```no_run
/// # use ebpf_rt::{HashMap, load::MapOptions};
/// # fn f(mut counts: MapOptions<HashMap<u32, u64>>) {
/// counts.max_entries(65_536);
/// # }
/// ```
pub struct MapOptions<M> {
    raw: RawMapOptions,
    handle: PhantomData<fn() -> M>,
}

/// [`MapOptions`] of any kind of map.
#[derive(Clone, Debug, Default)]
pub struct RawMapOptions {
    pub(super) max_entries: Option<u32>,
    pub(super) shared: Option<RawMap>,
    pub(super) initial: Option<Vec<u8>>,
    pub(super) pin: Option<PathBuf>,
}

impl RawMapOptions {
    /// Another number of entries than the definition says.
    pub fn max_entries(&mut self, max_entries: u32) -> &mut Self {
        self.max_entries = Some(max_entries);
        self
    }

    /// Uses the map that is pinned at this path in a bpffs; if there is none, the map is
    /// created and pinned there. Kind, sizes of keys and values and the number of entries of a
    /// map that is there are compared with what is wanted, when the object is loaded.
    pub fn pinned(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.pin = Some(path.into());
        self
    }

    /// Uses this map instead of creating one. Its kind and the sizes of keys and values are
    /// compared with the definition when the object is loaded.
    pub fn share(&mut self, map: &RawMap) -> &mut Self {
        self.shared = Some(map.clone());
        self
    }
}

impl<M> Default for MapOptions<M> {
    fn default() -> Self {
        Self {
            raw: RawMapOptions::default(),
            handle: PhantomData,
        }
    }
}

impl<M> Clone for MapOptions<M> {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            handle: PhantomData,
        }
    }
}

impl<M> core::fmt::Debug for MapOptions<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.raw.fmt(f)
    }
}

impl<M: Map> MapOptions<M> {
    /// Another number of entries than the definition says.
    pub fn max_entries(&mut self, max_entries: u32) -> &mut Self {
        self.raw.max_entries(max_entries);
        self
    }

    /// Uses the map that is pinned at this path in a bpffs; if there is none, the map is
    /// created and pinned there, so that the next load finds it. Kind, sizes of keys and values
    /// and the number of entries of a map that is there are compared with what is wanted, when
    /// the object is loaded. [`unpin`](crate::maps::unpin) removes the pin.
    ///
    /// ```no_run
    /// # use ebpf_rt::{HashMap, load::MapOptions};
    /// # fn f(mut counts: MapOptions<HashMap<u32, u64>>) {
    /// counts.pinned("/sys/fs/bpf/counts");
    /// # }
    /// ```
    #[doc(alias = "LIBBPF_PIN_BY_NAME")]
    pub fn pinned(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.raw.pinned(path);
        self
    }

    /// Uses this map, of another object or made by `create`, instead of creating one.
    pub fn share(&mut self, map: &M) -> &mut Self {
        self.raw.share(map.as_raw());
        self
    }
}

impl<T: Pod> MapOptions<Rodata<T>> {
    /// Another value than the definition says.
    pub fn value(&mut self, value: T) -> &mut Self {
        self.raw.initial = Some(bytemuck::bytes_of(&value).to_vec());
        self
    }
}

impl<T: RecordType + ?Sized> MapOptions<RingBuf<T>> {
    /// Another size than the definition says: a power of two and a multiple of the page size.
    pub fn byte_size(&mut self, bytes: u32) -> &mut Self {
        self.raw.max_entries(bytes);
        self
    }
}

impl<T: Pod> MapOptions<Global<T>> {
    /// Another value than the definition says, before the first program is loaded.
    pub fn value(&mut self, value: T) -> &mut Self {
        self.raw.initial = Some(bytemuck::bytes_of(&value).to_vec());
        self
    }
}

impl<M> From<MapOptions<M>> for RawMapOptions {
    fn from(options: MapOptions<M>) -> Self {
        options.raw
    }
}

/// Options of a program, before it is loaded.
///
/// ```no_run
/// # use ebpf_rt::{load::ProgramOptions, programs::SocketFilter};
/// # fn f(mut count: ProgramOptions<SocketFilter>) {
/// count.optional();
/// # }
/// ```
pub struct ProgramOptions<P> {
    raw: RawProgramOptions,
    handle: PhantomData<fn() -> P>,
}

impl<P> Default for ProgramOptions<P> {
    fn default() -> Self {
        Self {
            raw: RawProgramOptions::default(),
            handle: PhantomData,
        }
    }
}

impl<P> Clone for ProgramOptions<P> {
    fn clone(&self) -> Self {
        Self {
            raw: self.raw.clone(),
            handle: PhantomData,
        }
    }
}

impl<P> core::fmt::Debug for ProgramOptions<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.raw.fmt(f)
    }
}

impl<P> ProgramOptions<P> {
    /// Leaves the program out. Its handle is there, and attaching it is an error that says
    /// so.
    pub fn skip(&mut self) -> &mut Self {
        self.raw.skip();
        self
    }

    /// Goes on when the kernel refuses the program. Its handle is there, and attaching it is
    /// an error that says why.
    pub fn optional(&mut self) -> &mut Self {
        self.raw.optional();
        self
    }
}

#[cfg(feature = "btf")]
impl<P: HasTarget> ProgramOptions<P> {
    /// Another place than the attribute says, or the place if it says none: a function, a trace
    /// point, a security hook, what an iterator goes through. What a module has can be named
    /// with it: `nf_tables:nft_do_chain`.
    ///
    /// ```no_run
    /// # use ebpf_rt::{load::ProgramOptions, programs::Fentry};
    /// # fn f(mut enter: ProgramOptions<Fentry>) {
    /// enter.target("vfs_unlink");
    /// # }
    /// ```
    #[doc(alias = "attach_btf_id")]
    #[doc(alias = "bpf_program__set_attach_target")]
    pub fn target(&mut self, name: impl Into<String>) -> &mut Self {
        self.raw.target(name);
        self
    }
}

#[cfg(feature = "btf")]
impl<P: HasTargetProgram> ProgramOptions<P> {
    /// The program whose function it is that the attribute or [`target`](Self::target) names:
    /// one that was loaded with type information.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if that program is not loaded.
    #[doc(alias = "attach_prog_fd")]
    pub fn target_program(&mut self, program: &impl Program) -> Result<&mut Self, Error> {
        let program = program.as_raw();
        let fd = program.fd()?;
        self.raw
            .target_program(fd)
            .map_err(|error| program.error(error))?;
        Ok(self)
    }
}

impl<P> From<ProgramOptions<P>> for RawProgramOptions {
    fn from(options: ProgramOptions<P>) -> Self {
        options.raw
    }
}

/// [`ProgramOptions`] of any kind of program.
#[derive(Clone, Debug, Default)]
pub struct RawProgramOptions {
    pub(super) skip: bool,
    pub(super) optional: bool,
    #[cfg(feature = "btf")]
    pub(super) target: Option<String>,
    #[cfg(feature = "btf")]
    pub(super) target_program: Option<Arc<OwnedFd>>,
}

impl RawProgramOptions {
    /// Leaves the program out. Its handle is there, and attaching it is an error that says
    /// so.
    pub fn skip(&mut self) -> &mut Self {
        self.skip = true;
        self
    }

    /// Goes on when the kernel refuses the program. Its handle is there, and attaching it is
    /// an error that says why.
    pub fn optional(&mut self) -> &mut Self {
        self.optional = true;
        self
    }
}

#[cfg(feature = "btf")]
impl RawProgramOptions {
    /// Another place than the attribute says, or the place if it says none: of kinds whose load
    /// says where they go. For others the load is an error.
    pub fn target(&mut self, name: impl Into<String>) -> &mut Self {
        self.target = Some(name.into());
        self
    }

    /// The program whose function it is that the program goes to, by descriptor.
    ///
    /// # Errors
    /// If the descriptor cannot be duplicated.
    pub fn target_program(&mut self, program: BorrowedFd<'_>) -> Result<&mut Self, Error> {
        let ours = crate::sys::socket::duplicate(program);
        let ours = ours.map_err(|errno| Error::failed("dup", errno))?;
        self.target_program = Some(Arc::new(ours));
        Ok(self)
    }
}

/// Options of the load as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub(super) log_level: u32,
    pub(super) debug_info: bool,
}

impl Options {
    /// The verifier's log also of programs that it accepts: 0 for none (the default), 1 for
    /// what it sees at branches, 2 for every instruction, plus 4 for statistics.
    ///
    /// A refused program is loaded a second time with the log on, at level 1 if this is 0.
    pub fn log_level(&mut self, level: u32) -> &mut Self {
        self.log_level = level;
        self
    }

    /// Tells the kernel the types of all maps and functions, and the source line of each
    /// instruction, whether it needs them or not: `bpftool prog dump xlated linum` shows the lines,
    /// `bpftool map dump` the fields of values by name.
    ///
    /// Without it the kernel is told what it needs: of functions that are global or passed to
    /// helpers, of maps with locks, timers or kernel pointers in their values, of storages. For
    /// most objects that is nothing, which saves a system call.
    ///
    /// The loaders of objects have it, too: `opens::loader().debug_info(true).load()`.
    ///
    /// ```
    /// use ebpf_rt::load::Options;
    ///
    /// let mut options = Options::default();
    /// options.debug_info(true);
    /// ```
    #[doc(alias = "BPF_BTF_LOAD")]
    #[doc(alias = "btf")]
    pub fn debug_info(&mut self, wanted: bool) -> &mut Self {
        self.debug_info = wanted;
        self
    }
}
