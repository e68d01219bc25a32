# The second argument if the first is above 3, else 5.
    r0 = r2
    if r1 > 3 goto done
    r0 = 5
done:
    exit
