//! Maps: the memory that programs share with each other and with user space.
//!
//! Each kind is two types. The *definition* ([`Def`], [`RodataDef`], [`GlobalDef`]) is constant
//! data: what `static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);` in an
//! `ebpf!` block becomes. The *handle* ([`HashMap`], …) owns a file descriptor of a map that
//! exists; the loaded object has one for each definition, and `create` makes one without an
//! object. Only handles can be read and written; on a definition that does not compile:
//!
//! ```compile_fail,E0599
//! use ebpf_rt::maps::{Def, HashMap};
//!
//! static COUNTS: Def<HashMap<u32, u64>> = HashMap::with_max_entries(1024);
//! let count = COUNTS.get(&1);
//! ```
//!
//! Keys and values are plain old data ([`bytemuck::Pod`]): what the program writes into them
//! byte by byte is a valid value, and there is no padding in which anything could leak.
//!
//! ```
//! use ebpf_rt::HashMap;
//!
//! # kernel_test::example!();
//! let counts = HashMap::<u32, u64>::create(1024)?;
//! counts.insert(1000, 3)?;
//! assert_eq!(counts.get(&1000)?, Some(3));
//! # Ok::<(), ebpf_rt::Error>(())
//! ```

mod array;
mod array_of_maps;
#[cfg(feature = "std")]
mod batch;
mod bloom_filter;
mod cgroup_array;
mod cpu_map;
mod def;
mod dev_map;
mod global;
mod hash_map;
mod hash_of_maps;
#[cfg(feature = "std")]
mod iter;
mod log;
mod lpm_trie;
mod per_cpu_array;
mod per_cpu_hash_map;
#[cfg(feature = "std")]
mod per_cpu_values;
mod perf_event_array;
mod program_array;
mod queue;
#[cfg(feature = "std")]
pub(crate) mod raw;
mod ring_buf;
mod rodata;
#[cfg(feature = "std")]
mod shared_values;
mod sock_map;
mod stack_trace;
mod storage;
pub(crate) mod struct_ops;
mod trace_format;
mod user_ring_buf;
#[cfg(feature = "std")]
mod wait;

pub use array::Array;
#[cfg(feature = "std")]
pub use array::MappedArray;
pub use array_of_maps::ArrayOfMaps;
pub use bloom_filter::BloomFilter;
pub use cgroup_array::CgroupArray;
pub use cpu_map::CpuMap;
#[cfg(feature = "std")]
pub use cpu_map::CpuQueue;
pub use def::{Def, flags};
#[cfg(feature = "std")]
pub use dev_map::Device;
pub use dev_map::{DevMap, DevMapHash};
pub use global::{Global, GlobalDef};
pub use hash_map::{HashMap, LruHashMap};
pub use hash_of_maps::HashOfMaps;
#[cfg(feature = "std")]
pub use iter::{IndexedIter, Iter, Keys, PerCpuIndexedIter, PerCpuIter, Values};
pub use log::Log;
#[cfg(feature = "std")]
pub use log::LogLines;
pub use lpm_trie::{Address, LpmTrie, Prefix};
pub use per_cpu_array::PerCpuArray;
pub use per_cpu_hash_map::{LruPerCpuHashMap, PerCpuHashMap};
#[cfg(feature = "std")]
pub use per_cpu_values::{PerCpuValues, possible_cpus};
pub use perf_event_array::PerfEventArray;
#[cfg(feature = "std")]
pub use perf_event_array::{PerfRecord, PerfRings, Sample};
pub use program_array::ProgramArray;
pub use queue::{Queue, Stack};
#[cfg(feature = "std")]
pub use raw::{MapInfo, RawMap};
#[cfg(feature = "std")]
pub use ring_buf::{Reader, Record, Records};
pub use ring_buf::{RecordType, RingBuf};
pub use rodata::{Rodata, RodataDef};
pub use sock_map::{SockHash, SockMap};
pub use stack_trace::StackTrace;
pub use storage::{CgrpStorage, InodeStorage, SkStorage, TaskStorage};
pub use struct_ops::StructOps;
pub use trace_format::{TraceArgument, TraceArguments, TraceFormat, TraceFormatDef};
pub use user_ring_buf::UserRingBuf;
#[cfg(feature = "std")]
pub use user_ring_buf::{UserSample, Writer};
#[cfg(feature = "std")]
pub use wait::wait_any;

#[cfg(feature = "std")]
use crate::Error;

/// A kind of map: the handle type, and the type of its definition.
///
/// ```
/// use ebpf_rt::maps::{HashMap, Map};
/// use ebpf_rt::Error;
///
/// /// How full any kind of map is allowed to be.
/// fn capacity<M: Map>(map: &M) -> u32 {
///     map.as_raw().max_entries()
/// }
///
/// # kernel_test::example!();
/// let counts = HashMap::<u32, u64>::create(16)?;
/// assert_eq!(capacity(&counts), 16);
///
/// // Back to a typed handle: kind and sizes are compared.
/// let raw = counts.as_raw().clone();
/// assert!(HashMap::<u64, u64>::from_raw(raw.clone()).is_err());
/// let same = HashMap::<u32, u64>::from_raw(raw)?;
/// counts.insert(1, 2)?;
/// assert_eq!(same.get(&1)?, Some(2));
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of map",
    label = "not a map",
    note = "maps are types like `HashMap<u32, u64>`; a variable of the programs is a `Global<u64>`, and a constant table a `Rodata<[u32; 4]>`"
)]
pub trait Map: Sized {
    /// The constant data that a map of this kind is made from.
    type Definition;

    /// The type of the keys; `()` where the kernel is not told about it.
    type Key;

    /// The type of the values; `()` where the kernel is not told about it.
    type Value;

    /// The typed handle of a map.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming both sides, if the map is of
    /// another kind or its keys or values have another size.
    #[cfg(feature = "std")]
    fn from_raw(raw: RawMap) -> Result<Self, Error>;

    /// The untyped handle.
    #[cfg(feature = "std")]
    fn as_raw(&self) -> &RawMap;
}

/// What the kernel can copy as it is: every [`Pod`](crate::Pod) type, and nothing else.
///
/// A trait of its own for the sake of its words: rustc shows them where a type is not one.
///
/// ```
/// use ebpf_rt::{Pod, maps::PlainData};
///
/// #[derive(Clone, Copy, Pod)]
/// #[repr(C)]
/// struct Flow {
///     address: u32,
///     ports: [u16; 2],
/// }
///
/// fn size_of_key<K: PlainData>() -> usize {
///     size_of::<K>()
/// }
/// assert_eq!(size_of_key::<Flow>(), 8);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not plain old data, which the keys and values of maps are",
    label = "has a key or value that the kernel cannot copy as it is",
    note = "write `#[derive(Clone, Copy, ebpf_rt::Pod)]` and `#[repr(C)]` before a struct of yours; `bool`, `char`, references and most enums are none"
)]
pub trait PlainData: bytemuck::Pod {}

#[diagnostic::do_not_recommend]
impl<T: bytemuck::Pod> PlainData for T {}

/// What [`insert_with`](HashMap::insert_with) does about a key that exists, or does not.
///
/// ```
/// use ebpf_rt::{ErrorKind, HashMap, maps::Update};
///
/// # kernel_test::example!();
/// let owners = HashMap::<u32, u32>::create(8)?;
/// owners.insert_with(1, 100, Update::NoExist)?;
/// // Somebody was first:
/// let error = owners.insert_with(1, 200, Update::NoExist).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Exists);
/// let error = owners.insert_with(2, 200, Update::Exist).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Update {
    /// Makes the entry or replaces its value.
    #[default]
    #[doc(alias = "BPF_ANY")]
    Any = flags::BPF_ANY,
    /// Makes the entry; it is an error if the key exists.
    #[doc(alias = "BPF_NOEXIST")]
    NoExist = flags::BPF_NOEXIST,
    /// Replaces the value; it is an error if the key does not exist.
    #[doc(alias = "BPF_EXIST")]
    Exist = flags::BPF_EXIST,
}

/// What all typed handles have: they own a descriptor, show their map, and can be found and
/// pinned.
#[cfg(feature = "std")]
macro_rules! handle_impls {
    ([$($generics:tt)*] $name:ty) => {
        impl<$($generics)*> std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.raw.as_fd()
            }
        }

        // For what wants a number and lives no longer than the handle: executors, epoll.
        impl<$($generics)*> std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(self))
            }
        }

        impl<$($generics)*> core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(&self.raw, f)
            }
        }

        impl<$($generics)*> $name {
            /// The map that is pinned at this path in a bpffs. Its kind and sizes are compared
            /// first.
            ///
            /// # Errors
            /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none,
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming both sides, if it is
            /// another kind of map or has other sizes; what else `BPF_OBJ_GET` says. Where no
            /// bpffs is mounted there, the error says so.
            #[doc(alias = "BPF_OBJ_GET")]
            pub fn from_pin(path: impl AsRef<std::path::Path>) -> Result<Self, crate::Error> {
                <Self as crate::maps::Map>::from_raw(crate::maps::RawMap::from_pin(path)?)
            }

            /// The map with this number. Its kind and sizes are compared first. Needs
            /// `CAP_SYS_ADMIN`.
            ///
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!();
            /// let counts = HashMap::<u32, u64>::create(16)?;
            /// let id = counts.info()?.id;                     // as `bpftool map` shows it
            /// let same = HashMap::<u32, u64>::from_id(id)?;
            /// same.insert(1, 5)?;
            /// assert_eq!(counts.get(&1)?, Some(5));
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none,
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming both sides, if it is
            /// another kind of map or has other sizes; what else `BPF_MAP_GET_FD_BY_ID` says.
            #[doc(alias = "BPF_MAP_GET_FD_BY_ID")]
            pub fn from_id(id: u32) -> Result<Self, crate::Error> {
                <Self as crate::maps::Map>::from_raw(crate::maps::RawMap::from_id(id)?)
            }

            /// The map behind a descriptor. Its kind and sizes are compared first.
            ///
            /// ```
            /// use ebpf_rt::HashMap;
            /// use std::os::fd::AsFd;
            ///
            /// # kernel_test::example!();
            /// let counts = HashMap::<u32, u64>::create(16)?;
            /// // As a service gets one over a socket:
            /// let fd = counts.as_fd().try_clone_to_owned()?;
            /// let same = HashMap::<u32, u64>::from_fd(fd)?;
            /// same.insert(1, 5)?;
            /// assert_eq!(counts.get(&1)?, Some(5));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Errors
            /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming both sides, if it is
            /// another kind of map, has other sizes, or is no map; what else
            /// `BPF_OBJ_GET_INFO_BY_FD` says.
            pub fn from_fd(fd: std::os::fd::OwnedFd) -> Result<Self, crate::Error> {
                <Self as crate::maps::Map>::from_raw(crate::maps::RawMap::from_fd(fd)?)
            }

            /// Gives the map a name in a bpffs, where it stays when nothing else holds it any
            /// more: until the file is removed ([`unpin`](crate::maps::unpin)).
            ///
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!();
            /// # let (_mount, dir) = kernel_test::bpf::file_system()?;
            /// // `dir` is in a bpffs: /sys/fs/bpf on most machines.
            /// let path = dir.join("counts");
            /// let counts = HashMap::<u32, u64>::create(16)?;
            /// counts.insert(1, 5)?;
            /// counts.pin(&path)?;
            /// drop(counts);                                   // the name holds the map
            /// let counts = HashMap::<u32, u64>::from_pin(&path)?;
            /// assert_eq!(counts.get(&1)?, Some(5));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Errors
            /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) if there is such a file; what
            /// else `BPF_OBJ_PIN` says. Where no bpffs is mounted there, the error says so.
            #[doc(alias = "BPF_OBJ_PIN")]
            pub fn pin(&self, path: impl AsRef<std::path::Path>) -> Result<(), crate::Error> {
                self.raw.pin(path)
            }

            /// What the kernel says about the map.
            ///
            /// # Errors
            /// What `BPF_OBJ_GET_INFO_BY_FD` says.
            #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
            pub fn info(&self) -> Result<crate::maps::MapInfo, crate::Error> {
                self.raw.info()
            }
        }
    };
}
#[cfg(feature = "std")]
pub(crate) use handle_impls;

/// What a handle has that is nothing but its map: definition, kind, and the types of keys and
/// values.
macro_rules! map_impls {
    ([$($parameter:ident),*] $name:ty, $definition:ty, $map_type:ident<$key:ty, $value:ty>) => {
        crate::maps::map_impls!(
            [$($parameter: crate::maps::PlainData),*] $name, $definition, $map_type,
            size_of::<$key>(), size_of::<$value>(), $key, $value
        );
    };
    ([$($generics:tt)*] $name:ty, $definition:ty, $map_type:ident, $key:expr, $value:expr) => {
        crate::maps::map_impls!(
            [$($generics)*] $name, $definition, $map_type, $key, $value, (), ()
        );
    };
    (
        [$($generics:tt)*] $name:ty, $definition:ty, $map_type:ident, $key:expr, $value:expr,
        $key_type:ty, $value_type:ty
    ) => {
        impl<$($generics)*> crate::maps::Map for $name {
            type Definition = $definition;
            type Key = $key_type;
            type Value = $value_type;

            #[cfg(feature = "std")]
            fn from_raw(raw: crate::maps::RawMap) -> Result<Self, crate::Error> {
                Ok(Self {
                    raw: raw.expect_sizes(ebpf_asm::MapType::$map_type, $key, $value)?,
                    types: core::marker::PhantomData,
                })
            }

            #[cfg(feature = "std")]
            fn as_raw(&self) -> &crate::maps::RawMap {
                &self.raw
            }
        }

        #[cfg(feature = "std")]
        crate::maps::handle_impls!([$($generics)*] $name);
    };
}
pub(crate) use map_impls;

/// Removes the name that a map, program or link has in a bpffs: it goes away unless something
/// else holds it.
///
/// ```
/// use ebpf_rt::{HashMap, maps};
///
/// # kernel_test::example!();
/// # let (_mount, dir) = kernel_test::bpf::file_system()?;
/// // `dir` is in a bpffs: /sys/fs/bpf on most machines.
/// let path = dir.join("counts");
/// HashMap::<u32, u64>::create(16)?.pin(&path)?;
/// maps::unpin(&path)?;                            // nothing else holds the map: it is gone
/// assert!(HashMap::<u32, u64>::from_pin(&path).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such file; what else
/// unlink(2) says.
#[cfg(feature = "std")]
pub fn unpin(path: impl AsRef<std::path::Path>) -> Result<(), Error> {
    crate::pins::remove(path.as_ref())
}
