//! Programs to jump to.

use super::Def;
#[cfg(feature = "std")]
use super::{RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::{Errno, Error, programs::Program};
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
use std::os::fd::AsRawFd;

/// Programs by number, to which a program can jump with `bpf_tail_call`: it does not come back.
/// Where there is no program at the index, or 33 jumps were made, the program goes on behind
/// the call.
///
/// All of them have to be of one kind, that of the first program that uses the array. The
/// array holds its programs until its last descriptor is closed: then it is emptied, also if
/// programs still use it. Pinning it keeps it.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{ProgramArray, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod calls {
///         static BY_NUMBER: ProgramArray = ProgramArray::with_max_entries(512);
///
///         #[raw_tracepoint("sys_enter")]
///         fn enter(ctx: *mut c_void) -> i32 {
///             r3 = *(u64 *)(r1 + 8);              // the system call's number
///             r2 = BY_NUMBER ll;
///             call bpf_tail_call;
///             r0 = 0;                             // no program for it
///             exit;
///         }
///
///         #[raw_tracepoint("sys_enter")]
///         fn on_execve(ctx: *mut c_void) -> i32 {
///             r0 = 1;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let calls = calls::vm()?;
///     let execve = [[0; 8], 59_u64.to_le_bytes()].concat();
///     assert_eq!(calls.progs.enter.run(&mut execve.clone())?, 0);
///     calls.maps.BY_NUMBER.set(59, &calls.progs.on_execve)?;
///     assert_eq!(calls.progs.enter.run(&mut execve.clone())?, 1);
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_MAP_TYPE_PROG_ARRAY")]
#[doc(alias = "bpf_tail_call")]
pub struct ProgramArray {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<()>,
}

impl ProgramArray {
    /// The definition of an array with room for this many programs.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, ProgramArray};
    ///
    /// static CALLS: Def<ProgramArray> = ProgramArray::with_max_entries(512);
    /// assert_eq!(CALLS.map_def("CALLS").max_entries, 512);
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, u32>(MapType::ProgArray, max_entries)
    }
}

#[cfg(feature = "std")]
impl ProgramArray {
    /// Creates an array without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("program_array")
    }

    /// The number of indices.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no array of the kernel is empty"
    )]
    pub fn len(&self) -> u32 {
        self.raw.max_entries()
    }

    /// Puts a program at an index, in place of the one that is there.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded,
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_UPDATE_ELEM` says: `EINVAL` if it is not the kind of program that
    /// the array holds.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn set(&self, index: u32, program: &impl Program) -> Result<(), Error> {
        let program = program.as_raw();
        #[cfg(feature = "vm")]
        if let Some(map) = self.raw.vm() {
            let number = program.vm()?.number_for(map);
            let number = number.map_err(|error| self.raw.error(error))?;
            return self
                .raw
                .update(&index.to_ne_bytes(), &number.to_ne_bytes(), Update::Any);
        }
        let fd = program.fd()?.as_raw_fd();
        self.raw
            .update(&index.to_ne_bytes(), &fd.to_ne_bytes(), Update::Any)
            .map_err(|error| match error.errno() {
                Some(Errno::EINVAL) => error.because(format!(
                    "the program `{}` is not of the kind that the array holds",
                    program.name()
                )),
                _ => error,
            })
    }

    /// Removes the program at an index; whether there was one.
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::{ProgramArray, ebpf};
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod nothing {
    ///         #[raw_tracepoint("sys_enter")]
    ///         fn ignore(ctx: *mut c_void) -> i32 {
    ///             r0 = 0;
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), ebpf_rt::Error> {
    ///     # kernel_test::example!();
    ///     let ignore = nothing::load()?.progs.ignore;
    ///     let calls = ProgramArray::create(512)?;
    ///     calls.set(59, &ignore)?;
    ///     assert_eq!(calls.program_id(59)?, Some(ignore.info()?.id));
    ///     assert!(calls.clear(59)?);
    ///     assert_eq!(calls.program_id(59)?, None);
    ///     assert_eq!(calls.len(), 512);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn clear(&self, index: u32) -> Result<bool, Error> {
        iter::clear_index(&self.raw, index)
    }

    /// The kernel's number for the program at an index, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn program_id(&self, index: u32) -> Result<Option<u32>, Error> {
        iter::lookup_index(&self.raw, index)
    }
}

super::map_impls!([] ProgramArray, Def<Self>, ProgArray, 4, 4);
