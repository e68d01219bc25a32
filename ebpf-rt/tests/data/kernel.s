# An object that asks the kernel.
#[license = "GPL"]
mod asks_from_file {
    extern "kernel" {
        fn bpf_strcmp(s1: *const u8, s2: *const u8) -> i32
        ;
        #[weak]
        static jiffies: u64;
    }

    #[socket_filter]
    fn filter(ctx: *mut core::ffi::c_void) -> i32 {
        r1 = jiffies ll
        if r1 == exists(task_struct.pid) goto done
        call bpf_strcmp                 # compares
        r2 = *(u8 *)(r1 + offsetof(task_struct.comm[3]))
    done:
        r0 = 0
        exit
    }
}
