use core::ffi::c_void;

bpf::ebpf! {
    #[licence = "GPL"]
    mod first {
        #[tracepoint("syscalls")]
        fn count(ctx: *mut c_void) -> i32 { r0 = 0; exit }
    }
}

bpf::ebpf! {
    #[license = "GPL"]
    mod second {
        #[tracepont("syscalls", "sys_enter_openat")]
        fn count(ctx: *mut c_void) -> i32 { r0 = 0; exit }

        #[raw_tracepoint("sys_enter", name = "sys_exit")]
        fn raw(ctx: *mut c_void) -> i32 { r0 = 0; exit }
    }
}

fn main() {}
