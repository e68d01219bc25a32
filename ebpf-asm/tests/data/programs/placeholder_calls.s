# What a compiler leaves where it knows no function: calls of themselves.
    if r1 != 7 goto product
    r1 = 7
    call pc-1
    goto done
product:
    call pc-1
    r0 += 100
done:
    exit
