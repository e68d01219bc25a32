//! Listing: the address of the path, read by a helper.

// ANCHOR: file
use ebpf_rt::context::{PT_REGS_SYSCALL_PARM2_OFFSET, bpf_raw_tracepoint_args};
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    mod opens {
        /// The process to look at, set before the program is loaded.
        const PID: u32;
        static ADDRESS: Global<u64> = Global::new(0);

        // ANCHOR: program
        #[raw_tracepoint("sys_enter")]
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = *(u64 *)(r1 + 8);
            if r2 != {libc::SYS_openat} goto done;
            r6 = *(u64 *)(r1 + 0);
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PID;
            if r0 != r1 goto done;

            r1 = ADDRESS ll;
            r2 = 8;
            r3 = r6;
            r3 += PT_REGS_SYSCALL_PARM2_OFFSET;
            call bpf_probe_read_kernel;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut loader = opens::loader();
    loader.consts.PID.set(std::process::id());
    let opens = loader.load()?;
    let _link = opens.progs.enter.attach()?;

    let path = c"/etc/passwd";
    let (directory, flags) = (libc::AT_FDCWD, libc::O_RDONLY);
    // SAFETY: the path is a string that ends with a NUL.
    let file = unsafe { libc::openat(directory, path.as_ptr(), flags) };
    assert!(file >= 0);
    let same = opens.maps.ADDRESS.get() == path.as_ptr().addr() as u64;
    println!("the program saw the path's address: {same}");
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
