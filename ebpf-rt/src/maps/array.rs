//! Arrays.

use super::Def;
#[cfg(feature = "std")]
use super::{IndexedIter, RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;

/// An array: every index below its size has a value, at first zeros or what
/// [`Def::initial`] says.
///
/// ```no_run
/// use ebpf_rt::Array;
///
/// let counters = Array::<u64>::create(4)?;
/// counters.set(3, 1)?;
/// assert_eq!(counters.get(3)?, 1);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_ARRAY")]
pub struct Array<V> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn() -> V>,
}

impl<V: Pod> Array<V> {
    /// The definition of an array of this many values.
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, V>(MapType::Array, max_entries)
    }
}

#[cfg(feature = "std")]
impl<V: Pod> Array<V> {
    /// Creates an array without an object. [`Def::create`] is for flags, contents and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("array")
    }

    /// The number of values.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no array of the kernel is empty"
    )]
    pub fn len(&self) -> u32 {
        self.raw.max_entries()
    }

    /// The value at an index.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size,
    /// and what else `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn get(&self, index: u32) -> Result<V, Error> {
        iter::lookup(&self.raw, &index)?.ok_or_else(|| iter::beyond(&self.raw, index))
    }

    /// Replaces the value at an index.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size,
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) if the array is frozen, and
    /// what else `BPF_MAP_UPDATE_ELEM` says.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn set(&self, index: u32, value: V) -> Result<(), Error> {
        let index = index.to_ne_bytes();
        self.raw
            .update(&index, bytemuck::bytes_of(&value), Update::Any)
    }

    /// Every index with its value, in order.
    pub fn iter(&self) -> IndexedIter<'_, V> {
        IndexedIter::new(&self.raw)
    }
}

#[cfg(feature = "std")]
impl<'a, V: Pod> IntoIterator for &'a Array<V> {
    type Item = Result<(u32, V), Error>;
    type IntoIter = IndexedIter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

super::map_impls!([V] Array<V>, Def<Array<V>>, Array<u32, V>);
