//! Definitions: maps as constant data.

use super::{Array, HashMap};
#[cfg(feature = "std")]
use super::{Map, raw};
use core::marker::PhantomData;
use ebpf_asm::MapType;
use ebpf_asm::object::{MapDef, TypeDef};

/// Flags of map creation and of updates, by the kernel's names.
///
/// ```
/// use ebpf_rt::HashMap;
/// use ebpf_rt::maps::{Def, flags};
///
/// static COUNTS: Def<HashMap<u32, u64>> =
///     HashMap::with_max_entries(64).flags(flags::BPF_F_RDONLY);
/// # kernel_test::example!();
/// let counts = COUNTS.create("COUNTS")?;
/// assert!(counts.insert(1, 1).is_err());          // user space can only read
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
pub mod flags {
    /// Of an update: makes the entry or replaces its value.
    pub const BPF_ANY: u64 = 0;
    /// Of an update: makes the entry, and fails if the key exists.
    pub const BPF_NOEXIST: u64 = 1;
    /// Of an update: replaces the value, and fails if the key does not exist.
    pub const BPF_EXIST: u64 = 2;
    /// Entries are allocated when they are made, not all at once. Hash maps only.
    pub const BPF_F_NO_PREALLOC: u32 = 1 << 0;
    /// Each CPU has a list of its own to take the oldest entry from. LRU maps only.
    pub const BPF_F_NO_COMMON_LRU: u32 = 1 << 1;
    /// User space can only read.
    pub const BPF_F_RDONLY: u32 = 1 << 3;
    /// User space can only write.
    pub const BPF_F_WRONLY: u32 = 1 << 4;
    /// The hash function starts from zero, so that runs can be compared.
    pub const BPF_F_ZERO_SEED: u32 = 1 << 6;
    /// Programs can only read. Linux 5.2.
    pub const BPF_F_RDONLY_PROG: u32 = 1 << 7;
    /// Programs can only write. Linux 5.2.
    pub const BPF_F_WRONLY_PROG: u32 = 1 << 8;
    /// User space can map the values. Arrays only; Linux 5.5.
    pub const BPF_F_MMAPABLE: u32 = 1 << 10;
    /// An array in a map of maps may have another size than the others there. Linux 5.10.
    pub const BPF_F_INNER_MAP: u32 = 1 << 12;
    /// New records take the place of the oldest when there is no room. Ring buffers only;
    /// Linux 6.19. [`RingBuf`](crate::RingBuf) does not read such buffers.
    pub const BPF_F_RB_OVERWRITE: u32 = 1 << 19;
    /// Of `bpf_ringbuf_submit`, `bpf_ringbuf_discard` and `bpf_ringbuf_output`: nobody who
    /// waits is woken.
    pub const BPF_RB_NO_WAKEUP: u64 = 1 << 0;
    /// Of `bpf_ringbuf_submit`, `bpf_ringbuf_discard` and `bpf_ringbuf_output`: whoever waits
    /// is woken, also if it is not waiting for this record.
    pub const BPF_RB_FORCE_WAKEUP: u64 = 1 << 1;
    /// Of `bpf_get_stackid` and `bpf_get_stack`: the stack of the process, not the kernel's.
    pub const BPF_F_USER_STACK: u64 = 1 << 8;
    /// Of `bpf_get_stackid`: stacks are the same if their hashes are.
    pub const BPF_F_FAST_STACK_CMP: u64 = 1 << 9;
    /// Of `bpf_get_stackid`: a new stack takes the place of another one that has its number.
    pub const BPF_F_REUSE_STACKID: u64 = 1 << 10;
    /// Of `bpf_perf_event_output`: into the ring of the CPU that the program runs on.
    pub const BPF_F_CURRENT_CPU: u64 = 0xffff_ffff;
}

/// The definition of a map: constant data from which it is created when the object is loaded.
///
/// Made by `with_max_entries` of the handle types; `M` is the handle that it will have.
///
/// ```
/// use ebpf_rt::maps::{Def, HashMap, flags};
///
/// static SEEN: Def<HashMap<u32, u64>> = HashMap::with_max_entries(1024).no_prealloc();
///
/// let def = SEEN.map_def("SEEN");
/// assert_eq!((def.key_size, def.value_size, def.max_entries), (4, 8, 1024));
/// assert_eq!(def.flags, flags::BPF_F_NO_PREALLOC);
/// ```
pub struct Def<M> {
    def: MapDef,
    // Not `M` itself, whose thread safety and drop do not matter to constant data.
    handle: PhantomData<fn() -> M>,
}

impl<M> Clone for Def<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Def<M> {}

impl<M> core::fmt::Debug for Def<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.def.fmt(f)
    }
}

impl<M> Def<M> {
    pub(super) const fn new<K, V>(map_type: MapType, max_entries: u32) -> Self {
        const {
            assert!(size_of::<K>() > 0, "the key of a map must have a size");
            assert!(size_of::<V>() > 0, "the value of a map must have a size");
            assert!(
                size_of::<K>() <= u32::MAX as usize,
                "the key of a map is too large"
            );
            assert!(
                size_of::<V>() <= u32::MAX as usize,
                "the value of a map is too large"
            );
        }
        let (key_size, value_size) = (size_of::<K>() as u32, size_of::<V>() as u32);
        Self {
            def: MapDef::new("", map_type, key_size, value_size, max_entries),
            handle: PhantomData,
        }
    }

    /// A kind without keys.
    pub(super) const fn without_keys<V>(map_type: MapType, max_entries: u32) -> Self {
        // The checks of the value's size.
        let Self { def, .. } = Self::new::<u32, V>(map_type, max_entries);
        Self::of(MapDef::new("", map_type, 0, def.value_size, max_entries))
    }

    /// Of sizes that are no types'.
    pub(super) const fn of(def: MapDef) -> Self {
        Self {
            def,
            handle: PhantomData,
        }
    }

    /// The same map with the types of its keys and values.
    pub(super) const fn with_types(self, key: &'static TypeDef, value: &'static TypeDef) -> Self {
        Self::of(self.def.with_types(key, value))
    }

    /// What it is made from, without a name.
    pub(super) const fn as_map_def(&self) -> &MapDef {
        &self.def
    }

    /// The same map with these [flags] of creation beside those it has.
    #[must_use]
    #[doc(alias = "map_flags")]
    pub const fn flags(self, flags: u32) -> Self {
        Self {
            def: self.def.with_flags(self.def.flags | flags),
            handle: PhantomData,
        }
    }

    /// The map as the loader wants it, under this name.
    #[must_use]
    pub const fn map_def(&'static self, name: &'static str) -> MapDef {
        self.def.with_name(name)
    }

    /// Creates the map without an object. The name is what errors and `bpftool map` show; the
    /// kernel takes its first 15 bytes.
    ///
    /// ```
    /// use ebpf_rt::{HashMap, maps::Def};
    ///
    /// # kernel_test::example!();
    /// const SEEN: Def<HashMap<u32, u64>> = HashMap::with_max_entries(64).no_prealloc();
    /// let seen = SEEN.create("seen")?;
    /// assert_eq!(seen.info()?.name, "seen");
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and what
    /// else `BPF_MAP_CREATE` says.
    #[cfg(feature = "std")]
    pub fn create(&self, name: &str) -> Result<M, crate::Error>
    where
        M: Map,
    {
        let request = raw::Request::from_def("", name, &self.def);
        let raw = match self.def.needs_types() {
            true => raw::create_with_types(&request, &self.def)?,
            false => raw::create(&request)?,
        };
        M::from_raw(raw)
    }
}

impl<K, V> Def<HashMap<K, V>> {
    /// The same map with entries allocated when they are made, not all at once: smaller while
    /// it is not full, and slower to insert.
    #[must_use]
    #[doc(alias = "BPF_F_NO_PREALLOC")]
    pub const fn no_prealloc(self) -> Self {
        self.flags(flags::BPF_F_NO_PREALLOC)
    }
}

impl<V: bytemuck::Pod> Def<Array<V>> {
    /// The same array with these values at its start when the first program is loaded; the
    /// others are zeros. More than `max_entries` are an error at load.
    ///
    /// ```
    /// use ebpf_rt::maps::{Array, Def};
    ///
    /// static PRIMES: Def<Array<u32>> = Array::with_max_entries(8).initial(&[2, 3, 5, 7]);
    /// assert_eq!(PRIMES.map_def("PRIMES").initial.map(<[u8]>::len), Some(16));
    /// ```
    #[must_use]
    pub const fn initial(self, values: &'static [V]) -> Self {
        Self {
            def: self.def.with_initial(super::rodata::bytes_of_slice(values)),
            handle: PhantomData,
        }
    }

    /// The same array with nothing that can change it once its initial values are in:
    /// programs can only read it, and it is frozen for user space. Linux 5.2.
    ///
    /// The verifier reads such an array itself where a program loads from a constant offset in
    /// a value, and knows what is there: it decides jumps by it. It can do that only if the
    /// array has one element; of a larger one, such a program is refused with `ENOTSUPP`. Where
    /// an index chooses among several values, put them into a [`Rodata`](super::Rodata).
    ///
    /// ```
    /// use ebpf_rt::maps::{Array, Def};
    ///
    /// static PORT: Def<Array<u32>> = Array::with_max_entries(1).initial(&[443]).read_only();
    /// # kernel_test::example!();
    /// let port = PORT.create("PORT")?;
    /// assert_eq!(port.get(0)?, 443);
    /// assert!(port.set(0, 80).is_err());
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "BPF_F_RDONLY_PROG")]
    #[doc(alias = "BPF_MAP_FREEZE")]
    pub const fn read_only(self) -> Self {
        Self {
            def: self
                .def
                .with_flags(self.def.flags | flags::BPF_F_RDONLY_PROG)
                .frozen(),
            handle: PhantomData,
        }
    }
}
