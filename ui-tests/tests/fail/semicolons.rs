//! A line's end is no end of an instruction: every instruction has its `;`.
const CODE: bpf::Code = bpf::ebpf_asm! {
    r0 = 0
    r1 = 5
    if r1 == 5 goto out
    call bpf_ktime_get_ns
out:
    exit
};

fn main() {}
