//! Every kind of map: get, insert, remove, iterate; full, frozen, missing.

use core::ffi::c_void;
use ebpf_rt::maps::{Def, PerCpuValues, possible_cpus};
use ebpf_rt::programs::TestRun;
use ebpf_rt::{
    Array, ErrorKind, Global, HashMap, LruHashMap, LruPerCpuHashMap, PerCpuArray, PerCpuHashMap,
    Update, ebpf,
};
use kernel_test::{Need, Suite};
use std::collections::BTreeMap;

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.test("maps::hash_map", ROOT, hash_map).maps(&["hash"]);
    suite
        .test("maps::hash_map_is_full", ROOT, hash_map_is_full)
        .maps(&["hash"]);
    suite
        .test(
            "maps::removal_while_iterating",
            ROOT,
            removal_while_iterating,
        )
        .maps(&["hash"]);
    suite
        .test(
            "maps::iteration_ends_under_churn",
            ROOT,
            iteration_ends_under_churn,
        )
        .maps(&["hash"]);
    suite
        .test("maps::lru_hash_map", ROOT, lru_hash_map)
        .maps(&["lru_hash"]);
    suite
        .test("maps::per_cpu_hash_maps", ROOT, per_cpu_hash_maps)
        .maps(&["percpu_hash", "lru_percpu_hash"]);
    suite.test("maps::array", ROOT, array).maps(&["array"]);
    suite
        .test("maps::read_only_array", ROOT, read_only_array)
        .maps(&["array"]);
    suite.test(
        "maps::large_read_only_array_in_a_program",
        ROOT,
        large_read_only_array_in_a_program,
    );
    suite
        .test("maps::per_cpu_array", ROOT, per_cpu_array)
        .maps(&["percpu_array"]);
    suite.test("maps::global", ROOT, global).maps(&["array"]);
    suite.test("maps::flags", ROOT, flags);
    suite.test("maps::odd_sizes", ROOT, odd_sizes);
    suite
        .test("maps::batches", ROOT, batches)
        .maps(&["hash", "lru_hash", "array"]);
    suite
        .test(
            "maps::batches_of_per_cpu_maps",
            ROOT,
            batches_of_per_cpu_maps,
        )
        .maps(&["percpu_hash", "percpu_array"]);
    suite
        .test("maps::take", &[Need::Root, Need::Kernel(5, 14)], take)
        .maps(&["hash"]);
    suite
        .test("maps::mapped_array", ROOT, mapped_array)
        .maps(&["array"]);
    suite.test("maps::freeze", ROOT, freeze);
    suite.test("maps::info_and_reuse", ROOT, info_and_reuse);
    suite.test("maps::pins", ROOT, pins);
    suite.test("maps::pinned_by_the_loader", ROOT, pinned_by_the_loader);
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

ebpf! {
    #[license = "GPL"]
    mod primes {
        static PRIMES: Array<u32> = Array::with_max_entries(2).initial(&[2, 3]).read_only();

        #[socket_filter]
        fn second(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 4) = 1;
            r1 = PRIMES ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            w0 = *(u32 *)(r0 + 0);
        done:
            exit;
        }
    }
}

/// The verifier of today's kernels cannot read them, and says nothing about it.
fn large_read_only_array_in_a_program() {
    match primes::load() {
        Ok(primes) => {
            let run = TestRun::new().data(&[0; 64]);
            assert_eq!(primes.progs.second.test_run(run).unwrap().return_value, 3);
        }
        Err(error) => assert_eq!(
            error.to_string(),
            "object `primes`, program `second`: BPF_PROG_LOAD failed with ENOTSUPP: the verifier \
             cannot read values of read-only arrays with several elements; leave `read_only` \
             out, or make it a `Rodata`"
        ),
    }
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

fn batches() {
    let map = HashMap::<u32, u64>::create(20_000).unwrap();
    map.insert_all((0..20_000).map(|key| (key, u64::from(key) * 2)))
        .unwrap();
    let mut entries = map.read_all().unwrap();
    entries.sort();
    assert_eq!(entries.len(), 20_000);
    assert!(
        entries
            .iter()
            .zip(0..)
            .all(|(&(k, v), n)| k == n && v == u64::from(n) * 2)
    );

    let full = map
        .insert_all([(5, 0), (30_000, 1), (30_001, 1)])
        .unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Full);
    assert_eq!(
        full.to_string(),
        "map `hash_map`: BPF_MAP_UPDATE_BATCH failed with E2BIG: the map is full: its \
         max_entries is 20000; 1 of 3 entries were made before"
    );
    assert_eq!(map.get(&5).unwrap(), Some(0));
    assert_eq!(
        map.remove_all(&[1, 40_000, 2, 3, 40_001, 40_002]).unwrap(),
        3
    );
    assert_eq!(map.get(&2).unwrap(), None);
    assert_eq!(map.remove_all(&[]).unwrap(), 0);
    map.insert_all([]).unwrap();

    let mut taken = Vec::new();
    map.take_all(&mut taken).unwrap();
    assert_eq!(taken.len(), 19_997);
    assert_eq!(map.keys().count(), 0);
    assert!(map.read_all().unwrap().is_empty());

    let array = Array::<u16>::create(300).unwrap();
    array
        .set_all((0..300).map(|index| (index, index as u16)))
        .unwrap();
    assert_eq!(array.read_all().unwrap(), (0..300).collect::<Vec<u16>>());
    let beyond = array.set_all([(1, 0), (300, 0)]).unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::NotFound);
    assert!(
        beyond
            .to_string()
            .ends_with("; 1 of 2 entries were made before"),
        "{beyond}"
    );
}

fn batches_of_per_cpu_maps() {
    let map = PerCpuHashMap::<u64, u32>::create(500).unwrap();
    let cpus = possible_cpus().unwrap() as u32;
    for key in 0..500 {
        let values = (0..cpus).map(|cpu| cpu + key as u32).collect();
        map.insert(key, &PerCpuValues::new(values).unwrap())
            .unwrap();
    }
    let mut entries = map.read_all().unwrap();
    entries.sort_by_key(|(key, _)| *key);
    assert_eq!(entries.len(), 500);
    for (key, values) in &entries {
        assert!(
            values
                .iter()
                .zip(0..)
                .all(|(&value, cpu)| value == cpu + *key as u32)
        );
    }
    let mut taken = Vec::new();
    map.take_all(&mut taken).unwrap();
    taken.sort_by_key(|(key, _)| *key);
    assert_eq!(taken, entries);
    assert_eq!(map.keys().count(), 0);
}

fn take() {
    let map = HashMap::<u32, u64>::create(4).unwrap();
    map.insert(1, 10).unwrap();
    assert_eq!(map.take(&1).unwrap(), Some(10));
    assert_eq!(map.take(&1).unwrap(), None);
    assert_eq!(map.get(&1).unwrap(), None);
    let map = PerCpuHashMap::<u32, u64>::create(4).unwrap();
    let values = PerCpuValues::filled_with(7).unwrap();
    map.insert(1, &values).unwrap();
    assert_eq!(map.take(&1).unwrap(), Some(values));
    assert_eq!(map.take(&1).unwrap(), None);
}

fn mapped_array() {
    const DEF: Def<Array<[u8; 12]>> = Array::with_max_entries(1000).mmapable();
    let array = DEF.create("shared").unwrap();
    let mapped = array.map().unwrap();
    assert_eq!(mapped.len(), 1000);
    array.set(999, *b"twelve bytes").unwrap();
    assert_eq!(mapped.get(999), Some(*b"twelve bytes"));
    assert!(mapped.set(500, *b"BYTES twelve"));
    assert_eq!(array.get(500).unwrap(), *b"BYTES twelve");
    assert_eq!(mapped.get(1000), None);
    assert!(!mapped.set(1000, [0; 12]));
    assert_eq!(mapped.iter().filter(|value| *value != [0; 12]).count(), 2);

    const NUMBERS: Def<Array<u32>> = Array::with_max_entries(3).mmapable();
    let numbers = NUMBERS.create("numbers").unwrap();
    let mapped = numbers.map().unwrap();
    // The memory outlives the handle.
    drop(numbers);
    let number = mapped.as_atomic(2).unwrap();
    number.fetch_add(5, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(mapped.get(2), Some(5));
    assert!(mapped.as_atomic(3).is_none());

    let plain = Array::<u32>::create(3).unwrap().map().unwrap_err();
    assert!(plain.to_string().contains("BPF_F_MMAPABLE"), "{plain}");
}

fn freeze() {
    let map = HashMap::<u32, u64>::create(4).unwrap();
    map.insert(1, 10).unwrap();
    map.freeze().unwrap();
    assert_eq!(map.insert(2, 20).unwrap_err().kind(), ErrorKind::Permission);
    assert_eq!(map.get(&1).unwrap(), Some(10));
    let again = map.freeze().unwrap_err().to_string();
    assert!(again.contains("frozen"), "{again}");
    const SHARED: Def<Array<u32>> = Array::with_max_entries(1).mmapable();
    let array = SHARED.create("shared").unwrap();
    let mapped = array.map().unwrap();
    let busy = array.freeze().unwrap_err().to_string();
    assert!(
        busy.contains("EBUSY: the map is mapped for writing"),
        "{busy}"
    );
    drop(mapped);
    array.freeze().unwrap();
}

fn info_and_reuse() {
    use ebpf_rt::maps::{Map, flags};
    const LAZY: Def<HashMap<u32, u64>> = HashMap::with_max_entries(4).no_prealloc();
    let map = LAZY.create("a_name_of_twenty_one_").unwrap();
    let info = map.info().unwrap();
    assert_eq!(info.name, "a_name_of_twent");
    assert_eq!(info.map_type, ebpf_rt::MapType::Hash);
    assert_eq!(
        (info.key_size, info.value_size, info.max_entries),
        (4, 8, 4)
    );
    assert_eq!(info.flags, flags::BPF_F_NO_PREALLOC);
    assert_eq!(info.id, map.as_raw().id().unwrap());

    map.insert(1, 10).unwrap();
    let same = HashMap::<u32, u64>::from_id(info.id).unwrap();
    assert_eq!(same.get(&1).unwrap(), Some(10));
    let wrong = HashMap::<u32, u32>::from_id(info.id).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Invalid);
    assert_eq!(
        wrong.to_string(),
        "a Hash map with keys of 4 bytes and values of 4 bytes is wanted, and map \
         `a_name_of_twent` (Hash, keys of 4 bytes, values of 8 bytes) is given"
    );
    let missing = HashMap::<u32, u32>::from_id(u32::MAX).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let file = std::fs::File::open("/dev/null").unwrap();
    Array::<u32>::from_fd(file.into()).unwrap_err();
    let program = super::programs::keeping(1);
    use ebpf_rt::programs::Program;
    let fd = program.as_raw().fd().unwrap().try_clone_to_owned().unwrap();
    let error = Array::<u32>::from_fd(fd).unwrap_err();
    assert_eq!(error.to_string(), "it is not a map");
}

/// A bpffs of the test's own, in a directory of its own.
struct Bpffs(std::path::PathBuf);

impl Bpffs {
    fn mount() -> Self {
        let path = std::env::temp_dir().join(format!("kernel-test-bpffs-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let target = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: C strings, and no data.
        let result = unsafe {
            libc::mount(
                c"bpf".as_ptr(),
                target.as_ptr(),
                c"bpf".as_ptr(),
                0,
                std::ptr::null(),
            )
        };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        Self(path)
    }
}

impl Drop for Bpffs {
    fn drop(&mut self) {
        let target = std::ffi::CString::new(self.0.to_str().unwrap()).unwrap();
        // SAFETY: a C string.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        let _ = std::fs::remove_dir(&self.0);
    }
}

ebpf_rt::ebpf! {
    #[license = "GPL"]
    mod kept {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(8);

        #[socket_filter]
        fn count(ctx: *mut core::ffi::c_void) -> i32 {
            *(u32 *)(r10 - 4) = 5;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        out:
            r0 = 0;
            exit;
        }
    }
}

fn pinned_by_the_loader() {
    let bpffs = Bpffs::mount();
    let path = bpffs.0.join("counts");
    let mut loader = kept::loader();
    loader.maps.COUNTS.pinned(&path);
    let first = loader.clone().load().unwrap();
    first.maps.COUNTS.insert(5, 10).unwrap();
    drop(first);
    // The next load finds it, with what is in it, and its program uses it.
    let second = loader.clone().load().unwrap();
    super::ring_buf::Trigger::new(&second.progs.count).run();
    assert_eq!(second.maps.COUNTS.get(&5).unwrap(), Some(11));

    loader.maps.COUNTS.max_entries(9);
    let other = loader.load().unwrap_err().to_string();
    assert!(
        other.starts_with(
            "object `kept`, map `COUNTS`: its definition (Hash, keys of 4 bytes, values of 8 \
             bytes, 9 entries) does not fit what is pinned at "
        ),
        "{other}"
    );
    assert!(
        other.ends_with(
            "map `COUNTS` (Hash, keys of 4 bytes, values of 8 bytes), 8 entries; pin it at \
             another path, or remove that pin"
        ),
        "{other}"
    );
    ebpf_rt::maps::unpin(&path).unwrap();
}

fn pins() {
    use ebpf_rt::maps;
    let bpffs = Bpffs::mount();
    let path = bpffs.0.join("counts");
    let map = HashMap::<u32, u64>::create(4).unwrap();
    map.insert(1, 10).unwrap();
    map.pin(&path).unwrap();
    assert_eq!(map.pin(&path).unwrap_err().kind(), ErrorKind::Exists);
    drop(map);
    let same = HashMap::<u32, u64>::from_pin(&path).unwrap();
    assert_eq!(same.get(&1).unwrap(), Some(10));
    let wrong = Array::<u64>::from_pin(&path).unwrap_err().to_string();
    assert!(
        wrong.contains("a Array map with keys of 4 bytes"),
        "{wrong}"
    );
    assert!(wrong.contains("(Hash, keys of 4 bytes"), "{wrong}");
    maps::unpin(&path).unwrap();
    assert_eq!(maps::unpin(&path).unwrap_err().kind(), ErrorKind::NotFound);
    let missing = HashMap::<u32, u64>::from_pin(&path).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);

    let elsewhere = std::env::temp_dir().join("kernel-test-no-bpffs");
    let hint = same.pin(&elsewhere).unwrap_err().to_string();
    assert!(hint.contains("mount -t bpf bpf /sys/fs/bpf"), "{hint}");
}
