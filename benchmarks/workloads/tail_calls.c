#include "helpers.h"
#include <asm/unistd.h>

enum { EXEC, TIMER_CREATE, TIMER_DELETE, TIMER_OTHER, OTHER };

struct line {
    __u32 line;
    __u32 pid;
    char process[16];
};

struct other {
    struct line line;
    __u32 number;
};

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
    __uint(max_entries, 512);
} SYSCALLS SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 18);
} LOG SEC(".maps");

__u64 OTHERS;
__u64 LOST;
const volatile __u8 ALL = 0;
const volatile __u32 TOOL = 0;

static void tell(__u32 line, __u64 size, __u32 number)
{
    struct other record;

    record.line.line = line;
    record.number = number;
    record.line.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(record.line.process, sizeof(record.line.process));
    if (bpf_ringbuf_output(&LOG, &record, size, 0))
        __sync_fetch_and_add(&LOST, 1);
}

SEC("raw_tracepoint/sys_enter")
int hello(struct bpf_raw_tracepoint_args *ctx)
{
    if (bpf_get_current_pid_tgid() >> 32 == TOOL)
        return 0;
    bpf_tail_call(ctx, &SYSCALLS, ctx->args[1]);
    __sync_fetch_and_add(&OTHERS, 1);
    if (ALL)
        tell(OTHER, sizeof(struct other), ctx->args[1]);
    return 0;
}

SEC("raw_tracepoint/sys_enter")
int hello_execve(struct bpf_raw_tracepoint_args *ctx)
{
    tell(EXEC, sizeof(struct line), 0);
    return 0;
}

SEC("raw_tracepoint/sys_enter")
int hello_timer(struct bpf_raw_tracepoint_args *ctx)
{
    __u32 line = TIMER_OTHER;

    if (ctx->args[1] == __NR_timer_create)
        line = TIMER_CREATE;
    else if (ctx->args[1] == __NR_timer_delete)
        line = TIMER_DELETE;
    tell(line, sizeof(struct line), 0);
    return 0;
}

SEC("raw_tracepoint/sys_enter")
int ignore(struct bpf_raw_tracepoint_args *ctx)
{
    return 0;
}
