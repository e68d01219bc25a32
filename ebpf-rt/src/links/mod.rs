//! Links: programs at work. Dropping a link detaches the program.

mod socket;
mod trace;

pub use socket::{ReuseportLink, SocketFilterLink};
pub use trace::{RawTracepointLink, TracepointLink};
