//! Keys, kinds and flags of maps: what only their definitions say, rustc decides.
use bpf::{Array, HashMap, RingBuf, Rodata, ebpf};

ebpf! {
    #[license = "GPL"]
    mod kinds_and_sizes {
        static LONG: HashMap<[u64; 2], u64> = HashMap::with_max_entries(8);
        static SHORT: HashMap<u32, u64> = HashMap::with_max_entries(8);
        static READ_ONLY: Array<u64> = Array::with_max_entries(1).initial(&[1]).read_only();
        static PORT: Rodata<u16> = Rodata::new(80);
        static RECORDS: RingBuf = RingBuf::with_byte_size(4096);

        #[socket_filter]
        fn key(ctx: *mut core::ffi::c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r2 = r10;
            r2 += -8;
            r1 = SHORT ll;
            call bpf_map_lookup_elem;
            r2 = r10;
            r2 += -8;
            r1 = LONG ll;
            call bpf_map_lookup_elem;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn kind(ctx: *mut core::ffi::c_void) -> i32 {
            r1 = SHORT ll;
            r2 = 16;
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto none;
            r1 = r0;
            r2 = 0;
            call bpf_ringbuf_discard;
        none:
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn records(ctx: *mut core::ffi::c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r2 = r10;
            r2 += -8;
            r1 = RECORDS ll;
            call bpf_map_lookup_elem;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn flags(ctx: *mut core::ffi::c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r2 = r10;
            r2 += -8;
            r1 = READ_ONLY ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto none;
            *(u64 *)(r0 + 0) = 1;
        none:
            r2 = r10;
            r2 += -8;
            r1 = READ_ONLY ll;
            call bpf_map_delete_elem;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn global(ctx: *mut core::ffi::c_void) -> i32 {
            r1 = PORT ll;
            r0 = *(u32 *)(r1 + 0);
            r1 = PORT ll;
            *(u16 *)(r1 + 0) = 8080;
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = PORT ll;
            call bpf_map_lookup_elem;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
