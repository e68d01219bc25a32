//! Types that the kernel cannot be told about.
use bpf::Btf;

#[derive(Btf)]
#[btf(crate = bpf)]
struct NoLayout {
    pid: u32,
}

#[derive(Btf)]
#[btf(crate = bpf)]
#[repr(C)]
struct Generic<T> {
    value: T,
}

#[derive(Btf)]
#[btf(crate = bpf)]
enum Kind {
    Open,
}

#[derive(Btf)]
#[btf(crate = bpf, nam = "event")]
#[repr(C)]
struct Event {
    pid: u32,
}

fn main() {}
