#[repr(C)]
struct Pair {
    a: u64,
    b: u64,
}

bpf::ebpf! {
    #[license = "GPL"]
    mod opens {
        extern "kernel" {
            fn bpf_by_value(pair: Pair) -> f32;
            static of_any_type: Pair;
            static unknown: Missing;
        }

        #[socket_filter]
        fn count(ctx: *mut core::ffi::c_void) -> i32 { call bpf_by_value; exit }
    }
}

fn main() {}
