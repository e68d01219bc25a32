//! Listing that the kernel refuses: an offset that may be negative.

// ANCHOR: file
use ebpf_rt::context::{PT_REGS_SYSCALL_PARM2_OFFSET, bpf_raw_tracepoint_args};
use ebpf_rt::{PerCpuArray, ebpf};

const PATH_MAX: usize = libc::PATH_MAX as usize;

ebpf! {
    #[license = "GPL"]
    mod opens {
        const PID: u32;
        // ANCHOR: map
        static BUFFER: PerCpuArray<[u8; PATH_MAX]> =
            PerCpuArray::with_max_entries(1);
        // ANCHOR_END: map

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

            r1 = r10;
            r1 += -8;
            r2 = 8;
            r3 = r6;
            r3 += PT_REGS_SYSCALL_PARM2_OFFSET;
            call bpf_probe_read_kernel;

            // ANCHOR: lookup
            *(u32 *)(r10 - 12) = 0;  // the index
            r2 = r10;
            r2 += -12;
            r1 = BUFFER ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r7 = r0;
            // ANCHOR_END: lookup

            // ANCHOR: read
            r1 = r7;
            r2 = PATH_MAX;
            r3 = *(u64 *)(r10 - 8);
            call bpf_probe_read_user_str;
            r0 += -1;
            r1 = r7;
            r1 += r0;
            *(u8 *)(r1 + 0) = 0;
            // ANCHOR_END: read
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let mut loader = opens::loader();
    loader.consts.PID.set(std::process::id());
    let opens = loader.load()?;
    let _link = opens.progs.enter.attach()?;
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
