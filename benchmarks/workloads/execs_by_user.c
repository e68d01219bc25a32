#include "helpers.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 1024);
} COUNTER_TABLE SEC(".maps");

__u64 NOT_COUNTED;

SEC("kprobe/__x64_sys_execve")
int count(struct pt_regs *ctx)
{
    __u32 user = bpf_get_current_uid_gid();
    __u64 zero = 0, *counter;

    bpf_map_update_elem(&COUNTER_TABLE, &user, &zero, BPF_NOEXIST);
    counter = bpf_map_lookup_elem(&COUNTER_TABLE, &user);
    if (!counter)
        counter = &NOT_COUNTED;
    __sync_fetch_and_add(counter, 1);
    return 0;
}
