//! Values of arrays in memory that programs and user space share.

use super::RawMap;
use crate::Error;
use crate::sys::memory::Mapping;
use bytemuck::Pod;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::os::fd::AsFd;

/// The values of an array, mapped: there is never a reference to one, since programs write to
/// them at any time. They are copied in words, each of them atomically.
#[derive(Debug)]
pub(super) struct SharedValues<T> {
    memory: Mapping,
    count: usize,
    types: PhantomData<fn() -> T>,
}

impl<T: Pod> SharedValues<T> {
    /// From one value to the next.
    const STRIDE: usize = size_of::<T>().next_multiple_of(8);

    /// The values at the indices below `count`, which the array has.
    pub(super) fn new(map: &RawMap, count: u32) -> Result<Self, Error> {
        let too_large = || map.error(Error::invalid("the array is too large to be mapped"));
        let count = usize::try_from(count.min(map.max_entries())).map_err(|_| too_large())?;
        let length = count.checked_mul(Self::STRIDE).ok_or_else(too_large)?;
        let memory = Mapping::new(map.as_fd(), length).map_err(|errno| {
            map.failed("mmap", errno)
                .remedy("the map needs the flag BPF_F_MMAPABLE, and Linux 5.5")
        })?;
        Ok(Self {
            memory,
            count,
            types: PhantomData,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A copy of the value at an index, which is below the count.
    pub(super) fn get(&self, index: usize) -> T {
        let mut value = T::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut value);
        match word_size::<T>() {
            8 => self.load(index, bytes, |w: &AtomicU64| w.load(Relaxed).to_ne_bytes()),
            4 => self.load(index, bytes, |w: &AtomicU32| w.load(Relaxed).to_ne_bytes()),
            2 => self.load(index, bytes, |w: &AtomicU16| w.load(Relaxed).to_ne_bytes()),
            _ => self.load(index, bytes, |w: &AtomicU8| w.load(Relaxed).to_ne_bytes()),
        }
        value
    }

    /// Replaces the value at an index, which is below the count.
    pub(super) fn set(&self, index: usize, value: T) {
        let bytes = bytemuck::bytes_of(&value);
        match word_size::<T>() {
            8 => self.store(index, bytes, |w: &AtomicU64, b| {
                w.store(u64::from_ne_bytes(b), Relaxed)
            }),
            4 => self.store(index, bytes, |w: &AtomicU32, b| {
                w.store(u32::from_ne_bytes(b), Relaxed)
            }),
            2 => self.store(index, bytes, |w: &AtomicU16, b| {
                w.store(u16::from_ne_bytes(b), Relaxed)
            }),
            _ => self.store(index, bytes, |w: &AtomicU8, b| {
                w.store(u8::from_ne_bytes(b), Relaxed)
            }),
        }
    }

    fn load<A, const N: usize>(
        &self,
        index: usize,
        bytes: &mut [u8],
        load: impl Fn(&A) -> [u8; N],
    ) {
        for (word, chunk) in bytes.chunks_exact_mut(N).enumerate() {
            chunk.copy_from_slice(&load(self.atomic(index, word)));
        }
    }

    fn store<A, const N: usize>(&self, index: usize, bytes: &[u8], store: impl Fn(&A, [u8; N])) {
        for (word, chunk) in bytes.as_chunks::<N>().0.iter().enumerate() {
            store(self.atomic(index, word), *chunk);
        }
    }

    /// An atomic word of a value. `A` is an integer atomic of [`word_size`] bytes.
    pub(super) fn atomic<A>(&self, index: usize, word: usize) -> &A {
        assert!(
            index < self.count
                && (word + 1) * size_of::<A>() <= Self::STRIDE
                && size_of::<A>() == word_size::<T>(),
            "inside the value"
        );
        // SAFETY: the mapping covers `count` values at multiples of eight bytes, and the word
        // lies inside of the value (asserted above); it begins at a page and lives as long as
        // `self`. `A` is an integer atomic, for which any bytes are valid and shared mutation
        // is allowed. All access uses words of one size (asserted above): atomics of different
        // sizes never meet.
        unsafe {
            let value = self.memory.address().add(index * Self::STRIDE);
            value.cast::<A>().add(word).as_ref()
        }
    }
}

/// The largest power of two, up to eight, that divides the size. Values lie at multiples of
/// eight, so that words of them are aligned whatever `T`'s alignment is.
pub(super) const fn word_size<T>() -> usize {
    let divisor = 1 << size_of::<T>().trailing_zeros();
    if divisor > 8 { 8 } else { divisor }
}
