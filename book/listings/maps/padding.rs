//! Listing that does not compile: a key with a hole.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{HashMap, Pod, ebpf};

// ANCHOR: key
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Caller {
    uid: u32,
    started: u64,
}
// ANCHOR_END: key

ebpf! {
    #[license = "GPL"]
    mod calls {
        static CALLERS: HashMap<Caller, u64> = HashMap::with_max_entries(1024);

        #[tracepoint("raw_syscalls", "sys_exit")]
        fn returned(record: *mut c_void) -> i32 {
            r1 = CALLERS ll;
            r0 = 0;
            exit;
        }
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    calls::load()?;
    Ok(())
}
// ANCHOR_END: file
