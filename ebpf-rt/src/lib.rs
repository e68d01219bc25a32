//! Runtime.
#![cfg_attr(not(feature = "std"), no_std)]
mod macro_support;
#[doc(hidden)]
pub mod __private { pub use crate::macro_support::{require_integer, patch, symbol}; pub use ebpf_macros; }
pub use ebpf_asm::{Code, Object, isa, object, KernelVersion};
