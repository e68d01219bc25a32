//! Programs in the kernel, one type for each kind: where they can be attached differs.
//!
//! The kernel takes 15 bytes of a program's name, of letters, digits, `_` and `.`: longer
//! names are cut there, and other characters become `_`. Errors show the whole name.
//!
//! A program that was left out by [`skip`](crate::load::ProgramOptions::skip), or was
//! [`optional`](crate::load::ProgramOptions::optional) and refused, has a handle too;
//! attaching it is an error that says so.

mod raw;
mod raw_tracepoint;
mod socket_filter;
mod tracepoint;

pub use raw::RawProgram;
pub use raw_tracepoint::RawTracepoint;
pub use socket_filter::SocketFilter;
pub use tracepoint::Tracepoint;

use crate::Error;

/// A kind of program: what the typed handles have in common.
pub trait Program: Sized {
    /// The typed handle of a program.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if it is a program of another kind.
    fn from_raw(raw: RawProgram) -> Result<Self, Error>;

    /// The handle without its kind.
    fn as_raw(&self) -> &RawProgram;
}

/// What all typed handles have.
macro_rules! program_impls {
    ($name:ident) => {
        impl $name {
            /// Whether the program is in the kernel: not if it was left out, or optional and
            /// refused.
            #[must_use]
            pub fn is_loaded(&self) -> bool {
                self.raw.is_loaded()
            }

            /// Why the kernel refused the program, if it is optional and was refused.
            #[must_use]
            pub fn load_error(&self) -> Option<&crate::Error> {
                self.raw.load_error()
            }

            /// The verifier's log, if
            /// [`Options::log_level`](crate::load::Options::log_level) asked for it.
            #[must_use]
            pub fn log(&self) -> Option<&str> {
                self.raw.log()
            }
        }

        impl crate::programs::Program for $name {
            fn from_raw(raw: crate::programs::RawProgram) -> Result<Self, crate::Error> {
                raw.expect(ebpf_asm::ProgramType::$name)?;
                Ok(Self { raw })
            }

            fn as_raw(&self) -> &crate::programs::RawProgram {
                &self.raw
            }
        }
    };
}
use program_impls;
