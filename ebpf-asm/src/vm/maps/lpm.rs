//! Longest-prefix matches: a table of prefixes whose unused bits are zero.

use super::hash::HashTable;
use crate::vm::memory::Memory;

/// The kernel's limit: 256 bytes after the length.
pub(super) const MAXIMUM_KEY: usize = 4 + 256;

/// The key with the bits after its prefix cleared.
pub(super) fn masked<'a>(key: &[u8], buffer: &'a mut [u8; MAXIMUM_KEY]) -> Option<&'a [u8]> {
    let masked = buffer.get_mut(..key.len())?;
    masked.copy_from_slice(key);
    let (length, data) = masked.split_first_chunk_mut::<4>()?;
    let length = u32::from_ne_bytes(*length) as usize;
    if length > 8 * data.len() {
        return None;
    }
    clear_after(data, length);
    Some(masked)
}

fn clear_after(data: &mut [u8], length: usize) {
    if let Some(byte) = data.get_mut(length / 8) {
        *byte &= !(0xff >> (length % 8));
    }
    if let Some(rest) = data.get_mut(length / 8 + 1..) {
        rest.fill(0);
    }
}

/// The slot of the longest prefix that a key begins with.
pub(super) fn longest(table: &HashTable, memory: &Memory, key: &[u8]) -> Option<usize> {
    let mut buffer = [0; MAXIMUM_KEY];
    let key_length = masked(key, &mut buffer)?.len();
    let length = u32::from_ne_bytes(*key.first_chunk::<4>()?);
    for length in (0..=length).rev() {
        let key = &mut buffer[..key_length];
        let (prefix, data) = key.split_first_chunk_mut::<4>()?;
        *prefix = length.to_ne_bytes();
        clear_after(data, length as usize);
        if let Some(slot) = table.find(memory, key) {
            return Some(slot);
        }
    }
    None
}
