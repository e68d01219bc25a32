#![deny(deprecated)]

bpf::ebpf! {
    #[license = "GPL"]
    pub mod opens {
        #[kprobe("do_sys_openat2")]
        fn opened(ctx: *mut u8) -> i32 {
            r3 = r1;
            r2 = 8;
            r1 = r10;
            r1 += -8;
            call bpf_probe_read;
            r0 = 0;
            exit;
        }

        #[allow(deprecated)]
        #[kprobe("do_sys_openat2")]
        fn known(ctx: *mut u8) -> i32 {
            r3 = r1;
            r2 = 8;
            r1 = r10;
            r1 += -8;
            call bpf_probe_read;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
