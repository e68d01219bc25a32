//! Slips of the pen: each is one error at the word, with the word that was meant.
use bpf::{HashMap, ebpf};
use core::ffi::c_void;

ebpf! {
    #[license = "GPL"]
    mod opens {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
        const LIMIT: u32 = 5;

        #[kprobe("do_sys_openat2")]
        fn opened(ctx: *mut c_void) -> i32 {
            call bpf_get_curent_uid_gid;
            *(u32 *)(r10 - 4) = w0;
            r2 = r10;
            r2 += -4;
            r1 = COUNT ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto dnoe;
            call coutn;
            lokc *(u64 *)(r0 + 0) += r1;
            r12 = 5;
            r3 = LIMITS;
        done:
            r0 = 0;
            exti;
        }

        fn count() -> i32 { r0 = 0; exit }
    }
}

fn main() {}
