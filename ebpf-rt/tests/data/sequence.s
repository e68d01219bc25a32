# A sequence: newlines end instructions, `#` begins a comment.
const LENGTH: u32 = 1 << 6
const SHORT = LENGTH / 8

        r0 = LENGTH
        if r1 == 0 goto keep
        r0 = {SHORT}           // the first bytes
keep:
        exit
