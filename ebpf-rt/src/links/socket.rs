//! Programs attached to sockets.

use crate::{Errno, Error, sys};
use core::mem::ManuallyDrop;
use std::os::fd::{AsFd, OwnedFd};

macro_rules! socket_link {
    ($(#[$meta:meta])* $name:ident, $detach:path, $operation:literal, $nothing:literal) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[must_use = "dropping the link detaches the program: bind it to a name, `let _link = …` (`let _ = …` drops it at once)"]
        pub struct $name {
            /// A descriptor of our own, so that detaching works after the user's is closed.
            socket: ManuallyDrop<OwnedFd>,
        }

        impl $name {
            pub(crate) fn new(socket: OwnedFd) -> Self {
                Self {
                    socket: ManuallyDrop::new(socket),
                }
            }

            /// Detaches the program.
            ///
            /// # Errors
            #[doc = concat!("What `", $operation, "` says: `ENOENT` if nothing is attached any more.")]
            #[doc(alias = $operation)]
            pub fn detach(self) -> Result<(), Error> {
                let socket = self.into_fd();
                $detach(socket.as_fd()).map_err(|errno| {
                    let error = Error::failed($operation, errno);
                    match errno {
                        Errno::ENOENT => error.because($nothing),
                        Errno::EPERM => error.because("the socket's filter is locked"),
                        _ => error,
                    }
                })
            }

            /// A descriptor of the socket. The program stays attached for as long as the
            /// socket lives.
            #[must_use = "the program stays attached; this is only the socket's descriptor"]
            pub fn into_fd(self) -> OwnedFd {
                let mut this = ManuallyDrop::new(self);
                // SAFETY: the link is not dropped any more, so this is taken once.
                unsafe { ManuallyDrop::take(&mut this.socket) }
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // Who wants to know whether it worked calls `detach`.
                let _ = $detach(self.socket.as_fd());
                // SAFETY: the link is being dropped; nothing uses the field after this.
                unsafe { ManuallyDrop::drop(&mut self.socket) };
            }
        }
    };
}

socket_link! {
    /// A filter on a socket. A socket has one filter: when another one was attached
    /// meanwhile, this link detaches that one.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod none { #[socket_filter] fn keep(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!();
    /// use std::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let keep = none::load()?.progs.keep;
    /// keep.attach_to(&socket)?.detach()?;             // for a while
    /// let socket = keep.attach_to(&socket)?.into_fd();        // for as long as the socket lives
    /// assert!(UdpSocket::from(socket).local_addr().is_ok());
    /// # Ok(())
    /// # }
    /// ```
    SocketFilterLink, sys::socket::detach_filter, "SO_DETACH_FILTER",
    "the socket has no filter any more"
}

socket_link! {
    /// A program that chooses among the sockets of a reuseport group. Detaching takes
    /// Linux 5.3.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod first { #[socket_filter] fn choose(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// #     kernel_test::example!(Kernel(5, 3));
    /// use std::net::UdpSocket;
    ///
    /// # let socket = kernel_test::bind_shared(0);
    /// // `socket` has SO_REUSEPORT: more sockets can be bound to its port.
    /// let link = first::load()?.progs.choose.attach_to_reuseport(&socket)?;
    /// link.detach()?;                                 // the kernel chooses by itself again
    /// # Ok(())
    /// # }
    /// ```
    ReuseportLink, sys::socket::detach_reuseport, "SO_DETACH_REUSEPORT_BPF",
    "the group has no program any more"
}
