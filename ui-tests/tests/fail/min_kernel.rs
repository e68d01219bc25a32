use bpf::{HashMap, LruHashMap, ebpf};
use core::ffi::c_void;

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "4.9"]
    mod opens {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
        static RECENT: LruHashMap<u32, u64> = LruHashMap::with_max_entries(1024);

        #[raw_tracepoint("sys_enter")]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = COUNTS ll;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
