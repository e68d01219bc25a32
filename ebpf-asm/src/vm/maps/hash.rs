//! The table behind hash maps: keys and values lie in the machine's memory, by slots that do
//! not move while an entry lives, so that programs can point to them.

use super::{BPF_EXIST, BPF_NOEXIST, MapError};
use crate::vm::memory::{Memory, RegionId};
use alloc::vec;
use alloc::vec::Vec;

/// No slot: the end of a list, an empty bucket.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(in crate::vm) struct HashTable {
    pub(in crate::vm) keys: RegionId,
    pub(in crate::vm) values: RegionId,
    key_size: usize,
    /// The distance of values, of per-CPU maps those of all CPUs.
    value_stride: usize,
    max_entries: usize,
    /// Slots by the hash of their key, then the next free bucket; twice as many as slots.
    buckets: Vec<u32>,
    /// Of each slot: whether it is an entry, and its neighbours in the order of use.
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Of LRU maps: the entries that were used longest ago, and last.
    lru: bool,
    oldest: u32,
    newest: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    used: bool,
    older: u32,
    newer: u32,
}

/// Spreads the bytes of a key.
pub(super) fn hash(key: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for chunk in key.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    hash
}

impl HashTable {
    pub(super) fn new(
        keys: RegionId,
        values: RegionId,
        key_size: usize,
        value_stride: usize,
        max_entries: usize,
        lru: bool,
    ) -> Self {
        Self {
            keys,
            values,
            key_size,
            value_stride,
            max_entries,
            buckets: vec![NONE; 16],
            slots: Vec::new(),
            free: Vec::new(),
            lru,
            oldest: NONE,
            newest: NONE,
        }
    }

    pub(super) fn value_at(&self, slot: usize) -> usize {
        slot * self.value_stride
    }

    pub(super) fn key_at(&self, slot: usize) -> usize {
        slot * self.key_size
    }

    pub(super) fn key<'a>(&self, memory: &'a Memory, slot: usize) -> &'a [u8] {
        &memory.region(self.keys).bytes[self.key_at(slot)..][..self.key_size]
    }

    /// The first entry at or after a slot.
    pub(super) fn used_from(&self, slot: usize) -> Option<usize> {
        let after = self.slots.get(slot..)?;
        Some(slot + after.iter().position(|slot| slot.used)?)
    }

    fn home(&self, key: &[u8]) -> usize {
        hash(key) as usize & (self.buckets.len() - 1)
    }

    /// The bucket of a key: where it is, or where it would go.
    fn bucket(&self, memory: &Memory, key: &[u8]) -> usize {
        let mut at = self.home(key);
        loop {
            match self.buckets[at] {
                NONE => return at,
                slot if self.key(memory, slot as usize) == key => return at,
                _ => at = (at + 1) & (self.buckets.len() - 1),
            }
        }
    }

    pub(super) fn find(&self, memory: &Memory, key: &[u8]) -> Option<usize> {
        match self.buckets[self.bucket(memory, key)] {
            NONE => None,
            slot => Some(slot as usize),
        }
    }

    /// The slot of a key, new if it was not there.
    pub(super) fn claim(
        &mut self,
        memory: &mut Memory,
        key: &[u8],
        flags: u64,
    ) -> Result<(usize, bool), MapError> {
        if let Some(slot) = self.find(memory, key) {
            if flags == BPF_NOEXIST {
                return Err(MapError::EEXIST);
            }
            self.touch(slot);
            return Ok((slot, false));
        }
        if flags == BPF_EXIST {
            return Err(MapError::ENOENT);
        }
        if self.slots.len() - self.free.len() >= self.max_entries {
            if !self.lru {
                return Err(MapError::E2BIG);
            }
            let oldest = self.key(memory, self.oldest as usize).to_vec();
            self.remove(memory, &oldest)?;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None => {
                let slot = self.slots.len();
                self.slots.push(Slot {
                    used: false,
                    older: NONE,
                    newer: NONE,
                });
                memory
                    .region_mut(self.keys)
                    .bytes
                    .resize((slot + 1) * self.key_size, 0);
                memory
                    .region_mut(self.values)
                    .bytes
                    .resize((slot + 1) * self.value_stride, 0);
                if 2 * self.slots.len() > self.buckets.len() {
                    self.rehash(memory, 2 * self.buckets.len());
                }
                slot
            }
        };
        let at = self.key_at(slot);
        memory.region_mut(self.keys).bytes[at..at + self.key_size].copy_from_slice(key);
        let bucket = {
            let mut at = self.home(key);
            while self.buckets[at] != NONE {
                at = (at + 1) & (self.buckets.len() - 1);
            }
            at
        };
        self.buckets[bucket] = slot as u32;
        self.slots[slot].used = true;
        self.link_newest(slot as u32);
        Ok((slot, true))
    }

    fn rehash(&mut self, memory: &Memory, buckets: usize) {
        self.buckets.clear();
        self.buckets.resize(buckets, NONE);
        for slot in 0..self.slots.len() {
            if self.slots[slot].used {
                let mut at = self.home(self.key(memory, slot));
                while self.buckets[at] != NONE {
                    at = (at + 1) & (self.buckets.len() - 1);
                }
                self.buckets[at] = slot as u32;
            }
        }
    }

    pub(super) fn remove(&mut self, memory: &mut Memory, key: &[u8]) -> Result<(), MapError> {
        let mut hole = self.bucket(memory, key);
        let slot = self.buckets[hole];
        if slot == NONE {
            return Err(MapError::ENOENT);
        }
        // What was pushed on by the removed entry moves back, so that it is found again.
        let mask = self.buckets.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let moved = self.buckets[at];
            if moved == NONE {
                break;
            }
            let home = self.home(self.key(memory, moved as usize));
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.buckets[hole] = moved;
                hole = at;
            }
        }
        self.buckets[hole] = NONE;
        self.unlink(slot);
        self.slots[slot as usize].used = false;
        self.free.push(slot);
        Ok(())
    }

    /// Notes that an entry was used.
    pub(super) fn touch(&mut self, slot: usize) {
        if self.lru && self.newest != slot as u32 {
            self.unlink(slot as u32);
            self.link_newest(slot as u32);
        }
    }

    fn link_newest(&mut self, slot: u32) {
        if !self.lru {
            return;
        }
        let older = self.newest;
        self.slots[slot as usize].older = older;
        self.slots[slot as usize].newer = NONE;
        match older {
            NONE => self.oldest = slot,
            older => self.slots[older as usize].newer = slot,
        }
        self.newest = slot;
    }

    fn unlink(&mut self, slot: u32) {
        if !self.lru {
            return;
        }
        let Slot { older, newer, .. } = self.slots[slot as usize];
        match older {
            NONE => self.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.slots[newer as usize].older = older,
        }
    }
}
