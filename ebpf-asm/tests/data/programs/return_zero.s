# The shortest program that the kernel takes.
    r0 = 0
    exit
