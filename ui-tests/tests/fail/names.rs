//! Names that are taken.
use bpf::{Array, ebpf};
use core::ffi::c_void;

ebpf! {
    #[license = "GPL"]
    mod filters {
        static COUNTS: Array<u64> = Array::with_max_entries(1);
        const COUNTS: u32 = 5;
        static Loader: Array<u64> = Array::with_max_entries(1);
        const r1: u32 = 5;

        #[socket_filter]
        fn filter(ctx: *mut c_void) -> i32 {
            r1 = COUNTS;
            call filter;
            r0 = 0;
            exit;
        }

        fn bpf_ktime_get_ns() -> u64 { r0 = 0; exit }

        #[socket_filter]
        fn ambiguous(ctx: *mut c_void) -> i32 {
            call bpf_ktime_get_ns;
            exit;
        }
    }
}

fn main() {}
