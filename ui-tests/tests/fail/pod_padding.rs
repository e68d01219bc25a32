use bpf::Pod;

#[derive(Clone, Copy, Pod)]
#[pod(crate = bpf)]
#[repr(C)]
struct Padded {
    pid: u32,
    time: u64,
}

#[derive(Clone, Copy, Pod)]
#[pod(crate = bpf)]
struct NoLayout {
    pid: u32,
}

#[derive(Clone, Copy, Pod)]
#[pod(crate = bpf)]
#[repr(C)]
struct NotPod {
    valid: bool,
}

fn main() {}
