//! Listing: what the kernel says of callbacks without types.

// ANCHOR: file
use std::io;

use core::ffi::{CStr, c_void};
use ebpf_rt::ebpf;
use ebpf_rt::isa::Insn;

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.17"]
    mod sums {
        // ANCHOR: program
        #[socket_filter]
        fn sum(packet: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = 10;                    // how often
            r2 = add ll;                // what
            r3 = r10;                   // its second argument
            r3 += -8;
            r4 = 0;
            call bpf_loop;
            r0 = *(u64 *)(r10 - 8);
            exit;
        }

        fn add(index: u64, sum: *mut c_void) -> i64 {
            r3 = *(u64 *)(r2 + 0);
            r3 += r1;
            *(u64 *)(r2 + 0) = r3;
            r0 = 0;  // go on
            exit;
        }
        // ANCHOR_END: program
    }
}

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TYPE_SOCKET_FILTER: u32 = 1;

// ANCHOR: attribute
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
}
// ANCHOR_END: attribute

fn main() {
    let insns: &[Insn] = sums::OBJECT.programs[0].insns;
    let mut log = vec![0_u8; 1 << 16];
    let attribute = ProgLoad {
        prog_type: BPF_PROG_TYPE_SOCKET_FILTER,
        insn_cnt: insns.len() as u32,
        insns: insns.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log_level: 1,
        log_size: log.len() as u32,
        log_buf: log.as_mut_ptr() as u64,
    };
    // SAFETY: the kernel reads the attribute, the slots and the licence, and
    // writes into the log at most its length, with a NUL at the end.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_LOAD,
            &raw const attribute,
            size_of::<ProgLoad>(),
        )
    };
    println!("{fd}: {}", io::Error::last_os_error());
    let log = CStr::from_bytes_until_nul(&log).unwrap_or(c"");
    let log = log.to_string_lossy();
    let reason = log.lines().find(|line| line.contains("func_info"));
    println!("{}", reason.unwrap_or("(another reason)"));
}
// ANCHOR_END: file
