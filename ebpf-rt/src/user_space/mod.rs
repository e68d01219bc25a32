//! Programs and libraries in user space: where they are, and where their functions and static
//! probes are in them.

mod binary;
mod library;

pub(crate) use binary::Binary;
pub(crate) use library::find;
