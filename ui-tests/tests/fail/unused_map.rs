#![deny(dead_code)]

bpf::ebpf! {
    #[license = "GPL"]
    pub mod opens {
        use bpf::{Array, HashMap, RingBuf, Rodata, SockMap};

        static USED: Array<u64> = Array::with_max_entries(1);
        static FORGOTTEN: Array<u64> = Array::with_max_entries(1);
        static TABLE: HashMap<u32, u64> = HashMap::with_max_entries(1);
        static EVENTS: RingBuf = RingBuf::with_byte_size(4096);
        static LIMITS: Rodata<[u32; 2]> = Rodata::new([1, 2]);
        static SOCKETS: SockMap = SockMap::with_max_entries(1);
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
