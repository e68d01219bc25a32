//! Queues and stacks.

use super::{BPF_EXIST, MapError};
use alloc::vec;
use alloc::vec::Vec;

#[derive(Clone, Debug)]
pub(in crate::vm) struct Queue {
    values: Vec<u8>,
    size: usize,
    capacity: usize,
    first: usize,
    length: usize,
    newest_first: bool,
}

impl Queue {
    pub(super) fn new(size: usize, capacity: usize, newest_first: bool) -> Self {
        Self {
            values: vec![0; size * capacity],
            size,
            capacity,
            first: 0,
            length: 0,
            newest_first,
        }
    }

    fn place(&mut self, index: usize) -> &mut [u8] {
        let at = (self.first + index) % self.capacity * self.size;
        &mut self.values[at..at + self.size]
    }

    /// Adds a value; `BPF_EXIST` makes room by dropping the oldest.
    pub(in crate::vm) fn push(&mut self, value: &[u8], flags: u64) -> Result<(), MapError> {
        if flags != 0 && flags != BPF_EXIST {
            return Err(MapError::EINVAL);
        }
        if self.length == self.capacity {
            if flags != BPF_EXIST {
                return Err(MapError::E2BIG);
            }
            self.first = (self.first + 1) % self.capacity;
            self.length -= 1;
        }
        let length = self.length;
        self.place(length).copy_from_slice(value);
        self.length += 1;
        Ok(())
    }

    pub(in crate::vm) fn peek(&mut self, value: &mut [u8]) -> Result<(), MapError> {
        if self.length == 0 {
            return Err(MapError::ENOENT);
        }
        let index = if self.newest_first {
            self.length - 1
        } else {
            0
        };
        value.copy_from_slice(self.place(index));
        Ok(())
    }

    pub(in crate::vm) fn pop(&mut self, value: &mut [u8]) -> Result<(), MapError> {
        self.peek(value)?;
        if !self.newest_first {
            self.first = (self.first + 1) % self.capacity;
        }
        self.length -= 1;
        Ok(())
    }
}
