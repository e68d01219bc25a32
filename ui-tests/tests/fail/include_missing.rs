const CODE: bpf::Code = bpf::include_ebpf!("no_such_file.s");

fn main() {}
