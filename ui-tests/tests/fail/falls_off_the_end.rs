bpf::ebpf! {
    #[license = "GPL"]
    mod opens {
        #[socket_filter]
        fn keep(ctx: *mut u8) -> i32 {
            if r1 == 0 goto done;
            r0 = 4;
            exit;
        done:
            r0 = 0;
        }
    }
}

fn main() {}
