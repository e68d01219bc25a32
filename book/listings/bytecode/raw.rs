//! Listing: a program loaded by the system call itself.

// ANCHOR: file
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use ebpf_rt::{Code, ebpf_asm};

const FILTER: Code = ebpf_asm! {
    r0 = 4;
    exit;
};

// ANCHOR: load
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TYPE_SOCKET_FILTER: u32 = 1;

/// The first fields of `union bpf_attr` for this command.
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
}

fn load(code: &Code, license: &CStr) -> io::Result<OwnedFd> {
    let insns = code.to_ne_bytes();
    let attribute = ProgLoad {
        prog_type: BPF_PROG_TYPE_SOCKET_FILTER,
        insn_cnt: code.len() as u32,
        insns: insns.as_ptr() as u64,
        license: license.as_ptr() as u64,
    };
    // SAFETY: the kernel reads so many bytes of the attribute, and what the
    // two addresses in it lead to, which lives until the call returns.
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
// ANCHOR_END: load

// ANCHOR: attach
fn attach(program: &OwnedFd, socket: &impl AsFd) -> io::Result<()> {
    let program = program.as_raw_fd();
    // SAFETY: the kernel reads four bytes, the descriptor.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_BPF,
            (&raw const program).cast(),
            size_of_val(&program) as u32,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
// ANCHOR_END: attach

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, receiver) = UnixDatagram::pair()?;
    let program = load(&FILTER, c"GPL")?;
    attach(&program, &receiver)?;

    sender.send(b"Hello")?;
    let mut buffer = [0; 64];
    let received = receiver.recv(&mut buffer)?;
    println!("received {}", str::from_utf8(&buffer[..received])?);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
