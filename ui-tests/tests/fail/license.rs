//! A helper that only programs under the GPL may call.
use core::ffi::c_void;

bpf::ebpf! {
    #[license = "MIT"]
    mod opens {
        #[kprobe("do_sys_openat2")]
        fn opened(ctx: *mut c_void) -> i32 {
            r3 = r1;
            r1 = r10;
            r1 += -8;
            r2 = 8;
            call bpf_probe_read_kernel;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
