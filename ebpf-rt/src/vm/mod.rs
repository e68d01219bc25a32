//! Objects without a kernel: the interpreter behind the same typed handles.
//!
//! `name::vm()`, which `ebpf!` generates beside `name::load()`, makes the same skeleton over a
//! machine in this process: programs are [`run`](crate::programs::Tracepoint::run) with a
//! context of the caller's, and maps are the same handles. No privileges, no kernel.
//!
//! ```
//! use core::ffi::c_void;
//! use ebpf_rt::{HashMap, ebpf};
//!
//! ebpf! {
//!     #[license = "GPL"]
//!     mod lengths {
//!         static SEEN: HashMap<u32, u64> = HashMap::with_max_entries(16);
//!
//!         #[tracepoint("syscalls", "sys_enter_openat")]
//!         fn count(ctx: *mut c_void) -> i32 {
//!             call bpf_get_current_uid_gid;
//!             *(u32 *)(r10 - 4) = w0;
//!             *(u64 *)(r10 - 16) = 1;
//!             r1 = SEEN ll;
//!             r2 = r10;
//!             r2 += -4;
//!             r3 = r10;
//!             r3 += -16;
//!             r4 = 0;
//!             call bpf_map_update_elem;
//!             r0 = 0;
//!             exit;
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), ebpf_rt::Error> {
//!     let lengths = lengths::vm()?;
//!     lengths.progs.count.machine()?.with(|vm| vm.set_user(1000, 100));
//!     lengths.progs.count.run(&mut [])?;
//!     assert_eq!(lengths.maps.SEEN.get(&1000)?, Some(1));
//!     Ok(())
//! }
//! ```
//!
//! # What is different
//! - Globals and other values in shared memory are exchanged when a run begins and ends.
//! - Nothing is verified: a program that the kernel would refuse runs until it does something
//!   wrong, which is an error of the kind [`Fault`](crate::ErrorKind::Fault).
//! - What only a kernel has is an error that says so: attaching, pinning, some kinds of maps,
//!   some helpers. [`Vm::helper`] gives the machine what it lacks.
//!
//! [`Vm`] is the interpreter itself, for code without an object.

mod map;

pub(crate) use map::VmMap;

pub use ebpf_asm::vm::{
    Debugger, Fault, FaultKind, HelperCall, HelperError, Input, MapError, MapId, MapNotModelled,
    Permissions, ProgramId, RegionId, Stopped, UnknownHelper, Vm,
};

use crate::programs::RawProgram;
use crate::{Error, ErrorKind};
use core::fmt;
use map::Shared;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The machine behind a skeleton. Clones are the same machine.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::ebpf;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod clock {
///         #[raw_tracepoint("sys_enter")]
///         fn now(ctx: *mut c_void) -> i32 {
///             call bpf_ktime_get_ns;
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let now = clock::vm()?.progs.now;
///     let machine = now.machine()?;
///     machine.with(|vm| vm.set_clock(1_000_000));
///     assert!(now.run(&mut [0; 16])? >= 1_000_000);
///     println!("{} instructions", machine.with(|vm| vm.executed()));
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Machine(Arc<Mutex<State>>);

/// Not its memory: handles of maps show their machine.
impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").finish_non_exhaustive()
    }
}

struct State {
    vm: Vm,
    /// What programs and handles share.
    shared: Vec<Shared>,
}

impl Machine {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut vm = Vm::new();
        vm.set_cpus(crate::maps::possible_cpus()?);
        let shared = Vec::new();
        Ok(Self(Arc::new(Mutex::new(State { vm, shared }))))
    }

    /// A panic in a helper of the user's leaves nothing half done that matters.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the machine: sets its clock, its user, a helper; looks at what was
    /// printed. Programs and maps of the machine wait meanwhile: their handles cannot be used
    /// inside.
    pub fn with<R>(&self, with: impl FnOnce(&mut Vm) -> R) -> R {
        with(&mut self.lock().vm)
    }
}

/// A program in a machine.
#[derive(Clone, Debug)]
pub(crate) struct VmProgram {
    machine: Machine,
    id: ProgramId,
}

impl VmProgram {
    pub(crate) const fn new(machine: Machine, id: ProgramId) -> Self {
        Self { machine, id }
    }

    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What a program array of the same machine holds for it.
    pub(crate) fn number_for(&self, map: &VmMap) -> Result<u32, Error> {
        if map.is_in(&self.machine) {
            return Ok(self.id.index());
        }
        Err(Error::invalid("the program is in another machine"))
    }
}

impl RawProgram {
    /// Runs the program in the machine that it was loaded into with `vm()`; its result.
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::programs::Program;
    /// use ebpf_rt::{ebpf, vm::Input};
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod short {
    ///         #[socket_filter]
    ///         fn keep(skb: *const c_void) -> i32 {
    ///             r0 = *(u32 *)(r1 + 0);              // __sk_buff.len
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), ebpf_rt::Error> {
    ///     let keep = short::vm()?.progs.keep;
    ///     let mut packet = [0; 60];
    ///     // By a handle of any kind:
    ///     assert_eq!(keep.as_raw().run_on(Input::skb(&mut packet))?, 60);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Fault`] if the program does something that it must not;
    /// [`ErrorKind::NotLoaded`] if it was left out, or is in the kernel.
    pub fn run_on(&self, input: Input<'_>) -> Result<u64, Error> {
        let program = self.vm()?;
        let mut state = program.machine.lock();
        let State { vm, shared } = &mut *state;
        let exchange = |errno| self.error(Error::failed("exchange of shared memory", errno));
        for map in &*shared {
            map.before_run(vm).map_err(exchange)?;
        }
        let result = vm.run_on(program.id, input);
        for map in &*shared {
            map.after_run(vm).map_err(exchange)?;
        }
        result.map_err(|fault| {
            let place = fault.place();
            self.error(
                Error::new(ErrorKind::Fault)
                    .because(fault.message())
                    .at(Some(place))
                    .caused_by(fault),
            )
        })
    }
}

/// What only a kernel can do.
pub(crate) fn no_kernel(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported).because(format!("{what}: there is no kernel behind it"))
}
