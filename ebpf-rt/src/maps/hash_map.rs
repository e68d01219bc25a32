//! Hash maps.

use super::Def;
#[cfg(feature = "std")]
use super::{Iter, Keys, RawMap, Update, Values, batch, iter};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;

macro_rules! hash_map {
    ($(#[$meta:meta])* $name:ident, $map_type:ident, $default_name:literal) => {
        $(#[$meta])*
        pub struct $name<K, V> {
            #[cfg(feature = "std")]
            raw: RawMap,
            types: PhantomData<fn(K) -> V>,
        }

        impl<K: Pod, V: Pod> $name<K, V> {
            /// The definition of a map that can hold this many entries.
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

            /// The value of a key, if there is such a key.
            ///
            /// # Errors
            /// What `BPF_MAP_LOOKUP_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
            pub fn get(&self, key: &K) -> Result<Option<V>, Error> {
                iter::lookup(&self.raw, key)
            }

            /// Makes an entry or replaces its value.
            ///
            /// # Errors
            /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room, and what else
            /// `BPF_MAP_UPDATE_ELEM` says.
            #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
            pub fn insert(&self, key: K, value: V) -> Result<(), Error> {
                self.insert_with(key, value, Update::Any)
            }

            /// Makes an entry or replaces its value, or only one of the two.
            ///
            /// # Errors
            /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) or
            /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) as `update` has it,
            /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room, and what else
            /// `BPF_MAP_UPDATE_ELEM` says.
            pub fn insert_with(&self, key: K, value: V, update: Update) -> Result<(), Error> {
                self.raw
                    .update(bytemuck::bytes_of(&key), bytemuck::bytes_of(&value), update)
            }

            /// Removes an entry; whether there was one.
            ///
            /// # Errors
            /// What `BPF_MAP_DELETE_ELEM` says.
            #[doc(alias = "BPF_MAP_DELETE_ELEM")]
            pub fn remove(&self, key: &K) -> Result<bool, Error> {
                self.raw.delete(bytemuck::bytes_of(key))
            }

            /// Removes an entry; its value, if there was one. No change of the value by others
            /// can be missed. Linux 5.14.
            ///
            /// # Errors
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.14:
            /// there is no way to do this in one step. What else
            /// `BPF_MAP_LOOKUP_AND_DELETE_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_ELEM")]
            pub fn take(&self, key: &K) -> Result<Option<V>, Error> {
                let mut value = V::zeroed();
                let key = bytemuck::bytes_of(key);
                let found = self.raw.take(key, bytemuck::bytes_of_mut(&mut value))?;
                Ok(found.then_some(value))
            }

            /// All entries, in no order, with few system calls. Each that is there all the
            /// time comes once. Linux 5.6.
            ///
            /// # Errors
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.6:
            /// [`iter`](Self::iter) works there. What else `BPF_MAP_LOOKUP_BATCH` says.
            #[doc(alias = "BPF_MAP_LOOKUP_BATCH")]
            pub fn read_all(&self) -> Result<Vec<(K, V)>, Error> {
                let mut entries = Vec::new();
                batch::read(&self.raw, false, |key, value| {
                    entries.push((
                        bytemuck::pod_read_unaligned(key),
                        bytemuck::pod_read_unaligned(value),
                    ));
                })?;
                Ok(entries)
            }

            /// Removes all entries and appends them to `taken`, in no order, with few system
            /// calls. Linux 5.6.
            ///
            /// # Errors
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.6; what
            /// else `BPF_MAP_LOOKUP_AND_DELETE_BATCH` says. What was removed before is in
            /// `taken`.
            #[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_BATCH")]
            pub fn take_all(&self, taken: &mut Vec<(K, V)>) -> Result<(), Error> {
                batch::read(&self.raw, true, |key, value| {
                    taken.push((
                        bytemuck::pod_read_unaligned(key),
                        bytemuck::pod_read_unaligned(value),
                    ));
                })
            }

            /// Makes entries or replaces their values, all in one system call. Linux 5.6.
            ///
            /// # Errors
            /// As [`insert`](Self::insert), of the first that fails; the error says
            /// how many were made before. [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
            /// before Linux 5.6.
            #[doc(alias = "BPF_MAP_UPDATE_BATCH")]
            pub fn insert_all(
                &self,
                entries: impl IntoIterator<Item = (K, V)>,
            ) -> Result<(), Error> {
                batch::insert(&self.raw, entries)
            }

            /// Removes entries with few system calls; how many of them there were. Linux 5.6.
            ///
            /// # Errors
            /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.6; what
            /// else `BPF_MAP_DELETE_BATCH` says.
            #[doc(alias = "BPF_MAP_DELETE_BATCH")]
            pub fn remove_all(&self, keys: &[K]) -> Result<usize, Error> {
                batch::remove(&self.raw, keys)
            }

            /// Makes the map read-only for user space, for good. Programs can still write.
            /// Linux 5.2.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) if it is frozen already;
            /// what else `BPF_MAP_FREEZE` says.
            #[doc(alias = "BPF_MAP_FREEZE")]
            pub fn freeze(&self) -> Result<(), Error> {
                self.raw.freeze()
            }

            /// The entries, in no order; see [`Keys`] for what happens when they change
            /// meanwhile.
            #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
            pub fn iter(&self) -> Iter<'_, K, V> {
                Iter::new(&self.raw)
            }

            /// The keys, in no order.
            pub fn keys(&self) -> Keys<'_, K> {
                Keys::new(&self.raw)
            }

            /// The values, in no order.
            pub fn values(&self) -> Values<'_, K, V> {
                Values(self.iter())
            }
        }

        #[cfg(feature = "std")]
        impl<'a, K: Pod, V: Pod> IntoIterator for &'a $name<K, V> {
            type Item = Result<(K, V), Error>;
            type IntoIter = Iter<'a, K, V>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        super::map_impls!([K, V] $name<K, V>, Def<$name<K, V>>, $map_type<K, V>);
    };
}

hash_map! {
    /// A hash table.
    ///
    /// ```no_run
    /// use ebpf_rt::HashMap;
    ///
    /// let ports = HashMap::<u16, u64>::create(64)?;
    /// ports.insert(443, 0)?;
    /// for entry in ports.iter() {
    ///     let (port, packets) = entry?;
    ///     println!("{port} {packets}");
    /// }
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_HASH")]
    HashMap, Hash, "hash_map"
}

hash_map! {
    /// A hash table that makes room for a new entry by dropping one that was not used for
    /// long, so that it is never full. Reading it from user space does not count as use.
    ///
    /// ```no_run
    /// use ebpf_rt::LruHashMap;
    ///
    /// let recent = LruHashMap::<u32, u64>::create(128)?;
    /// recent.insert(1, 1)?;
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_LRU_HASH")]
    LruHashMap, LruHash, "lru_hash_map"
}
