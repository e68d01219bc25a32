# Functions of a host of one's own, by number.
const MAX = 1
const MUL = 42
    if r1 != 7 goto product
    r1 = 7
    call MAX
    goto done
product:
    call MUL
    r0 += 100
done:
    exit
