//! Global variables that programs and user space share.

use super::Map;
use super::flags::BPF_F_MMAPABLE;
use super::rodata::{bytes_of, single};
#[cfg(feature = "std")]
use super::{RawMap, handle_impls};
#[cfg(feature = "std")]
use crate::{Error, sys::memory::Mapping};
use bytemuck::Pod;
use core::marker::PhantomData;
#[cfg(feature = "std")]
use core::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    Ordering::Relaxed,
};
#[cfg(feature = "std")]
use ebpf_asm::MapType;
use ebpf_asm::object::MapDef;

/// A variable that programs and user space share: reading and writing it costs no system
/// call. Linux 5.5.
///
/// In the kernel it is an array of one entry, mapped into this process. Programs write to it
/// at any time, so there is never a reference to the value: [`get`](Self::get) and
/// [`set`](Self::set) copy it, in words of up to eight bytes (the largest power of two that
/// divides its size), each of them atomically. A value of several words that is changed at the same time can come out mixed.
/// Integers have `as_atomic` besides.
#[doc(alias = "BPF_F_MMAPABLE")]
#[doc(alias = ".data")]
#[doc(alias = ".bss")]
pub struct Global<T> {
    #[cfg(feature = "std")]
    raw: RawMap,
    #[cfg(feature = "std")]
    memory: Mapping,
    types: PhantomData<fn() -> T>,
}

/// The definition of a [`Global`].
#[derive(Clone, Copy, Debug)]
pub struct GlobalDef<T> {
    value: T,
}

impl<T: Pod> Global<T> {
    /// The definition of a variable with this value at first.
    ///
    /// ```
    /// use ebpf_rt::maps::{Global, GlobalDef};
    ///
    /// static LIMIT: GlobalDef<u64> = Global::new(100);
    /// assert_eq!(LIMIT.map_def("LIMIT").initial, Some(&100u64.to_ne_bytes()[..]));
    /// ```
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "definition and handle are two types"
    )]
    pub const fn new(value: T) -> GlobalDef<T> {
        const { assert!(size_of::<T>() > 0, "a variable must have a size") };
        GlobalDef { value }
    }
}

impl<T: Pod> GlobalDef<T> {
    /// The map as the loader wants it, under this name.
    #[must_use]
    pub const fn map_def(&'static self, name: &'static str) -> MapDef {
        let bytes = bytes_of(&self.value);
        let def = single::<T>(name).with_flags(BPF_F_MMAPABLE);
        // The kernel makes it zero; saying so would cost a system call.
        if is_zero(bytes) {
            def
        } else {
            def.with_initial(bytes)
        }
    }
}

const fn is_zero(bytes: &[u8]) -> bool {
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] != 0 {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(feature = "std")]
impl<T: Pod> Global<T> {
    /// A copy of the value as it is now.
    #[must_use]
    pub fn get(&self) -> T {
        let mut value = T::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut value);
        match word_size::<T>() {
            8 => self.load(bytes, |word: &AtomicU64| word.load(Relaxed).to_ne_bytes()),
            4 => self.load(bytes, |word: &AtomicU32| word.load(Relaxed).to_ne_bytes()),
            2 => self.load(bytes, |word: &AtomicU16| word.load(Relaxed).to_ne_bytes()),
            _ => self.load(bytes, |word: &AtomicU8| word.load(Relaxed).to_ne_bytes()),
        }
        value
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        let bytes = bytemuck::bytes_of(&value);
        match word_size::<T>() {
            8 => self.store(bytes, |word: &AtomicU64, b| {
                word.store(u64::from_ne_bytes(b), Relaxed)
            }),
            4 => self.store(bytes, |word: &AtomicU32, b| {
                word.store(u32::from_ne_bytes(b), Relaxed)
            }),
            2 => self.store(bytes, |word: &AtomicU16, b| {
                word.store(u16::from_ne_bytes(b), Relaxed)
            }),
            _ => self.store(bytes, |word: &AtomicU8, b| {
                word.store(u8::from_ne_bytes(b), Relaxed)
            }),
        }
    }

    fn load<A, const N: usize>(&self, bytes: &mut [u8], load: impl Fn(&A) -> [u8; N]) {
        for (i, chunk) in bytes.chunks_exact_mut(N).enumerate() {
            chunk.copy_from_slice(&load(self.word(i)));
        }
    }

    fn store<A, const N: usize>(&self, bytes: &[u8], store: impl Fn(&A, [u8; N])) {
        for (i, chunk) in bytes.as_chunks::<N>().0.iter().enumerate() {
            store(self.word(i), *chunk);
        }
    }

    /// The atomic word of this index.
    fn word<A>(&self, index: usize) -> &A {
        assert!(
            (index + 1) * size_of::<A>() <= size_of::<T>().next_multiple_of(8),
            "inside the value"
        );
        // SAFETY: the mapping covers the value rounded up to eight bytes (asserted above),
        // begins at a page and lives as long as `self`. `A` is an integer atomic, for which
        // any bytes are valid and shared mutation is allowed. Every access through a
        // `Global<T>` uses words of one size, `word_size::<T>()`, which of an integer is its
        // own size: atomics of different sizes never meet.
        unsafe { self.memory.address().cast::<A>().add(index).as_ref() }
    }
}

/// The largest power of two, up to eight, that divides the size. The mapping begins at a page,
/// so that words of it are aligned whatever `T`'s alignment is.
#[cfg(feature = "std")]
const fn word_size<T>() -> usize {
    let divisor = 1 << size_of::<T>().trailing_zeros();
    if divisor > 8 { 8 } else { divisor }
}

/// A view of an integer variable as an atomic.
macro_rules! atomics {
    ($($int:ty, $atomic:ident;)*) => { $(
        #[cfg(feature = "std")]
        impl Global<$int> {
            /// The variable itself, for all operations of an atomic.
            ///
            /// ```no_run
            #[doc = concat!("# fn f(hits: &ebpf_rt::Global<", stringify!($int), ">) {")]
            /// use std::sync::atomic::Ordering;
            ///
            /// let before = hits.as_atomic().swap(0, Ordering::Relaxed);
            /// # }
            /// ```
            #[must_use]
            pub fn as_atomic(&self) -> &$atomic {
                self.word(0)
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

impl<T: Pod> Map for Global<T> {
    type Definition = GlobalDef<T>;

    #[cfg(feature = "std")]
    fn from_raw(raw: RawMap) -> Result<Self, Error> {
        use std::os::fd::AsFd;
        let raw = raw.expect::<u32, T>(MapType::Array)?;
        let memory =
            Mapping::new(raw.as_fd(), size_of::<T>().next_multiple_of(8)).map_err(|errno| {
                raw.failed("mmap", errno)
                    .remedy("the map needs the flag BPF_F_MMAPABLE, and Linux 5.5")
            })?;
        Ok(Self {
            raw,
            memory,
            types: PhantomData,
        })
    }

    #[cfg(feature = "std")]
    fn as_raw(&self) -> &RawMap {
        &self.raw
    }
}

#[cfg(feature = "std")]
handle_impls!([T: Pod] Global<T>);

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::sys::script::{Recorded, Script, run};

    /// A variable over memory of the test's own.
    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
    fn with_global<T: Pod, R>(value: T, test: impl FnOnce(&Global<T>) -> R) -> (R, Vec<Recorded>) {
        let memory: &'static mut [u64] = vec![0u64; 8].leak();
        let address = memory.as_mut_ptr() as usize as i64;
        let script = Script::new().fd().value(address).value(0);
        run(script, move || {
            let map = crate::Array::<T>::create(1).unwrap();
            let global = Global::<T>::from_raw(map.as_raw().clone()).unwrap();
            global.set(value);
            test(&global)
        })
    }

    #[test]
    fn values_of_any_size_and_alignment_come_back() {
        assert_eq!(with_global([1u8, 2, 3], Global::get).0, [1, 2, 3]);
        assert_eq!(with_global([1u16, 2, 3], Global::get).0, [1, 2, 3]);
        assert_eq!(with_global([1u32, 2, 3], Global::get).0, [1, 2, 3]);
        assert_eq!(with_global([u64::MAX, 1], Global::get).0, [u64::MAX, 1]);
        assert_eq!(with_global(-5i64, Global::get).0, -5);
    }

    #[test]
    fn the_atomic_is_the_variable() {
        let (seen, calls) = with_global(40u32, |global| {
            global.as_atomic().fetch_add(2, Relaxed);
            global.get()
        });
        assert_eq!(seen, 42);
        let names: Vec<_> = calls.iter().map(|call| call.name).collect();
        assert_eq!(names, ["BPF_MAP_CREATE", "mmap", "munmap"]);
    }
}
