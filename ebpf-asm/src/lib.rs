//! The eBPF instruction set and assembly language.
#![no_std]
extern crate alloc;
pub mod helpers;
mod kernel_version;
pub use kernel_version::KernelVersion;
