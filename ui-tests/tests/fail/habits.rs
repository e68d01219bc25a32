//! How other assemblers and objdump write it.
const CODE: bpf::Code = bpf::ebpf_asm! {
    mov r0, 1;
    add r1, 8;
    ldxdw r1, [r1+8];
    stxw [r10-4], r1;
    jeq r1, 0, +2;
    R1 = 5;
    EXIT;
    call 0x1;
    ret;
};

fn main() {}
