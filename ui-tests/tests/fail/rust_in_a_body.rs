//! Rust where instructions are wanted.
use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod filters {
        #[socket_filter]
        fn statement(ctx: *mut c_void) -> i32 {
            let x = 5;
            r0 = r1 + r2;
            r0 = (r1);
            r1++;
            return 0;
        }

        #[socket_filter]
        fn block(ctx: *mut c_void) -> i32 {
            if r1 == 0 { r0 = 0; exit; }
            r0 = 1;
            exit;
        }

        #[socket_filter]
        fn path(ctx: *mut c_void) -> i32 {
            r0 = u32::MAX;
            exit;
        }
    }
}

fn main() {}
