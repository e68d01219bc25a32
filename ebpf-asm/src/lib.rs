//! The eBPF instruction set and assembly language.
#![no_std]
extern crate alloc;
mod attach_type;
pub mod helpers;
pub mod isa;
mod kernel_enum;
mod kernel_version;
mod map_type;
pub mod object;
mod program_type;
pub use attach_type::AttachType;
pub use kernel_version::KernelVersion;
pub use map_type::MapType;
pub use object::{Code, Object};
pub use program_type::ProgramType;
