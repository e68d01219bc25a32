#include "helpers.h"

struct event {
    __u32 pid;
    __u32 uid;
    char command[16];
    char message[12];
};

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 16);
} EVENTS SEC(".maps");

__u64 LOST;

SEC("kprobe/__x64_sys_execve")
int hello(struct pt_regs *ctx)
{
    struct event *event = bpf_ringbuf_reserve(&EVENTS, sizeof(*event), 0);

    if (!event) {
        __sync_fetch_and_add(&LOST, 1);
        return 0;
    }
    event->pid = bpf_get_current_pid_tgid() >> 32;
    event->uid = bpf_get_current_uid_gid();
    bpf_get_current_comm(event->command, sizeof(event->command));
    __builtin_memcpy(event->message, "Hello World!", sizeof(event->message));
    bpf_ringbuf_submit(event, 0);
    return 0;
}
