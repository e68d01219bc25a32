//! Hash tables of maps.

use super::{Def, Map};
#[cfg(feature = "std")]
use super::{Keys, RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
use std::os::fd::{AsFd, AsRawFd};

/// Maps by key, which user space can add, replace and remove while programs use them.
///
/// ```
/// use ebpf_rt::{Array, HashOfMaps, maps::Def};
///
/// static TABLES: Def<HashOfMaps<u32, Array<u64>>> =
///     HashOfMaps::with_max_entries(16, Array::with_max_entries(1));
///
/// # kernel_test::example!();
/// let tables = TABLES.create("tables")?;
/// let counter = Array::create(1)?;
/// tables.insert(1000, &counter)?;                 // the counter of user 1000
/// counter.set(0, 3)?;
/// assert_eq!(tables.get(&1000)?.expect("it was put there").get(0)?, 3);
/// assert_eq!(tables.keys().count(), 1);
/// assert!(tables.remove(&1000)?);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_HASH_OF_MAPS")]
pub struct HashOfMaps<K, M> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn(K) -> M>,
}

impl<K: Pod, M: Map> HashOfMaps<K, M> {
    /// The definition of a table with room for this many maps, which are like `inner`, as
    /// [`ArrayOfMaps::with_max_entries`](super::ArrayOfMaps::with_max_entries) says.
    ///
    /// ```
    /// use ebpf_rt::maps::{Array, Def, HashOfMaps};
    ///
    /// static TABLES: Def<HashOfMaps<u32, Array<u64>>> =
    ///     HashOfMaps::with_max_entries(16, Array::with_max_entries(1));
    /// assert_eq!(TABLES.map_def("TABLES").inner.map(|inner| inner.max_entries), Some(1));
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32, inner: Def<M>) -> Def<Self> {
        let def = Def::<Self>::new::<K, u32>(MapType::HashOfMaps, max_entries);
        Def::of(def.as_map_def().with_inner(inner.as_map_def()))
    }
}

#[cfg(feature = "std")]
impl<K: Pod, M: Map> HashOfMaps<K, M> {
    /// Makes an entry or replaces its map.
    ///
    /// # Errors
    /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room; what else
    /// `BPF_MAP_UPDATE_ELEM` says: `EINVAL` if the map is not like those that the table is for.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn insert(&self, key: K, map: &M) -> Result<(), Error> {
        let map = map.as_raw();
        let fd = map.as_fd().as_raw_fd();
        self.raw
            .update(bytemuck::bytes_of(&key), &fd.to_ne_bytes(), Update::Any)
            .map_err(|error| iter::explain_inner(error, map))
    }

    /// Removes an entry; whether there was one.
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn remove(&self, key: &K) -> Result<bool, Error> {
        self.raw.delete(bytemuck::bytes_of(key))
    }

    /// The map of a key, if there is one. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// What `BPF_MAP_LOOKUP_ELEM` and `BPF_MAP_GET_FD_BY_ID` say.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn get(&self, key: &K) -> Result<Option<M>, Error> {
        let Some(id) = iter::lookup(&self.raw, key)? else {
            return Ok(None);
        };
        M::from_raw(RawMap::from_id(id)?).map(Some)
    }

    /// The keys, in no order.
    #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
    pub fn keys(&self) -> Keys<'_, K> {
        Keys::new(&self.raw)
    }
}

super::map_impls!(
    [K: super::PlainData, M: Map] HashOfMaps<K, M>, Def<Self>, HashOfMaps, size_of::<K>(), 4
);
