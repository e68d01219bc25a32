use bpf::{HashMap, Rodata, ebpf};

ebpf! {
    #[license = "GPL"]
    mod opens {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
        static LIMITS: Rodata<[u32; 2]> = Rodata::new([1, 2]);

        #[socket_filter]
        fn keep(ctx: *mut u8) -> i32 {
            r1 = LIMITS + 4 ll;
            r1 = LIMITS + 8 ll;
            r1 = COUNTS + 4 ll;
            r0 = 4;
            exit;
        }
    }
}

fn main() {}
