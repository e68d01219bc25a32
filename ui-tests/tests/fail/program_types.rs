use core::ffi::c_void;

type Context = *mut c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod filters {
        #[socket_filter]
        fn alias(ctx: Context) -> u32 { r0 = 0; exit }

        #[socket_filter]
        fn number(ctx: u32) -> i32 { r0 = 0; exit }

        #[socket_filter]
        fn text(ctx: Context) -> &'static str { r0 = 0; exit }
    }
}

fn main() {}
