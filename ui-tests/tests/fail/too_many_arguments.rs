//! Functions take what five registers hold, and return what one does.
bpf::ebpf! {
    #[license = "GPL"]
    mod filters {
        #[socket_filter]
        fn filter(ctx: *mut u8, more: u64) -> i32 { call wide; exit }

        pub fn wide(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> u64 { r0 = 0; exit }
    }
}

fn main() {}
