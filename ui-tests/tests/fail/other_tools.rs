//! Attributes and sections of other tools.
use core::ffi::c_void;

bpf::ebpf! {
    #[license = "GPL"]
    mod opens {
        #[ksyscall("execve")]
        fn executed(ctx: *mut c_void) -> i32 { r0 = 0; exit }

        #[raw_tp("sys_enter")]
        fn entered(ctx: *mut c_void) -> i32 { r0 = 0; exit }

        #[fentry("vfs_unlink")]
        #[sleepable]
        fn unlinked(ctx: *mut c_void) -> i32 { r0 = 0; exit }
    }
}

fn main() {}
