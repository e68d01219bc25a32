//! What does not fit, and what the machine does not do.
const CODE: bpf::Code = bpf::ebpf_asm! {
    r1 = 0xffffffffff;
    r2 = 0xffffffff;
    w3 = 0x1ffffffff;
    r10 = 1;
    r4 <<= 64;
    w4 >>= 32;
    r5 /= 0;
    *(u8 *)(r10 - 1) = 300;
    r6 = *(u32 *)(r1 + 40000);
    r7 = 017;
    r8 = 5ll;
    r9 = w1;
    exit;
};

fn main() {}
