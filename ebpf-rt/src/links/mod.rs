//! Links: programs at work. Dropping a link detaches the program.
//!
//! What keeps a program attached for longer: `pin` gives the link a name that outlives the
//! process (`from_pin` takes it up again), `forget` keeps it until the process ends.

pub(crate) mod fd;
mod info;
mod socket;
mod sockmap;
mod trace;

pub use info::LinkInfo;
pub use socket::{ReuseportLink, SocketFilterLink};
pub use sockmap::SkSkbLink;
pub use trace::{KprobeLink, KprobeMultiLink, PerfEventLink, RawTracepointLink, TracepointLink};
#[cfg(feature = "uprobes")]
pub use trace::{UprobeLink, UprobeMultiLink, UsdtLink};
