//! Iteration over the entries of maps.

use super::{PerCpuValues, RawMap};
use crate::{Errno, Error};
use bytemuck::{Pod, Zeroable};
use core::marker::PhantomData;
use ebpf_asm::MapType;

/// The keys of a hash map, in no order.
///
/// The kernel walks from key to key. Entries that others make or remove meanwhile may be seen
/// or not, and when the key at which the walk stands is removed, the kernel starts over, so
/// that others may be seen twice. Removing the key that was just returned is fine. After
/// twice the map's capacity the walk ends in any case.
///
/// ```
/// use ebpf_rt::HashMap;
///
/// # kernel_test::example!();
/// let seen = HashMap::<u32, u64>::create(8)?;
/// seen.insert_all([(1, 10), (2, 0), (3, 30)])?;
/// // Removing the key that was just returned is fine.
/// for key in seen.keys() {
///     let key = key?;
///     if seen.get(&key)? == Some(0) {
///         seen.remove(&key)?;
///     }
/// }
/// assert_eq!(seen.keys().count(), 2);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct Keys<'a, K> {
    map: &'a RawMap,
    state: State<K>,
    steps_left: u64,
}

#[derive(Debug)]
enum State<K> {
    Start,
    /// The next key to return: looked up before the last one was returned, which may be
    /// removed by now.
    At(K),
    Failed(Error),
    End,
}

impl<'a, K: Pod> Keys<'a, K> {
    pub(super) fn new(map: &'a RawMap) -> Self {
        Self {
            map,
            state: State::Start,
            steps_left: u64::from(map.max_entries()) * 2,
        }
    }

    fn after(&mut self, key: Option<&K>) -> State<K> {
        if key.is_some() {
            self.steps_left = self.steps_left.saturating_sub(1);
            if self.steps_left == 0 {
                return State::End;
            }
        }
        let mut next = K::zeroed();
        let key = key.map(bytemuck::bytes_of);
        match self.map.next_key(key, bytemuck::bytes_of_mut(&mut next)) {
            Ok(true) => State::At(next),
            Ok(false) => State::End,
            Err(error) => State::Failed(error),
        }
    }
}

impl<K: Pod> Iterator for Keys<'_, K> {
    type Item = Result<K, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::Start) {
            self.state = self.after(None);
        }
        match core::mem::replace(&mut self.state, State::End) {
            State::At(key) => {
                self.state = self.after(Some(&key));
                Some(Ok(key))
            }
            State::Failed(error) => Some(Err(error)),
            State::Start | State::End => None,
        }
    }
}

impl<K: Pod> core::iter::FusedIterator for Keys<'_, K> {}

/// The entries of a hash map: keys as [`Keys`] gives them, with their values. An entry that
/// is gone before its value is read is left out.
///
/// ```
/// use ebpf_rt::HashMap;
///
/// # kernel_test::example!();
/// let bytes = HashMap::<u32, u64>::create(8)?;
/// bytes.insert_all([(1, 10), (2, 20)])?;
/// // Errors end a `collect` or a `?`, and nothing else.
/// let mut all: Vec<(u32, u64)> = bytes.iter().collect::<Result<_, _>>()?;
/// all.sort();
/// assert_eq!(all, [(1, 10), (2, 20)]);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct Iter<'a, K, V> {
    keys: Keys<'a, K>,
    values: PhantomData<fn() -> V>,
}

impl<'a, K: Pod, V: Pod> Iter<'a, K, V> {
    pub(super) fn new(map: &'a RawMap) -> Self {
        Self {
            keys: Keys::new(map),
            values: PhantomData,
        }
    }
}

impl<K: Pod, V: Pod> Iterator for Iter<'_, K, V> {
    type Item = Result<(K, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let map = self.keys.map;
        entry(&mut self.keys, |key| lookup(map, key))
    }
}

impl<K: Pod, V: Pod> core::iter::FusedIterator for Iter<'_, K, V> {}

/// The values of a hash map, as [`Iter`] gives them.
///
/// ```
/// use ebpf_rt::HashMap;
///
/// # kernel_test::example!();
/// let bytes = HashMap::<u32, u64>::create(8)?;
/// bytes.insert_all([(1, 10), (2, 20)])?;
/// let total: u64 = bytes.values().sum::<Result<_, _>>()?;
/// assert_eq!(total, 30);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct Values<'a, K, V>(pub(super) Iter<'a, K, V>);

impl<K: Pod, V: Pod> Iterator for Values<'_, K, V> {
    type Item = Result<V, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map(|(_, value)| value))
    }
}

/// The entries of a per-CPU hash map: like [`Iter`], with a value for each CPU.
///
/// ```
/// use ebpf_rt::{PerCpuHashMap, maps::PerCpuValues};
///
/// # kernel_test::example!();
/// let opens = PerCpuHashMap::<u32, u64>::create(8)?;
/// opens.insert(1000, &PerCpuValues::filled_with(2)?)?;
/// for entry in &opens {
///     let (user, counts) = entry?;
///     assert_eq!((user, counts.iter().sum::<u64>()), (1000, 2 * counts.len() as u64));
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct PerCpuIter<'a, K, V> {
    keys: Keys<'a, K>,
    values: PhantomData<fn() -> V>,
}

impl<'a, K: Pod, V: Pod> PerCpuIter<'a, K, V> {
    pub(super) fn new(map: &'a RawMap) -> Self {
        Self {
            keys: Keys::new(map),
            values: PhantomData,
        }
    }
}

impl<K: Pod, V: Pod> Iterator for PerCpuIter<'_, K, V> {
    type Item = Result<(K, PerCpuValues<V>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let map = self.keys.map;
        entry(&mut self.keys, |key| lookup_per_cpu(map, key))
    }
}

impl<K: Pod, V: Pod> core::iter::FusedIterator for PerCpuIter<'_, K, V> {}

fn entry<K: Pod, T>(
    keys: &mut Keys<'_, K>,
    lookup: impl Fn(&K) -> Result<Option<T>, Error>,
) -> Option<Result<(K, T), Error>> {
    loop {
        let key = match keys.next()? {
            Ok(key) => key,
            Err(error) => return Some(Err(error)),
        };
        match lookup(&key) {
            Ok(Some(value)) => return Some(Ok((key, value))),
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// The entries of an array: every index with its value.
///
/// ```
/// use ebpf_rt::Array;
///
/// # kernel_test::example!();
/// let slots = Array::<u32>::create(4)?;
/// slots.set(2, 9)?;
/// for entry in &slots {
///     let (index, value) = entry?;
///     assert_eq!(value, if index == 2 { 9 } else { 0 });
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct IndexedIter<'a, V> {
    map: &'a RawMap,
    indices: core::ops::Range<u32>,
    values: PhantomData<fn() -> V>,
}

impl<'a, V: Pod> IndexedIter<'a, V> {
    pub(super) fn new(map: &'a RawMap) -> Self {
        Self {
            map,
            indices: 0..map.max_entries(),
            values: PhantomData,
        }
    }
}

impl<V: Pod> Iterator for IndexedIter<'_, V> {
    type Item = Result<(u32, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.indices.next()?;
        Some(indexed(self.map, index, lookup(self.map, &index)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indices.size_hint()
    }
}

impl<V: Pod> core::iter::FusedIterator for IndexedIter<'_, V> {}

/// The entries of a per-CPU array: every index with a value for each CPU.
///
/// ```
/// use ebpf_rt::{PerCpuArray, maps::PerCpuValues};
///
/// # kernel_test::example!();
/// let packets = PerCpuArray::<u64>::create(2)?;
/// packets.set(1, &PerCpuValues::filled_with(3)?)?;
/// for entry in &packets {
///     let (queue, counts) = entry?;
///     assert!(counts.iter().all(|count| *count == if queue == 1 { 3 } else { 0 }));
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are advanced"]
pub struct PerCpuIndexedIter<'a, V> {
    map: &'a RawMap,
    indices: core::ops::Range<u32>,
    values: PhantomData<fn() -> V>,
}

impl<'a, V: Pod> PerCpuIndexedIter<'a, V> {
    pub(super) fn new(map: &'a RawMap) -> Self {
        Self {
            map,
            indices: 0..map.max_entries(),
            values: PhantomData,
        }
    }
}

impl<V: Pod> Iterator for PerCpuIndexedIter<'_, V> {
    type Item = Result<(u32, PerCpuValues<V>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.indices.next()?;
        Some(indexed(self.map, index, lookup_per_cpu(self.map, &index)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indices.size_hint()
    }
}

impl<V: Pod> core::iter::FusedIterator for PerCpuIndexedIter<'_, V> {}

fn indexed<T>(
    map: &RawMap,
    index: u32,
    found: Result<Option<T>, Error>,
) -> Result<(u32, T), Error> {
    Ok((index, found?.ok_or_else(|| beyond(map, index))?))
}

/// The error of an index that an array does not have.
pub(super) fn beyond(map: &RawMap, index: u32) -> Error {
    let error = Error::new(crate::ErrorKind::NotFound);
    map.error(error.because(format!(
        "index {index} is beyond its {} entries",
        map.max_entries()
    )))
}

/// The value at an index that may be empty.
pub(super) fn lookup_index<V: Pod>(map: &RawMap, index: u32) -> Result<Option<V>, Error> {
    check_index(map, index)?;
    lookup(map, &index)
}

/// Empties an index; whether there was something.
pub(super) fn clear_index(map: &RawMap, index: u32) -> Result<bool, Error> {
    check_index(map, index)?;
    match map.delete(&index.to_ne_bytes()) {
        // What socket maps say about an empty place.
        Err(error)
            if error.errno() == Some(Errno::EINVAL) && map.map_type() == MapType::Sockmap =>
        {
            Ok(false)
        }
        result => result,
    }
}

/// The kernel's answers about what is beyond the end are those about empty places.
fn check_index(map: &RawMap, index: u32) -> Result<(), Error> {
    if index < map.max_entries() {
        Ok(())
    } else {
        Err(beyond(map, index))
    }
}

/// Completes an error of putting a map into a map of maps.
pub(super) fn explain_inner(error: Error, inner: &RawMap) -> Error {
    match error.errno() {
        Some(Errno::EINVAL) => error.because(format!(
            "{} is not like the maps that it was made for",
            inner.describe()
        )),
        _ => error,
    }
}

/// The value of a key.
pub(super) fn lookup<K: Pod, V: Pod>(map: &RawMap, key: &K) -> Result<Option<V>, Error> {
    let mut value: V = Zeroable::zeroed();
    let found = map.lookup(bytemuck::bytes_of(key), bytemuck::bytes_of_mut(&mut value))?;
    Ok(found.then_some(value))
}

/// The values of a key on all CPUs.
pub(super) fn lookup_per_cpu<K: Pod, V: Pod>(
    map: &RawMap,
    key: &K,
) -> Result<Option<PerCpuValues<V>>, Error> {
    let mut bytes = vec![0; map.copied_size()];
    let found = map.lookup(bytemuck::bytes_of(key), &mut bytes)?;
    Ok(found.then(|| PerCpuValues::from_bytes(&bytes)))
}

#[cfg(test)]
mod tests {
    use crate::Errno;
    use crate::HashMap;
    use crate::sys::Call;
    use crate::sys::script::{Script, run};

    /// Answers `BPF_MAP_GET_NEXT_KEY` and `BPF_MAP_LOOKUP_ELEM` with this number.
    fn gives(script: Script, number: u32) -> Script {
        script.with(move |call| {
            let Call::Bpf { attr, .. } = call else {
                panic!("{call:?}")
            };
            let to: u64 = bytemuck::pod_read_unaligned(&attr[16..24]);
            // SAFETY: the test's maps have keys and values of four bytes.
            unsafe { (to as usize as *mut u32).write_unaligned(number) };
            Ok(0)
        })
    }

    #[test]
    fn entries_come_with_their_values_and_removed_ones_are_left_out() {
        let mut script = gives(gives(Script::new().fd(), 1), 2);
        script = gives(script, 10);
        script = gives(script, 3).fails(Errno::ENOENT); // entry 2 is gone
        script = gives(script.fails(Errno::ENOENT), 30);
        let (entries, calls) = run(script, || {
            let map = HashMap::<u32, u32>::create(8).unwrap();
            let entries: Result<Vec<_>, _> = map.iter().collect();
            entries.unwrap()
        });
        assert_eq!(entries, [(1, 10), (3, 30)]);
        assert_eq!(calls.len(), 8);
    }

    #[test]
    fn the_walk_ends_although_the_kernel_starts_over_for_ever() {
        let mut script = Script::new().fd();
        for _ in 0..16 {
            script = gives(script, 7);
        }
        let (count, _) = run(script, || {
            let map = HashMap::<u32, u32>::create(8).unwrap();
            map.keys().count()
        });
        assert_eq!(count, 16);
    }

    #[test]
    fn an_error_ends_the_walk() {
        let (keys, _) = run(Script::new().fd().fails(Errno::EBADF), || {
            let map = HashMap::<u32, u32>::create(8).unwrap();
            map.keys().collect::<Vec<_>>()
        });
        assert_eq!(keys.len(), 1);
        assert_eq!(
            keys[0].as_ref().unwrap_err().to_string(),
            "map `hash_map`: BPF_MAP_GET_NEXT_KEY failed with EBADF: the map's file descriptor is \
             not open; something else in the process has closed it"
        );
    }
}
