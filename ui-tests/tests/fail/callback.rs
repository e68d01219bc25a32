use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod opens {
        #[socket_filter]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = 10;
            r2 = each ll;
            r3 = 0;
            r4 = 0;
            call bpf_loop;
            r0 = 0;
            exit;
        }

        fn each(index: *mut c_void, ctx: u64) -> bool { r0 = 0; exit }
    }
}

fn main() {}
