// The program: clang -O2 -g -target bpf -c opens.bpf.c
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} COUNTS SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_openat")
int count(void *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u64 *value = bpf_map_lookup_elem(&COUNTS, &pid);
	__u64 one = 1;

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&COUNTS, &pid, &one, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
