//! A map of a kind that the helper does not take.
use bpf::{ProgramArray, RingBuf, ebpf};
use core::ffi::c_void;

ebpf! {
    #[license = "GPL"]
    mod opens {
        static EVENTS: RingBuf = RingBuf::with_byte_size(4096);
        static CALLS: ProgramArray = ProgramArray::with_max_entries(4);

        #[kprobe("do_sys_openat2")]
        fn looks_up(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = CALLS ll;
            call bpf_map_lookup_elem;
            r0 = 0;
            exit;
        }

        #[kprobe("do_sys_openat2")]
        fn updates(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r2 = r10;
            r2 += -8;
            r3 = r2;
            r4 = 0;
            r1 = EVENTS ll;
            call bpf_map_update_elem;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
