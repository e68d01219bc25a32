//! The kernel's map types.

use crate::kernel_enum::kernel_enum;

kernel_enum! {
    /// What kind of map it is: how it finds values, and what they may be.
    ///
    /// ```
    /// use ebpf_asm::{KernelVersion, MapType};
    ///
    /// let ring = MapType::Ringbuf;
    /// assert_eq!((ring.as_raw(), ring.name()), (27, "ringbuf"));
    /// assert_eq!(ring.since(), KernelVersion::new(5, 8));
    /// assert_eq!(MapType::from_raw(1), Some(MapType::Hash));
    /// assert_eq!(MapType::from_name("percpu_array"), Some(MapType::PercpuArray));
    /// ```
    pub enum MapType {
        /// A hash table, allocated in full when created unless told otherwise.
        Hash = 1, "BPF_MAP_TYPE_HASH", "hash", (3, 19);
        /// A zeroed array with 32-bit indexes; elements are never created or removed.
        Array = 2, "BPF_MAP_TYPE_ARRAY", "array", (3, 19);
        /// Programs to jump to with `bpf_tail_call`.
        ProgArray = 3, "BPF_MAP_TYPE_PROG_ARRAY", "prog_array", (4, 2);
        /// Perf events: buffers to send records through, and counters to read.
        PerfEventArray = 4, "BPF_MAP_TYPE_PERF_EVENT_ARRAY", "perf_event_array", (4, 3);
        /// A hash table with one value per CPU under each key.
        PercpuHash = 5, "BPF_MAP_TYPE_PERCPU_HASH", "percpu_hash", (4, 6);
        /// An array with one value per CPU in each slot.
        PercpuArray = 6, "BPF_MAP_TYPE_PERCPU_ARRAY", "percpu_array", (4, 6);
        /// Call stacks, stored under an id.
        StackTrace = 7, "BPF_MAP_TYPE_STACK_TRACE", "stack_trace", (4, 6);
        /// Cgroups, to ask whether a task or socket is below one.
        CgroupArray = 8, "BPF_MAP_TYPE_CGROUP_ARRAY", "cgroup_array", (4, 8);
        /// A hash table that drops what was not used lately when it is full.
        LruHash = 9, "BPF_MAP_TYPE_LRU_HASH", "lru_hash", (4, 10);
        /// Such a table with one value per CPU under each key.
        LruPercpuHash = 10, "BPF_MAP_TYPE_LRU_PERCPU_HASH", "lru_percpu_hash", (4, 10);
        /// Values under prefixes, found by the longest that matches, as in a routing table.
        LpmTrie = 11, "BPF_MAP_TYPE_LPM_TRIE", "lpm_trie", (4, 11);
        /// An array whose values are maps.
        ArrayOfMaps = 12, "BPF_MAP_TYPE_ARRAY_OF_MAPS", "array_of_maps", (4, 12);
        /// A hash table whose values are maps.
        HashOfMaps = 13, "BPF_MAP_TYPE_HASH_OF_MAPS", "hash_of_maps", (4, 12);
        /// Network devices by index, to redirect XDP packets to.
        Devmap = 14, "BPF_MAP_TYPE_DEVMAP", "devmap", (4, 14);
        /// Sockets by index, to redirect packets and messages to.
        Sockmap = 15, "BPF_MAP_TYPE_SOCKMAP", "sockmap", (4, 14);
        /// CPUs, to hand XDP packets over to.
        Cpumap = 16, "BPF_MAP_TYPE_CPUMAP", "cpumap", (4, 15);
        /// AF_XDP sockets, to redirect XDP packets to.
        Xskmap = 17, "BPF_MAP_TYPE_XSKMAP", "xskmap", (4, 18);
        /// Sockets under keys, to redirect packets and messages to.
        Sockhash = 18, "BPF_MAP_TYPE_SOCKHASH", "sockhash", (4, 18);
        /// A value per attachment to a cgroup; deprecated in favour of [`CgrpStorage`](Self::CgrpStorage).
        CgroupStorage = 19, "BPF_MAP_TYPE_CGROUP_STORAGE", "cgroup_storage", (4, 19);
        /// Sockets that share a port, for one to be chosen.
        ReuseportSockarray = 20, "BPF_MAP_TYPE_REUSEPORT_SOCKARRAY", "reuseport_sockarray", (4, 19);
        /// Such a value for each CPU; deprecated in favour of [`CgrpStorage`](Self::CgrpStorage).
        PercpuCgroupStorage = 21, "BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE", "percpu_cgroup_storage", (4, 20);
        /// Values without keys, first in, first out.
        Queue = 22, "BPF_MAP_TYPE_QUEUE", "queue", (4, 20);
        /// Values without keys, last in, first out.
        Stack = 23, "BPF_MAP_TYPE_STACK", "stack", (4, 20);
        /// A value that lives with a socket.
        SkStorage = 24, "BPF_MAP_TYPE_SK_STORAGE", "sk_storage", (5, 2);
        /// Network devices under any 32-bit key, to redirect XDP packets to.
        DevmapHash = 25, "BPF_MAP_TYPE_DEVMAP_HASH", "devmap_hash", (5, 4);
        /// An implementation of a kernel interface by programs.
        StructOps = 26, "BPF_MAP_TYPE_STRUCT_OPS", "struct_ops", (5, 6);
        /// A ring buffer from programs to user space, one for all CPUs.
        Ringbuf = 27, "BPF_MAP_TYPE_RINGBUF", "ringbuf", (5, 8);
        /// A value that lives with an inode.
        InodeStorage = 28, "BPF_MAP_TYPE_INODE_STORAGE", "inode_storage", (5, 10);
        /// A value that lives with a task.
        TaskStorage = 29, "BPF_MAP_TYPE_TASK_STORAGE", "task_storage", (5, 11);
        /// A set that answers "surely not" or "perhaps".
        BloomFilter = 30, "BPF_MAP_TYPE_BLOOM_FILTER", "bloom_filter", (5, 16);
        /// A ring buffer from user space to programs.
        UserRingbuf = 31, "BPF_MAP_TYPE_USER_RINGBUF", "user_ringbuf", (6, 1);
        /// A value that lives with a cgroup.
        CgrpStorage = 32, "BPF_MAP_TYPE_CGRP_STORAGE", "cgrp_storage", (6, 2);
        /// Memory shared by programs and user space, with pointers that work in both.
        Arena = 33, "BPF_MAP_TYPE_ARENA", "arena", (6, 9);
        /// Positions of instructions, followed through loading, for indirect jumps.
        InsnArray = 34, "BPF_MAP_TYPE_INSN_ARRAY", "insn_array", (6, 19);
        /// A hash table that grows and shrinks with what it holds.
        Rhash = 35, "BPF_MAP_TYPE_RHASH", "rhash", (7, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KernelVersion;
    use crate::kernel_enum::check_kernel_enum;

    #[test]
    fn rows_agree() {
        check_kernel_enum!(MapType, 1, "BPF_MAP_TYPE_");
    }

    #[test]
    fn spot_checks() {
        assert_eq!(MapType::from_raw(0), None);
        assert_eq!(MapType::Arena.as_raw(), 33);
        assert_eq!(MapType::BloomFilter.since(), KernelVersion::new(5, 16));
        assert_eq!(MapType::LruPercpuHash.name(), "lru_percpu_hash");
    }
}
