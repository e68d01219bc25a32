//! Socket filters.

use super::{RawProgram, program_impls, test_run_impl};
use crate::links::{ReuseportLink, SocketFilterLink};
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::os::fd::AsFd;

/// A program that sees the packets of a socket before its reader does, and returns how many
/// bytes of each to keep: 0 drops it.
///
/// ```no_run
/// use std::net::UdpSocket;
/// use ebpf_rt::programs::SocketFilter;
///
/// # fn f(filter: SocketFilter) -> Result<(), Box<dyn std::error::Error>> {
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// let link = filter.attach_to(&socket)?;
/// // …
/// link.detach()?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "BPF_PROG_TYPE_SOCKET_FILTER")]
#[derive(Debug)]
pub struct SocketFilter {
    raw: RawProgram,
}

program_impls!(SocketFilter, ProgramKind::SocketFilter);
test_run_impl!(SocketFilter, "a packet");

impl SocketFilter {
    /// Attaches the program to a socket, in place of the filter that it has.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// what `SO_ATTACH_BPF` says: `EPERM` if the socket's filter is locked.
    #[doc(alias = "SO_ATTACH_BPF")]
    pub fn attach_to(&self, socket: &impl AsFd) -> Result<SocketFilterLink, Error> {
        let failed = |errno| self.explain("SO_ATTACH_BPF", errno);
        // The link's own descriptor first: nothing has to be undone if there is none.
        let program = self.raw.fd()?;
        let socket = sys::socket::duplicate(socket.as_fd()).map_err(failed)?;
        sys::socket::attach_filter(socket.as_fd(), program).map_err(failed)?;
        Ok(SocketFilterLink::new(socket))
    }

    /// Attaches the program to the group of a `SO_REUSEPORT` socket, where what it returns is
    /// the index of the socket that gets the packet or connection.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// what `SO_ATTACH_REUSEPORT_EBPF` says: `EINVAL` if the socket has no such group.
    #[doc(alias = "SO_ATTACH_REUSEPORT_EBPF")]
    pub fn attach_to_reuseport(&self, socket: &impl AsFd) -> Result<ReuseportLink, Error> {
        let failed = |errno| self.explain("SO_ATTACH_REUSEPORT_EBPF", errno);
        let program = self.raw.fd()?;
        let socket = sys::socket::duplicate(socket.as_fd()).map_err(failed)?;
        sys::socket::attach_reuseport(socket.as_fd(), program).map_err(failed)?;
        Ok(ReuseportLink::new(socket))
    }

    fn explain(&self, operation: &str, errno: Errno) -> Error {
        let error = self.raw.error(Error::failed(operation, errno));
        match errno {
            Errno::EBADF => error.because("the socket's file descriptor is not open"),
            Errno::ENOTSOCK => error.because("the file descriptor is not a socket's"),
            Errno::EPERM => error
                .because("the socket's filter is locked")
                .remedy("SO_LOCK_FILTER cannot be undone: use another socket"),
            Errno::EINVAL if operation == "SO_ATTACH_REUSEPORT_EBPF" => error
                .because("the socket is in no reuseport group")
                .remedy("set SO_REUSEPORT before it is bound"),
            Errno::ENOMEM => error
                .because("the memory that the socket may use for options is exhausted")
                .remedy("raise net.core.optmem_max"),
            _ => error,
        }
    }
}
