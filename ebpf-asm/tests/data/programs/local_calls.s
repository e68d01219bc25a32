# Three functions; the entry is the second. Labels are functions.
max:
    r0 = r1
    if r0 > r2 goto larger
    r0 = r2
larger:
    exit
foo:
    r0 = 0
    if r1 == 0 goto done
    r2 = *(u32 *)(r1 + 4)
    r1 = *(u32 *)(r1 + 0)
    if r1 != 7 goto product
    call max
    goto done
product:
    call mul
    r0 += 100
done:
    exit
mul:
    r0 = r2
    r0 *= r1
    exit
