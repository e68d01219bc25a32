use bpf::ebpf;
use core::ffi::c_void;

ebpf! {
    #[license = "GPL"]
    mod opens {
        #[tracepoint("syscalls", "sys_enter_openat")]
        fn count(ctx: *mut c_void) -> i32 {
            r11 = 1;
            r1 = w2;
            if r1 == 0xffffffff goto dnoe;
            call map_lookup_elem;
            r1 <<= 64;
        done:
            r0 = 0;
            exit;
        }
    }
}

fn main() {
    let _ = opens::load();
}
