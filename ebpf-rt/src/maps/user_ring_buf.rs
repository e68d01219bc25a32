//! Ring buffers the other way: samples from user space to programs.

use super::Def;
use super::ring_buf::is_size;
use core::marker::PhantomData;
use ebpf_asm::MapType;
use ebpf_asm::object::MapDef;
#[cfg(feature = "std")]
pub use writer::{UserSample, Writer};
#[cfg(feature = "std")]
use {super::RawMap, crate::Error};

#[cfg(feature = "std")]
mod writer;

/// Samples of any length from user space to programs, which take them with
/// `bpf_user_ringbuf_drain` and a callback. Linux 6.1.
///
/// ```
/// use ebpf_rt::UserRingBuf;
///
/// # kernel_test::example!(Kernel(6, 1));
/// let requests = UserRingBuf::create(4096)?;
/// let mut writer = requests.writer()?;
/// if let Some(mut sample) = writer.reserve(4)? {
///     sample.copy_from_slice(b"stop");
///     sample.submit();
/// }
/// assert_eq!(writer.unread_bytes(), 16);          // until a program takes it
/// assert_eq!(requests.byte_size(), 4096);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// The buffer has one position for all writers, so there is one [`Writer`] at a time in the
/// process. Other processes that have the map must not write to it meanwhile.
#[doc(alias = "BPF_MAP_TYPE_USER_RINGBUF")]
pub struct UserRingBuf {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<()>,
}

impl UserRingBuf {
    /// The definition of a buffer of this many bytes, a power of two and a multiple of the
    /// page size: 4096 on most machines.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, UserRingBuf};
    ///
    /// static REQUESTS: Def<UserRingBuf> = UserRingBuf::with_byte_size(1 << 16);
    /// assert_eq!(REQUESTS.map_def("REQUESTS").max_entries, 65_536);
    /// ```
    ///
    /// # Panics
    /// If it is not a power of two or less than 4096: in const evaluation a compile error.
    #[must_use]
    #[track_caller]
    pub const fn with_byte_size(bytes: u32) -> Def<Self> {
        assert!(
            is_size(bytes, 4096),
            "the size of a ring buffer is a power of two and a multiple of the page size, at \
             least 4096"
        );
        Def::of(MapDef::new("", MapType::UserRingbuf, 0, 0, bytes))
    }
}

#[cfg(feature = "std")]
impl UserRingBuf {
    /// Creates a buffer without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the size is not a power of two and
    /// a multiple of the page size,
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) before Linux 6.1; what else
    /// `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(bytes: u32) -> Result<Self, Error> {
        Def::of(MapDef::new("", MapType::UserRingbuf, 0, 0, bytes)).create("user_ring_buf")
    }

    /// Its size in bytes.
    #[must_use]
    pub fn byte_size(&self) -> u32 {
        self.raw.max_entries()
    }

    /// The one who writes.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) while there is another [`Writer`] of
    /// this map in the process; what mmap(2) says.
    #[doc(alias = "mmap")]
    pub fn writer(&self) -> Result<Writer<'_>, Error> {
        Writer::new(&self.raw)
    }
}

super::map_impls!([] UserRingBuf, Def<Self>, UserRingbuf, 0, 0);
