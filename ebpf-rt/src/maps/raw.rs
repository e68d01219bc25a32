//! Maps without types: the descriptor and the sizes, and the operations on bytes.

use super::{Update, per_cpu_values};
use crate::capabilities::{self, Capability};
use crate::sys::bpf::{self, NewMap};
use crate::{Errno, Error, ErrorKind, sys};
use ebpf_asm::MapType;
use ebpf_asm::object::MapDef;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// A map that exists, without the types of its keys and values.
///
/// Clones share the descriptor, which is closed with the last of them.
///
/// ```no_run
/// use ebpf_rt::{HashMap, maps::Map};
///
/// let map = HashMap::<u32, u64>::create(16)?;
/// assert_eq!(map.as_raw().key_size(), 4);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RawMap(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: OwnedFd,
    object: &'static str,
    name: String,
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    /// The bytes that the kernel copies for a value: of per-CPU maps one for each possible
    /// CPU. Every buffer is checked against this before the kernel sees it.
    copied_size: usize,
}

/// What a map is created from, after the loader's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) object: &'static str,
    pub(crate) name: &'a str,
    pub(crate) map_type: MapType,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
    pub(crate) initial: Option<&'a [u8]>,
    pub(crate) frozen: bool,
    /// What creating the map needs, and loading the programs it is created for: a refusal
    /// names all of it at once.
    pub(crate) needs: &'static [Capability],
}

impl<'a> Request<'a> {
    pub(crate) fn from_def(object: &'static str, name: &'a str, def: &MapDef) -> Self {
        Self {
            object,
            name,
            map_type: def.map_type,
            key_size: def.key_size,
            value_size: def.value_size,
            max_entries: def.max_entries,
            flags: def.flags,
            initial: def.initial,
            frozen: def.frozen,
            needs: &[Capability::Bpf],
        }
    }
}

/// Creates a map, fills it and freezes it, as far as it asks for that.
pub(crate) fn create(request: &Request<'_>) -> Result<RawMap, Error> {
    let in_map = |error: Error| error.in_object(request.object).of_map(request.name);
    let copied_size = copied_size(request).map_err(in_map)?;
    let new = NewMap {
        name: request.name,
        map_type: request.map_type,
        key_size: request.key_size,
        value_size: request.value_size,
        max_entries: request.max_entries,
        flags: request.flags,
    };
    let fd = with_memlock(|| bpf::map_create(&new))
        .map_err(|errno| in_map(explain_create(request, errno)))?;
    let map = RawMap(Arc::new(Inner {
        fd,
        object: request.object,
        name: request.name.to_owned(),
        map_type: request.map_type,
        key_size: request.key_size,
        value_size: request.value_size,
        max_entries: request.max_entries,
        copied_size,
    }));
    if let Some(values) = request.initial {
        map.fill(values)?;
    }
    if request.frozen {
        bpf::map_freeze(map.as_fd()).map_err(|errno| map.failed("BPF_MAP_FREEZE", errno))?;
    }
    Ok(map)
}

/// Runs an operation that takes memory which counted as locked before Linux 5.11: there the
/// limit is lifted when it was in the way.
pub(crate) fn with_memlock<T>(mut operation: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let result = operation();
    if matches!(result, Err(Errno::EPERM))
        && capabilities::counts_memlock()
        && sys::process::unlimit_memlock().is_ok()
    {
        return operation();
    }
    result
}

fn copied_size(request: &Request<'_>) -> Result<usize, Error> {
    let size = usize::try_from(request.value_size)
        .map_err(|_| Error::invalid("the value is too large"))?;
    if !is_per_cpu(request.map_type) {
        return Ok(size);
    }
    per_cpu_values::stride(size)
        .checked_mul(per_cpu_values::possible_cpus()?)
        .ok_or_else(|| Error::invalid("the values of all CPUs are too large"))
}

const fn is_per_cpu(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::PercpuArray | MapType::PercpuHash | MapType::LruPercpuHash
    )
}

const fn is_array(map_type: MapType) -> bool {
    matches!(map_type, MapType::Array | MapType::PercpuArray)
}

fn explain_create(request: &Request<'_>, errno: Errno) -> Error {
    let error = Error::failed("BPF_MAP_CREATE", errno);
    match errno {
        Errno::EPERM => capabilities::explain(error, request.needs),
        Errno::EINVAL if request.max_entries == 0 => error
            .with_kind(ErrorKind::Invalid)
            .because("its max_entries is 0")
            .remedy("say how many entries it can hold"),
        Errno::EINVAL => error.because(format!(
            "this kernel has no {:?} map with keys of {} bytes, values of {} bytes, {} entries \
             and flags {:#x}",
            request.map_type,
            request.key_size,
            request.value_size,
            request.max_entries,
            request.flags
        )),
        Errno::E2BIG => error.because(format!(
            "keys of {} bytes, values of {} bytes, {} entries: more than the kernel allows",
            request.key_size, request.value_size, request.max_entries
        )),
        Errno::ENOMEM => error
            .because(format!(
                "{} entries with values of {} bytes: the kernel has no memory for it",
                request.max_entries, request.value_size
            ))
            .remedy("ask for fewer entries"),
        _ => error,
    }
}

impl RawMap {
    /// The name as it was written; the kernel shows its first 15 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind of map.
    #[must_use]
    pub fn map_type(&self) -> MapType {
        self.0.map_type
    }

    /// Bytes of a key.
    #[must_use]
    pub fn key_size(&self) -> u32 {
        self.0.key_size
    }

    /// Bytes of a value; of a per-CPU map, of one CPU's value.
    #[must_use]
    pub fn value_size(&self) -> u32 {
        self.0.value_size
    }

    /// How many entries it can hold.
    #[must_use]
    pub fn max_entries(&self) -> u32 {
        self.0.max_entries
    }

    /// The kernel's number for the map, as `bpftool map` shows it.
    ///
    /// # Errors
    /// What `BPF_OBJ_GET_INFO_BY_FD` says.
    pub fn id(&self) -> Result<u32, Error> {
        bpf::id(self.as_fd()).map_err(|errno| self.failed("BPF_OBJ_GET_INFO_BY_FD", errno))
    }

    /// The bytes that the kernel copies for a value.
    pub(crate) fn copied_size(&self) -> usize {
        self.0.copied_size
    }

    /// Where it is, for messages: ``object `opens`, map `COUNTS` ``.
    pub(crate) fn describe(&self) -> String {
        let object = match self.0.object {
            "" => String::new(),
            object => format!("object `{object}`, "),
        };
        format!(
            "{object}map `{}` ({:?}, keys of {} bytes, values of {} bytes)",
            self.0.name, self.0.map_type, self.0.key_size, self.0.value_size
        )
    }

    /// Passes the map on if it is of this kind and has these sizes.
    pub(crate) fn expect<K, V>(self, map_type: MapType) -> Result<Self, Error> {
        let inner = &*self.0;
        let fits = inner.map_type == map_type
            && u64::from(inner.key_size) == size_of::<K>() as u64
            && u64::from(inner.value_size) == size_of::<V>() as u64;
        if fits {
            return Ok(self);
        }
        Err(Error::invalid(format!(
            "a {map_type:?} map with keys of {} bytes and values of {} bytes is wanted, and {} \
             is given",
            size_of::<K>(),
            size_of::<V>(),
            self.describe()
        )))
    }

    /// An error that is about this map.
    pub(crate) fn error(&self, error: Error) -> Error {
        error.in_object(self.0.object).of_map(&self.0.name)
    }

    /// An operation on this map that the kernel refused.
    pub(crate) fn failed(&self, operation: &str, errno: Errno) -> Error {
        let error = self.error(Error::failed(operation, errno));
        match errno {
            Errno::EBADF => error
                .because("the map's file descriptor is not open")
                .remedy("something else in the process has closed it"),
            Errno::EPERM => {
                error.because("the map is frozen, or its flags do not allow this to user space")
            }
            _ => error,
        }
    }

    /// The kernel goes by the map's sizes, not by the buffers': they must be the same.
    #[inline]
    fn check_sizes(&self, key: usize, value: Option<usize>) -> Result<(), Error> {
        let key_fits = u64::from(self.0.key_size) == key as u64;
        let value_fits = value.is_none_or(|value| value == self.0.copied_size);
        if key_fits && value_fits {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a key of {key} bytes and a value of {value:?} bytes are given to {}",
            self.describe()
        )))
    }

    /// Reads the value of a key; `false` if there is no such key.
    #[inline]
    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<bool, Error> {
        self.check_sizes(key.len(), Some(value.len()))?;
        match bpf::map_lookup(self.as_fd(), key, value) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(self.failed("BPF_MAP_LOOKUP_ELEM", errno)),
        }
    }

    #[inline]
    pub(crate) fn update(&self, key: &[u8], value: &[u8], update: Update) -> Result<(), Error> {
        self.check_sizes(key.len(), Some(value.len()))?;
        bpf::map_update(self.as_fd(), key, value, update as u64)
            .map_err(|errno| self.explain_update(errno))
    }

    fn explain_update(&self, errno: Errno) -> Error {
        let error = self.failed("BPF_MAP_UPDATE_ELEM", errno);
        let entries = self.0.max_entries;
        match errno {
            Errno::E2BIG if is_array(self.0.map_type) => error
                .with_kind(ErrorKind::NotFound)
                .because(format!("the index is beyond its {entries} entries")),
            Errno::E2BIG => error
                .with_kind(ErrorKind::Full)
                .because(format!("the map is full: its max_entries is {entries}")),
            Errno::EEXIST => error.because("the key exists already"),
            Errno::ENOENT => error.because("the key does not exist"),
            _ => error,
        }
    }

    /// Removes a key; `false` if there was no such key.
    pub(crate) fn delete(&self, key: &[u8]) -> Result<bool, Error> {
        self.check_sizes(key.len(), None)?;
        match bpf::map_delete(self.as_fd(), key) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(self.failed("BPF_MAP_DELETE_ELEM", errno)),
        }
    }

    /// The key after this one, or the first; `false` if there is none.
    #[inline]
    pub(crate) fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool, Error> {
        self.check_sizes(key.map_or(next.len(), <[u8]>::len), None)?;
        self.check_sizes(next.len(), None)?;
        bpf::map_next_key(self.as_fd(), key, next)
            .map_err(|errno| self.failed("BPF_MAP_GET_NEXT_KEY", errno))
    }

    /// Puts values at the indices 0, 1, … of an array.
    fn fill(&self, values: &[u8]) -> Result<(), Error> {
        let inner = &*self.0;
        let size = inner.value_size as usize;
        let whole = size > 0 && values.len().is_multiple_of(size);
        if inner.map_type != MapType::Array || !whole {
            return Err(self.error(Error::invalid(format!(
                "{} bytes are no initial contents for it",
                values.len()
            ))));
        }
        let count = values.len() / size;
        if count as u64 > u64::from(inner.max_entries) {
            return Err(self.error(Error::invalid(format!(
                "it has {count} initial values and room for {}",
                inner.max_entries
            ))));
        }
        match count {
            0 => Ok(()),
            1 => self.update(&0u32.to_ne_bytes(), values, Update::Any),
            _ => {
                let keys: Vec<u32> = (0..inner.max_entries).take(count).collect();
                bpf::map_fill(self.as_fd(), &keys, values)
                    .map_err(|errno| self.failed("BPF_MAP_UPDATE_BATCH", errno))
            }
        }
    }
}

impl AsFd for RawMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}
