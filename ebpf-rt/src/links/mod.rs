//! Links: programs at work. Dropping a link detaches the program.
//!
//! What keeps a program attached for longer: `pin` gives the link a name that outlives the
//! process (`from_pin` takes it up again), `forget` keeps it until the process ends.
//!
//! ```
//! # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
//!
//! # fn main() -> Result<(), ebpf_rt::Error> {
//! #     kernel_test::example!();
//! let calls = calls::load()?;
//! let link = calls.progs.enter.attach()?;         // runs from here
//! link.detach()?;                                 // or drop(link): does not run any more
//! # Ok(())
//! # }
//! ```

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
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// use ebpf_rt::links::Link;
/// use std::path::Path;
///
/// /// Keeps any of them when the process ends.
/// fn keep(link: &impl Link, dir: &Path, name: &str) -> Result<(), ebpf_rt::Error> {
///     link.pin(&dir.join(name))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// #     kernel_test::example!(Kernel(5, 15));
/// #     let (_mount, dir) = kernel_test::bpf::file_system()?;
/// // `dir` is in a bpffs: /sys/fs/bpf on most machines.
/// keep(&calls::load()?.progs.enter.attach()?, &dir, "enter")?;
/// ebpf_rt::maps::unpin(dir.join("enter"))?;       // that ends it
/// # Ok(())
/// # }
/// ```
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
