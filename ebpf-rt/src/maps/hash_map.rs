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
            ///
            /// ```
            /// use ebpf_rt::maps::{Def, HashMap};
            ///
            /// static COUNTS: Def<HashMap<u32, u64>> = HashMap::with_max_entries(1024);
            /// assert_eq!(COUNTS.map_def("COUNTS").max_entries, 1024);
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
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!(Kernel(5, 14));
            /// let packets = HashMap::<u16, u64>::create(8)?;
            /// packets.insert(443, 7)?;
            /// assert_eq!(packets.take(&443)?, Some(7));       // read and removed in one step
            /// assert_eq!(packets.take(&443)?, None);
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
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
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!();
            /// let packets = HashMap::<u32, u64>::create(1000)?;
            /// packets.insert_all((0..1000).map(|port| (port, 1)))?;
            /// let entries = packets.read_all()?;              // a few system calls, not two thousand
            /// assert_eq!(entries.iter().map(|(_, count)| count).sum::<u64>(), 1000);
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
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
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!();
            /// let packets = HashMap::<u32, u64>::create(8)?;
            /// packets.insert_all([(80, 2), (443, 5)])?;
            /// // Once a second, say: what came since the last time.
            /// let mut taken = Vec::new();
            /// packets.take_all(&mut taken)?;
            /// assert_eq!((taken.len(), packets.keys().count()), (2, 0));
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
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
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!();
            /// let names = HashMap::<u16, [u8; 8]>::create(8)?;
            /// names.insert_all([(53, *b"domain\0\0"), (443, *b"https\0\0\0")])?;
            /// assert_eq!(names.get(&443)?, Some(*b"https\0\0\0"));
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
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
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!();
            /// let blocked = HashMap::<u32, u8>::create(8)?;
            /// blocked.insert_all([(1, 0), (2, 0), (3, 0)])?;
            /// assert_eq!(blocked.remove_all(&[1, 2])?, 2);
            /// assert_eq!(blocked.read_all()?, [(3, 0)]);
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
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
            /// ```
            /// use ebpf_rt::HashMap;
            ///
            /// # kernel_test::example!();
            /// let ports = HashMap::<u16, u8>::create(8)?;
            /// ports.insert(443, 1)?;
            /// ports.freeze()?;
            /// assert!(ports.insert(80, 1).is_err());          // programs still can
            /// # Ok::<(), ebpf_rt::Error>(())
            /// ```
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
    /// ```
    /// use ebpf_rt::{HashMap, maps::Update};
    ///
    /// # kernel_test::example!();
    /// let ports = HashMap::<u16, u64>::create(64)?;
    /// ports.insert(443, 10)?;
    /// ports.insert_with(80, 1, Update::NoExist)?;
    /// assert!(ports.insert_with(80, 2, Update::NoExist).is_err());
    /// assert_eq!(ports.get(&80)?, Some(1));
    ///
    /// let mut packets = 0;
    /// for entry in ports.iter() {
    ///     let (_port, count) = entry?;
    ///     packets += count;
    /// }
    /// assert_eq!(packets, 11);
    /// assert_eq!(ports.keys().count(), ports.values().count());
    ///
    /// assert!(ports.remove(&80)?);
    /// assert!(!ports.remove(&80)?);                   // it is gone
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_HASH")]
    HashMap, Hash, "hash_map"
}

hash_map! {
    /// A hash table that makes room for a new entry by dropping one that was not used for
    /// long, so that it is never full. Reading it from user space does not count as use.
    ///
    /// ```
    /// use ebpf_rt::LruHashMap;
    ///
    /// # kernel_test::example!();
    /// let recent = LruHashMap::<u32, u64>::create(128)?;
    /// for process in 0..1000 {
    ///     recent.insert(process, 1)?;                 // never full
    /// }
    /// assert_eq!(recent.get(&999)?, Some(1));
    /// assert!(recent.keys().count() <= 128);
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_LRU_HASH")]
    LruHashMap, LruHash, "lru_hash_map"
}
