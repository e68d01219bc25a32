//! A crate without `std` that carries programs for a loader of its own: the macros, [`Code`]
//! and `Object` work there, and nothing that calls the kernel is compiled.
#![no_std]
#![forbid(unsafe_code)]

use core::ffi::c_void;
use core::mem::offset_of;
use ebpf_rt::context::__sk_buff;
use ebpf_rt::isa::Insn;
use ebpf_rt::{Code, HashMap, Rodata, ebpf, ebpf_asm, include_ebpf};

/// Keeps the packet's first bytes, as many as it has.
pub const KEEP: &[Insn] = ebpf_asm! {
    r0 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
    exit;
}
.into_static();

/// The same from a file.
pub const FROM_FILE: Code = include_ebpf!("keep.s");

ebpf! {
    /// Counts packets by length.
    #[license = "MIT"]
    pub mod lengths {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(64);
        static STEP: Rodata<u64> = Rodata::new(1);

        #[socket_filter]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            *(u32 *)(r10 - 4) = r1;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r2 = STEP ll;
            r2 = *(u64 *)(r2 + 0);
            lock *(u64 *)(r0 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }
    }
}
