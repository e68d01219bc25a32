//! The page of map kinds.

use super::{Markdown, Page, linux, table};
use ebpf_asm::MapType;

/// What the kernel's enum does not say of a kind.
struct Facts {
    map_type: MapType,
    /// The typed handles; empty if there is none.
    handles: &'static [&'static str],
    /// What keys may be.
    key: &'static str,
    /// What values may be.
    value: &'static str,
    /// What it is.
    what: &'static str,
    /// Flags and other options of its creation.
    flags: &'static str,
}

macro_rules! facts {
    ($($map_type:ident: [$($handle:literal),*], $key:literal, $value:literal, $flags:literal, $what:literal;)*) => {
        const FACTS: &[Facts] = &[$(Facts {
            map_type: MapType::$map_type,
            handles: &[$($handle),*],
            key: $key,
            value: $value,
            flags: $flags,
            what: $what,
        }),*];
    };
}

facts! {
    Hash: ["HashMap<K, V>"], "any plain data, at least one byte", "any plain data", "`BPF_F_NO_PREALLOC`, `BPF_F_ZERO_SEED`",
        "A hash table. All entries are allocated when it is created, unless `BPF_F_NO_PREALLOC` is set.";
    Array: ["Array<V>", "Global<T>", "Rodata<T>"], "`u32`, below the number of entries", "any plain data", "`BPF_F_MMAPABLE` (5.5), `BPF_F_INNER_MAP` (5.10)",
        "All entries are there from the start, as zeros, and none can be removed. `Global` and `Rodata` are arrays of one value, which programs address without a look-up (`lddw` of source 2).";
    ProgArray: ["ProgramArray"], "`u32`", "the descriptor of a program", "",
        "Programs that `bpf_tail_call` jumps to. All have one type; the map takes it from the first that is put in.";
    PerfEventArray: ["PerfEventArray<T>"], "`u32`: the CPU", "the descriptor of a perf event", "",
        "One buffer for each CPU, which `bpf_perf_event_output` writes records to. Where Linux 5.8 is not too new, a ring buffer is better.";
    PercpuHash: ["PerCpuHashMap<K, V>"], "any plain data, at least one byte", "any plain data, one for each CPU, padded to 8 bytes", "`BPF_F_NO_PREALLOC`, `BPF_F_ZERO_SEED`",
        "A hash table with one value per CPU under each key: programs need no atomic operations.";
    PercpuArray: ["PerCpuArray<V>"], "`u32`, below the number of entries", "any plain data, one for each CPU, padded to 8 bytes", "",
        "An array with one value per CPU in each slot.";
    StackTrace: ["StackTrace<DEPTH>"], "`u32`: the id that `bpf_get_stackid` returned", "`DEPTH` addresses of 8 bytes", "",
        "Call stacks, each once.";
    CgroupArray: ["CgroupArray"], "`u32`", "the descriptor of a cgroup's directory", "",
        "Cgroups, for `bpf_skb_under_cgroup` and `bpf_current_task_under_cgroup`.";
    LruHash: ["LruHashMap<K, V>"], "any plain data, at least one byte", "any plain data", "`BPF_F_NO_COMMON_LRU`, `BPF_F_ZERO_SEED`",
        "A hash table that removes what was not used for long when it is full. The order is not exact.";
    LruPercpuHash: ["LruPerCpuHashMap<K, V>"], "any plain data, at least one byte", "any plain data, one for each CPU, padded to 8 bytes", "`BPF_F_NO_COMMON_LRU`, `BPF_F_ZERO_SEED`",
        "Such a table with one value per CPU under each key.";
    LpmTrie: ["LpmTrie<A, V>"], "the number of bits that count (`u32`), then the bytes, most significant first", "any plain data", "`BPF_F_NO_PREALLOC` is required",
        "Finds the longest prefix that matches, as a routing table does.";
    ArrayOfMaps: ["ArrayOfMaps<M>"], "`u32`", "the descriptor of a map like the inner one", "an inner map has to be given",
        "Maps in an array. All have the type and sizes of the map that is given at creation; the number of entries may differ.";
    HashOfMaps: ["HashOfMaps<K, M>"], "any plain data", "the descriptor of a map like the inner one", "an inner map has to be given",
        "Maps in a hash table.";
    Devmap: ["DevMap"], "`u32`, below the number of entries", "the index of a network device, and a program for it (5.8)", "",
        "Devices that `bpf_redirect_map` sends XDP packets to.";
    Sockmap: ["SockMap"], "`u32`, below the number of entries", "the descriptor of a socket; 4 or 8 bytes", "",
        "Sockets, and the programs that judge what they receive and send.";
    Cpumap: ["CpuMap"], "`u32`: the CPU", "the length of its queue, and a program for it (5.9)", "",
        "CPUs that `bpf_redirect_map` hands XDP packets to.";
    Xskmap: [], "`u32`", "the descriptor of an AF_XDP socket", "",
        "Sockets that `bpf_redirect_map` hands XDP packets to.";
    Sockhash: ["SockHash<K>"], "any plain data", "the descriptor of a socket; 4 or 8 bytes", "",
        "Sockets by key, otherwise as a sockmap.";
    CgroupStorage: [], "`bpf_cgroup_storage_key`, or the cgroup's id (5.9)", "any plain data", "`max_entries` is 0",
        "A value for each attachment to a cgroup. `CgrpStorage` is the newer kind.";
    ReuseportSockarray: [], "`u32`", "the descriptor of a socket", "",
        "The sockets of a port, of which `bpf_sk_select_reuseport` chooses one.";
    PercpuCgroupStorage: [], "`bpf_cgroup_storage_key`, or the cgroup's id (5.9)", "any plain data, one for each CPU", "`max_entries` is 0",
        "Such a value with a copy for each CPU.";
    Queue: ["Queue<V>"], "none", "any plain data", "",
        "First in, first out: `bpf_map_push_elem`, `bpf_map_pop_elem`, `bpf_map_peek_elem`.";
    Stack: ["Stack<V>"], "none", "any plain data", "",
        "Last in, first out, with the same helpers.";
    SkStorage: ["SkStorage<V>"], "the descriptor of a socket (in user space)", "data with BTF (`derive(Btf)`)", "`BPF_F_NO_PREALLOC` is required; `max_entries` is 0",
        "A value that lives with a socket.";
    DevmapHash: ["DevMapHash"], "any `u32`", "the index of a network device, and a program for it (5.8)", "",
        "Devices under any number, otherwise as a devmap.";
    StructOps: ["StructOps"], "`u32`: 0", "the kernel's table, as its BTF describes it", "`BPF_F_LINK` (6.4)",
        "A table of functions that the kernel calls. `StructOps::new` names its type and members.";
    Ringbuf: ["RingBuf<T>"], "none", "none; records have any length up to the map's", "the number of bytes is a power of two and a multiple of a page; `BPF_F_RB_OVERWRITE` (6.19)",
        "Records from programs to user space, in order, from all CPUs.";
    InodeStorage: ["InodeStorage<V>"], "a descriptor of the file (in user space)", "data with BTF (`derive(Btf)`)", "`BPF_F_NO_PREALLOC` is required; `max_entries` is 0",
        "A value that lives with an inode.";
    TaskStorage: ["TaskStorage<V>"], "a pidfd of the task (in user space)", "data with BTF (`derive(Btf)`)", "`BPF_F_NO_PREALLOC` is required; `max_entries` is 0",
        "A value that lives with a task.";
    BloomFilter: ["BloomFilter<V>"], "none", "any plain data", "the number of hash functions (`map_extra`), 5 if none is given",
        "A set that says \"surely not\" or \"perhaps\": `bpf_map_push_elem`, `bpf_map_peek_elem`.";
    UserRingbuf: ["UserRingBuf"], "none", "none; records have any length", "the number of bytes is a power of two and a multiple of a page",
        "Records from user space to programs, which `bpf_user_ringbuf_drain` hands to a callback.";
    CgrpStorage: ["CgrpStorage<V>"], "a descriptor of the cgroup's directory (in user space)", "data with BTF (`derive(Btf)`)", "`BPF_F_NO_PREALLOC` is required; `max_entries` is 0",
        "A value that lives with a cgroup.";
    Arena: [], "none", "none; `max_entries` is a number of pages", "`BPF_F_MMAPABLE` is required",
        "Memory that programs and user space share, with pointers that work in both.";
    InsnArray: [], "`u32`", "`bpf_insn_array_value`", "",
        "Positions of instructions, for `gotox`.";
    Rhash: [], "any plain data", "any plain data", "",
        "A hash table that grows and shrinks with what it holds.";
}

pub(super) fn page() -> Page {
    let mut page = Markdown::page("Map kinds");
    page.block(
        "In an object a map is a `static` of its handle's type: `static COUNTS: HashMap<u32, u64> = \
         HashMap::with_max_entries(1024);`. *Plain data* is what is `Pod`: integers, arrays of them, and \
         `#[repr(C)]` structs without padding (`derive(Pod)`). Kinds without a handle can be given to \
         programs of other loaders; this one does not create them.",
    );
    let rows: Vec<_> = FACTS.iter().map(overview_row).collect();
    page.block(&table(&["kind", "handle", "Linux"], &rows));
    page.block(
        "All kinds take `BPF_F_RDONLY` and `BPF_F_WRONLY` (what user space may do) and most take \
         `BPF_F_RDONLY_PROG` and `BPF_F_WRONLY_PROG` (what programs may do; Linux 5.2): \
         `HashMap::with_max_entries(64).flags(flags::BPF_F_RDONLY_PROG)`.",
    );
    for facts in FACTS {
        let name = facts.map_type.name();
        page.block(&format!("## {name} {{#{name}}}"));
        page.block(facts.what);
        if let Some(picture) = picture(facts.map_type) {
            page.block(&format!("{{{{#include ../../pictures/{picture}.svg}}}}"));
        }
        let mut rows = vec![
            [
                "kernel’s name".to_owned(),
                format!(
                    "`{}` = {}",
                    facts.map_type.kernel_name(),
                    facts.map_type.as_raw()
                ),
            ],
            ["first kernel".to_owned(), linux(facts.map_type.since())],
            ["handle".to_owned(), handles(facts)],
            ["key".to_owned(), facts.key.to_owned()],
            ["value".to_owned(), facts.value.to_owned()],
        ];
        if !facts.flags.is_empty() {
            rows.push(["options".to_owned(), facts.flags.to_owned()]);
        }
        let rows: Vec<_> = rows.into_iter().map(Vec::from).collect();
        page.block(&table(&["", ""], &rows));
    }
    page.into_page("maps.md")
}

fn picture(map_type: MapType) -> Option<&'static str> {
    match map_type {
        MapType::ProgArray => Some("tail-calls"),
        MapType::Ringbuf => Some("ring-buffer"),
        _ => None,
    }
}

fn handles(facts: &Facts) -> String {
    let handles = facts.handles.iter().map(|handle| format!("`{handle}`"));
    match facts.handles.is_empty() {
        true => "none".into(),
        false => handles.collect::<Vec<_>>().join(", "),
    }
}

fn overview_row(facts: &Facts) -> Vec<String> {
    let name = facts.map_type.name();
    vec![
        format!("[{name}](#{name})"),
        handles(facts),
        facts.map_type.since().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebpf_rt::maps::*;
    use std::net::Ipv4Addr;

    #[test]
    fn every_kind_is_there_once() {
        let found: Vec<MapType> = FACTS.iter().map(|facts| facts.map_type).collect();
        assert_eq!(found, MapType::ALL);
    }

    /// The handle of the page makes a map of that kind, and no handle is left out.
    #[test]
    fn handles_are_of_their_kinds() {
        macro_rules! made {
            ($($handle:ident, $definition:ty = $value:expr;)*) => {
                [$({
                    static MADE: $definition = $value;
                    (stringify!($handle), MADE.map_def("made").map_type)
                }),*]
            };
        }
        let made = made! {
            HashMap, Def<HashMap<u32, u64>> = HashMap::with_max_entries(1);
            Array, Def<Array<u64>> = Array::with_max_entries(1);
            Global, GlobalDef<u64> = Global::new(1);
            Rodata, RodataDef<u64> = Rodata::new(1);
            ProgramArray, Def<ProgramArray> = ProgramArray::with_max_entries(1);
            PerfEventArray, Def<PerfEventArray<u64>> = PerfEventArray::new();
            PerCpuHashMap, Def<PerCpuHashMap<u32, u64>> = PerCpuHashMap::with_max_entries(1);
            PerCpuArray, Def<PerCpuArray<u64>> = PerCpuArray::with_max_entries(1);
            StackTrace, Def<StackTrace<8>> = StackTrace::with_max_entries(1);
            CgroupArray, Def<CgroupArray> = CgroupArray::with_max_entries(1);
            LruHashMap, Def<LruHashMap<u32, u64>> = LruHashMap::with_max_entries(1);
            LruPerCpuHashMap, Def<LruPerCpuHashMap<u32, u64>> = LruPerCpuHashMap::with_max_entries(1);
            LpmTrie, Def<LpmTrie<Ipv4Addr, u64>> = LpmTrie::with_max_entries(1);
            DevMap, Def<DevMap> = DevMap::with_max_entries(1);
            DevMapHash, Def<DevMapHash> = DevMapHash::with_max_entries(1);
            SockMap, Def<SockMap> = SockMap::with_max_entries(1);
            SockHash, Def<SockHash<u32>> = SockHash::with_max_entries(1);
            CpuMap, Def<CpuMap> = CpuMap::with_max_entries(1);
            Queue, Def<Queue<u64>> = Queue::with_max_entries(1);
            Stack, Def<Stack<u64>> = Stack::with_max_entries(1);
            SkStorage, Def<SkStorage<u32>> = SkStorage::new();
            InodeStorage, Def<InodeStorage<u32>> = InodeStorage::new();
            TaskStorage, Def<TaskStorage<u32>> = TaskStorage::new();
            CgrpStorage, Def<CgrpStorage<u32>> = CgrpStorage::new();
            RingBuf, Def<RingBuf<u64>> = RingBuf::with_byte_size(4096);
            UserRingBuf, Def<UserRingBuf> = UserRingBuf::with_byte_size(4096);
            BloomFilter, Def<BloomFilter<u64>> = BloomFilter::with_max_entries(1);
            StructOps, Def<StructOps> = StructOps::new("tcp_congestion_ops", &[]);
            ArrayOfMaps, Def<ArrayOfMaps<Array<u64>>> = ArrayOfMaps::with_max_entries(1, Array::with_max_entries(1));
            HashOfMaps, Def<HashOfMaps<u32, Array<u64>>> = HashOfMaps::with_max_entries(1, Array::with_max_entries(1));
        };
        let plain = |name: &&'static str| name.split('<').next().unwrap_or(name);
        let mut found = Vec::new();
        for (handle, map_type) in made {
            let facts = FACTS
                .iter()
                .find(|facts| facts.map_type == map_type)
                .unwrap();
            let mut handles = facts.handles.iter().map(plain);
            assert!(handles.any(|name| name == handle), "{map_type}: {handle}");
            found.push(handle);
        }
        let mut all: Vec<&str> = FACTS
            .iter()
            .flat_map(|facts| facts.handles.iter().map(plain))
            .collect();
        all.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, all);
    }
}
