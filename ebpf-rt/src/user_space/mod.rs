//! Programs and libraries in user space: where they are, and where their functions and static
//! probes are in them.

mod argument;
mod binary;
mod ld_cache;
mod library;
mod process;

pub use argument::{UsdtArgument, UsdtLocation};
pub(crate) use binary::{Binary, StaticProbe};
pub(crate) use library::find;
pub use process::{ProcessSymbol, ProcessSymbols};
