use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod opens {
        #[socket_filter]
        fn no_context() -> i32 { r0 = 0; exit }

        #[socket_filter]
        fn no_result(ctx: *mut c_void) { r0 = 0; exit }

        #[socket_filter]
        fn unknown_type(ctx: *mut Missing) -> i32 { r0 = 0; exit }
    }
}

fn main() {}
