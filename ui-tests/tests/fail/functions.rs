//! Calls that the kernel does not allow, and functions that do not fit.
use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod filters {
        #[socket_filter]
        fn filter(ctx: *mut c_void) -> i32 {
            r6 = r1;
            call helper;
            r0 = *(u32 *)(r1 + 0);
            exit;
        }

        fn helper() -> u64 {
            r0 = r6;
            exit;
        }
    }
}

bpf::ebpf! {
    #[license = "GPL"]
    mod recursive {
        #[socket_filter]
        fn filter(ctx: *mut c_void) -> i32 { call twice; exit }

        fn twice() -> u64 { call twice; exit }
    }
}

fn main() {}
