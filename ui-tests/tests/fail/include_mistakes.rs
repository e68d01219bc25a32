const CODE: bpf::Code = bpf::include_ebpf!("mistakes.s");

fn main() {}
