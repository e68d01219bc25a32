//! What every kernel is predicted to refuse for lack of knowledge: rustc's own `deprecated`, with
//! the code as the name, and no error by itself.

#![deny(deprecated)]
use bpf::context::__sk_buff;
use core::mem::offset_of;

mod mine {
    #[repr(C)]
    pub struct __sk_buff {
        pub mark: u32,
        pub len: u32,
    }
}

bpf::ebpf! {
    #[license = "GPL"]
    pub mod object {
        // Both parts of the sum are at most 7 together: kernels see 14.
        #[socket_filter]
        fn predicted(ctx: *mut core::ffi::c_void) -> i32 {
            r2 = *(u8 *)(r1 + 0);
            r2 &= 7;
            r3 = 7;
            r3 -= r2;
            r4 = r10;
            r4 += -8;
            r4 += r2;
            r4 += r3;
            *(u8 *)(r4 + 0) = 1;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        #[allow_unchecked(BPF0204)]
        fn switched_off(ctx: *mut core::ffi::c_void) -> i32 {
            r2 = *(u8 *)(r1 + 0);
            r2 &= 7;
            r3 = 7;
            r3 -= r2;
            r4 = r10;
            r4 += -8;
            r4 += r2;
            r4 += r3;
            *(u8 *)(r4 + 0) = 1;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        #[allow(deprecated)]
        fn allowed(ctx: *mut core::ffi::c_void) -> i32 {
            r2 = *(u8 *)(r1 + 0);
            r2 &= 7;
            r3 = 7;
            r3 -= r2;
            r4 = r10;
            r4 += -8;
            r4 += r2;
            r4 += r3;
            *(u8 *)(r4 + 0) = 1;
            r0 = 0;
            exit;
        }

        // It depends on what the offset is.
        #[socket_filter]
        fn guessed(ctx: *mut __sk_buff) -> i32 {
            r2 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            r2 &= 7;
            r3 = 7;
            r3 -= r2;
            r4 = r10;
            r4 += -8;
            r4 += r2;
            r4 += r3;
            *(u8 *)(r4 + 0) = 1;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn wrong_guess(ctx: *mut __sk_buff) -> i32 {
            r2 = *(u32 *)(r1 + {offset_of!(mine::__sk_buff, len)});
            r2 &= 7;
            r3 = 7;
            r3 -= r2;
            r4 = r10;
            r4 += -8;
            r4 += r2;
            r4 += r3;
            *(u8 *)(r4 + 0) = 1;
            r0 = 0;
            exit;
        }

        // Only kernels before 6.8 refuse it.
        #[socket_filter]
        fn not_by_all(ctx: *mut core::ffi::c_void) -> i32 {
            r0 = *(u64 *)(r10 - 8);
            exit;
        }
    }
}

fn main() {}
