#include "helpers.h"
#include <asm/unistd.h>

#define PATH_MAX 4096
#define SMALL 64
#define RECORD 0
#define TRACE 1

#if defined(__x86_64__)
#define SECOND_ARGUMENT rsi
#elif defined(__aarch64__)
#define pt_regs user_pt_regs
#define SECOND_ARGUMENT regs[1]
#endif

struct when {
    __u64 time;
    __u64 process_and_thread;
};

struct call {
    __s64 length;
    char process[16];
    char path[PATH_MAX];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, __u32);
    __type(value, struct call);
    __uint(max_entries, 1);
} BUFFER SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, struct when);
    __type(value, struct call);
    __uint(max_entries, 1024);
} CALLS SEC(".maps");

__u64 LOST;
const volatile __u8 WAY = RECORD;
const volatile __u32 TOOL = 0;
static const char FORMAT[] = "openat %u %u %s";

static struct call *fill_buffer(const char *path)
{
    __u32 first = 0;
    struct call *call = bpf_map_lookup_elem(&BUFFER, &first);
    __s64 length;

    if (!call)
        return NULL;
    call->path[0] = 0;
    length = bpf_probe_read_user_str(call->path, PATH_MAX, path);
    call->length = length;
    if (length > 0)
        call->path[(length - 1) & (PATH_MAX - 1)] = 0;
    return call;
}

static void print(const char *path)
{
    __u32 process = bpf_get_current_pid_tgid() >> 32;

    bpf_trace_printk(FORMAT, sizeof(FORMAT), TOOL, process, path);
}

static void record(const char *path)
{
    struct call *call = fill_buffer(path);
    struct when when;

    if (!call)
        return;
    bpf_get_current_comm(call->process, sizeof(call->process));
    when.time = bpf_ktime_get_ns();
    when.process_and_thread = bpf_get_current_pid_tgid();
    if (bpf_map_update_elem(&CALLS, &when, call, BPF_NOEXIST))
        __sync_fetch_and_add(&LOST, 1);
}

static void trace(const char *path)
{
    struct call *call = fill_buffer(path);

    if (call)
        print(call->path);
}

static void trace_from_stack(const char *path)
{
    char small[SMALL];

    small[0] = 0;
    bpf_probe_read_user_str(small, sizeof(small), path);
    print(small);
}

SEC("raw_tracepoint/sys_enter")
int enter(struct bpf_raw_tracepoint_args *ctx)
{
    const struct pt_regs *registers;
    const char *path;

    if (ctx->args[1] != __NR_openat)
        return 0;
    registers = (const void *)ctx->args[0];
    bpf_probe_read_kernel(&path, sizeof(path), &registers->SECOND_ARGUMENT);
    if (WAY == RECORD)
        record(path);
    else if (WAY == TRACE)
        trace(path);
    else
        trace_from_stack(path);
    return 0;
}
