#include "helpers.h"

const volatile __u32 TOOL = 0;

static const char FORMAT[] = "hello_kprobe %u Hello World!";

SEC("kprobe/__x64_sys_execve")
int hello(struct pt_regs *ctx)
{
    bpf_trace_printk(FORMAT, sizeof(FORMAT), TOOL);
    return 0;
}
