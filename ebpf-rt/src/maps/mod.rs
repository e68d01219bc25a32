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

mod array;
mod def;
mod global;
mod hash_map;
#[cfg(feature = "std")]
mod iter;
mod per_cpu_array;
mod per_cpu_hash_map;
#[cfg(feature = "std")]
mod per_cpu_values;
#[cfg(feature = "std")]
pub(crate) mod raw;
mod rodata;

pub use array::Array;
pub use def::{Def, flags};
pub use global::{Global, GlobalDef};
pub use hash_map::{HashMap, LruHashMap};
#[cfg(feature = "std")]
pub use iter::{IndexedIter, Iter, Keys, PerCpuIndexedIter, PerCpuIter, Values};
pub use per_cpu_array::PerCpuArray;
pub use per_cpu_hash_map::{LruPerCpuHashMap, PerCpuHashMap};
#[cfg(feature = "std")]
pub use per_cpu_values::{PerCpuValues, possible_cpus};
#[cfg(feature = "std")]
pub use raw::RawMap;
pub use rodata::{Rodata, RodataDef};

#[cfg(feature = "std")]
use crate::Error;

/// A kind of map: the handle type, and the type of its definition.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of map",
    label = "not a map, or one whose key or value is not plain old data",
    note = "maps are types like `HashMap<u32, u64>` and `Global<u64>`; a struct of yours can be a key or value with `#[derive(Clone, Copy, ebpf_rt::Pod)] #[repr(C)]`"
)]
pub trait Map: Sized {
    /// The constant data that a map of this kind is made from.
    type Definition;

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

/// What [`insert_with`](HashMap::insert_with) does about a key that exists, or does not.
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

/// What all typed handles have: they own a descriptor, and show their map.
#[cfg(feature = "std")]
macro_rules! handle_impls {
    ([$($parameter:ident),*] $name:ty) => {
        impl<$($parameter),*> std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.raw.as_fd()
            }
        }

        impl<$($parameter),*> core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(&self.raw, f)
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
        impl<$($parameter: bytemuck::Pod),*> crate::maps::Map for $name {
            type Definition = $definition;

            #[cfg(feature = "std")]
            fn from_raw(raw: crate::maps::RawMap) -> Result<Self, crate::Error> {
                Ok(Self {
                    raw: raw.expect::<$key, $value>(ebpf_asm::MapType::$map_type)?,
                    types: core::marker::PhantomData,
                })
            }

            #[cfg(feature = "std")]
            fn as_raw(&self) -> &crate::maps::RawMap {
                &self.raw
            }
        }

        #[cfg(feature = "std")]
        crate::maps::handle_impls!([$($parameter),*] $name);
    };
}
pub(crate) use map_impls;
