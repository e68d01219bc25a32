//! Ring buffers: records in one piece of memory, handed out in order.

use crate::vm::memory::{Memory, RegionId};
use alloc::collections::VecDeque;

/// What the kernel puts before each record.
const HEADER: usize = 8;

#[derive(Clone, Debug)]
pub(in crate::vm) struct Ring {
    /// Twice the size: a record that begins near the end goes on behind it.
    pub(in crate::vm) region: RegionId,
    size: usize,
    /// Bytes ever reserved and ever given back; the difference is in use.
    produced: u64,
    consumed: u64,
    records: VecDeque<Record>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    /// How much was ever reserved before it.
    position: u64,
    offset: usize,
    length: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reserved,
    Submitted,
    Discarded,
}

impl Record {
    const fn taken(&self) -> u64 {
        (self.length + HEADER).next_multiple_of(8) as u64
    }
}

impl Ring {
    pub(super) const fn new(region: RegionId, size: usize) -> Self {
        Self {
            region,
            size,
            produced: 0,
            consumed: 0,
            records: VecDeque::new(),
        }
    }

    /// Room for a record: its address.
    pub(in crate::vm) fn reserve(&mut self, length: u64) -> Option<u64> {
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| length <= self.size)?;
        let record = Record {
            position: self.produced,
            offset: self.produced as usize % self.size + HEADER,
            length,
            state: State::Reserved,
        };
        // As in the kernel, the last byte is never used.
        if self.produced + record.taken() - self.consumed > self.size as u64 - 1 {
            return None;
        }
        self.produced += record.taken();
        self.records.push_back(record);
        Some(Memory::address_of(self.region, record.offset))
    }

    /// Submits or discards the record at an address; `false` if none is reserved there.
    pub(in crate::vm) fn finish(&mut self, address: u64, discard: bool) -> bool {
        let base = Memory::address(self.region);
        let found = self.records.iter_mut().rev().find(|record| {
            record.state == State::Reserved && base + record.offset as u64 == address
        });
        if let Some(record) = found {
            record.state = if discard {
                State::Discarded
            } else {
                State::Submitted
            };
            return true;
        }
        false
    }

    /// Hands the next record out; `None` if there is none, or it is not submitted yet.
    pub(in crate::vm) fn next<R>(
        &mut self,
        memory: &Memory,
        with: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        loop {
            let record = *self.records.front()?;
            if record.state == State::Reserved {
                return None;
            }
            self.records.pop_front();
            self.consumed += record.taken();
            if record.state == State::Submitted {
                let bytes = &memory.region(self.region).bytes;
                return Some(with(&bytes[record.offset..record.offset + record.length]));
            }
        }
    }

    /// Shows the finished records up to the first that is only reserved, with their positions
    /// and whether they are discarded. They stay in use until [`set_consumed`](Self::set_consumed).
    pub(in crate::vm) fn finished(
        &mut self,
        memory: &Memory,
        mut each: impl FnMut(u64, &[u8], bool),
    ) {
        let bytes = &memory.region(self.region).bytes;
        while let Some(&record) = self.records.front() {
            if record.state == State::Reserved {
                return;
            }
            self.records.pop_front();
            let record_bytes = &bytes[record.offset..record.offset + record.length];
            each(
                record.position,
                record_bytes,
                record.state == State::Discarded,
            );
        }
    }

    /// Says how far the reader has come.
    pub(in crate::vm) fn set_consumed(&mut self, position: u64) {
        self.consumed = position.clamp(self.consumed, self.produced);
    }

    /// What `bpf_ringbuf_query` says.
    pub(in crate::vm) const fn query(&self, what: u64) -> u64 {
        match what {
            0 => self.produced - self.consumed,
            1 => self.size as u64,
            2 => self.consumed,
            3 => self.produced,
            _ => 0,
        }
    }

    /// Whether a record is reserved and neither submitted nor discarded.
    pub(in crate::vm) fn has_reserved(&self) -> bool {
        self.records
            .iter()
            .any(|record| record.state == State::Reserved)
    }
}
