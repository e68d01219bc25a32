//! Arrays.

use super::Def;
use super::flags::BPF_F_MMAPABLE;
#[cfg(feature = "std")]
use super::{IndexedIter, RawMap, Update, batch, iter, shared_values::SharedValues};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;

/// An array: every index below its size has a value, at first zeros or what
/// [`Def::initial`] says.
///
/// ```
/// use ebpf_rt::Array;
///
/// # kernel_test::example!();
/// let counters = Array::<u64>::create(4)?;
/// counters.set(3, 1)?;
/// counters.set_all([(0, 10), (1, 20)])?;          // one system call
/// assert_eq!(counters.get(3)?, 1);
/// assert_eq!(counters.read_all()?, [10, 20, 0, 1]);
/// assert_eq!(counters.iter().filter(|entry| entry.is_ok()).count(), counters.len() as usize);
///
/// counters.freeze()?;
/// assert!(counters.set(3, 2).is_err());           // from now on only programs write
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
    ///
    /// ```
    /// use ebpf_rt::maps::{Array, Def};
    ///
    /// static LIMITS: Def<Array<u64>> = Array::with_max_entries(16);
    /// assert_eq!(LIMITS.map_def("LIMITS").max_entries, 16);
    /// ```
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

    /// All values, in order, with few system calls. Linux 5.6.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.6:
    /// [`iter`](Self::iter) works there. What else `BPF_MAP_LOOKUP_BATCH` says.
    #[doc(alias = "BPF_MAP_LOOKUP_BATCH")]
    pub fn read_all(&self) -> Result<Vec<V>, Error> {
        let mut values = Vec::new();
        batch::read(&self.raw, false, |_, value| {
            values.push(bytemuck::pod_read_unaligned(value));
        })?;
        Ok(values)
    }

    /// Replaces the values at these indices, all in one system call. Linux 5.6.
    ///
    /// # Errors
    /// As [`set`](Self::set), of the first that fails; the error says how many were replaced
    /// before. [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 5.6.
    #[doc(alias = "BPF_MAP_UPDATE_BATCH")]
    pub fn set_all(&self, entries: impl IntoIterator<Item = (u32, V)>) -> Result<(), Error> {
        batch::insert(&self.raw, entries)
    }

    /// Makes the array read-only for user space, for good. Programs can still write.
    /// Linux 5.2.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) if it is frozen already, `EBUSY`
    /// while it is mapped; what else `BPF_MAP_FREEZE` says.
    #[doc(alias = "BPF_MAP_FREEZE")]
    pub fn freeze(&self) -> Result<(), Error> {
        self.raw.freeze()
    }

    /// The values without system calls: the array's memory, which has to be made for it
    /// ([`Def::mmapable`]). Linux 5.5.
    ///
    /// # Errors
    /// What mmap(2) says.
    #[doc(alias = "mmap")]
    pub fn map(&self) -> Result<MappedArray<V>, Error> {
        Ok(MappedArray {
            values: SharedValues::new(&self.raw, self.len())?,
        })
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

impl<V: Pod> Def<Array<V>> {
    /// The same array, to be read and written without system calls by [`Array::map`].
    /// Linux 5.5.
    ///
    /// ```
    /// use ebpf_rt::maps::{Array, Def, flags};
    ///
    /// static COUNTERS: Def<Array<u64>> = Array::with_max_entries(512).mmapable();
    /// assert_eq!(COUNTERS.map_def("COUNTERS").flags, flags::BPF_F_MMAPABLE);
    /// ```
    #[must_use]
    #[doc(alias = "BPF_F_MMAPABLE")]
    pub const fn mmapable(self) -> Self {
        self.flags(BPF_F_MMAPABLE)
    }
}

/// The values of an [`Array`] in memory that this process shares with programs: reading and
/// writing them costs no system call.
///
/// Programs write to them at any time, so there is never a reference to a value:
/// [`get`](Self::get) and [`set`](Self::set) copy it, in words of up to eight bytes (the
/// largest power of two that divides its size), each of them atomically. A value of several
/// words that is changed at the same time can come out mixed.
///
/// ```
/// use ebpf_rt::maps::{Array, Def};
/// use std::sync::atomic::Ordering;
///
/// # kernel_test::example!();
/// const COUNTERS: Def<Array<u64>> = Array::with_max_entries(512).mmapable();
/// let array = COUNTERS.create("counters")?;
/// let counters = array.map()?;
/// assert!(counters.set(3, 7));
/// assert_eq!((counters.get(3), counters.get(512)), (Some(7), None));
/// assert_eq!(array.get(3)?, 7);                   // the same memory
///
/// // What has a word of its own can be changed as an atomic.
/// counters.as_atomic(3).unwrap().fetch_add(1, Ordering::Relaxed);
/// assert_eq!(counters.iter().sum::<u64>(), 8);
/// assert_eq!(counters.len(), 512);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[cfg(feature = "std")]
#[derive(Debug)]
#[doc(alias = "BPF_F_MMAPABLE")]
pub struct MappedArray<V> {
    values: SharedValues<V>,
}

#[cfg(feature = "std")]
impl<V: Pod> MappedArray<V> {
    /// The number of values.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no array of the kernel is empty"
    )]
    pub fn len(&self) -> usize {
        self.values.count()
    }

    /// A copy of the value at an index, if there is such an index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<V> {
        (index < self.len()).then(|| self.values.get(index))
    }

    /// Replaces the value at an index; whether there is such an index.
    #[must_use = "it is not stored beyond the end"]
    pub fn set(&self, index: usize, value: V) -> bool {
        let exists = index < self.len();
        if exists {
            self.values.set(index, value);
        }
        exists
    }

    /// Copies of all values, in order.
    pub fn iter(&self) -> impl Iterator<Item = V> + use<'_, V> {
        (0..self.len()).map(|index| self.values.get(index))
    }
}

macro_rules! atomics {
    ($($int:ty, $atomic:ident;)*) => { $(
        #[cfg(feature = "std")]
        impl MappedArray<$int> {
            /// The value at an index itself, for all operations of an atomic, if there is such
            /// an index.
            #[must_use]
            pub fn as_atomic(&self, index: usize) -> Option<&core::sync::atomic::$atomic> {
                (index < self.len()).then(|| self.values.atomic(index, 0))
            }
        }
    )* };
}

atomics! {
    u8, AtomicU8;
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
    i8, AtomicI8;
    i16, AtomicI16;
    i32, AtomicI32;
    i64, AtomicI64;
}

super::map_impls!([V] Array<V>, Def<Array<V>>, Array<u32, V>);
