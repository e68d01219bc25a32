//! Maps without types: the descriptor and the sizes, and the operations on bytes.

#[cfg(feature = "btf")]
use super::struct_ops::{Filling, Table};
use super::{Update, per_cpu_values};
use crate::capabilities::{self, Capability};
use crate::sys::bpf::{self, MapTypes, NewMap};
use crate::sys::memory::page_size;
#[cfg(feature = "btf")]
use crate::type_information;
use crate::{Errno, Error, ErrorKind, KernelVersion, pins, sys};
use ebpf_asm::MapType;
#[cfg(feature = "btf")]
use ebpf_asm::btf::ObjectBtf;
use ebpf_asm::object::{InnerMapDef, MapDef};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// A map that exists, without the types of its keys and values.
///
/// Clones share the descriptor, which is closed with the last of them.
///
/// ```
/// use ebpf_rt::maps::{HashMap, Map, RawMap};
/// use ebpf_rt::MapType;
///
/// # kernel_test::example!();
/// let counts = HashMap::<u32, u64>::create(16)?;
/// // Any map of the machine by its number, whatever it holds:
/// let raw = RawMap::from_id(counts.as_raw().id()?)?;
/// assert_eq!(raw.map_type(), MapType::Hash);
/// assert_eq!((raw.key_size(), raw.value_size(), raw.max_entries()), (4, 8, 16));
/// assert_eq!(raw.name(), "hash_map");
///
/// raw.freeze()?;
/// assert!(counts.insert(1, 1).is_err());          // the same map
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RawMap(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: OwnedFd,
    object: &'static str,
    name: String,
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    /// The bytes that the kernel copies for a value: of per-CPU maps one for each possible
    /// CPU. Every buffer is checked against this before the kernel sees it.
    copied_size: usize,
    /// The map is a machine's, and the descriptor that of memory it is mapped from.
    #[cfg(feature = "vm")]
    vm: Option<crate::vm::VmMap>,
    /// What is in it, or will be, of a table of functions.
    #[cfg(feature = "btf")]
    table: std::sync::OnceLock<Table>,
    /// Whether a link hands the table to the kernel.
    #[cfg(feature = "btf")]
    has_links: bool,
}

/// What the kernel says about a map.
///
/// ```
/// use ebpf_rt::{HashMap, MapType};
///
/// # kernel_test::example!();
/// let info = HashMap::<u32, u64>::create(16)?.info()?;
/// println!("map {} is called {}", info.id, info.name);
/// assert_eq!(info.map_type, MapType::Hash);
/// assert_eq!((info.key_size, info.value_size, info.max_entries), (4, 8, 16));
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "bpf_map_info")]
pub struct MapInfo {
    /// The kernel's number for the map, as `bpftool map` shows it.
    pub id: u32,
    /// The name as the kernel has it: 15 bytes at most.
    pub name: String,
    /// The kind of map.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value; of a per-CPU map, of one CPU's value.
    pub value_size: u32,
    /// How many entries it can hold; of ring buffers how many bytes.
    pub max_entries: u32,
    /// `BPF_F_*` flags, which can be more than were asked for.
    #[doc(alias = "map_flags")]
    pub flags: u32,
    /// What only some kinds have. Linux 5.16, else 0.
    #[doc(alias = "map_extra")]
    pub extra: u64,
}

/// Asks the kernel about a descriptor, which has to be a map's.
pub(crate) fn info(fd: BorrowedFd<'_>) -> Result<MapInfo, Error> {
    let info = bpf::info::<bpf::MapInfo>(fd)
        .map_err(|errno| Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno))?;
    // Programs and links are answered, too, with other fields. The kernel's text says which.
    let text = sys::fs::read_file(&format!("/proc/self/fdinfo/{}", fd.as_raw_fd()));
    if text.is_ok_and(|text| !text.contains("map_type:")) {
        return Err(Error::invalid("it is not a map"));
    }
    let map_type = MapType::from_raw(info.kind).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported).because(format!(
            "it is a map of the kind {}, which is newer than this library",
            info.kind
        ))
    })?;
    let end = info.name.iter().position(|&byte| byte == 0).unwrap_or(16);
    Ok(MapInfo {
        id: info.id,
        name: String::from_utf8_lossy(&info.name[..end]).into_owned(),
        map_type,
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: info.max_entries,
        flags: info.map_flags,
        extra: info.map_extra,
    })
}

/// What a map is created from, after the loader's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) object: &'static str,
    pub(crate) name: &'a str,
    pub(crate) map_type: MapType,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
    pub(crate) inner: Option<InnerMapDef>,
    pub(crate) extra: u64,
    pub(crate) initial: Option<&'a [u8]>,
    pub(crate) frozen: bool,
    pub(crate) types: Option<MapTypes<'a>>,
    /// What creating the map needs, and loading the programs it is created for: a refusal
    /// names all of it at once.
    pub(crate) needs: &'static [Capability],
}

impl<'a> Request<'a> {
    pub(crate) fn from_def(object: &'static str, name: &'a str, def: &MapDef) -> Self {
        Self {
            object,
            name,
            map_type: def.map_type,
            key_size: def.key_size,
            value_size: def.value_size,
            max_entries: def.max_entries,
            flags: def.flags,
            inner: def.inner,
            extra: def.extra,
            initial: def.initial,
            frozen: def.frozen,
            types: None,
            needs: &[Capability::Bpf],
        }
    }
}

/// Creates a map, fills it and freezes it, as far as it asks for that.
pub(crate) fn create(request: &Request<'_>) -> Result<RawMap, Error> {
    let in_map = |error: Error| error.in_object(request.object).of_map(request.name);
    if request.map_type == MapType::StructOps {
        return Err(in_map(Error::invalid(
            "a struct_ops map is made by loading the object that has its programs",
        )));
    }
    let copied_size = copied_size(request.map_type, request.value_size).map_err(in_map)?;
    let max_entries = max_entries(request).map_err(in_map)?;
    // The kernel looks at this one to see what the map can hold, and does not keep it.
    let template = request.inner.map(|inner| template(request, &inner));
    let template = template.transpose().map_err(in_map)?;
    let new = NewMap {
        name: request.name,
        map_type: request.map_type,
        key_size: request.key_size,
        value_size: request.value_size,
        max_entries,
        flags: request.flags,
        inner: template.as_ref().map(AsFd::as_fd),
        extra: request.extra,
        kernel_value: None,
        types: request.types,
    };
    let fd = with_memlock(|| bpf::map_create(&new)).or_else(|errno| {
        let error = explain_create(request, errno);
        match errno {
            Errno::EINVAL if error.kind() == ErrorKind::System => ask_create(&new, error),
            _ => Err(error),
        }
    });
    let fd = fd.map_err(in_map)?;
    let map = RawMap(Arc::new(Inner {
        fd,
        object: request.object,
        name: request.name.to_owned(),
        map_type: request.map_type,
        key_size: request.key_size,
        value_size: request.value_size,
        max_entries,
        copied_size,
        #[cfg(feature = "vm")]
        vm: None,
        #[cfg(feature = "btf")]
        table: std::sync::OnceLock::new(),
        #[cfg(feature = "btf")]
        has_links: false,
    }));
    map.begin(request)?;
    Ok(map)
}

/// The map of a table of functions, whose value is of a type of the kernel.
#[cfg(feature = "btf")]
pub(crate) fn of_kernel_type(
    fd: OwnedFd,
    object: &'static str,
    def: &MapDef,
    value_size: u32,
    has_links: bool,
) -> RawMap {
    RawMap(Arc::new(Inner {
        fd,
        object,
        name: def.name.to_owned(),
        map_type: def.map_type,
        key_size: def.key_size,
        value_size,
        max_entries: def.max_entries,
        copied_size: value_size as usize,
        #[cfg(feature = "vm")]
        vm: None,
        table: std::sync::OnceLock::new(),
        has_links,
    }))
}

/// Creates a map that needs the types of its keys and values, in no object.
#[cfg(feature = "btf")]
pub(crate) fn create_with_types(request: &Request<'_>, def: &MapDef) -> Result<RawMap, Error> {
    let in_map = |error: Error| error.in_object(request.object).of_map(request.name);
    let describe = |kernel| ObjectBtf::of_map(def, kernel);
    let (fd, btf) = type_information::load(describe).map_err(in_map)?;
    let types = btf.maps.first().copied().flatten();
    create(&Request {
        types: types.map(|types| MapTypes {
            btf: fd.as_fd(),
            key: types.key.get(),
            value: types.value.get(),
        }),
        ..*request
    })
}

/// Says what is missing.
#[cfg(not(feature = "btf"))]
pub(crate) fn create_with_types(request: &Request<'_>, _: &MapDef) -> Result<RawMap, Error> {
    let error = Error::new(ErrorKind::Unsupported).of_map(request.name);
    Err(error
        .because("the kernel has to know the types of its values")
        .remedy("build ebpf-rt with its feature `btf`"))
}

/// Runs an operation that takes memory which counted as locked before Linux 5.11: there the
/// limit is lifted when it was in the way.
pub(crate) fn with_memlock<T>(mut operation: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let result = operation();
    if matches!(result, Err(Errno::EPERM))
        && capabilities::counts_memlock()
        && sys::process::unlimit_memlock().is_ok()
    {
        return operation();
    }
    result
}

/// As many as there are CPUs, where that is what no number means.
pub(crate) fn max_entries(request: &Request<'_>) -> Result<u32, Error> {
    let per_cpu = matches!(request.map_type, MapType::PerfEventArray | MapType::Cpumap);
    if !per_cpu || request.max_entries != 0 {
        return Ok(request.max_entries);
    }
    let cpus = per_cpu_values::possible_cpus()?;
    u32::try_from(cpus).map_err(|_| Error::invalid("there are too many CPUs"))
}

/// A map like those that a map of maps is to hold.
fn template(request: &Request<'_>, inner: &InnerMapDef) -> Result<OwnedFd, Error> {
    let new = NewMap {
        name: request.name,
        map_type: inner.map_type,
        key_size: inner.key_size,
        value_size: inner.value_size,
        max_entries: inner.max_entries,
        flags: inner.flags,
        inner: None,
        extra: 0,
        kernel_value: None,
        types: None,
    };
    with_memlock(|| bpf::map_create(&new)).map_err(|errno| {
        let inner = Request {
            map_type: inner.map_type,
            key_size: inner.key_size,
            value_size: inner.value_size,
            max_entries: inner.max_entries,
            flags: inner.flags,
            inner: None,
            extra: 0,
            ..*request
        };
        explain_create(&inner, errno)
    })
}

fn copied_size(map_type: MapType, value_size: u32) -> Result<usize, Error> {
    let size = usize::try_from(value_size).map_err(|_| Error::invalid("the value is too large"))?;
    if !is_per_cpu(map_type) {
        return Ok(size);
    }
    per_cpu_values::stride(size)
        .checked_mul(per_cpu_values::possible_cpus()?)
        .ok_or_else(|| Error::invalid("the values of all CPUs are too large"))
}

const fn is_per_cpu(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::PercpuArray
            | MapType::PercpuHash
            | MapType::LruPercpuHash
            | MapType::PercpuCgroupStorage
    )
}

const fn is_array(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::Array
            | MapType::PercpuArray
            | MapType::ProgArray
            | MapType::PerfEventArray
            | MapType::CgroupArray
            | MapType::ArrayOfMaps
            | MapType::Devmap
            | MapType::Cpumap
            | MapType::Sockmap
    )
}

/// Whether this kernel is older.
pub(super) fn running_before(version: KernelVersion) -> bool {
    capabilities::running_kernel().is_some_and(|running| running < version)
}

/// Has the kernel say why it does not make a map: those that can, keep a log of it.
fn ask_create(new: &NewMap<'_>, error: Error) -> Result<OwnedFd, Error> {
    const LOG_SIZE: usize = 4096;
    // No kernel before has it; those that have it by another version say `EINVAL`.
    if running_before(KernelVersion::new(7, 0)) {
        return Err(error);
    }
    let mut log = vec![0; LOG_SIZE];
    bpf::map_create_with_log(new, &mut log).map_err(|errno| crate::load::of_map(error, errno, &log))
}

fn explain_create(request: &Request<'_>, errno: Errno) -> Error {
    let error = Error::failed("BPF_MAP_CREATE", errno);
    match errno {
        Errno::EPERM => {
            let of_map = capabilities::for_map(request.map_type);
            capabilities::explain(error, capabilities::union(of_map, request.needs))
        }
        Errno::EINVAL if request.max_entries == 0 => error
            .with_kind(ErrorKind::Invalid)
            .because("its max_entries is 0")
            .remedy("say how many entries it can hold"),
        Errno::EINVAL
            if matches!(request.map_type, MapType::Ringbuf | MapType::UserRingbuf)
                && !super::ring_buf::is_size(request.max_entries, page_size()) =>
        {
            error.with_kind(ErrorKind::Invalid).because(format!(
                "its size of {} bytes is not a power of two and a multiple of the page size, {}",
                request.max_entries,
                page_size()
            ))
        }
        Errno::EINVAL if running_before(request.map_type.since()) => {
            error.with_kind(ErrorKind::Unsupported).because(format!(
                "{:?} maps need Linux {}",
                request.map_type,
                request.map_type.since()
            ))
        }
        Errno::EINVAL => error.because(format!(
            "this kernel has no {:?} map with keys of {} bytes, values of {} bytes, {} entries \
             and flags {:#x}",
            request.map_type,
            request.key_size,
            request.value_size,
            request.max_entries,
            request.flags
        )),
        Errno::E2BIG => error.because(format!(
            "keys of {} bytes, values of {} bytes, {} entries: more than the kernel allows",
            request.key_size, request.value_size, request.max_entries
        )),
        Errno::ENOMEM => error
            .because(format!(
                "{} entries with values of {} bytes: the kernel has no memory for it",
                request.max_entries, request.value_size
            ))
            .remedy("ask for fewer entries"),
        _ => error,
    }
}

impl RawMap {
    /// The name as it was written; the kernel shows its first 15 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind of map.
    #[must_use]
    pub fn map_type(&self) -> MapType {
        self.0.map_type
    }

    /// Bytes of a key.
    #[must_use]
    pub fn key_size(&self) -> u32 {
        self.0.key_size
    }

    /// Bytes of a value; of a per-CPU map, of one CPU's value.
    #[must_use]
    pub fn value_size(&self) -> u32 {
        self.0.value_size
    }

    /// How many entries it can hold.
    #[must_use]
    pub fn max_entries(&self) -> u32 {
        self.0.max_entries
    }

    /// The map behind a descriptor.
    ///
    /// ```
    /// use ebpf_rt::{HashMap, maps::RawMap};
    /// use std::os::fd::AsFd;
    ///
    /// # kernel_test::example!();
    /// let counts = HashMap::<u32, u64>::create(16)?;
    /// let raw = RawMap::from_fd(counts.as_fd().try_clone_to_owned()?)?;
    /// assert_eq!(raw.value_size(), 8);
    /// let file = std::fs::File::open("/dev/null")?;
    /// assert!(RawMap::from_fd(file.into()).is_err()); // not a map
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it is not a map's; what `BPF_OBJ_GET_INFO_BY_FD` says.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, Error> {
        let info = info(fd.as_fd())?;
        Ok(Self(Arc::new(Inner {
            fd,
            object: "",
            copied_size: copied_size(info.map_type, info.value_size)?,
            name: info.name,
            map_type: info.map_type,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            #[cfg(feature = "vm")]
            vm: None,
            #[cfg(feature = "btf")]
            table: std::sync::OnceLock::new(),
            #[cfg(feature = "btf")]
            has_links: false,
        })))
    }

    /// The map with this number.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none, [`ErrorKind::Permission`] without
    /// `CAP_SYS_ADMIN`; what else `BPF_MAP_GET_FD_BY_ID` says.
    #[doc(alias = "BPF_MAP_GET_FD_BY_ID")]
    pub fn from_id(id: u32) -> Result<Self, Error> {
        let fd = bpf::fd_by_id(bpf::Command::MapGetFdById, id).map_err(|errno| {
            let error = Error::failed("BPF_MAP_GET_FD_BY_ID", errno);
            match errno {
                Errno::ENOENT => error.because(format!("there is no map with the number {id}")),
                Errno::EPERM => capabilities::explain(error, &[Capability::SysAdmin]),
                _ => error,
            }
        })?;
        Self::from_fd(fd)
    }

    /// The map that is pinned at this path.
    ///
    /// ```
    /// use ebpf_rt::maps::{HashMap, RawMap};
    ///
    /// # kernel_test::example!();
    /// # let (_mount, dir) = kernel_test::bpf::file_system()?;
    /// // `dir` is in a bpffs: /sys/fs/bpf on most machines.
    /// HashMap::<u32, u64>::create(16)?.pin(dir.join("counts"))?;
    /// let raw = RawMap::from_pin(dir.join("counts"))?;
    /// raw.pin(dir.join("the_same"))?;
    /// let again = RawMap::from_pin(dir.join("the_same"))?;
    /// assert_eq!(raw.info()?.id, again.info()?.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if nothing is, [`ErrorKind::Invalid`] if it is not a map; what
    /// else `BPF_OBJ_GET` says. Where no bpffs is mounted there, the error says so.
    #[doc(alias = "BPF_OBJ_GET")]
    pub fn from_pin(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::from_fd(pins::open(path)?).map_err(|error| {
            error.because(format!(
                "what is pinned at {} is not a map that can be used here",
                path.display()
            ))
        })
    }

    /// The same map, said to be this one of an object.
    pub(crate) fn named(self, object: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Self(Arc::new(Inner {
                object,
                name,
                ..inner
            })),
            // Who shares it knows it by the name that it has.
            Err(shared) => Self(shared),
        }
    }

    /// Gives the map a name in a bpffs, where it stays when nothing else holds it any more:
    /// until the file is removed ([`unpin`](crate::maps::unpin)).
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if there is such a file; what else `BPF_OBJ_PIN` says. Where no
    /// bpffs is mounted there, the error says so.
    #[doc(alias = "BPF_OBJ_PIN")]
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        #[cfg(feature = "vm")]
        if self.vm().is_some() {
            return Err(self.error(crate::vm::no_kernel("it cannot be pinned")));
        }
        pins::pin(self.as_fd(), path.as_ref()).map_err(|error| self.error(error))
    }

    /// What the kernel says about the map.
    ///
    /// # Errors
    /// What `BPF_OBJ_GET_INFO_BY_FD` says.
    #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
    pub fn info(&self) -> Result<MapInfo, Error> {
        #[cfg(feature = "vm")]
        if let Some(vm) = self.vm() {
            return Ok(MapInfo {
                id: vm.number(),
                name: self.0.name.clone(),
                map_type: self.0.map_type,
                key_size: self.0.key_size,
                value_size: self.0.value_size,
                max_entries: self.0.max_entries,
                flags: vm.flags(),
                extra: 0,
            });
        }
        info(self.as_fd()).map_err(|error| self.error(error))
    }

    /// Makes the map read-only for user space, for good. Programs can still write to it,
    /// unless its flags say otherwise. Linux 5.2.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`] if it is frozen already, `EBUSY` while it is mapped for
    /// writing; what else `BPF_MAP_FREEZE` says.
    #[doc(alias = "BPF_MAP_FREEZE")]
    pub fn freeze(&self) -> Result<(), Error> {
        self.call_freeze().map_err(|errno| {
            let error = self.failed("BPF_MAP_FREEZE", errno);
            match errno {
                Errno::EBUSY => error.because("the map is mapped for writing, or frozen already"),
                _ => error,
            }
        })
    }

    /// A map of a machine.
    #[cfg(feature = "vm")]
    pub(crate) fn of_machine(
        request: &Request<'_>,
        fd: OwnedFd,
        vm: crate::vm::VmMap,
    ) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            fd,
            object: request.object,
            name: request.name.to_owned(),
            map_type: request.map_type,
            key_size: request.key_size,
            value_size: request.value_size,
            max_entries: request.max_entries,
            copied_size: copied_size(request.map_type, request.value_size)?,
            vm: Some(vm),
            #[cfg(feature = "btf")]
            table: std::sync::OnceLock::new(),
            #[cfg(feature = "btf")]
            has_links: false,
        })))
    }

    /// The machine's map, if it is one's.
    #[cfg(feature = "vm")]
    pub(crate) fn vm(&self) -> Option<&crate::vm::VmMap> {
        self.0.vm.as_ref()
    }

    /// The kernel's number for the map, as `bpftool map` shows it.
    ///
    /// # Errors
    /// What `BPF_OBJ_GET_INFO_BY_FD` says.
    pub fn id(&self) -> Result<u32, Error> {
        #[cfg(feature = "vm")]
        if let Some(vm) = self.vm() {
            return Ok(vm.number());
        }
        bpf::id(self.as_fd()).map_err(|errno| self.failed("BPF_OBJ_GET_INFO_BY_FD", errno))
    }

    /// The bytes that the kernel copies for a value.
    pub(crate) fn copied_size(&self) -> usize {
        self.0.copied_size
    }

    /// Where it is, for messages: ``object `opens`, map `COUNTS` ``.
    pub(crate) fn describe(&self) -> String {
        let object = match self.0.object {
            "" => String::new(),
            object => format!("object `{object}`, "),
        };
        format!(
            "{object}map `{}` ({:?}, keys of {} bytes, values of {} bytes)",
            self.0.name, self.0.map_type, self.0.key_size, self.0.value_size
        )
    }

    /// The contents of a table of functions, once it is filled.
    #[cfg(feature = "btf")]
    pub(crate) fn table(&self) -> Option<&Table> {
        self.0.table.get()
    }

    /// Fills a table of functions: now if a link is to hand it to the kernel, else later.
    #[cfg(feature = "btf")]
    pub(crate) fn fill_table(&self, filling: Filling) -> Result<(), Error> {
        let table = if self.0.has_links {
            filling.put_into(self)?;
            Table::Linked
        } else {
            Table::Kept(filling)
        };
        // It is filled once, by the load that made it.
        let _ = self.0.table.set(table);
        Ok(())
    }

    /// Passes the map on if it is of this kind and has these sizes.
    pub(crate) fn expect<K, V>(self, map_type: MapType) -> Result<Self, Error> {
        self.expect_sizes(map_type, size_of::<K>(), size_of::<V>())
    }

    /// Passes the map on if it is of this kind and has keys and values of these sizes.
    pub(crate) fn expect_sizes(
        self,
        map_type: MapType,
        key_size: usize,
        value_size: usize,
    ) -> Result<Self, Error> {
        let inner = &*self.0;
        let fits = inner.map_type == map_type
            && u64::from(inner.key_size) == key_size as u64
            && u64::from(inner.value_size) == value_size as u64;
        if fits {
            return Ok(self);
        }
        Err(Error::invalid(format!(
            "a {map_type:?} map with keys of {key_size} bytes and values of {value_size} bytes is \
             wanted, and {} is given",
            self.describe()
        )))
    }

    /// An error that is about this map.
    pub(crate) fn error(&self, error: Error) -> Error {
        error.in_object(self.0.object).of_map(&self.0.name)
    }

    /// An operation on this map that the kernel refused.
    pub(crate) fn failed(&self, operation: &str, errno: Errno) -> Error {
        let error = self.error(Error::failed(operation, errno));
        match errno {
            Errno::EBADF => error
                .because("the map's file descriptor is not open")
                .remedy("something else in the process has closed it"),
            Errno::EPERM => {
                error.because("the map is frozen, or its flags do not allow this to user space")
            }
            _ => error,
        }
    }

    /// The kernel goes by the map's sizes, not by the buffers': they must be the same.
    #[inline]
    fn check_sizes(&self, key: usize, value: Option<usize>) -> Result<(), Error> {
        let key_fits = u64::from(self.0.key_size) == key as u64;
        let value_fits = value.is_none_or(|value| value == self.0.copied_size);
        if key_fits && value_fits {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a key of {key} bytes and a value of {value:?} bytes are given to {}",
            self.describe()
        )))
    }

    /// Reads the value of a key; `false` if there is no such key.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<bool, Error> {
        self.check_sizes(key.len(), Some(value.len()))?;
        match self.call_lookup(key, value) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(self.failed("BPF_MAP_LOOKUP_ELEM", errno)),
        }
    }

    #[inline]
    pub(crate) fn update(&self, key: &[u8], value: &[u8], update: Update) -> Result<(), Error> {
        self.check_sizes(key.len(), Some(value.len()))?;
        self.call_update(key, value, update as u64)
            .map_err(|errno| self.explain_update("BPF_MAP_UPDATE_ELEM", errno))
    }

    /// Reads and removes the value of a key; `false` if there is no such key.
    pub(crate) fn take(&self, key: &[u8], value: &mut [u8]) -> Result<bool, Error> {
        self.check_sizes(key.len(), Some(value.len()))?;
        match self.call_take(key, value) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => {
                let error = self.failed("BPF_MAP_LOOKUP_AND_DELETE_ELEM", errno);
                let since = match self.0.map_type {
                    MapType::Queue | MapType::Stack => KernelVersion::new(4, 20),
                    _ => KernelVersion::new(5, 14),
                };
                Err(since_when(error, errno, since))
            }
        }
    }

    pub(super) fn explain_update(&self, command: &str, errno: Errno) -> Error {
        let error = self.failed(command, errno);
        let entries = self.0.max_entries;
        match errno {
            Errno::E2BIG if is_array(self.0.map_type) => error
                .with_kind(ErrorKind::NotFound)
                .because(format!("the index is beyond its {entries} entries")),
            Errno::E2BIG => error
                .with_kind(ErrorKind::Full)
                .because(format!("the map is full: its max_entries is {entries}")),
            Errno::EEXIST => error.because("the key exists already"),
            Errno::ENOENT => error.because("the key does not exist"),
            _ => error,
        }
    }

    /// Removes a key; `false` if there was no such key.
    pub(crate) fn delete(&self, key: &[u8]) -> Result<bool, Error> {
        self.check_sizes(key.len(), None)?;
        match self.call_delete(key) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(self.failed("BPF_MAP_DELETE_ELEM", errno)),
        }
    }

    /// The key after this one, or the first; `false` if there is none.
    #[inline]
    pub(crate) fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool, Error> {
        self.check_sizes(key.map_or(next.len(), <[u8]>::len), None)?;
        self.check_sizes(next.len(), None)?;
        self.call_next_key(key, next)
            .map_err(|errno| self.failed("BPF_MAP_GET_NEXT_KEY", errno))
    }

    /// Puts into a new map what it is to hold from the start, and freezes it if it is asked for.
    pub(crate) fn begin(&self, request: &Request<'_>) -> Result<(), Error> {
        if let Some(values) = request.initial {
            self.fill(values)?;
        }
        if request.frozen {
            self.call_freeze()
                .map_err(|errno| self.failed("BPF_MAP_FREEZE", errno))?;
        }
        Ok(())
    }

    /// Puts values at the indices 0, 1, … of an array.
    fn fill(&self, values: &[u8]) -> Result<(), Error> {
        let inner = &*self.0;
        let size = inner.value_size as usize;
        let whole = size > 0 && values.len().is_multiple_of(size);
        if inner.map_type != MapType::Array || !whole {
            return Err(self.error(Error::invalid(format!(
                "{} bytes are no initial contents for it",
                values.len()
            ))));
        }
        let count = values.len() / size;
        if count as u64 > u64::from(inner.max_entries) {
            return Err(self.error(Error::invalid(format!(
                "it has {count} initial values and room for {}",
                inner.max_entries
            ))));
        }
        match count {
            0 => Ok(()),
            1 => self.update(&0u32.to_ne_bytes(), values, Update::Any),
            #[cfg(feature = "vm")]
            _ if self.vm().is_some() => {
                (0u32..)
                    .zip(values.chunks(size))
                    .try_for_each(|(index, value)| {
                        self.update(&index.to_ne_bytes(), value, Update::Any)
                    })
            }
            _ => {
                let keys: Vec<u32> = (0..inner.max_entries).take(count).collect();
                let count = keys.len() as u32;
                let keys = bytemuck::cast_slice(&keys);
                let (result, _) = bpf::map_update_batch(self.as_fd(), keys, values, count, 0);
                result.map_err(|errno| self.failed("BPF_MAP_UPDATE_BATCH", errno))
            }
        }
    }
}

/// The calls of one element: to the kernel, or to the machine that the map is in.
macro_rules! element_calls {
    ($($name:ident = $kernel:ident / $machine:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        impl RawMap {
            $(
                #[inline]
                fn $name(&self, $($argument: $type),*) -> Result<$result, Errno> {
                    #[cfg(feature = "vm")]
                    if let Some(vm) = self.vm() {
                        return vm.$machine($($argument),*);
                    }
                    bpf::$kernel(self.as_fd(), $($argument),*)
                }
            )*
        }
    };
}

element_calls! {
    call_lookup = map_lookup / lookup(key: &[u8], value: &mut [u8]) -> ();
    call_update = map_update / update(key: &[u8], value: &[u8], flags: u64) -> ();
    call_take = map_take / take(key: &[u8], value: &mut [u8]) -> ();
    call_delete = map_delete / delete(key: &[u8]) -> ();
    call_next_key = map_next_key / next_key(key: Option<&[u8]>, next: &mut [u8]) -> bool;
    call_freeze = map_freeze / freeze() -> ();
}

/// After a refusal: whether the kernel is too old for the command.
pub(super) fn since_when(error: Error, errno: Errno, since: KernelVersion) -> Error {
    match errno {
        Errno::EINVAL | Errno::ENOTSUPP if running_before(since) => error
            .with_kind(ErrorKind::Unsupported)
            .because(format!("it needs Linux {since}")),
        _ => error,
    }
}

impl AsFd for RawMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}
