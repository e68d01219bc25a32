//! Operations on a hash map of 100,000 entries: by bare system calls, by ebpf-rt, aya and
//! libbpf-rs, all on the same map.

use benchmarks::raw;
use benchmarks::rounds::{Effort, Result, Side, compare};
use ebpf_rt::HashMap;
use ebpf_rt::maps::Map as _;
use libbpf_rs::{MapCore, MapFlags, MapHandle};
use std::hint::black_box;
use std::os::fd::AsFd;

const ENTRIES: u32 = 100_000;
/// Of single operations in a round.
const OPERATIONS: u32 = 2_000;

pub fn run(effort: Effort) -> Result<()> {
    let ours = HashMap::<u32, u64>::create(ENTRIES)?;
    ours.insert_all((0..ENTRIES).map(|key| (key, u64::from(key))))?;
    let id = ours.as_raw().id()?;
    let aya = || -> Result<aya::maps::HashMap<aya::maps::MapData, u32, u64>> {
        let data = aya::maps::MapData::from_id(id)?;
        Ok(aya::maps::HashMap::try_from(
            aya::maps::Map::from_map_data(data)?,
        )?)
    };
    let libbpf = MapHandle::from_map_id(id)?;
    let raw = ours.as_raw().as_fd();
    // Every key once, in an order that has nothing to do with the map's.
    let keys: Vec<u32> = (0..OPERATIONS)
        .map(|n| n.wrapping_mul(48_271) % ENTRIES)
        .collect();
    single(effort, &ours, raw, &keys, aya()?, &libbpf)?;
    let mut aya_updates = aya()?;
    compare(
        "map operation",
        "update",
        "ns",
        effort.rounds(501),
        vec![
            Side::timed("ebpf-rt", keys.len(), || {
                for &key in &keys {
                    ours.insert(key, 1)?;
                }
                Ok(())
            }),
            Side::timed("raw system call", keys.len(), || {
                for key in &keys {
                    raw::map_update(raw, key, &1)?;
                }
                Ok(())
            }),
            Side::timed("aya", keys.len(), || {
                for key in &keys {
                    aya_updates.insert(key, 1, 0)?;
                }
                Ok(())
            }),
            Side::timed("libbpf-rs", keys.len(), || {
                for key in &keys {
                    let value = 1_u64.to_ne_bytes();
                    libbpf.update(&key.to_ne_bytes(), &value, MapFlags::ANY)?;
                }
                Ok(())
            }),
        ],
    )?;
    iteration(effort, &ours, raw, aya()?, &libbpf)?;
    batch(effort, 1_000, "1,000")?;
    batch(effort, ENTRIES, "100,000")
}

fn single(
    effort: Effort,
    ours: &HashMap<u32, u64>,
    raw: std::os::fd::BorrowedFd<'_>,
    keys: &[u32],
    aya: aya::maps::HashMap<aya::maps::MapData, u32, u64>,
    libbpf: &MapHandle,
) -> Result<()> {
    let all = keys.len();
    compare(
        "map operation",
        "look-up",
        "ns",
        effort.rounds(501),
        vec![
            Side::timed("ebpf-rt", all, || {
                for key in keys {
                    black_box(ours.get(key)?);
                }
                Ok(())
            }),
            Side::timed("raw system call", all, || {
                for key in keys {
                    let mut value = 0;
                    raw::map_lookup(raw, key, &mut value)?;
                    black_box(value);
                }
                Ok(())
            }),
            Side::timed("aya", all, || {
                for key in keys {
                    black_box(aya.get(key, 0)?);
                }
                Ok(())
            }),
            Side::timed("libbpf-rs", all, || {
                for key in keys {
                    let mut value = [0; 8];
                    libbpf.lookup_into(&key.to_ne_bytes(), &mut value, MapFlags::ANY)?;
                    black_box(u64::from_ne_bytes(value));
                }
                Ok(())
            }),
        ],
    )
}

/// Each entry costs two system calls: the next key, and its value.
fn iteration(
    effort: Effort,
    ours: &HashMap<u32, u64>,
    raw: std::os::fd::BorrowedFd<'_>,
    aya: aya::maps::HashMap<aya::maps::MapData, u32, u64>,
    libbpf: &MapHandle,
) -> Result<()> {
    let all = ENTRIES as usize;
    let counted = move |count: usize| match count {
        count if count == all => Ok(()),
        count => Err(format!("{count} entries were found of {all}").into()),
    };
    compare(
        "map iteration",
        "100,000 entries one by one",
        "ns per entry",
        effort.rounds(15),
        vec![
            Side::timed("ebpf-rt", all, || {
                let mut count = 0;
                for entry in ours {
                    black_box(entry?);
                    count += 1;
                }
                counted(count)
            }),
            Side::timed("raw system calls", all, || {
                let (mut next, mut last, mut count) = (0, None, 0);
                while raw::map_next_key(raw, last.as_ref(), &mut next)? {
                    let mut value = 0;
                    raw::map_lookup(raw, &next, &mut value)?;
                    black_box((next, value));
                    last = Some(next);
                    count += 1;
                }
                counted(count)
            }),
            Side::timed("aya", all, || {
                let mut count = 0;
                for entry in aya.iter() {
                    black_box(entry?);
                    count += 1;
                }
                counted(count)
            }),
            Side::timed("libbpf-rs", all, || {
                let mut count = 0;
                for key in libbpf.keys() {
                    let mut value = [0; 8];
                    libbpf.lookup_into(&key, &mut value, MapFlags::ANY)?;
                    black_box((key, value));
                    count += 1;
                }
                counted(count)
            }),
        ],
    )
}

/// Many entries in few system calls, beside the same entries one by one.
fn batch(effort: Effort, entries: u32, name: &str) -> Result<()> {
    let ours = &HashMap::<u32, u64>::create(entries)?;
    let keys: Vec<u32> = (0..entries).collect();
    let values: Vec<u64> = keys.iter().map(|&key| key.into()).collect();
    ours.insert_all(keys.iter().copied().zip(values.iter().copied()))?;
    let libbpf = MapHandle::from_map_id(ours.as_raw().id()?)?;
    let raw = ours.as_raw().as_fd();
    let all = entries as usize;
    // Small maps more often, so that there is something to measure.
    let passes = ENTRIES / entries;
    let rounds = effort.rounds(21);
    compare(
        "map batch",
        &format!("read {name} entries"),
        "ns per entry",
        rounds,
        vec![
            repeated(passes, all, "ebpf-rt", || {
                let entries = ours.read_all()?;
                assert_eq!(entries.len(), all);
                black_box(entries);
                Ok(())
            }),
            repeated(passes, all, "ebpf-rt, one by one", || {
                for entry in ours {
                    black_box(entry?);
                }
                Ok(())
            }),
            repeated(passes, all, "raw system calls", || {
                let (mut keys, mut values) = (vec![0; all], vec![0; all]);
                assert_eq!(raw::map_lookup_batch(raw, &mut keys, &mut values)?, all);
                black_box((keys, values));
                Ok(())
            }),
            repeated(passes, all, "libbpf-rs", || {
                let mut count = 0;
                for entry in libbpf.lookup_batch(entries, MapFlags::ANY, MapFlags::ANY)? {
                    black_box(entry);
                    count += 1;
                }
                assert_eq!(count, all);
                Ok(())
            }),
        ],
    )?;
    let key_bytes: Vec<u8> = keys.iter().flat_map(|key| key.to_ne_bytes()).collect();
    let value_bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    compare(
        "map batch",
        &format!("write {name} entries"),
        "ns per entry",
        rounds,
        vec![
            repeated(passes, all, "ebpf-rt", || {
                Ok(ours.insert_all(keys.iter().copied().zip(values.iter().copied()))?)
            }),
            repeated(passes, all, "ebpf-rt, one by one", || {
                for (&key, &value) in keys.iter().zip(&values) {
                    ours.insert(key, value)?;
                }
                Ok(())
            }),
            repeated(passes, all, "raw system calls", || {
                Ok(raw::map_update_batch(raw, &keys, &values)?)
            }),
            repeated(passes, all, "libbpf-rs", || {
                let any = MapFlags::ANY;
                Ok(libbpf.update_batch(&key_bytes, &value_bytes, entries, any, any)?)
            }),
        ],
    )
}

/// A side that does the same with all entries so many times.
fn repeated<'a>(
    passes: u32,
    entries: usize,
    name: &'static str,
    mut work: impl FnMut() -> Result<()> + 'a,
) -> Side<'a> {
    Side::timed(name, entries * passes as usize, move || {
        (0..passes).try_for_each(|_| work())
    })
}
