//! Listing that the kernel refuses: a record that is not given back.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{RingBuf, ebpf};

ebpf! {
    #[license = "GPL"]
    mod starts {
        static RECORDS: RingBuf = RingBuf::with_byte_size(4096);

        // ANCHOR: program
        // ANCHOR: attributes
        #[tracepoint("sched", "sched_process_exec")]
        #[allow_unchecked(BPF0140)]
        fn started(record: *mut c_void) -> i32 {
            // ANCHOR_END: attributes
            r1 = RECORDS ll;
            r2 = 16;
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto done;
            r6 = r0;
            call bpf_get_current_uid_gid;
            if w0 == 0 goto done;  // not for root
            *(u64 *)(r6 + 0) = r0;
            *(u64 *)(r6 + 8) = 0;
            r1 = r6;
            r2 = 0;
            call bpf_ringbuf_submit;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    starts::load()?;
    Ok(())
}
// ANCHOR_END: file
