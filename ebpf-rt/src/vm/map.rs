//! Maps of a machine behind the handles, and the memory that both share.

use super::{Machine, MapError, MapId, Vm};
use crate::Errno;
use crate::maps::RawMap;
use crate::maps::flags::BPF_F_MMAPABLE;
use crate::maps::raw::Request;
use crate::sys::memory::{memory_file, page_size, read_at, write_at};
use crate::{Error, MapType};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use ebpf_asm::object::MapDef;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// A map in a machine.
#[derive(Clone, Debug)]
pub(crate) struct VmMap {
    machine: Machine,
    id: MapId,
    number: u32,
    flags: u32,
}

/// Numbers of maps, from above: the kernel counts from 1.
static NEXT: AtomicU32 = AtomicU32::new(u32::MAX);

/// The two words before a record of a ring buffer, and what the first says.
const HEADER: usize = 8;
const DISCARDED: u32 = 1 << 30;

/// Memory that handles map, and that the machine reads before a run and writes after it.
#[derive(Debug)]
pub(super) struct Shared {
    map: MapId,
    fd: Arc<OwnedFd>,
    /// Of ring buffers: the size of the data.
    ring: Option<usize>,
}

impl Machine {
    /// Creates a map in the machine.
    pub(crate) fn create_map(&self, request: &Request<'_>, def: &MapDef) -> Result<RawMap, Error> {
        let refused = |error: Error| error.in_object(request.object).of_map(request.name);
        let failed = |errno| refused(Error::failed("memfd_create", errno));
        let mut state = self.lock();
        let id = state.vm.create_map(def).map_err(|error| {
            refused(
                Error::new(crate::ErrorKind::Unsupported)
                    .because(error.to_string())
                    .caused_by(error),
            )
        })?;
        let ring = (def.map_type == MapType::Ringbuf).then_some(def.max_entries as usize);
        let length = match ring {
            Some(size) => 2 * page_size() + 2 * size,
            None => state.vm.map_values(id).map_or(0, <[u8]>::len),
        };
        let fd = memory_file(length).map_err(failed)?;
        if ring.is_some() || def.flags & BPF_F_MMAPABLE != 0 {
            let duplicate = fd
                .try_clone()
                .map_err(|error| failed(Errno::from_io(&error)))?;
            let shared = Shared {
                map: id,
                fd: Arc::new(duplicate),
                ring,
            };
            shared.after_run(&mut state.vm).map_err(failed)?;
            state.shared.push(shared);
        }
        drop(state);
        let vm = VmMap {
            machine: self.clone(),
            id,
            number: NEXT.fetch_sub(1, Relaxed),
            flags: def.flags,
        };
        RawMap::of_machine(request, fd, vm).map_err(refused)
    }
}

impl Shared {
    /// What handles have written.
    pub(super) fn before_run(&self, vm: &mut Vm) -> Result<(), Errno> {
        if self.ring.is_some() {
            let mut consumed = [0; size_of::<usize>()];
            read_at(self.fd.as_fd(), 0, &mut consumed)?;
            vm.set_consumed(self.map, usize::from_ne_bytes(consumed) as u64);
            return Ok(());
        }
        match vm.map_values_mut(self.map) {
            Some(values) => read_at(self.fd.as_fd(), 0, values),
            None => Ok(()),
        }
    }

    /// What programs have written.
    pub(super) fn after_run(&self, vm: &mut Vm) -> Result<(), Errno> {
        let fd = self.fd.as_fd();
        let Some(size) = self.ring else {
            return match vm.map_values(self.map) {
                Some(values) => write_at(fd, 0, values),
                None => Ok(()),
            };
        };
        let page = page_size();
        let mut result = Ok(());
        let mut end = None;
        vm.finished_records(self.map, |position, bytes, discarded| {
            let flag = if discarded { DISCARDED } else { 0 };
            let mut record = Vec::with_capacity(HEADER + bytes.len());
            record.extend_from_slice(&(bytes.len() as u32 | flag).to_ne_bytes());
            record.extend_from_slice(&[0; 4]);
            record.extend_from_slice(bytes);
            // Behind the two pages the data are there twice: a record at the end of the first
            // goes on in the second.
            let at = 2 * page + position as usize % size;
            result = result.and_then(|()| write_at(fd, at, &record));
            end = Some(position as usize + record.len().next_multiple_of(8));
        });
        result?;
        match end {
            Some(end) => write_at(fd, page, &end.to_ne_bytes()),
            None => Ok(()),
        }
    }
}

fn errno(error: MapError) -> Errno {
    Errno::from_raw(error.errno())
}

impl VmMap {
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) const fn flags(&self) -> u32 {
        self.flags
    }

    /// The map's number in its machine.
    pub(crate) const fn id(&self) -> MapId {
        self.id
    }

    pub(crate) fn is_in(&self, machine: &Machine) -> bool {
        Arc::ptr_eq(&self.machine.0, &machine.0)
    }

    /// Does something with the map while no program runs, with what handles and programs share
    /// exchanged before and after it.
    fn with<R>(&self, with: impl FnOnce(&mut Vm) -> Result<R, MapError>) -> Result<R, Errno> {
        let mut state = self.machine.lock();
        let super::State { vm, shared } = &mut *state;
        let shared = shared.iter().find(|shared| shared.map == self.id);
        if let Some(shared) = shared {
            shared.before_run(vm)?;
        }
        let result = with(vm).map_err(errno)?;
        if let Some(shared) = shared {
            shared.after_run(vm)?;
        }
        Ok(result)
    }

    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
        self.with(|vm| vm.map_lookup(self.id, key, value))
    }

    pub(crate) fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), Errno> {
        self.with(|vm| vm.map_update(self.id, key, value, flags))
    }

    pub(crate) fn take(&self, key: &[u8], value: &mut [u8]) -> Result<(), Errno> {
        self.with(|vm| vm.map_take(self.id, key, value))
    }

    pub(crate) fn delete(&self, key: &[u8]) -> Result<(), Errno> {
        self.with(|vm| vm.map_delete(self.id, key))
    }

    /// Whether there is a next key.
    pub(crate) fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool, Errno> {
        match self.with(|vm| vm.map_next_key(self.id, key, next)) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    pub(crate) fn freeze(&self) -> Result<(), Errno> {
        self.with(|vm| vm.map_freeze(self.id))
    }
}
