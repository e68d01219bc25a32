//! The five mistakes of a well-known introduction to eBPF, in forms that no kernel accepts. Who
//! does what the helps say has programs that load: ebpf-rt/tests/kernel/remedies.rs does it.
use bpf::{HashMap, ebpf};
use core::ffi::c_void;

ebpf! {
    #[license = "GPL"]
    mod certain {
        #[raw_tracepoint("sys_enter")]
        fn returns_nothing(ctx: *mut c_void) -> i32 {
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn dereferences_a_number(ctx: *mut c_void) -> i32 {
            r2 = *(u64 *)(r1 + 8);
            if r2 != 257 goto out;      // openat(2)
            r1 = *(u64 *)(r1 + 0);      // the registers
            r1 = *(u64 *)(r1 + 104);    // the path
        out:
            r0 = 0;
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn needs_a_large_stack(ctx: *mut c_void) -> i32 {
            r2 = *(u64 *)(r1 + 8);
            if r2 != 257 goto out;
            r3 = *(u64 *)(r1 + 0);
            r3 += 104;
            r1 = r10;
            r1 += -8;
            r2 = 8;
            call bpf_probe_read_kernel;
            r3 = *(u64 *)(r10 - 8);
            r1 = r10;
            r1 += -4104;                // a path may have 4096 bytes
            r2 = 4096;
            call bpf_probe_read_user_str;
        out:
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    #[license = "GPL"]
    mod depends_on_maps {
        static PATHS: HashMap<u32, [u8; 4096]> = HashMap::with_max_entries(16);

        #[raw_tracepoint("sys_enter")]
        fn looks_up_and_believes(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + 8);
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = PATHS ll;
            call bpf_map_lookup_elem;
            *(u64 *)(r0 + 0) = r6;
            r0 = 0;
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn ends_the_path(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + 8);
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = PATHS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r7 = r0;
            r8 = *(u64 *)(r0 + 0);      // the length, says whoever put it there
            if r8 s< 1 goto out;
            r7 += r8;
            *(u8 *)(r7 - 1) = 0;
        out:
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
