//! Listing: a library's probes of what the kernel can do.

// ANCHOR: file
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use ebpf_rt::ebpf_asm;
use ebpf_rt::isa::Insn;

// ANCHOR: programs
const SIGNED_DIVISION: &[Insn] = ebpf_asm! {
    r0 = -8;
    r0 s/= 2;
    exit;
}
.into_static();

const FETCH: &[Insn] = ebpf_asm! {
    *(u64 *)(r10 - 8) = 0;
    r0 = 1;
    r0 = atomic_fetch_add((u64 *)(r10 - 8), r0);
    exit;
}
.into_static();

const COARSE_CLOCK: &[Insn] = ebpf_asm! {
    call bpf_ktime_get_coarse_ns;
    r0 = 0;
    exit;
}
.into_static();

/// Of kprobes; a socket filter may not call it.
const OVERRIDE: &[Insn] = ebpf_asm! {
    r2 = 0;
    call bpf_override_return;
    r0 = 0;
    exit;
}
.into_static();
// ANCHOR_END: programs

// ANCHOR: probe
/// Whether the kernel takes the program as a socket filter.
///
/// # Errors
/// What is no answer: no privileges, no memory.
fn accepts(program: &[Insn]) -> io::Result<bool> {
    match load(program) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            // The verifier does not take it.
            Some(libc::EINVAL | libc::EACCES) => Ok(false),
            _ => Err(error),
        },
    }
}

fn load(program: &[Insn]) -> io::Result<OwnedFd> {
    /// The first fields of `union bpf_attr` for `BPF_PROG_LOAD`.
    #[repr(C)]
    struct ProgLoad {
        prog_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
    }
    const BPF_PROG_LOAD: libc::c_int = 5;
    const BPF_PROG_TYPE_SOCKET_FILTER: u32 = 1;

    let attribute = ProgLoad {
        prog_type: BPF_PROG_TYPE_SOCKET_FILTER,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
    };
    // SAFETY: the kernel reads the attribute, and what the addresses in it
    // lead to; all of it lives until the call returns.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_LOAD,
            &raw const attribute,
            size_of::<ProgLoad>(),
        )
    };
    match fd {
        ..0 => Err(io::Error::last_os_error()),
        // SAFETY: the kernel has opened it for this call.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) }),
    }
}
// ANCHOR_END: probe

// ANCHOR: main
fn main() -> io::Result<()> {
    for (name, program) in [
        ("signed division", SIGNED_DIVISION),
        ("atomics with a result", FETCH),
        ("a coarse clock", COARSE_CLOCK),
        ("override in a filter", OVERRIDE),
    ] {
        println!("{name}: {}", accepts(program)?);
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
