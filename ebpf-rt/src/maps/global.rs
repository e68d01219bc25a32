//! Global variables that programs and user space share.

use super::flags::BPF_F_MMAPABLE;
use super::rodata::{bytes_of, single};
use super::{Map, PlainData};
#[cfg(feature = "std")]
use super::{RawMap, handle_impls, shared_values::SharedValues};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
#[cfg(feature = "std")]
use core::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
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
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Global, ebpf};
/// use std::sync::atomic::Ordering;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         static STEP: Global<u64> = Global::new(1);
///         static TOTAL: Global<u64> = Global::new(0);
///
///         #[raw_tracepoint("sys_enter")]
///         fn count(ctx: *mut c_void) -> i32 {
///             r1 = STEP ll;
///             r2 = *(u64 *)(r1 + 0);
///             r1 = TOTAL ll;
///             lock *(u64 *)(r1 + 0) += r2;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let calls = calls::vm()?;
///     calls.maps.STEP.set(5);                     // a store, and no system call
///     calls.progs.count.run(&mut [0; 16])?;
///     assert_eq!(calls.maps.TOTAL.get(), 5);
///     // Takes what was counted so far: nothing that programs add meanwhile is lost.
///     assert_eq!(calls.maps.TOTAL.as_atomic().swap(0, Ordering::Relaxed), 5);
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_F_MMAPABLE")]
#[doc(alias = ".data")]
#[doc(alias = ".bss")]
pub struct Global<T> {
    #[cfg(feature = "std")]
    raw: RawMap,
    #[cfg(feature = "std")]
    memory: SharedValues<T>,
    types: PhantomData<fn() -> T>,
}

/// The definition of a [`Global`].
///
/// ```
/// use ebpf_rt::maps::{Global, GlobalDef};
///
/// static LIMIT: GlobalDef<u32> = Global::new(100);
/// let def = LIMIT.map_def("LIMIT");
/// assert_eq!((def.value_size, def.max_entries), (4, 1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GlobalDef<T> {
    value: T,
}

impl<T> Global<T> {
    /// The definition of a variable with this value at first.
    ///
    /// ```
    /// use ebpf_rt::maps::{Global, GlobalDef};
    ///
    /// static LIMIT: GlobalDef<u64> = Global::new(100);
    /// assert_eq!(LIMIT.map_def("LIMIT").initial, Some(&100u64.to_ne_bytes()[..]));
    /// ```
    ///
    /// # Panics
    /// If the type has no size: in const evaluation, as in a `static`, a compile error there.
    #[must_use]
    #[track_caller]
    #[expect(
        clippy::new_ret_no_self,
        reason = "definition and handle are two types"
    )]
    pub const fn new(value: T) -> GlobalDef<T> {
        assert!(size_of::<T>() > 0, "a variable must have a size");
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
        self.memory.get(0)
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        self.memory.set(0, value);
    }
}

/// A view of an integer variable as an atomic.
macro_rules! atomics {
    ($($int:ty, $atomic:ident;)*) => { $(
        #[cfg(feature = "std")]
        impl Global<$int> {
            /// The variable itself, for all operations of an atomic.
            #[must_use]
            pub fn as_atomic(&self) -> &$atomic {
                self.memory.atomic(0, 0)
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

impl<T: PlainData> Map for Global<T> {
    type Definition = GlobalDef<T>;
    type Key = u32;
    type Value = T;

    #[cfg(feature = "std")]
    fn from_raw(raw: RawMap) -> Result<Self, Error> {
        let raw = raw.expect::<u32, T>(MapType::Array)?;
        let memory = SharedValues::new(&raw, 1)?;
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
    use core::sync::atomic::Ordering::Relaxed;

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
