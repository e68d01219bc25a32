# Counts up until the square is 7, which it never is.
    r0 = r1
again:
    r0 += 1
    r2 = r1
    r2 *= r2
    r1 = r0
    if r2 != 7 goto again
    r0 += -1
    exit
