const CODE: bpf::Code = bpf::ebpf_asm! {
    r0 = { 1.5 };
    r1 = { "text".len() };
    r2 = { "text" };
    exit;
};

fn main() {}
