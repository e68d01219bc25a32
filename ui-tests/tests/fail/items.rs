//! Items that an object does not have.
use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod filters {
        struct Event { pid: u32 }
        static mut COUNTS: bpf::Array<u64> = bpf::Array::with_max_entries(1);
        static SIZE: bpf::Array<u64>;
        const RATE: f32;

        #[cfg(test)]
        fn conditional() -> i32 { r0 = 0; exit }

        fn generic<T>() -> i32 { r0 = 0; exit }

        unsafe fn careful() -> i32 { r0 = 0; exit }

        #[socket_filter]
        fn filter(ctx: *mut c_void) -> i32 {
            #[cfg(test)]
            r1 = 0;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
