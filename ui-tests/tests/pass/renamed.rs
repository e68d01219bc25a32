//! The dependency has another name here, and the object needs nothing from outside.
#![forbid(unsafe_code)]
#![deny(warnings)]

bpf::ebpf! {
    #[license = "GPL"]
    mod filter {
        #[socket_filter]
        fn keep(ctx: *mut u8) -> i32 {
            r0 = 4;
            exit;
        }
    }
}

const CODE: bpf::Code = bpf::ebpf_asm! { r0 = 4; exit };

fn main() {
    assert_eq!(filter::OBJECT.programs[0].insns, CODE.insns());
}
