//! Maps of the machine: the kernel's kinds over the machine's own memory, so that values are
//! where programs can point to.

mod hash;
mod lpm;
mod queue;
mod ring;
mod stacks;

use super::memory::{Memory, Region, RegionId};
use crate::MapType;
use crate::object::MapDef;
use alloc::borrow::{Cow, ToOwned};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use hash::HashTable;
use queue::Queue;
pub(super) use ring::Ring;
pub(super) use stacks::Stacks;

/// A map's number in its machine: what `ld_pseudo r1, 1, NUMBER` loads there.
///
/// ```
/// use ebpf_asm::MapType;
/// use ebpf_asm::object::MapDef;
/// use ebpf_asm::vm::Vm;
///
/// let mut vm = Vm::new();
/// vm.create_map(&MapDef::new("FIRST", MapType::Array, 4, 8, 1))?;
/// let second = vm.create_map(&MapDef::new("SECOND", MapType::Array, 4, 8, 1))?;
/// assert_eq!(second.index(), 1);
/// # Ok::<(), ebpf_asm::vm::MapNotModelled>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId(pub(super) u32);

impl MapId {
    /// The number.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// What a map operation is refused with: the kernel's errno.
///
/// ```
/// use ebpf_asm::MapType;
/// use ebpf_asm::object::MapDef;
/// use ebpf_asm::vm::{MapError, Vm};
///
/// let mut vm = Vm::new();
/// let counts = vm.create_map(&MapDef::new("COUNTS", MapType::Hash, 1, 1, 1))?;
/// vm.map_update(counts, &[1], &[1], 0)?;
/// let error = vm.map_update(counts, &[2], &[1], 0).unwrap_err();
/// assert_eq!((error, error.name(), error.errno()), (MapError::E2BIG, "E2BIG", 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapError {
    errno: i32,
}

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        #[expect(missing_docs, reason = "the kernel's names")]
        impl MapError {
            $($(#[$doc])* pub const $name: Self = Self { errno: $number };)*

            /// The kernel's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.errno {
                    $($number => stringify!($name),)*
                    _ => "an error",
                }
            }
        }
    };
}

errnos! {
    EPERM = 1;
    ENOENT = 2;
    E2BIG = 7;
    EAGAIN = 11;
    ENOMEM = 12;
    EFAULT = 14;
    EEXIST = 17;
    EINVAL = 22;
    ENOSPC = 28;
    ENOTSUPP = 524;
}

impl MapError {
    /// The number, positive.
    #[must_use]
    pub const fn errno(self) -> i32 {
        self.errno
    }

    /// What a helper returns.
    pub(super) const fn result(self) -> u64 {
        (-(self.errno as i64)).cast_unsigned()
    }
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for MapError {}

/// A kind of map that the machine does not have.
///
/// ```
/// use ebpf_asm::MapType;
/// use ebpf_asm::object::MapDef;
/// use ebpf_asm::vm::Vm;
///
/// let mut vm = Vm::new();
/// let error = vm.create_map(&MapDef::new("PEERS", MapType::Sockmap, 4, 4, 8)).unwrap_err();
/// println!("{error}");                            // sockets are the kernel's
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapNotModelled {
    name: String,
    map_type: MapType,
    reason: &'static str,
}

impl fmt::Display for MapNotModelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "map `{}`: the interpreter has no such {:?} map: {}",
            self.name, self.map_type, self.reason
        )
    }
}

impl core::error::Error for MapNotModelled {}

pub(super) const BPF_NOEXIST: u64 = 1;
pub(super) const BPF_EXIST: u64 = 2;
const BPF_F_LOCK: u64 = 4;
const BPF_F_RDONLY: u32 = 1 << 3;
const BPF_F_WRONLY: u32 = 1 << 4;
const BPF_F_STACK_BUILD_ID: u32 = 1 << 5;
const BPF_F_RDONLY_PROG: u32 = 1 << 7;

/// The most memory that is set aside for a map before it is used.
const RESERVED: usize = 1 << 20;

/// A map.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) name: Cow<'static, str>,
    pub(super) map_type: MapType,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    flags: u32,
    frozen: bool,
    cpus: usize,
    pub(super) data: Data,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Array, per-CPU array.
    Array(RegionId),
    /// Hash maps of all kinds.
    Hash(HashTable),
    /// LPM trie: a hash of prefixes.
    Lpm(HashTable),
    /// Queue and stack.
    Queue(Queue),
    Ring(Ring),
    /// Program array: numbers of programs.
    Programs(Vec<Option<usize>>),
    /// Stack traces.
    Stacks(Stacks),
    /// Perf event array: what programs have put out, with the CPU.
    Events(VecDeque<(u32, Vec<u8>)>),
}

/// A key that is a number.
fn number(key: &[u8]) -> Result<u32, MapError> {
    let key = key.try_into().map_err(|_| MapError::EINVAL)?;
    Ok(u32::from_ne_bytes(key))
}

/// The distance of values.
pub(super) const fn stride(size: u32) -> usize {
    (size as usize).next_multiple_of(8)
}

impl Map {
    pub(super) fn new(
        def: &MapDef,
        cpus: usize,
        memory: &mut Memory,
    ) -> Result<Self, MapNotModelled> {
        let refuse = |reason| MapNotModelled {
            name: def.name.to_owned(),
            map_type: def.map_type,
            reason,
        };
        let per_cpu = matches!(
            def.map_type,
            MapType::PercpuArray | MapType::PercpuHash | MapType::LruPercpuHash
        );
        let cpus = if per_cpu { cpus } else { 1 };
        let entries = def.max_entries as usize;
        let too_big = || refuse("it is larger than what an address reaches");
        // A region has at most 2 GiB.
        let bytes = stride(def.value_size)
            .checked_mul(cpus)
            .and_then(|bytes| bytes.checked_mul(entries))
            .filter(|&bytes| bytes <= 1 << 31)
            .ok_or_else(too_big)?;
        if (def.key_size as usize).saturating_mul(entries) > 1 << 31 {
            return Err(too_big());
        }
        let mut values = |bytes: Vec<u8>| {
            let one = def.max_entries == 1 && cpus == 1;
            memory.add(Region {
                name: Cow::Owned(if def.is_global {
                    format!("the global `{}`", def.name)
                } else {
                    format!("a value of map `{}`", def.name)
                }),
                bytes,
                writable: def.flags & BPF_F_RDONLY_PROG == 0,
                stride: if one {
                    0
                } else {
                    stride(def.value_size) as u32
                },
                element: def.value_size,
            })
        };
        let data = match def.map_type {
            MapType::Array | MapType::PercpuArray => {
                if entries == 0 || def.value_size == 0 || def.key_size != 4 {
                    return Err(refuse("an array has keys of 4 bytes, values, and entries"));
                }
                let length = if entries == 1 && cpus == 1 {
                    def.value_size as usize
                } else {
                    bytes
                };
                Data::Array(values(vec![0; length]))
            }
            MapType::Hash
            | MapType::LruHash
            | MapType::PercpuHash
            | MapType::LruPercpuHash
            | MapType::LpmTrie => {
                if entries == 0 || def.key_size == 0 || def.value_size == 0 {
                    return Err(refuse("it has no keys, no values, or no entries"));
                }
                if def.map_type == MapType::LpmTrie && def.key_size <= 4 {
                    return Err(refuse("a key is the length of the prefix and its bytes"));
                }
                let values = values(Vec::with_capacity(bytes.min(RESERVED)));
                let keys = memory.add(Region {
                    name: Cow::Owned(format!("a key of map `{}`", def.name)),
                    bytes: Vec::new(),
                    writable: false,
                    stride: def.key_size,
                    element: def.key_size,
                });
                let lru = matches!(def.map_type, MapType::LruHash | MapType::LruPercpuHash);
                let table = HashTable::new(
                    keys,
                    values,
                    def.key_size as usize,
                    stride(def.value_size) * cpus,
                    entries,
                    lru,
                );
                if def.map_type == MapType::LpmTrie {
                    Data::Lpm(table)
                } else {
                    Data::Hash(table)
                }
            }
            MapType::Queue | MapType::Stack => {
                if entries == 0 || def.value_size == 0 || def.key_size != 0 {
                    return Err(refuse("it has values and entries, and no keys"));
                }
                let newest_first = def.map_type == MapType::Stack;
                Data::Queue(Queue::new(def.value_size as usize, entries, newest_first))
            }
            MapType::Ringbuf => {
                if !entries.is_power_of_two() || entries > 1 << 30 {
                    return Err(refuse("its size in bytes is no power of two"));
                }
                let records = memory.add(Region {
                    name: Cow::Owned(format!("a record of ring buffer `{}`", def.name)),
                    bytes: vec![0; 2 * entries],
                    writable: true,
                    stride: 0,
                    element: 0,
                });
                Data::Ring(Ring::new(records, entries))
            }
            MapType::ProgArray => Data::Programs(vec![None; entries]),
            MapType::StackTrace => {
                let depth = def.value_size as usize / 8;
                if def.flags & BPF_F_STACK_BUILD_ID != 0 {
                    return Err(refuse("only a kernel has the build ids of files"));
                }
                if entries == 0
                    || def.key_size != 4
                    || !def.value_size.is_multiple_of(8)
                    || !(1..=stacks::FRAMES).contains(&depth)
                {
                    return Err(refuse(
                        "it has keys of 4 bytes, entries, and 1 to 127 addresses of 8 bytes",
                    ));
                }
                Data::Stacks(Stacks::new(entries, depth))
            }
            MapType::PerfEventArray => Data::Events(VecDeque::new()),
            _ => return Err(refuse("only a kernel has it")),
        };
        let mut map = Self {
            name: Cow::Borrowed(def.name),
            map_type: def.map_type,
            key_size: def.key_size,
            value_size: def.value_size,
            max_entries: def.max_entries,
            flags: def.flags,
            frozen: false,
            cpus,
            data,
        };
        if let Some(initial) = def.initial {
            map.fill(memory, initial)
                .map_err(|_| refuse("its initial contents do not fit it"))?;
        }
        map.frozen = def.frozen;
        Ok(map)
    }

    /// Puts values at the indices 0, 1, … of an array.
    fn fill(&mut self, memory: &mut Memory, values: &[u8]) -> Result<(), MapError> {
        for (index, value) in values.chunks(self.value_size as usize).enumerate() {
            let key = u32::try_from(index).map_err(|_| MapError::E2BIG)?;
            if value.len() != self.value_size as usize {
                return Err(MapError::EINVAL);
            }
            self.update(memory, &key.to_ne_bytes(), value, 0, Some(0))?;
        }
        Ok(())
    }

    /// The bytes that the host copies for a value: of per-CPU maps those of all CPUs.
    pub(super) fn copied_size(&self) -> usize {
        if self.is_per_cpu() {
            stride(self.value_size) * self.cpus
        } else {
            self.value_size as usize
        }
    }

    /// The value whose address `ld_pseudo r1, 2` loads: of arrays that programs share.
    pub(super) fn only_value(&self) -> Option<RegionId> {
        match self.data {
            Data::Array(values) if self.map_type == MapType::Array => Some(values),
            _ => None,
        }
    }

    fn is_per_cpu(&self) -> bool {
        matches!(
            self.map_type,
            MapType::PercpuArray | MapType::PercpuHash | MapType::LruPercpuHash
        )
    }

    fn index(&self, key: &[u8]) -> Result<usize, MapError> {
        let key: [u8; 4] = key.try_into().map_err(|_| MapError::EINVAL)?;
        let index = u32::from_ne_bytes(key);
        if index < self.max_entries {
            Ok(index as usize)
        } else {
            Err(MapError::E2BIG)
        }
    }

    /// Where the value of a key begins, of the first CPU: its region and offset.
    fn find(&mut self, memory: &Memory, key: &[u8]) -> Option<(RegionId, usize)> {
        match &mut self.data {
            Data::Array(values) => {
                let values = *values;
                let index = self.index(key).ok()?;
                Some((values, index * self.cpus * stride(self.value_size)))
            }
            Data::Hash(table) => {
                let slot = table.find(memory, key)?;
                table.touch(slot);
                Some((table.values, table.value_at(slot)))
            }
            Data::Lpm(table) => {
                let slot = lpm::longest(table, memory, key)?;
                Some((table.values, table.value_at(slot)))
            }
            _ => None,
        }
    }

    /// The address of a key's value, as a helper gives it to a program on this CPU.
    pub(super) fn lookup(&mut self, memory: &Memory, key: &[u8], cpu: usize) -> Option<u64> {
        let cpu = if self.is_per_cpu() { cpu } else { 0 };
        let (region, offset) = self.find(memory, key)?;
        let offset = offset + cpu * stride(self.value_size);
        (cpu < self.cpus).then(|| Memory::address_of(region, offset))
    }

    /// Puts a value under a key: `cpu` is where, or `None` for the values of all CPUs, one
    /// after the other.
    pub(super) fn update(
        &mut self,
        memory: &mut Memory,
        key: &[u8],
        value: &[u8],
        flags: u64,
        cpu: Option<usize>,
    ) -> Result<(), MapError> {
        if flags & !BPF_F_LOCK > BPF_EXIST {
            return Err(MapError::EINVAL);
        }
        let flags = flags & !BPF_F_LOCK;
        let per_cpu = self.is_per_cpu();
        let (region, offset, fresh) = match &mut self.data {
            Data::Array(values) => {
                let values = *values;
                let index = self.index(key)?;
                if flags == BPF_NOEXIST {
                    return Err(MapError::EEXIST);
                }
                (values, index * self.cpus * stride(self.value_size), false)
            }
            Data::Hash(table) => {
                let (slot, fresh) = table.claim(memory, key, flags)?;
                (table.values, table.value_at(slot), fresh)
            }
            Data::Lpm(table) => {
                let mut masked = [0; lpm::MAXIMUM_KEY];
                let key = lpm::masked(key, &mut masked).ok_or(MapError::EINVAL)?;
                let (slot, fresh) = table.claim(memory, key, flags).map_err(|error| {
                    // A trie that is full says so in other words.
                    if error == MapError::E2BIG {
                        MapError::ENOSPC
                    } else {
                        error
                    }
                })?;
                (table.values, table.value_at(slot), fresh)
            }
            Data::Queue(queue) => return queue.push(value, flags),
            Data::Ring(_) | Data::Events(_) => return Err(MapError::ENOTSUPP),
            Data::Stacks(_) => return Err(MapError::EINVAL),
            Data::Programs(programs) => {
                let program = value.try_into().map_err(|_| MapError::EINVAL)?;
                let program = u32::from_ne_bytes(program) as usize;
                let key: [u8; 4] = key.try_into().map_err(|_| MapError::EINVAL)?;
                let place = programs
                    .get_mut(u32::from_ne_bytes(key) as usize)
                    .ok_or(MapError::E2BIG)?;
                *place = Some(program);
                return Ok(());
            }
        };
        let stride = stride(self.value_size);
        let size = self.value_size as usize;
        let bytes = &mut memory.region_mut(region).bytes;
        if !per_cpu {
            bytes[offset..offset + size].copy_from_slice(&value[..size]);
            return Ok(());
        }
        let all = &mut bytes[offset..offset + self.cpus * stride];
        match cpu {
            Some(cpu) => {
                if fresh {
                    all.fill(0);
                }
                let one = all.get_mut(cpu * stride..).ok_or(MapError::EINVAL)?;
                one[..size].copy_from_slice(&value[..size]);
            }
            None => {
                for (to, from) in all.chunks_mut(stride).zip(value.chunks(stride)) {
                    to[..size].copy_from_slice(&from[..size]);
                }
            }
        }
        Ok(())
    }

    /// Removes a key.
    pub(super) fn delete(&mut self, memory: &mut Memory, key: &[u8]) -> Result<(), MapError> {
        match &mut self.data {
            Data::Hash(table) => table.remove(memory, key),
            Data::Lpm(table) => {
                let mut masked = [0; lpm::MAXIMUM_KEY];
                let key = lpm::masked(key, &mut masked).ok_or(MapError::EINVAL)?;
                table.remove(memory, key)
            }
            Data::Programs(programs) => {
                let key: [u8; 4] = key.try_into().map_err(|_| MapError::EINVAL)?;
                let place = programs
                    .get_mut(u32::from_ne_bytes(key) as usize)
                    .ok_or(MapError::E2BIG)?;
                place.take().map(|_| ()).ok_or(MapError::ENOENT)
            }
            Data::Stacks(stacks) => stacks.remove(key),
            Data::Array(_) => Err(MapError::EINVAL),
            _ => Err(MapError::ENOTSUPP),
        }
    }

    /// The address of the key and of this CPU's value of the first entry at or after a position,
    /// and that position: what `bpf_for_each_map_elem` goes through. Of an array the key has no
    /// address, and the position is the key.
    pub(super) fn entry_from(
        &self,
        memory: &Memory,
        position: usize,
        cpu: usize,
    ) -> Option<(usize, Option<u64>, u64)> {
        let cpu = if self.is_per_cpu() { cpu } else { 0 };
        let value =
            |region, offset| Memory::address_of(region, offset + cpu * stride(self.value_size));
        match &self.data {
            Data::Array(values) => (position < self.max_entries as usize).then(|| {
                let offset = position * self.cpus * stride(self.value_size);
                (position, None, value(*values, offset))
            }),
            Data::Hash(table) => {
                let slot = table.used_from(position)?;
                let key = Memory::address_of(table.keys, table.key_at(slot));
                Some((slot, Some(key), value(table.values, table.value_at(slot))))
            }
            _ => {
                let _ = memory;
                None
            }
        }
    }

    // What follows is what the host does.

    fn check(&self, key: &[u8], value: Option<usize>, flag: u32) -> Result<(), MapError> {
        if self.flags & flag != 0 {
            return Err(MapError::EPERM);
        }
        let key_fits = key.len() == self.key_size as usize;
        let value_fits = value.is_none_or(|value| value == self.copied_size());
        if key_fits && value_fits {
            Ok(())
        } else {
            Err(MapError::EINVAL)
        }
    }

    /// Copies the value of a key, of per-CPU maps those of all CPUs.
    pub(super) fn host_lookup(
        &mut self,
        memory: &Memory,
        key: &[u8],
        value: &mut [u8],
    ) -> Result<(), MapError> {
        self.check(key, Some(value.len()), BPF_F_WRONLY)?;
        match &mut self.data {
            Data::Queue(queue) => return queue.peek(value),
            Data::Ring(_) | Data::Events(_) => return Err(MapError::ENOTSUPP),
            Data::Stacks(stacks) => return stacks.copy(key, value),
            Data::Programs(programs) => {
                let key: [u8; 4] = key.try_into().map_err(|_| MapError::EINVAL)?;
                let program = programs.get(u32::from_ne_bytes(key) as usize);
                let program = program.copied().flatten().ok_or(MapError::ENOENT)?;
                value.copy_from_slice(&(program as u32).to_ne_bytes());
                return Ok(());
            }
            _ => {}
        }
        let (region, offset) = self.find(memory, key).ok_or(MapError::ENOENT)?;
        let bytes = &memory.region(region).bytes[offset..];
        if self.is_per_cpu() {
            let stride = stride(self.value_size);
            let size = self.value_size as usize;
            for (to, from) in value.chunks_mut(stride).zip(bytes.chunks(stride)) {
                to[..size].copy_from_slice(&from[..size]);
                to[size..].fill(0);
            }
        } else {
            value.copy_from_slice(&bytes[..value.len()]);
        }
        Ok(())
    }

    pub(super) fn host_update(
        &mut self,
        memory: &mut Memory,
        key: &[u8],
        value: &[u8],
        flags: u64,
    ) -> Result<(), MapError> {
        self.check(key, Some(value.len()), BPF_F_RDONLY)?;
        if self.frozen {
            return Err(MapError::EPERM);
        }
        self.update(memory, key, value, flags, None)
    }

    pub(super) fn host_delete(&mut self, memory: &mut Memory, key: &[u8]) -> Result<(), MapError> {
        self.check(key, None, BPF_F_RDONLY)?;
        if self.frozen {
            return Err(MapError::EPERM);
        }
        self.delete(memory, key)
    }

    /// Copies and removes a value.
    pub(super) fn host_take(
        &mut self,
        memory: &mut Memory,
        key: &[u8],
        value: &mut [u8],
    ) -> Result<(), MapError> {
        self.check(key, Some(value.len()), BPF_F_RDONLY | BPF_F_WRONLY)?;
        match &mut self.data {
            Data::Queue(queue) => queue.pop(value),
            Data::Hash(_) => {
                self.host_lookup(memory, key, value)?;
                self.delete(memory, key)
            }
            _ => Err(MapError::ENOTSUPP),
        }
    }

    /// The key after this one; the first, if there is none or it is not in the map.
    pub(super) fn host_next_key(
        &self,
        memory: &Memory,
        key: Option<&[u8]>,
        next: &mut [u8],
    ) -> Result<(), MapError> {
        self.check(next, None, BPF_F_WRONLY)?;
        match &self.data {
            Data::Array(_) | Data::Programs(_) => {
                let index = match key.map(|key| self.index(key)) {
                    Some(Ok(index)) => index as u32 + 1,
                    None | Some(Err(_)) => 0,
                };
                if index >= self.max_entries {
                    return Err(MapError::ENOENT);
                }
                next.copy_from_slice(&index.to_ne_bytes());
                Ok(())
            }
            Data::Stacks(stacks) => {
                next.copy_from_slice(&stacks.next(key)?.to_ne_bytes());
                Ok(())
            }
            Data::Hash(table) | Data::Lpm(table) => {
                let after = key.and_then(|key| table.find(memory, key));
                let slot = table.used_from(after.map_or(0, |slot| slot + 1));
                let slot = slot.ok_or(MapError::ENOENT)?;
                next.copy_from_slice(table.key(memory, slot));
                Ok(())
            }
            _ => Err(MapError::ENOTSUPP),
        }
    }

    pub(super) fn freeze(&mut self) -> Result<(), MapError> {
        if self.frozen {
            return Err(MapError::EPERM);
        }
        self.frozen = true;
        Ok(())
    }
}
