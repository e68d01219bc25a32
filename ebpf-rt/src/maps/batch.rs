//! Many entries in few system calls. Linux 5.6.

use super::RawMap;
use super::raw::since_when;
use crate::sys::bpf::{self, BatchBuffers};
use crate::{Errno, Error, KernelVersion};
use bytemuck::Pod;
use std::os::fd::AsFd;

const SINCE: KernelVersion = KernelVersion::new(5, 6);
/// Entries are read in parts of about so many bytes: in sixteenths of it, a large map takes a tenth
/// longer.
const PART: usize = 1024 * 1024;

/// Passes on all entries; with `delete` each is removed when it is read.
pub(super) fn read(
    map: &RawMap,
    delete: bool,
    mut each: impl FnMut(&[u8], &[u8]),
) -> Result<(), Error> {
    #[cfg(feature = "vm")]
    if map.vm().is_some() {
        return one_by_one(map, delete, each);
    }
    let (key, value) = (map.key_size() as usize, map.copied_size());
    let most = map.max_entries().max(1);
    let part = PART / key.saturating_add(value).max(1);
    let mut count = u32::try_from(part)
        .unwrap_or(u32::MAX)
        .clamp(64, 1 << 20)
        .min(most);
    let mut position = vec![0; key.max(4)];
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    let mut first = true;
    loop {
        keys.resize(key * count as usize, 0);
        values.resize(value * count as usize, 0);
        let mut buffers = BatchBuffers {
            position: &mut position,
            keys: &mut keys,
            values: &mut values,
            count,
        };
        let (result, found) = bpf::map_lookup_batch(map.as_fd(), &mut buffers, first, delete);
        let (is_last, found) = match result {
            Ok(()) => (false, found),
            Err(Errno::ENOENT) => (true, found),
            // More entries are in one place of the table than there is room for.
            Err(Errno::ENOSPC) if count < most => {
                count = count.saturating_mul(4).min(most);
                first = false;
                continue;
            }
            Err(errno) => {
                let command = match delete {
                    true => "BPF_MAP_LOOKUP_AND_DELETE_BATCH",
                    false => "BPF_MAP_LOOKUP_BATCH",
                };
                return Err(since_when(map.failed(command, errno), errno, SINCE));
            }
        };
        first = false;
        let found = found.min(count) as usize;
        let entries = keys.chunks_exact(key).zip(values.chunks_exact(value));
        for (key, value) in entries.take(found) {
            each(key, value);
        }
        if is_last {
            return Ok(());
        }
    }
}

/// A machine has no batches.
#[cfg(feature = "vm")]
fn one_by_one(map: &RawMap, delete: bool, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Error> {
    let mut next = vec![0; map.key_size() as usize];
    let mut value = vec![0; map.copied_size()];
    let mut key: Option<Vec<u8>> = None;
    while map.next_key(key.as_deref(), &mut next)? {
        if map.lookup(&next, &mut value)? {
            each(&next, &value);
        }
        if delete {
            map.delete(&next)?;
            continue;
        }
        key = Some(next.clone());
    }
    Ok(())
}

/// Makes or replaces these entries.
pub(super) fn insert<K: Pod, V: Pod>(
    map: &RawMap,
    entries: impl IntoIterator<Item = (K, V)>,
) -> Result<(), Error> {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (key, value) in entries {
        keys.extend_from_slice(bytemuck::bytes_of(&key));
        values.extend_from_slice(bytemuck::bytes_of(&value));
    }
    let count = count(map, keys.len() / size_of::<K>())?;
    if count == 0 {
        return Ok(());
    }
    #[cfg(feature = "vm")]
    if map.vm().is_some() {
        let mut entries = keys
            .chunks(size_of::<K>())
            .zip(values.chunks(size_of::<V>()));
        return entries.try_for_each(|(key, value)| map.update(key, value, super::Update::Any));
    }
    let (result, done) = bpf::map_update_batch(map.as_fd(), &keys, &values, count, 0);
    result.map_err(|errno| match errno {
        Errno::EINVAL | Errno::ENOTSUPP => {
            since_when(map.failed("BPF_MAP_UPDATE_BATCH", errno), errno, SINCE)
        }
        _ => {
            let error = map.explain_update("BPF_MAP_UPDATE_BATCH", errno);
            error.remedy(format!(
                "{} of {count} entries were made before",
                done.min(count)
            ))
        }
    })
}

/// Removes those of the keys that there are; how many that were.
pub(super) fn remove<K: Pod>(map: &RawMap, keys: &[K]) -> Result<usize, Error> {
    let mut rest = keys;
    let mut removed = 0;
    #[cfg(feature = "vm")]
    if map.vm().is_some() {
        for key in keys {
            removed += usize::from(map.delete(bytemuck::bytes_of(key))?);
        }
        return Ok(removed);
    }
    while !rest.is_empty() {
        let count = count(map, rest.len())?;
        let bytes = bytemuck::cast_slice(rest);
        let (result, done) = bpf::map_delete_batch(map.as_fd(), bytes, count);
        match result {
            Ok(()) => return Ok(removed + rest.len()),
            // It stops at a key that there is not.
            Err(Errno::ENOENT) => {
                let done = (done as usize).min(rest.len() - 1);
                removed += done;
                rest = &rest[done + 1..];
            }
            Err(errno) => {
                let error = map.failed("BPF_MAP_DELETE_BATCH", errno);
                let error = since_when(error, errno, SINCE);
                return Err(error.remedy(format!("{removed} keys were removed before")));
            }
        }
    }
    Ok(removed)
}

fn count(map: &RawMap, count: usize) -> Result<u32, Error> {
    u32::try_from(count).map_err(|_| map.error(Error::invalid("too many entries at once")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Call;
    use crate::sys::script::{Script, run};
    use crate::{ErrorKind, HashMap};

    /// Answers a batch: so many entries, whose keys and values count up from here.
    fn answer(
        first: u32,
        found: u32,
        result: Result<i64, Errno>,
    ) -> impl FnOnce(&mut Call<'_>) -> Result<i64, Errno> {
        move |call| {
            let Call::Bpf { attr, .. } = call else {
                panic!("{call:?}")
            };
            let address = |at: usize| -> u64 { bytemuck::pod_read_unaligned(&attr[at..at + 8]) };
            let (keys, values) = (address(16) as usize, address(24) as usize);
            for i in 0..found {
                let number = (first + i).to_ne_bytes();
                for base in [keys, values] {
                    // SAFETY: the buffers have room for the 64 numbers that are asked for.
                    unsafe { ((base + 4 * i as usize) as *mut [u8; 4]).write(number) };
                }
            }
            attr[32..36].copy_from_slice(&found.to_ne_bytes());
            result
        }
    }

    type Entries = Result<Vec<(u32, u32)>, Error>;

    /// The entries, and how many each call asks for.
    fn read_all(script: Script) -> (Entries, Vec<u32>) {
        let (map, _) = run(Script::new().fd(), || {
            HashMap::<u32, u32>::create(1 << 20).unwrap()
        });
        let (result, calls) = run(script, || map.read_all());
        let counts = calls.iter().map(|call| call.u32(32)).collect();
        (result, counts)
    }

    #[test]
    fn parts_are_put_together_and_small_buffers_grow() {
        let script = Script::new()
            .with(answer(0, 0, Err(Errno::ENOSPC)))
            .with(answer(0, 2, Ok(0)))
            .with(answer(2, 1, Err(Errno::ENOENT)));
        let (entries, counts) = read_all(script);
        assert_eq!(entries.unwrap(), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(counts, [131_072, 524_288, 524_288]);
    }

    #[test]
    fn old_kernels_are_named() {
        let script = Script::new().release("5.4.0").fails(Errno::EINVAL);
        let error = read_all(script).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "map `hash_map`: BPF_MAP_LOOKUP_BATCH failed with EINVAL: it needs Linux 5.6"
        );
    }

    #[test]
    fn missing_keys_are_passed_over() {
        let (map, _) = run(Script::new().fd(), || {
            HashMap::<u32, u32>::create(100).unwrap()
        });
        // 10 is there, 11 is not, 12 is there.
        let script = Script::new()
            .with(move |call| {
                let Call::Bpf { attr, .. } = call else {
                    panic!()
                };
                attr[32..36].copy_from_slice(&1u32.to_ne_bytes());
                Err(Errno::ENOENT)
            })
            .value(0);
        let (removed, calls) = run(script, || map.remove_all(&[10, 11, 12]));
        assert_eq!(removed.unwrap(), 2);
        assert_eq!((calls[0].u32(32), calls[1].u32(32)), (3, 1));
    }
}
