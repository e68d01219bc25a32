# alt: A control-flow graph. The first block looks a key up in a map and compares the result with null. If it is null, the true edge leads to the block that returns 0. If not, the false edge leads to a block that adds to the value, which the verifier allows there only, and then goes on to the same end.
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    ld_pseudo r1, 1, 3          # a map's number
    call bpf_map_lookup_elem
    if r0 == 0 goto done
    r1 = 1
    lock *(u64 *)(r0 + 0) += r1
done:
    r0 = 0
    exit
