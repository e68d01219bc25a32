//! Every kind of map: get, insert, remove, iterate; full, frozen, missing.

use ebpf_rt::maps::{Def, PerCpuValues, possible_cpus};
use ebpf_rt::{
    Array, ErrorKind, Global, HashMap, LruHashMap, LruPerCpuHashMap, PerCpuArray, PerCpuHashMap,
    Update,
};
use kernel_test::{Need, Suite};
use std::collections::BTreeMap;

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.test("maps::hash_map", ROOT, hash_map);
    suite.test("maps::hash_map_is_full", ROOT, hash_map_is_full);
    suite.test(
        "maps::removal_while_iterating",
        ROOT,
        removal_while_iterating,
    );
    suite.test(
        "maps::iteration_ends_under_churn",
        ROOT,
        iteration_ends_under_churn,
    );
    suite.test("maps::lru_hash_map", ROOT, lru_hash_map);
    suite.test("maps::per_cpu_hash_maps", ROOT, per_cpu_hash_maps);
    suite.test("maps::array", ROOT, array);
    suite.test("maps::read_only_array", ROOT, read_only_array);
    suite.test("maps::per_cpu_array", ROOT, per_cpu_array);
    suite.test("maps::global", ROOT, global);
    suite.test("maps::flags", ROOT, flags);
    suite.test("maps::odd_sizes", ROOT, odd_sizes);
}

fn hash_map() {
    let map = HashMap::<u32, u64>::create(8).unwrap();
    assert_eq!(map.get(&1).unwrap(), None);
    map.insert(1, 10).unwrap();
    map.insert(1, 11).unwrap();
    assert_eq!(map.get(&1).unwrap(), Some(11));

    let exists = map.insert_with(1, 12, Update::NoExist).unwrap_err();
    assert_eq!(exists.kind(), ErrorKind::Exists);
    assert_eq!(
        exists.to_string(),
        "map `hash_map`: BPF_MAP_UPDATE_ELEM failed with EEXIST: the key exists already"
    );
    let missing = map.insert_with(2, 20, Update::Exist).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(
        missing.to_string(),
        "map `hash_map`: BPF_MAP_UPDATE_ELEM failed with ENOENT: the key does not exist"
    );
    map.insert_with(2, 20, Update::NoExist).unwrap();
    map.insert_with(2, 21, Update::Exist).unwrap();

    let entries: BTreeMap<u32, u64> = map.iter().map(Result::unwrap).collect();
    assert_eq!(entries, [(1, 11), (2, 21)].into());
    let mut keys: Vec<u32> = map.keys().map(Result::unwrap).collect();
    keys.sort();
    assert_eq!(keys, [1, 2]);
    assert_eq!(map.values().map(Result::unwrap).sum::<u64>(), 32);

    assert!(map.remove(&1).unwrap());
    assert!(!map.remove(&1).unwrap());
    assert_eq!(map.iter().count(), 1);
}

fn hash_map_is_full() {
    const SMALL: Def<HashMap<u32, u32>> = HashMap::with_max_entries(2);
    let map = SMALL.create("SMALL").unwrap();
    map.insert(1, 1).unwrap();
    map.insert(2, 2).unwrap();
    let full = map.insert(3, 3).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full);
    assert_eq!(
        full.to_string(),
        "map `SMALL`: BPF_MAP_UPDATE_ELEM failed with E2BIG: the map is full: its max_entries \
         is 2"
    );
    map.insert(2, 3).unwrap();
}

fn removal_while_iterating() {
    let map = HashMap::<u32, u32>::create(100).unwrap();
    for key in 0..100 {
        map.insert(key, key).unwrap();
    }
    let mut seen = Vec::new();
    for key in map.keys() {
        let key = key.unwrap();
        assert!(map.remove(&key).unwrap());
        seen.push(key);
    }
    seen.sort();
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    assert_eq!(map.iter().count(), 0);
}

fn iteration_ends_under_churn() {
    let map = HashMap::<u32, u32>::create(64).unwrap();
    for key in 0..64 {
        map.insert(key, key).unwrap();
    }
    let mut fresh = 64;
    let mut steps = 0;
    for entry in map.iter() {
        entry.unwrap();
        steps += 1;
        assert!(steps <= 128, "the walk does not end");
        // Everything is replaced at every step, also the key that the walk goes on from.
        for key in map.keys().map(Result::unwrap).collect::<Vec<_>>() {
            map.remove(&key).unwrap();
            map.insert(fresh, 0).unwrap();
            fresh += 1;
        }
    }
    assert!(steps > 0);
}

fn lru_hash_map() {
    let map = LruHashMap::<u32, u32>::create(64).unwrap();
    for key in 0..1000 {
        map.insert(key, key).unwrap();
    }
    let entries = map.iter().count();
    assert!((1..=64).contains(&entries), "{entries}");
    assert_eq!(map.get(&999).unwrap(), Some(999));
    assert!(map.remove(&999).unwrap());
}

fn per_cpu_hash_maps() {
    let cpus = possible_cpus().unwrap();
    let values = PerCpuValues::new((1..=cpus as u32).collect()).unwrap();

    let map = PerCpuHashMap::<u64, u32>::create(2).unwrap();
    assert_eq!(map.get(&5).unwrap(), None);
    map.insert(5, &values).unwrap();
    assert_eq!(map.get(&5).unwrap(), Some(values.clone()));
    let exists = map.insert_with(5, &values, Update::NoExist).unwrap_err();
    assert_eq!(exists.kind(), ErrorKind::Exists);
    let entries: Vec<_> = map.iter().map(Result::unwrap).collect();
    assert_eq!(entries, [(5, values.clone())]);
    assert!(map.remove(&5).unwrap());
    assert_eq!(map.keys().count(), 0);

    let lru = LruPerCpuHashMap::<u64, u32>::create(64).unwrap();
    for key in 0..200 {
        lru.insert(key, &values).unwrap();
    }
    assert_eq!(lru.get(&199).unwrap(), Some(values));
}

fn array() {
    const PRIMES: Def<Array<u16>> = Array::with_max_entries(4).initial(&[2, 3, 5]);
    let array = PRIMES.create("PRIMES").unwrap();
    assert_eq!(array.len(), 4);
    let all: Vec<_> = array.iter().map(Result::unwrap).collect();
    assert_eq!(all, [(0, 2), (1, 3), (2, 5), (3, 0)]);
    array.set(3, 7).unwrap();
    assert_eq!(array.get(3).unwrap(), 7);

    let beyond = array.get(4).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::NotFound);
    assert_eq!(
        beyond.to_string(),
        "map `PRIMES`: index 4 is beyond its 4 entries"
    );
    let beyond = array.set(4, 0).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::NotFound);
    assert_eq!(
        beyond.to_string(),
        "map `PRIMES`: BPF_MAP_UPDATE_ELEM failed with E2BIG: the index is beyond its 4 entries"
    );
}

fn read_only_array() {
    const PRIMES: Def<Array<u16>> = Array::with_max_entries(2).initial(&[2, 3]).read_only();
    let array = PRIMES.create("PRIMES").unwrap();
    assert_eq!(array.get(1).unwrap(), 3);
    let frozen = array.set(1, 4).unwrap_err();
    assert_eq!(frozen.kind(), ErrorKind::Permission);
    assert_eq!(
        frozen.to_string(),
        "map `PRIMES`: BPF_MAP_UPDATE_ELEM failed with EPERM: the map is frozen, or its flags do \
         not allow this to user space"
    );
    const TOO_MANY: Def<Array<u16>> = Array::with_max_entries(1).initial(&[2, 3]);
    assert_eq!(
        TOO_MANY.create("TOO_MANY").unwrap_err().to_string(),
        "map `TOO_MANY`: it has 2 initial values and room for 1"
    );
}

fn per_cpu_array() {
    let array = PerCpuArray::<[u8; 3]>::create(2).unwrap();
    assert_eq!(array.len(), 2);
    let mut values = PerCpuValues::filled_with([1, 2, 3]).unwrap();
    values[0] = [4, 5, 6];
    array.set(1, &values).unwrap();
    assert_eq!(array.get(1).unwrap(), values);
    assert_eq!(array.iter().count(), 2);
    assert!(array.get(0).unwrap().iter().all(|value| *value == [0; 3]));
    assert_eq!(array.get(2).unwrap_err().kind(), ErrorKind::NotFound);
}

fn global() {
    use super::common::{load_plain, object};
    use ebpf_rt::maps::GlobalDef;
    static PAIR: GlobalDef<[u32; 3]> = Global::new([1, 2, 3]);
    static HITS: GlobalDef<u64> = Global::new(0);
    let object = object(vec![PAIR.map_def("PAIR"), HITS.map_def("HITS")], vec![]);
    let loaded = load_plain(&object).unwrap();
    let pair: Global<[u32; 3]> = loaded.map(0).unwrap();
    assert_eq!(pair.get(), [1, 2, 3]);
    pair.set([4, 5, 6]);
    assert_eq!(pair.get(), [4, 5, 6]);
    // The kernel sees the same memory.
    let array: Array<[u32; 3]> = loaded.map(0).unwrap();
    assert_eq!(array.get(0).unwrap(), [4, 5, 6]);

    let hits: Global<u64> = loaded.map(1).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    hits.as_atomic()
                        .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(hits.get(), 2000);
}

fn flags() {
    const DEF: Def<HashMap<u32, u32>> = HashMap::with_max_entries(4).no_prealloc();
    let map = DEF.create("lazy").unwrap();
    map.insert(1, 2).unwrap();
    let zero = HashMap::<u32, u32>::create(0).unwrap_err();
    assert_eq!(zero.kind(), ErrorKind::Invalid);
    assert_eq!(
        zero.to_string(),
        "map `hash_map`: BPF_MAP_CREATE failed with EINVAL: its max_entries is 0; say how many \
         entries it can hold"
    );
}

fn odd_sizes() {
    let map = HashMap::<[u8; 5], [u8; 300]>::create(2).unwrap();
    map.insert(*b"12345", [7; 300]).unwrap();
    assert_eq!(map.get(b"12345").unwrap(), Some([7; 300]));
}
