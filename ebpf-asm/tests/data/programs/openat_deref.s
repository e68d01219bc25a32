# sys_enter: follows the saved registers by hand, which the verifier refuses.
const OPENAT: u32 = 257
    r2 = *(u64 *)(r1 + 8)       # the number of the system call
    if r2 != OPENAT goto done
    r1 = *(u64 *)(r1 + 0)       # its saved registers
    r1 = *(u64 *)(r1 + 104)     # the second argument
done:
    r0 = 0
    exit
