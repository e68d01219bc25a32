//! Packet sockets, which std does not have.

use crate::Exit;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A socket that sees the packets of an interface as they are, with their link-layer headers.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// A socket that sees nothing yet, so that a filter can be attached before the first
    /// packet.
    ///
    /// # Errors
    /// Without `CAP_NET_RAW`, and what else socket(2) says.
    pub fn new() -> Result<Self, Exit> {
        // The protocol 0 is for "nothing until bind".
        // SAFETY: takes numbers only.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        match fd {
            -1 => Err(Self::explain(&io::Error::last_os_error())),
            // SAFETY: the kernel just made this descriptor for us.
            fd => Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) })),
        }
    }

    /// Begins to see the packets of all protocols of the interface.
    ///
    /// # Errors
    /// If there is no such interface, and what else bind(2) says.
    pub fn bind(&self, interface: &CStr) -> io::Result<()> {
        // SAFETY: a C string that lives through the call.
        let index = unsafe { libc::if_nametoindex(interface.as_ptr()) };
        if index == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a plain struct of integers, for which zeros are valid.
        let mut address: libc::sockaddr_ll = unsafe { core::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index.cast_signed();
        let length = size_of_val(&address) as libc::socklen_t;
        // SAFETY: an address of the stated length that lives through the call.
        match unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), length) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn explain(error: &io::Error) -> Exit {
        let doing = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "opening a packet socket: the process lacks CAP_NET_RAW; run it as root or give \
                 the executable the capability: setcap cap_bpf,cap_net_raw+ep FILE"
            }
            _ => "opening a packet socket",
        };
        Exit::io(doing, error)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
