//! Jumps to where nothing is.
use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod filters {
        #[socket_filter]
        fn far(ctx: *mut c_void) -> i32 {
            if r1 == 0 goto +7;
            r1 = 5 ll;
            goto -2;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn end(ctx: *mut c_void) -> i32 {
            r0 = 0;
            goto out;
        again:
            r0 = 1;
        again:
            exit;
        out:
        }

        #[socket_filter]
        fn number(ctx: *mut c_void) -> i32 {
            goto 3;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn other_function(ctx: *mut c_void) -> i32 {
            goto again;
            exit;
        }
    }
}

fn main() {}
