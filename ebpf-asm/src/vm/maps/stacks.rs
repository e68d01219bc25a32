//! Maps of stack traces: each at a place that its addresses choose.

use super::{MapError, hash};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

const BPF_F_SKIP_FIELD_MASK: u64 = 0xff;
const BPF_F_USER_STACK: u64 = 1 << 8;
const BPF_F_FAST_STACK_CMP: u64 = 1 << 9;
const BPF_F_REUSE_STACKID: u64 = 1 << 10;

/// The most frames that the kernel walks, if nobody has set another number.
pub(super) const FRAMES: usize = 127;

#[derive(Clone, Debug)]
pub(in crate::vm) struct Stacks {
    /// A stack's number is its place, below a power of two.
    places: usize,
    stacks: BTreeMap<u32, Vec<u64>>,
    /// The most addresses of a stack.
    depth: usize,
}

/// What a stack is found by. It is not the kernel's, so that numbers are others there.
fn hash_of(addresses: &[u64]) -> u32 {
    let bytes: Vec<u8> = addresses
        .iter()
        .flat_map(|address| address.to_ne_bytes())
        .collect();
    let hash = hash::hash(&bytes);
    (hash ^ hash >> 32) as u32
}

impl Stacks {
    pub(super) fn new(entries: usize, depth: usize) -> Self {
        Self {
            places: entries.next_power_of_two(),
            stacks: BTreeMap::new(),
            depth,
        }
    }

    /// Whether the flags ask for the stack of the process.
    pub(in crate::vm) const fn is_of_user(flags: u64) -> bool {
        flags & BPF_F_USER_STACK != 0
    }

    /// Puts a stack, the innermost address first, at its place: its number.
    pub(in crate::vm) fn put(&mut self, stack: &[u64], flags: u64) -> Result<u32, MapError> {
        let known =
            BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID;
        if flags & !known != 0 {
            return Err(MapError::EINVAL);
        }
        let skip = (flags & BPF_F_SKIP_FIELD_MASK) as usize;
        let walked = &stack[..stack.len().min((self.depth + skip).min(FRAMES))];
        let addresses = match walked.get(skip..) {
            None | Some([]) => return Err(MapError::EFAULT),
            Some(addresses) => addresses,
        };
        let hash = hash_of(addresses);
        let id = hash & (self.places - 1) as u32;
        if let Some(there) = self.stacks.get(&id) {
            let is_same = match flags & BPF_F_FAST_STACK_CMP {
                0 => there == addresses,
                _ => hash_of(there) == hash,
            };
            if is_same {
                return Ok(id);
            }
            if flags & BPF_F_REUSE_STACKID == 0 {
                return Err(MapError::EEXIST);
            }
        }
        self.stacks.insert(id, addresses.to_vec());
        Ok(id)
    }

    /// Copies a stack; the rest becomes zero.
    pub(super) fn copy(&self, key: &[u8], value: &mut [u8]) -> Result<(), MapError> {
        let stack = self.stacks.get(&super::number(key)?);
        let stack = stack.ok_or(MapError::ENOENT)?;
        value.fill(0);
        for (to, address) in value.chunks_exact_mut(8).zip(stack) {
            to.copy_from_slice(&address.to_ne_bytes());
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Result<(), MapError> {
        let id = super::number(key)?;
        if id as usize >= self.places {
            return Err(MapError::E2BIG);
        }
        self.stacks.remove(&id).map(|_| ()).ok_or(MapError::ENOENT)
    }

    /// The number of the first stack behind this one; the first, if there is no such place.
    pub(super) fn next(&self, key: Option<&[u8]>) -> Result<u32, MapError> {
        let first = match key.map(super::number).transpose()? {
            Some(id) if (id as usize) < self.places => id + 1,
            _ => 0,
        };
        let next = self.stacks.range(first..).next();
        next.map(|(&id, _)| id).ok_or(MapError::ENOENT)
    }
}
