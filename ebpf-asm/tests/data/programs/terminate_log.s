# A part of a verifier log: the length of a string, extended and checked, then its last byte
# is cleared through an unbounded pointer. The end is ours.
    call bpf_probe_read_str
    r0 <<= 32
    r0 s>>= 32
    r1 = 1
    if r1 s> r0 goto done
    r6 += r0
    r1 = 0
    *(u8 *)(r6 - 1) = r1
done:
    exit
