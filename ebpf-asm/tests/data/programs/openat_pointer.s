# sys_enter: reads the pointer to the path of an openat with a helper.
const OPENAT: u32 = 257
const SECOND_ARGUMENT: u32 = 104
    r2 = *(u64 *)(r1 + 8)
    if r2 != OPENAT goto done
    r3 = *(u64 *)(r1)
    r3 += SECOND_ARGUMENT
    r1 = r10
    r1 += -8
    r2 = 8
    call bpf_probe_read
done:
    r0 = 0
    exit
