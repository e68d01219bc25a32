//! Listing: the bytes of a program.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::ebpf;

ebpf! {
    #[license = "GPL"]
    mod first {
        #[socket_filter]
        fn keep_four(packet: *mut c_void) -> i32 {
            r0 = 4;
            exit;
        }
    }
}

// ANCHOR: main
fn main() {
    for program in first::OBJECT.programs {
        println!("{}, {:?}:", program.name, program.kind);
        for instruction in program.insns {
            println!("{:02x?}", instruction.to_le_bytes());
        }
    }
}
// ANCHOR_END: main
// ANCHOR_END: file
