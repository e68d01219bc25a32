//! What programs are attached to: a static probe, and sockets that share a port.
#![allow(
    clippy::macro_metavars_in_unsafe,
    reason = "what tests hand to the macro are operands of `asm!`, which have to be there"
)]

use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A static probe of `ebpf_rt`, as `sys/sdt.h` makes it: its name, its semaphore or `0`, the text
/// of its arguments, and the operands for them.
#[macro_export]
macro_rules! static_probe {
    ($name:literal, $semaphore:literal, $arguments:literal, $($operands:tt)*) => {
        // SAFETY: a nop, and notes beside the program; the operands are only read.
        unsafe {
            core::arch::asm!(
                "990: nop",
                ".pushsection .note.stapsdt,\"\",\"note\"",
                ".balign 4",
                ".4byte 992f-991f, 994f-993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b",
                ".8byte _.stapsdt.base",
                concat!(".8byte ", $semaphore),
                ".asciz \"ebpf_rt\"",
                concat!(".asciz \"", $name, "\""),
                concat!(".asciz \"", $arguments, "\""),
                "994: .balign 4",
                ".popsection",
                ".ifndef _.stapsdt.base",
                ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat",
                ".weak _.stapsdt.base",
                ".hidden _.stapsdt.base",
                "_.stapsdt.base: .space 1",
                ".size _.stapsdt.base, 1",
                ".popsection",
                ".endif",
                $($operands)*
            );
        }
    };
}

/// Has the static probe `request` of the provider `ebpf_rt` in the program that calls it, with one
/// argument.
#[inline(never)]
pub fn handle_request(number: u32) {
    #[cfg(target_arch = "x86_64")]
    static_probe!("request", "0", "4@%edi", in("edi") number);
    #[cfg(target_arch = "aarch64")]
    static_probe!("request", "0", "4@x9", in("x9") number);
    core::hint::black_box(number);
}

/// A UDP socket on the loopback that shares its port; 0 for any port.
///
/// # Panics
/// If the kernel refuses it.
#[must_use]
pub fn bind_shared(port: u16) -> UdpSocket {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    assert!(fd >= 0);
    // SAFETY: the kernel just made it for us.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let one: libc::c_int = 1;
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: the option's value is an `int` and the address a `sockaddr_in`, of these sizes.
    unsafe {
        assert_eq!(
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_REUSEPORT,
                (&raw const one).cast(),
                4
            ),
            0
        );
        assert_eq!(
            libc::bind(
                fd.as_raw_fd(),
                (&raw const address).cast(),
                size_of_val(&address) as u32
            ),
            0
        );
    }
    fd.into()
}
