//! What programs of one type have and others lack: helpers, fields of the context.
use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod filters {
        #[socket_filter]
        fn helper(ctx: *mut c_void) -> i32 {
            r2 = 14;
            call bpf_xdp_adjust_head;
            exit;
        }

        #[socket_filter]
        fn field(ctx: *mut c_void) -> i32 {
            r0 = *(u32 *)(r1 + 76);
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn write(ctx: *mut c_void) -> i32 {
            *(u64 *)(r1 + 24) = 0;
            r0 = 0;
            exit;
        }

        #[kprobe("do_sys_openat2")]
        fn changed(ctx: *mut c_void) -> i32 {
            r1 += 104;
            r0 = *(u64 *)(r1 + 0);
            exit;
        }
    }
}

fn main() {}
