//! Arrays with a value for each CPU.

use super::Def;
#[cfg(feature = "std")]
use super::{PerCpuIndexedIter, PerCpuValues, RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;

/// An array with a value for each CPU at every index, which programs on different CPUs can
/// change without atomics.
///
/// ```
/// use ebpf_rt::{PerCpuArray, maps::PerCpuValues};
///
/// # kernel_test::example!();
/// let packets = PerCpuArray::<u64>::create(2)?;
/// packets.set(0, &PerCpuValues::filled_with(1)?)?;
/// let counts = packets.get(0)?;
/// assert_eq!(counts.iter().sum::<u64>(), counts.len() as u64);
/// assert_eq!(packets.iter().count(), packets.len() as usize);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_PERCPU_ARRAY")]
pub struct PerCpuArray<V> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn() -> V>,
}

impl<V: Pod> PerCpuArray<V> {
    /// The definition of an array of this many values per CPU.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, PerCpuArray};
    ///
    /// static PACKETS: Def<PerCpuArray<u64>> = PerCpuArray::with_max_entries(2);
    /// assert_eq!(PACKETS.map_def("PACKETS").max_entries, 2);
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, V>(MapType::PercpuArray, max_entries)
    }
}

#[cfg(feature = "std")]
impl<V: Pod> PerCpuArray<V> {
    /// Creates an array without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("per_cpu_array")
    }

    /// The number of indices.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no array of the kernel is empty"
    )]
    pub fn len(&self) -> u32 {
        self.raw.max_entries()
    }

    /// The values at an index, one for each CPU.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size,
    /// and what else `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn get(&self, index: u32) -> Result<PerCpuValues<V>, Error> {
        iter::lookup_per_cpu(&self.raw, &index)?.ok_or_else(|| iter::beyond(&self.raw, index))
    }

    /// Replaces the values of all CPUs at an index.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size,
    /// and what else `BPF_MAP_UPDATE_ELEM` says.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn set(&self, index: u32, values: &PerCpuValues<V>) -> Result<(), Error> {
        let index = index.to_ne_bytes();
        self.raw.update(&index, &values.to_bytes(), Update::Any)
    }

    /// Every index with its values, in order.
    pub fn iter(&self) -> PerCpuIndexedIter<'_, V> {
        PerCpuIndexedIter::new(&self.raw)
    }
}

#[cfg(feature = "std")]
impl<'a, V: Pod> IntoIterator for &'a PerCpuArray<V> {
    type Item = Result<(u32, PerCpuValues<V>), Error>;
    type IntoIter = PerCpuIndexedIter<'a, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

super::map_impls!([V] PerCpuArray<V>, Def<PerCpuArray<V>>, PercpuArray<u32, V>);
