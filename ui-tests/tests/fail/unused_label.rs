#![deny(unused_labels)]

const CODE: bpf::Code = bpf::ebpf_asm! {
    r0 = 0;
forgotten:
    exit;
};

fn main() {}
