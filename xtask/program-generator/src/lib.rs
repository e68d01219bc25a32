//! Random programs that the kernel accepts, and what they do: in the kernel and in the
//! interpreter, which have to agree.
//!
//! - [`Generator`] makes programs by types: every register holds what the next instruction needs,
//!   so that nearly all of them are accepted. The same seed makes the same programs.
//! - [`Comparison`] runs one in the kernel and in the interpreter and says where they differ.
//! - [`Coverage`] counts the rows of the instruction table, and branches by the way they went.

mod compare;
mod coverage;
mod generate;
mod kernel;
mod random;

pub use compare::{Comparison, Verdict};
pub use coverage::Coverage;
pub use generate::{Generator, Program};
pub use random::Random;
