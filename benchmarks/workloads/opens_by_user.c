#include "helpers.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 1024);
} COUNTS SEC(".maps");

__u64 NOT_COUNTED;

SEC("tracepoint/syscalls/sys_enter_openat")
int count(void *ctx)
{
    __u32 user = bpf_get_current_uid_gid();
    __u64 *counter = bpf_map_lookup_elem(&COUNTS, &user);

    if (!counter) {
        __u64 zero = 0;

        bpf_map_update_elem(&COUNTS, &user, &zero, BPF_NOEXIST);
        counter = bpf_map_lookup_elem(&COUNTS, &user);
        if (!counter)
            counter = &NOT_COUNTED;
    }
    __sync_fetch_and_add(counter, 1);
    return 0;
}
