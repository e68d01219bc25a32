//! Arrays of maps.

use super::{Def, Map};
#[cfg(feature = "std")]
use super::{RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::Error;
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
use std::os::fd::{AsFd, AsRawFd};

/// Maps by number, which user space can replace while programs use them. A program looks a map
/// up and then a value in that.
///
/// ```
/// use ebpf_rt::{ArrayOfMaps, HashMap, maps::Def};
///
/// static TABLES: Def<ArrayOfMaps<HashMap<u32, u64>>> =
///     ArrayOfMaps::with_max_entries(4, HashMap::with_max_entries(64));
///
/// # kernel_test::example!();
/// let tables = TABLES.create("tables")?;
/// let table = HashMap::create(64)?;
/// table.insert(7, 1)?;
/// tables.set(0, &table)?;                         // programs see the new table from now on
/// let there = tables.get(0)?.expect("it was put there");
/// assert_eq!(there.get(&7)?, Some(1));
/// assert!(tables.clear(0)?);
/// assert!(tables.get(0)?.is_none());
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_ARRAY_OF_MAPS")]
pub struct ArrayOfMaps<M> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn() -> M>,
}

impl<M: Map> ArrayOfMaps<M> {
    /// The definition of an array with room for this many maps, which are like `inner`.
    ///
    /// Kind, sizes of keys and values, and flags have to be the same; the number of entries
    /// too for arrays, unless they have
    /// [`BPF_F_INNER_MAP`](super::flags::BPF_F_INNER_MAP).
    #[must_use]
    pub const fn with_max_entries(max_entries: u32, inner: Def<M>) -> Def<Self> {
        let def = Def::<Self>::new::<u32, u32>(MapType::ArrayOfMaps, max_entries);
        Def::of(def.as_map_def().with_inner(inner.as_map_def()))
    }
}

#[cfg(feature = "std")]
impl<M: Map> ArrayOfMaps<M> {
    /// Puts a map at an index, in place of the one that is there.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_UPDATE_ELEM` says: `EINVAL` if the map is not like those that the
    /// array is for.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn set(&self, index: u32, map: &M) -> Result<(), Error> {
        let map = map.as_raw();
        let fd = map.as_fd().as_raw_fd();
        self.raw
            .update(&index.to_ne_bytes(), &fd.to_ne_bytes(), Update::Any)
            .map_err(|error| iter::explain_inner(error, map))
    }

    /// Removes the map at an index; whether there was one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn clear(&self, index: u32) -> Result<bool, Error> {
        iter::clear_index(&self.raw, index)
    }

    /// The map at an index, if there is one. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_LOOKUP_ELEM` and `BPF_MAP_GET_FD_BY_ID` say.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn get(&self, index: u32) -> Result<Option<M>, Error> {
        let Some(id) = iter::lookup_index(&self.raw, index)? else {
            return Ok(None);
        };
        M::from_raw(RawMap::from_id(id)?).map(Some)
    }
}

super::map_impls!([M: Map] ArrayOfMaps<M>, Def<Self>, ArrayOfMaps, 4, 4);
