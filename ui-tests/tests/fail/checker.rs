//! What the kernel would refuse, said at the token. Sizes and kinds of maps are rustc's to know.
use bpf::{Array, HashMap, RingBuf, ebpf};

ebpf! {
    #[license = "GPL"]
    mod certain {
        static RECORDS: RingBuf = RingBuf::with_byte_size(4096);

        #[socket_filter]
        fn unwritten(ctx: *mut core::ffi::c_void) -> i32 {
            call bpf_ktime_get_ns;
            r0 = *(u32 *)(r1 + 0);
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn number(ctx: *mut core::ffi::c_void) -> i32 {
            r2 = *(u64 *)(r1 + 24);
            r0 = *(u8 *)(r2 + 0);
            exit;
        }

        #[socket_filter]
        fn frame(ctx: *mut core::ffi::c_void) -> i32 {
            *(u64 *)(r10 - 4096) = 0;
            r0 = 0;
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn leak(ctx: *mut core::ffi::c_void) -> i32 {
            r1 = RECORDS ll;
            r2 = 16;
            r3 = 0;
            call bpf_ringbuf_reserve;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        #[allow_unchecked(BPF0110)]
        fn allowed(ctx: *mut core::ffi::c_void) -> i32 {
            exit;
        }
    }
}

type Table = HashMap<u64, [u8; 40]>;

ebpf! {
    #[license = "GPL"]
    mod depends_on_maps {
        static HASH: Table = Table::with_max_entries(8);
        static ARRAY: Array<u64> = Array::with_max_entries(1);

        #[socket_filter]
        fn null(ctx: *mut core::ffi::c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r2 = r10;
            r2 += -8;
            r1 = HASH ll;
            call bpf_map_lookup_elem;
            *(u64 *)(r0 + 0) = 1;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn outside(ctx: *mut core::ffi::c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r2 = r10;
            r2 += -8;
            r1 = HASH ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r1 = *(u32 *)(r0 + 0);
            if r1 > 40 goto out;
            r0 += r1;
            *(u8 *)(r0 + 0) = 1;
        out:
            r0 = 0;
            exit;
        }

        // Newer kernels know that an array has a value for each constant key in range.
        #[socket_filter]
        fn there(ctx: *mut core::ffi::c_void) -> i32 {
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = ARRAY ll;
            call bpf_map_lookup_elem;
            *(u64 *)(r0 + 0) = 1;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
