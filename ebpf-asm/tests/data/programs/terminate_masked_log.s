# The same with a mask, which bounds the pointer.
    r0 += 4095
    r0 &= 4095
    r1 = r6
    r1 += r0
    r2 = 0
    *(u8 *)(r1 + 0) = r2
