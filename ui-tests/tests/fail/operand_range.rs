const LARGE: u64 = 1 << 40;

bpf::ebpf! {
    #[license = "GPL"]
    mod opens {
        #[socket_filter]
        fn keep(ctx: *mut u8) -> i32 {
            r0 = 4;
            r0 += LARGE;
            exit;
        }
    }
}

fn main() {}
