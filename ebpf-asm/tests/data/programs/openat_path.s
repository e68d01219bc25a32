# sys_enter: copies the path of an openat to the stack.
const OPENAT = 257
const PATH = 64
    r2 = *(u64 *)(r1 + 8)
    if r2 != OPENAT goto done
    r3 = *(u64 *)(r1 + 0)
    r3 += 104
    r1 = r10
    r1 += -8
    r2 = 8
    call bpf_probe_read
    r3 = *(u64 *)(r10 - 8)
    r1 = r10
    r1 += {-(PATH + 16)}
    r2 = PATH
    call bpf_probe_read_str
done:
    r0 = 0
    exit
