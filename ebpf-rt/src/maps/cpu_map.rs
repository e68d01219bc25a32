//! CPUs to send packets to.

use super::Def;
#[cfg(feature = "std")]
use super::{RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::{Errno, Error, programs::Program};
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
use std::os::fd::AsRawFd;

/// Queues of CPUs: XDP programs send packets to them with `bpf_redirect_map`, where the network
/// stack then handles them. Linux 5.9 (with values of this form).
///
/// ```
/// use ebpf_rt::CpuMap;
///
/// # kernel_test::example!();
/// let cpus = CpuMap::create(1)?;
/// cpus.set(0, 192)?;                              // CPU 0, with a queue of 192 packets
/// assert_eq!(cpus.get(0)?.map(|queue| queue.size), Some(192));
/// cpus.clear(0)?;
/// assert_eq!(cpus.get(0)?, None);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_CPUMAP")]
pub struct CpuMap {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<()>,
}

/// The queue of a CPU in a [`CpuMap`].
///
/// ```
/// use ebpf_rt::CpuMap;
///
/// # kernel_test::example!();
/// let cpus = CpuMap::create(1)?;
/// cpus.set(0, 64)?;
/// let queue = cpus.get(0)?.expect("CPU 0 was given a queue");
/// assert_eq!((queue.size, queue.program_id), (64, None));
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "bpf_cpumap_val")]
pub struct CpuQueue {
    /// How many packets it holds.
    pub size: u32,
    /// The kernel's number for the program that runs on that CPU for each packet, if there is
    /// one.
    pub program_id: Option<u32>,
}

impl CpuMap {
    /// The definition of a map for this many CPUs; 0 is for as many as the machine can have.
    ///
    /// ```
    /// use ebpf_rt::maps::{CpuMap, Def};
    ///
    /// static CPUS: Def<CpuMap> = CpuMap::with_max_entries(0);
    /// # kernel_test::example!();
    /// let cpus = CPUS.create("CPUS")?;
    /// assert!(cpus.info()?.max_entries > 0);          // as many as there can be
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, [u32; 2]>(MapType::Cpumap, max_entries)
    }
}

#[cfg(feature = "std")]
impl CpuMap {
    /// Creates a map without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capabilities, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("cpu_map")
    }

    /// Makes a queue of this many packets for a CPU, in place of the one that is there.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the CPU's number is not below
    /// the size; what else `BPF_MAP_UPDATE_ELEM` says: `ENODEV` if there is no such CPU,
    /// `EOVERFLOW` if the queue is longer than 16384.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn set(&self, cpu: u32, queue_size: u32) -> Result<(), Error> {
        self.put(cpu, queue_size, 0)
    }

    /// Makes a queue of this many packets for a CPU, with an XDP program that runs there for
    /// each packet. Linux 5.9.
    ///
    /// ```no_run
    /// // not run: it needs a program that was made for CPU maps
    /// use ebpf_rt::{CpuMap, Error, programs::Program};
    ///
    /// /// Has a program sort the packets of a CPU out there, not where they come in.
    /// fn sort(cpus: &CpuMap, cpu: u32, program: &impl Program) -> Result<(), Error> {
    ///     cpus.set_with_program(cpu, 192, program)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set); [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the
    /// program is not loaded, `EINVAL` if it is not an XDP program made for this.
    pub fn set_with_program(
        &self,
        cpu: u32,
        queue_size: u32,
        program: &impl Program,
    ) -> Result<(), Error> {
        let program = program.as_raw().fd()?.as_raw_fd();
        self.put(cpu, queue_size, program.cast_unsigned())
    }

    fn put(&self, cpu: u32, queue_size: u32, program: u32) -> Result<(), Error> {
        if queue_size == 0 {
            return Err(self.raw.error(Error::invalid(
                "a queue without room: `clear` removes a CPU",
            )));
        }
        let value = [queue_size, program];
        let value = bytemuck::bytes_of(&value);
        self.raw
            .update(&cpu.to_ne_bytes(), value, Update::Any)
            .map_err(|error| match error.errno() {
                Some(Errno::ENODEV) => error.because(format!("there is no CPU {cpu}")),
                Some(Errno::EOVERFLOW) => {
                    error.because(format!("a queue of {queue_size} packets is too long"))
                }
                _ => error,
            })
    }

    /// The queue of a CPU, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the CPU's number is not below
    /// the size; what else `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn get(&self, cpu: u32) -> Result<Option<CpuQueue>, Error> {
        let value: Option<[u32; 2]> = iter::lookup_index(&self.raw, cpu)?;
        Ok(value.map(|[size, program]| CpuQueue {
            size,
            program_id: (program != 0).then_some(program),
        }))
    }

    /// Removes the queue of a CPU. (The kernel does not say whether there was one.)
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn clear(&self, cpu: u32) -> Result<(), Error> {
        iter::clear_index(&self.raw, cpu).map(drop)
    }
}

super::map_impls!([] CpuMap, Def<Self>, Cpumap, 4, 8);
