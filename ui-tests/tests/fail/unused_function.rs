#![deny(dead_code)]

bpf::ebpf! {
    #[license = "GPL"]
    pub mod opens {
        #[socket_filter]
        fn keep(ctx: *mut u8) -> i32 { call used; exit }
        fn used() -> i32 { r0 = 4; exit }
        fn forgotten() -> i32 { r0 = 4; exit }
    }
}

fn main() {}
