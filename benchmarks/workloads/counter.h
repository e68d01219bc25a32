#include "helpers.h"

#define MAP(NAME)                        \
    struct {                             \
        __uint(type, BPF_MAP_TYPE_HASH); \
        __type(key, __u32);              \
        __type(value, __u64);            \
        __uint(max_entries, 64);         \
    } NAME SEC(".maps")

#define COUNT(NAME, TABLE)                                   \
    SEC("socket")                                            \
    int NAME(struct __sk_buff *ctx)                          \
    {                                                        \
        __u32 key = ctx->len;                                \
        __u64 *count = bpf_map_lookup_elem(&TABLE, &key);    \
        if (count)                                           \
            __sync_fetch_and_add(count, 1);                  \
        return 0;                                            \
    }
