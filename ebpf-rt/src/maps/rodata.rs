//! Read-only data.

use super::flags::BPF_F_RDONLY_PROG;
#[cfg(feature = "std")]
use super::{RawMap, iter};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;
use ebpf_asm::object::MapDef;

/// A value that programs read and that nothing can change once it is loaded. The verifier
/// knows it, and leaves out branches that it rules out. Linux 5.2.
///
/// In the kernel it is an array of one entry, read-only for programs and frozen.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{Rodata, ebpf};
///
/// ebpf! {
///     #[license = "MIT"]
///     mod filter {
///         static PORT: Rodata<u32> = Rodata::new(443);
///
///         #[socket_filter]
///         fn keep(skb: *const c_void) -> i32 {
///             r1 = PORT ll;
///             r0 = *(u32 *)(r1 + 0);
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let mut loader = filter::loader();
///     loader.maps.PORT.value(8443);               // chosen before the load, fixed after it
///     let filter = loader.vm()?;
///     assert_eq!(filter.maps.PORT.get()?, 8443);
///     assert_eq!(filter.progs.keep.run(&mut [0; 192])?, 8443);
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_MAP_FREEZE")]
#[doc(alias = ".rodata")]
pub struct Rodata<T> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn() -> T>,
}

/// The definition of a [`Rodata`].
///
/// ```
/// use ebpf_rt::maps::{Rodata, RodataDef};
///
/// static LIMITS: RodataDef<[u32; 2]> = Rodata::new([10, 20]);
/// let def = LIMITS.map_def("LIMITS");
/// assert!(def.frozen);
/// assert_eq!(def.initial, Some(&[10, 0, 0, 0, 20, 0, 0, 0][..]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RodataDef<T> {
    value: T,
}

impl<T> Rodata<T> {
    /// The definition of read-only data of this value.
    ///
    /// ```
    /// use ebpf_rt::maps::{Rodata, RodataDef};
    ///
    /// static PORTS: RodataDef<[u16; 2]> = Rodata::new([80, 443]);
    /// assert_eq!(PORTS.map_def("PORTS").value_size, 4);
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
    pub const fn new(value: T) -> RodataDef<T> {
        assert!(size_of::<T>() > 0, "read-only data must have a size");
        RodataDef { value }
    }
}

impl<T: Pod> RodataDef<T> {
    /// The map as the loader wants it, under this name.
    #[must_use]
    pub const fn map_def(&'static self, name: &'static str) -> MapDef {
        single::<T>(name)
            .with_flags(BPF_F_RDONLY_PROG)
            .with_initial(bytes_of(&self.value))
            .frozen()
    }
}

#[cfg(feature = "std")]
impl<T: Pod> Rodata<T> {
    /// The value.
    ///
    /// # Errors
    /// What `BPF_MAP_LOOKUP_ELEM` says.
    pub fn get(&self) -> Result<T, Error> {
        iter::lookup(&self.raw, &0u32)?.ok_or_else(|| iter::beyond(&self.raw, 0))
    }
}

super::map_impls!([T] Rodata<T>, RodataDef<T>, Array<u32, T>);

/// An array of one value.
pub(super) const fn single<T: Pod>(name: &'static str) -> MapDef {
    const {
        assert!(
            size_of::<T>() <= u32::MAX as usize,
            "the value is too large"
        )
    };
    MapDef::new(name, MapType::Array, 4, size_of::<T>() as u32, 1).global()
}

/// `bytemuck::bytes_of`, in constants.
pub(super) const fn bytes_of<T: Pod>(value: &'static T) -> &'static [u8] {
    bytes_of_slice(core::slice::from_ref(value))
}

/// `bytemuck::cast_slice`, in constants.
pub(super) const fn bytes_of_slice<T: Pod>(values: &'static [T]) -> &'static [u8] {
    // SAFETY: plain old data has no padding, so that all bytes are initialised; the length is
    // that of the slice, and bytes have no alignment.
    unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}
