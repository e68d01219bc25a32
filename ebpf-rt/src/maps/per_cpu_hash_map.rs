//! Hash maps with a value for each CPU.

use super::Def;
#[cfg(feature = "std")]
use super::{Keys, PerCpuIter, PerCpuValues, RawMap, Update, batch, iter};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;

macro_rules! per_cpu_hash_map {
    ($(#[$meta:meta])* $name:ident, $map_type:ident, $default_name:literal) => {
        $(#[$meta])*
        pub struct $name<K, V> {
            #[cfg(feature = "std")]
            raw: RawMap,
            types: PhantomData<fn(K) -> V>,
        }

        impl<K: Pod, V: Pod> $name<K, V> {
            /// The definition of a map that can hold this many entries.
            ///
            /// ```
            /// use ebpf_rt::maps::{Def, PerCpuHashMap};
            ///
            /// static OPENS: Def<PerCpuHashMap<u32, u64>> = PerCpuHashMap::with_max_entries(64);
            /// assert_eq!(OPENS.map_def("OPENS").value_size, 8);       // of one CPU's value
            /// ```
            #[must_use]
            pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
                Def::new::<K, V>(MapType::$map_type, max_entries)
            }
        }

        #[cfg(feature = "std")]
        impl<K: Pod, V: Pod> $name<K, V> {
            /// Creates a map without an object. [`Def::create`] is for flags and a name.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability,
            /// and what else `BPF_MAP_CREATE` says.
            #[doc(alias = "BPF_MAP_CREATE")]
            pub fn create(max_entries: u32) -> Result<Self, Error> {
                Self::with_max_entries(max_entries).create($default_name)
            }

            /// The values of a key, if there is such a key.
            ///
            /// # Errors
            /// What `BPF_MAP_LOOKUP_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
            pub fn get(&self, key: &K) -> Result<Option<PerCpuValues<V>>, Error> {
                iter::lookup_per_cpu(&self.raw, key)
            }

            /// Makes an entry or replaces its values on all CPUs.
            ///
            /// # Errors
            /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room, and what else
            /// `BPF_MAP_UPDATE_ELEM` says.
            #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
            pub fn insert(&self, key: K, values: &PerCpuValues<V>) -> Result<(), Error> {
                self.insert_with(key, values, Update::Any)
            }

            /// Makes an entry or replaces its values on all CPUs, or only one of the two.
            ///
            /// # Errors
            /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) or
            /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) as `update` has it,
            /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room, and what else
            /// `BPF_MAP_UPDATE_ELEM` says.
            pub fn insert_with(
                &self,
                key: K,
                values: &PerCpuValues<V>,
                update: Update,
            ) -> Result<(), Error> {
                self.raw
                    .update(bytemuck::bytes_of(&key), &values.to_bytes(), update)
            }

            /// Removes an entry; whether there was one.
            ///
            /// # Errors
            /// What `BPF_MAP_DELETE_ELEM` says.
            #[doc(alias = "BPF_MAP_DELETE_ELEM")]
            pub fn remove(&self, key: &K) -> Result<bool, Error> {
                self.raw.delete(bytemuck::bytes_of(key))
            }

            /// Removes an entry; its values, if there was one. Linux 5.14.
            ///
            /// ```
            /// use ebpf_rt::{PerCpuHashMap, maps::PerCpuValues};
            ///
            /// # kernel_test::example!(Kernel(5, 14));
            /// let opens = PerCpuHashMap::<u32, u64>::create(8)?;
            /// opens.insert(1000, &PerCpuValues::filled_with(2)?)?;
            /// assert!(opens.take(&1000)?.is_some());
            /// assert!(opens.take(&1000)?.is_none());
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.14;
            /// what else `BPF_MAP_LOOKUP_AND_DELETE_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_ELEM")]
            pub fn take(&self, key: &K) -> Result<Option<PerCpuValues<V>>, Error> {
                let mut bytes = vec![0; self.raw.copied_size()];
                let found = self.raw.take(bytemuck::bytes_of(key), &mut bytes)?;
                Ok(found.then(|| PerCpuValues::from_bytes(&bytes)))
            }

            /// All entries, in no order, with few system calls. Each that is there all the
            /// time comes once. Linux 5.6.
            ///
            /// # Errors
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.6:
            /// [`iter`](Self::iter) works there. What else `BPF_MAP_LOOKUP_BATCH` says.
            #[doc(alias = "BPF_MAP_LOOKUP_BATCH")]
            pub fn read_all(&self) -> Result<Vec<(K, PerCpuValues<V>)>, Error> {
                let mut entries = Vec::new();
                batch::read(&self.raw, false, |key, values| {
                    let values = PerCpuValues::from_bytes(values);
                    entries.push((bytemuck::pod_read_unaligned(key), values));
                })?;
                Ok(entries)
            }

            /// Removes all entries and appends them to `taken`, in no order, with few system
            /// calls. Linux 5.6.
            ///
            /// ```
            /// use ebpf_rt::{PerCpuHashMap, maps::PerCpuValues};
            ///
            /// # kernel_test::example!();
            /// let opens = PerCpuHashMap::<u32, u64>::create(8)?;
            /// opens.insert(1000, &PerCpuValues::filled_with(2)?)?;
            /// assert_eq!(opens.read_all()?.len(), 1);         // they stay
            /// let mut taken = Vec::new();
            /// opens.take_all(&mut taken)?;                    // they are gone
            /// assert_eq!((taken.len(), opens.keys().count()), (1, 0));
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.6; what
            /// else `BPF_MAP_LOOKUP_AND_DELETE_BATCH` says. What was removed before is in
            /// `taken`.
            #[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_BATCH")]
            pub fn take_all(&self, taken: &mut Vec<(K, PerCpuValues<V>)>) -> Result<(), Error> {
                batch::read(&self.raw, true, |key, values| {
                    let values = PerCpuValues::from_bytes(values);
                    taken.push((bytemuck::pod_read_unaligned(key), values));
                })
            }

            /// The entries, in no order; see [`Keys`] for what happens when they change
            /// meanwhile.
            #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
            pub fn iter(&self) -> PerCpuIter<'_, K, V> {
                PerCpuIter::new(&self.raw)
            }

            /// The keys, in no order.
            pub fn keys(&self) -> Keys<'_, K> {
                Keys::new(&self.raw)
            }
        }

        #[cfg(feature = "std")]
        impl<'a, K: Pod, V: Pod> IntoIterator for &'a $name<K, V> {
            type Item = Result<(K, PerCpuValues<V>), Error>;
            type IntoIter = PerCpuIter<'a, K, V>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        super::map_impls!([K, V] $name<K, V>, Def<$name<K, V>>, $map_type<K, V>);
    };
}

per_cpu_hash_map! {
    /// A hash table with a value for each CPU, which programs on different CPUs can change
    /// without atomics.
    ///
    /// ```
    /// use ebpf_rt::PerCpuHashMap;
    /// use ebpf_rt::maps::{PerCpuValues, Update};
    ///
    /// # kernel_test::example!();
    /// let opens = PerCpuHashMap::<u32, u64>::create(64)?;
    /// let zeros = PerCpuValues::filled_with(0)?;
    /// opens.insert(1000, &zeros)?;
    /// assert!(opens.insert_with(1000, &zeros, Update::NoExist).is_err());
    /// if let Some(counts) = opens.get(&1000)? {
    ///     assert_eq!(counts.iter().sum::<u64>(), 0);  // of all CPUs
    /// }
    /// assert_eq!(opens.keys().count(), opens.iter().count());
    /// assert!(opens.remove(&1000)?);
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_PERCPU_HASH")]
    PerCpuHashMap, PercpuHash, "per_cpu_hash"
}

per_cpu_hash_map! {
    /// A hash table with a value for each CPU that makes room for a new entry by dropping one
    /// that was not used for long.
    ///
    /// ```
    /// use ebpf_rt::{LruPerCpuHashMap, maps::PerCpuValues};
    ///
    /// # kernel_test::example!();
    /// let recent = LruPerCpuHashMap::<u32, u64>::create(128)?;
    /// for process in 0..1000 {
    ///     recent.insert(process, &PerCpuValues::filled_with(1)?)?;    // never full
    /// }
    /// assert!(recent.keys().count() <= 128);
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_LRU_PERCPU_HASH")]
    LruPerCpuHashMap, LruPercpuHash, "lru_per_cpu_hash"
}
