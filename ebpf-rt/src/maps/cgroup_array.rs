//! Cgroups to compare with.

use super::Def;
#[cfg(feature = "std")]
use super::{RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::{Errno, Error};
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
use std::os::fd::{AsFd, AsRawFd};

/// Cgroups by number: programs ask with `bpf_current_task_under_cgroup` or
/// `bpf_skb_under_cgroup` whether something belongs to one of them or to one below it.
///
/// ```
/// use ebpf_rt::CgroupArray;
///
/// # kernel_test::example!();
/// let groups = CgroupArray::create(1)?;
/// # let Some(mount) = kernel_test::cgroup2() else { return Ok(()) };
/// // `mount` is where cgroup2 is: /sys/fs/cgroup on most machines.
/// groups.set(0, &std::fs::File::open(mount)?)?;
/// assert!(groups.clear(0)?);
/// assert!(!groups.clear(0)?);                     // there is none any more
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_CGROUP_ARRAY")]
pub struct CgroupArray {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<()>,
}

impl CgroupArray {
    /// The definition of an array with room for this many cgroups.
    ///
    /// ```
    /// use ebpf_rt::maps::{CgroupArray, Def};
    ///
    /// static GROUPS: Def<CgroupArray> = CgroupArray::with_max_entries(4);
    /// assert_eq!(GROUPS.map_def("GROUPS").max_entries, 4);
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, u32>(MapType::CgroupArray, max_entries)
    }
}

#[cfg(feature = "std")]
impl CgroupArray {
    /// Creates an array without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("cgroup_array")
    }

    /// Puts a cgroup at an index: its directory in a cgroup2 file system, opened.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_UPDATE_ELEM` says.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn set(&self, index: u32, cgroup: &impl AsFd) -> Result<(), Error> {
        let fd = cgroup.as_fd().as_raw_fd();
        self.raw
            .update(&index.to_ne_bytes(), &fd.to_ne_bytes(), Update::Any)
            .map_err(|error| match error.errno() {
                Some(Errno::EBADF) => error
                    .because("the file descriptor is not a cgroup2 directory's")
                    .remedy("open the cgroup's directory where cgroup2 is mounted"),
                _ => error,
            })
    }

    /// Removes the cgroup at an index; whether there was one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn clear(&self, index: u32) -> Result<bool, Error> {
        iter::clear_index(&self.raw, index)
    }
}

super::map_impls!([] CgroupArray, Def<Self>, CgroupArray, 4, 4);
