//! Two objects in one file, with the same names inside.
#![deny(warnings, clippy::all, clippy::pedantic)]

use bpf::{HashMap, ebpf};
use core::ffi::c_void;

ebpf! {
    #[license = "GPL"]
    pub mod one {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(16);

        #[raw_tracepoint("sys_enter")]
        fn run(ctx: *mut c_void) -> i32 {
            r1 = COUNTS ll;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    #[license = "MIT"]
    pub mod two {
        static COUNTS: HashMap<u64, u64> = HashMap::with_max_entries(32);

        #[raw_tracepoint("sys_exit")]
        fn run(ctx: *mut c_void) -> i32 {
            r1 = COUNTS ll;
            r0 = 0;
            exit;
        }
    }
}

fn main() {
    assert_eq!(one::OBJECT.maps[0].key_size, 4);
    assert_eq!(two::OBJECT.maps[0].key_size, 8);
}
