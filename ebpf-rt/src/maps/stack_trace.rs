//! Stacks of return addresses.

use super::Def;
#[cfg(feature = "std")]
use super::{Keys, RawMap};
#[cfg(feature = "std")]
use crate::{Errno, Error};
use core::marker::PhantomData;
use ebpf_asm::MapType;

/// Stacks of return addresses by number: `bpf_get_stackid` puts the stack of the kernel or of
/// the process in and returns its number; equal stacks have one. `DEPTH` is how many addresses
/// it can hold.
///
/// A negative result of `bpf_get_stackid` is an error: `-EEXIST` if another stack is in the
/// place of this one (see `BPF_F_REUSE_STACKID`), `-EFAULT` if there is no stack: on older
/// kernels (5.10 for one) programs at trace points of system calls see none of the kernel,
/// while those at the raw trace point `sys_enter` do.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{StackTrace, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod who {
///         static STACKS: StackTrace = StackTrace::with_max_entries(64);
///
///         #[raw_tracepoint("sys_enter")]
///         fn calls(ctx: *mut c_void) -> i32 {
///             r2 = STACKS ll;
///             r3 = 0;                             // the kernel's stack
///             call bpf_get_stackid;
///             exit;                               // its number
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let who = who::vm()?;
///     let stack = [0xffff_8000_0010, 0xffff_8000_0020];
///     who.progs.calls.machine()?.with(|vm| vm.set_stacks(&stack, &[]));
///     let id = who.progs.calls.run(&mut [0; 16])? as u32;
///     // Names for the addresses: `KernelSymbols` of the module `symbols`.
///     assert_eq!(who.maps.STACKS.get(id)?, Some(stack.to_vec()));
///     assert_eq!(who.maps.STACKS.ids().count(), 1);
///     assert!(who.maps.STACKS.remove(id)?);       // its place is free
///     Ok(())
/// }
/// ```
#[doc(alias = "BPF_MAP_TYPE_STACK_TRACE")]
pub struct StackTrace<const DEPTH: usize = 127> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<()>,
}

impl<const DEPTH: usize> StackTrace<DEPTH> {
    /// The definition of a map with room for this many stacks. More than
    /// `/proc/sys/kernel/perf_event_max_stack` addresses, 127 by default, are an error when it
    /// is created.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, StackTrace};
    ///
    /// static STACKS: Def<StackTrace<20>> = StackTrace::with_max_entries(64);
    /// assert_eq!(STACKS.map_def("STACKS").value_size, 20 * 8);
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, [u64; DEPTH]>(MapType::StackTrace, max_entries)
    }
}

#[cfg(feature = "std")]
impl<const DEPTH: usize> StackTrace<DEPTH> {
    /// Creates a map without an object. [`Def::create`] is for flags and a name.
    ///
    /// ```
    /// use ebpf_rt::StackTrace;
    ///
    /// # kernel_test::example!();
    /// let stacks = StackTrace::<20>::create(64)?;     // the 20 innermost functions
    /// assert_eq!(stacks.get(7)?, None);
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("stack_trace")
    }

    /// The addresses of a stack, the innermost first, if there is a stack of this number.
    ///
    /// # Errors
    /// What `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn get(&self, id: u32) -> Result<Option<Vec<u64>>, Error> {
        let mut addresses = vec![0u64; DEPTH];
        let bytes = bytemuck::cast_slice_mut(&mut addresses);
        if !self.raw.lookup(&id.to_ne_bytes(), bytes)? {
            return Ok(None);
        }
        // The kernel fills the rest with zeros.
        let length = addresses.iter().position(|&address| address == 0);
        addresses.truncate(length.unwrap_or(DEPTH));
        Ok(Some(addresses))
    }

    /// Removes a stack, so that its place is free; whether there was one.
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn remove(&self, id: u32) -> Result<bool, Error> {
        match self.raw.delete(&id.to_ne_bytes()) {
            // Beyond the last number.
            Err(error) if error.errno() == Some(Errno::E2BIG) => Ok(false),
            result => result,
        }
    }

    /// The numbers of the stacks that are there.
    #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
    pub fn ids(&self) -> Keys<'_, u32> {
        Keys::new(&self.raw)
    }
}

super::map_impls!(
    [const DEPTH: usize] StackTrace<DEPTH>, Def<Self>, StackTrace, 4, DEPTH * 8
);
