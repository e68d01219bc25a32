//! What is loaded by `{offset_of!(…)}` is what the kernel has there, if rustc agrees on the offset.

use bpf::context::{__sk_buff, pt_regs, PT_REGS_PARM1_OFFSET};
use core::mem::offset_of;

mod mine {
    #[repr(C)]
    pub struct __sk_buff {
        pub mark: u32,
        pub data: u32,
    }
}

bpf::ebpf! {
    #[license = "GPL"]
    pub mod object {
        // A length can be more than the frame has.
        #[socket_filter]
        fn length(packet: *mut __sk_buff) -> i32 {
            r2 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            r3 = r10;
            r3 += -64;
            r3 += r2;
            *(u8 *)(r3 + 0) = 1;
            r0 = 0;
            exit;
        }

        // These programs see no data.
        #[socket_filter]
        fn data(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {core::mem::offset_of!(bpf::context::__sk_buff, data)});
            exit;
        }

        // A parameter of the kernel's function is a number.
        #[kprobe("do_nanosleep")]
        fn parameter(registers: *mut pt_regs) -> i32 {
            r2 = *(u64 *)(r1 + PT_REGS_PARM1_OFFSET);
            r0 = *(u32 *)(r2 + 0);
            exit;
        }

        // Not the kernel's type of this name, where `data` is where `pkt_type` is.
        #[socket_filter]
        fn no_kernel_type(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {offset_of!(mine::__sk_buff, data)});
            exit;
        }
    }
}

fn main() {}
