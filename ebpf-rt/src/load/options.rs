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
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, HashMap, RingBuf, Rodata, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(64);
///         static EVENTS: RingBuf<u64> = RingBuf::with_byte_size(4096);
///         static PORT: Rodata<u32> = Rodata::new(443);
///         static LIMIT: Global<u32> = Global::new(10);
///
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let mut loader = calls::loader();
///     loader.maps.COUNTS.max_entries(1 << 16);
///     loader.maps.EVENTS.byte_size(1 << 20);
///     loader.maps.PORT.value(8443);
///     loader.maps.LIMIT.value(100);
///     let calls = loader.vm()?;                   // load() takes the same options
///     assert_eq!(calls.maps.EVENTS.byte_size(), 1 << 20);
///     assert_eq!((calls.maps.PORT.get()?, calls.maps.LIMIT.get()), (8443, 100));
///     Ok(())
/// }
/// ```
pub struct MapOptions<M> {
    raw: RawMapOptions,
    handle: PhantomData<fn() -> M>,
}

/// [`MapOptions`] of any kind of map.
///
/// ```
/// use ebpf_rt::load::{MapOptions, RawMapOptions};
/// use ebpf_rt::maps::{HashMap, Map};
///
/// # kernel_test::example!();
/// let counts = HashMap::<u32, u64>::create(64)?;
/// let mut options = RawMapOptions::default();
/// options.share(counts.as_raw());                 // or pinned("/sys/fs/bpf/counts")
/// println!("{options:?}");
///
/// // What was said with types is the same without them.
/// let mut typed = MapOptions::<HashMap<u32, u64>>::default();
/// typed.max_entries(128);
/// let mut raw = RawMapOptions::from(typed);
/// raw.max_entries(256).pinned("/sys/fs/bpf/counts");
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
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
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::{HashMap, ebpf};
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
    ///     for run in 1..=2 {
    ///         let mut loader = calls::loader();
    ///         loader.maps.COUNTS.pinned(dir.join("counts"));
    ///         let counts = loader.load()?.maps.COUNTS;
    ///         counts.insert(run, 1)?;
    ///         assert_eq!(counts.keys().count(), run as usize);    // the first run's is still there
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[doc(alias = "LIBBPF_PIN_BY_NAME")]
    pub fn pinned(&mut self, path: impl Into<PathBuf>) -> &mut Self {
        self.raw.pinned(path);
        self
    }

    /// Uses this map, of another object or made by `create`, instead of creating one.
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::{HashMap, ebpf};
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
    /// fn main() -> Result<(), ebpf_rt::Error> {
    ///     # kernel_test::example!();
    ///     let counts = HashMap::create(64)?;
    ///     let mut loader = calls::loader();
    ///     loader.maps.COUNTS.share(&counts);
    ///     let calls = loader.load()?;
    ///     counts.insert(1, 7)?;
    ///     assert_eq!(calls.maps.COUNTS.get(&1)?, Some(7));        // one map
    ///     Ok(())
    /// }
    /// ```
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
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{ErrorKind, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///
///         #[raw_tracepoint("sys_exit")]
///         fn leave(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let mut loader = calls::loader();
///     loader.progs.enter.skip();                  // nobody wants it today
///     loader.progs.leave.optional();              // it goes without it, too
///     let calls = loader.load()?;
///     assert_eq!(calls.progs.enter.attach().unwrap_err().kind(), ErrorKind::NotLoaded);
///     assert!(calls.progs.leave.is_loaded());
///     Ok(())
/// }
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
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::ebpf;
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod anything {
    ///         #[tp_btf]                               // where to, is said when it is loaded
    ///         fn hit(ctx: *mut c_void) -> i32 {
    ///             r0 = 0;
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), ebpf_rt::Error> {
    ///     # kernel_test::example!();
    ///     let mut loader = anything::loader();
    ///     loader.progs.hit.target("sched_switch");
    ///     let hit = loader.load()?.progs.hit;
    ///     assert_eq!(hit.target(), Some("sched_switch"));
    ///     let _link = hit.attach()?;
    ///     Ok(())
    /// }
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
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::ebpf;
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod filter {
    ///         #[socket_filter]
    ///         fn keep(skb: *const c_void) -> i32 {
    ///             call rule;
    ///             exit;
    ///         }
    ///
    ///         pub fn rule() -> i32 {
    ///             r0 = 0;
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod new {
    ///         #[freplace]
    ///         fn rule(ctx: *mut c_void) -> i32 {
    ///             r0 = 65535;
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), ebpf_rt::Error> {
    ///     # kernel_test::example!();
    ///     let mut loader = filter::loader();
    ///     loader.options.debug_info(true);            // its functions have to be known by name
    ///     let filter = loader.load()?;
    ///     let mut loader = new::loader();
    ///     loader.progs.rule.target("rule").target_program(&filter.progs.keep)?;
    ///     println!("{:?}", loader.load().map(|new| new.progs.rule.is_loaded()));
    ///     Ok(())
    /// }
    /// ```
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
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::load::{Options, RawProgramOptions, load};
/// use ebpf_rt::{ebpf, programs::BtfTracepoint};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod anything {
///         #[tp_btf]
///         fn hit(ctx: *mut c_void) -> i32 {
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let mut hit = RawProgramOptions::default();
///     hit.target("sched_switch").optional();      // or skip()
///     let mut loaded = load(&anything::OBJECT, &[], &[hit], &[], &Options::default())?;
///     assert!(loaded.program::<BtfTracepoint>(0)?.is_loaded());
///     Ok(())
/// }
/// ```
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
    /// ```
    /// use ebpf_rt::load::RawProgramOptions;
    /// use std::os::fd::AsFd;
    ///
    /// // Whether it is a program, the load finds out.
    /// let file = std::fs::File::open("/dev/null")?;
    /// let mut options = RawProgramOptions::default();
    /// options.target("rule").target_program(file.as_fd())?;
    /// assert!(format!("{options:?}").contains("rule"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::ebpf;
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
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let mut loader = calls::loader();
///     loader.options.log_level(2).debug_info(true);
///     let enter = loader.load()?.progs.enter;
///     assert!(enter.log().is_some_and(|log| log.contains("(95) exit")));
///     assert!(enter.info()?.btf_id.is_some());    // source lines for `bpftool prog dump`
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub(super) log_level: u32,
    pub(super) debug_info: bool,
}

impl Options {
    /// The verifier's log also of programs that it accepts: 0 for none (the default), 1 for
    /// what it sees at branches, 2 for every instruction, plus 4 for statistics.
    ///
    /// A refused program is loaded a second time with the log on at level 1 if this does not ask for
    /// 1 or 2.
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
