//! Links: programs at work. Dropping a link detaches the program.
//!
//! What keeps a program attached for longer: `pin` gives the link a name that outlives the
//! process (`from_pin` takes it up again), `forget` keeps it until the process ends.

#[cfg(feature = "btf")]
mod by_btf;
pub(crate) mod fd;
mod info;
mod socket;
mod sockmap;
#[cfg(feature = "btf")]
mod struct_ops;
mod trace;

#[cfg(feature = "btf")]
pub use by_btf::{
    BtfTracepointLink, ExtensionLink, FentryLink, FexitLink, FmodRetLink, IterFile, IterLink,
    LsmCgroupLink, LsmLink,
};
pub use info::{LinkDetails, LinkInfo};
pub use socket::{ReuseportLink, SocketFilterLink};
pub use sockmap::SkSkbLink;
#[cfg(feature = "btf")]
pub use struct_ops::StructOpsLink;
pub use trace::{KprobeLink, KprobeMultiLink, PerfEventLink, RawTracepointLink, TracepointLink};
#[cfg(feature = "uprobes")]
pub use trace::{UprobeLink, UprobeMultiLink, UsdtLink};

use crate::Error;
use std::path::Path;

/// What links have in common that can have a name in a bpffs.
pub trait Link {
    /// Gives the link a name: the program stays attached until the name is removed.
    ///
    /// # Errors
    /// What `BPF_OBJ_PIN` says, with a hint where no bpffs is mounted;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) where it is no link of the
    /// kernel.
    #[doc(alias = "BPF_OBJ_PIN")]
    fn pin(&self, path: &Path) -> Result<(), Error>;
}
