/* What the workloads need of the kernel's headers and of libbpf's. */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stddef.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define noinline __attribute__((noinline))

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value,
                                         __u64 flags) = (void *)2;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_trace_printk)(const char *format, __u32 size, ...) = (void *)6;
static long (*const bpf_tail_call)(void *context, void *table, __u32 index) = (void *)12;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static __u64 (*const bpf_get_current_uid_gid)(void) = (void *)15;
static long (*const bpf_get_current_comm)(void *buffer, __u32 size) = (void *)16;
static long (*const bpf_skb_load_bytes)(const void *skb, __u32 offset, void *to,
                                        __u32 length) = (void *)26;
static long (*const bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_user_str)(void *to, __u32 size,
                                             const void *from) = (void *)114;
static long (*const bpf_ringbuf_output)(void *ring, void *data, __u64 size,
                                        __u64 flags) = (void *)130;
static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;
static long (*const bpf_strncmp)(const char *s1, __u32 size, const char *s2) = (void *)182;

char LICENSE[] SEC("license") = "GPL";
