//! What the process and the machine are like.

use super::{Call, Result, call};

/// uname(2): the kernel's release, `6.18.44-arch1`.
pub(crate) fn release() -> Result<String> {
    let mut release = String::new();
    call(Call::Release { into: &mut release })?;
    Ok(release)
}

/// Takes the limit off memory locked by this process (`RLIMIT_MEMLOCK`).
pub(crate) fn unlimit_memlock() -> Result<()> {
    call(Call::UnlimitMemlock).map(drop)
}
