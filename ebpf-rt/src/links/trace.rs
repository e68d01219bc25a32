//! Programs attached to trace points.

use crate::Error;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

macro_rules! fd_link {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[must_use = "dropping the link detaches the program: bind it to a name, `let _link = …` (`let _ = …` drops it at once)"]
        pub struct $name {
            fd: OwnedFd,
        }

        impl $name {
            pub(crate) fn new(fd: OwnedFd) -> Self {
                Self { fd }
            }

            /// Detaches the program. It may still be running on another CPU when this
            /// returns.
            ///
            /// # Errors
            /// Does not happen with this kind of link, which ends with its descriptor.
            pub fn detach(self) -> Result<(), Error> {
                drop(self);
                Ok(())
            }

            /// The descriptor, which keeps the program attached until it is closed.
            #[must_use = "closing the descriptor detaches the program"]
            pub fn into_fd(self) -> OwnedFd {
                self.fd
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.fd.as_fd()
            }
        }
    };
}

fd_link! {
    /// A program at a trace point.
    TracepointLink
}

fd_link! {
    /// A program at a raw trace point.
    RawTracepointLink
}
