//! Bloom filters.

use super::Def;
#[cfg(feature = "std")]
use super::{RawMap, Update};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;

/// A set that says of a value "surely not" or "perhaps". Programs use it with
/// `bpf_map_push_elem` and `bpf_map_peek_elem`. Values cannot be removed. Linux 5.16.
///
/// ```
/// use ebpf_rt::BloomFilter;
///
/// # kernel_test::example!(Kernel(5, 16));
/// let seen = BloomFilter::<u64>::create(1000)?;
/// seen.insert(17)?;
/// assert!(seen.may_contain(17)?);
/// assert!(!seen.may_contain(18)?);                // one value in a filter for a thousand
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_BLOOM_FILTER")]
pub struct BloomFilter<V> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn() -> V>,
}

impl<V: Pod> BloomFilter<V> {
    /// The definition of a filter that is good up to this many values, with five hash
    /// functions.
    ///
    /// ```
    /// use ebpf_rt::maps::{BloomFilter, Def};
    ///
    /// static SEEN: Def<BloomFilter<u32>> = BloomFilter::with_max_entries(100);
    /// assert_eq!(SEEN.map_def("SEEN").key_size, 0);   // it has values only
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::without_keys::<V>(MapType::BloomFilter, max_entries)
    }
}

impl<V: Pod> Def<BloomFilter<V>> {
    /// The same filter with this many hash functions: 1 to 15. More of them make it slower,
    /// and "perhaps" truer.
    ///
    /// # Panics
    /// If there are none or more than 15: in const evaluation a compile error.
    ///
    /// ```
    /// use ebpf_rt::maps::{BloomFilter, Def};
    ///
    /// static SEEN: Def<BloomFilter<u32>> = BloomFilter::with_max_entries(100).hash_functions(3);
    /// assert_eq!(SEEN.map_def("SEEN").extra, 3);
    /// ```
    #[must_use]
    #[track_caller]
    #[doc(alias = "map_extra")]
    pub const fn hash_functions(self, count: u8) -> Self {
        assert!(
            count >= 1 && count <= 15,
            "a Bloom filter has 1 to 15 hash functions"
        );
        Self::of(self.as_map_def().with_extra(count as u64))
    }
}

#[cfg(feature = "std")]
impl<V: Pod> BloomFilter<V> {
    /// Creates a filter without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.16; what else
    /// `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("bloom_filter")
    }

    /// Puts a value in.
    ///
    /// # Errors
    /// What `BPF_MAP_UPDATE_ELEM` says.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn insert(&self, value: V) -> Result<(), Error> {
        self.raw
            .update(&[], bytemuck::bytes_of(&value), Update::Any)
    }

    /// Whether the value was perhaps put in; if not, it was not.
    ///
    /// # Errors
    /// What `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn may_contain(&self, mut value: V) -> Result<bool, Error> {
        self.raw.lookup(&[], bytemuck::bytes_of_mut(&mut value))
    }
}

super::map_impls!([V: super::PlainData] BloomFilter<V>, Def<Self>, BloomFilter, 0, size_of::<V>());
