//! Socket filters.

use super::{RawProgram, program_impls, test_run_impl};
use crate::links::{ReuseportLink, SocketFilterLink};
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::os::fd::AsFd;

/// A program that sees the packets of a socket before its reader does, and returns how many
/// bytes of each to keep: 0 drops it.
///
/// ```
/// use core::ffi::c_void;
/// use core::mem::offset_of;
/// use ebpf_rt::{context::__sk_buff, ebpf};
/// use std::net::UdpSocket;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod short {
///         /// Keeps packets of up to 16 bytes; 8 of them are the UDP header.
///         #[socket_filter]
///         fn keep(skb: *const __sk_buff) -> i32 {
///             r1 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
///             r0 = 0;
///             if r1 > 16 goto drop;
///             r0 = r1;
///         drop:
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     # kernel_test::example!();
///     let short = short::load()?;
///     let socket = UdpSocket::bind("127.0.0.1:0")?;
///     let _link = short.progs.keep.attach_to(&socket)?;
///     let sender = UdpSocket::bind("127.0.0.1:0")?;
///     sender.send_to(b"much too long a message", socket.local_addr()?)?;
///     sender.send_to(b"short", socket.local_addr()?)?;
///     let mut buffer = [0; 64];
///     assert_eq!(socket.recv(&mut buffer)?, 5);
///     Ok(())
/// }
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
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::ebpf;
    /// use std::net::UdpSocket;
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod first {
    ///         #[socket_filter]
    ///         fn choose(skb: *const c_void) -> i32 {
    ///             r0 = 0;                             // always the first of the group
    ///             exit;
    ///         }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     # kernel_test::example!(Kernel(5, 3));
    ///     # let socket = kernel_test::bind_shared(0);
    ///     // `socket` has SO_REUSEPORT: more sockets can be bound to its port.
    ///     let link = first::load()?.progs.choose.attach_to_reuseport(&socket)?;
    ///     link.detach()?;
    ///     Ok(())
    /// }
    /// ```
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
