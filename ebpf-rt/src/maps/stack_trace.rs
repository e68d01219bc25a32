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
/// ```no_run
/// use ebpf_rt::{StackTrace, symbols::KernelSymbols};
///
/// # fn f(stacks: StackTrace, id: u32) -> Result<(), ebpf_rt::Error> {
/// let symbols = KernelSymbols::load()?;
/// for address in stacks.get(id)?.unwrap_or_default() {
///     match symbols.find(address) {
///         Some(symbol) => println!("{symbol}"),
///         None => println!("{address:#x}"),
///     }
/// }
/// # Ok(())
/// # }
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
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, [u64; DEPTH]>(MapType::StackTrace, max_entries)
    }
}

#[cfg(feature = "std")]
impl<const DEPTH: usize> StackTrace<DEPTH> {
    /// Creates a map without an object. [`Def::create`] is for flags and a name.
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
