//! The eBPF instruction set and assembly language.
#![no_std]
extern crate alloc;
#[cfg(feature = "syntax")]
pub mod diag;
pub mod helpers;
pub mod isa;
mod kernel_version;
mod map_type;
pub mod object;
mod program_type;
#[cfg(feature = "syntax")]
pub mod syntax;
pub use kernel_version::KernelVersion;
pub use map_type::MapType;
pub use object::{Code, Object};
pub use program_type::ProgramType;
