#![deny(dead_code)]

bpf::ebpf! {
    #[license = "GPL"]
    pub mod opens {
        use bpf::Array;

        static USED: Array<u64> = Array::with_max_entries(1);
        static FORGOTTEN: Array<u64> = Array::with_max_entries(1);
        pub static OF_OTHERS: Array<u64> = Array::with_max_entries(1);

        #[socket_filter]
        fn keep(ctx: *mut u8) -> i32 {
            r1 = USED ll;
            r0 = 4;
            exit;
        }
    }
}

fn main() {}
