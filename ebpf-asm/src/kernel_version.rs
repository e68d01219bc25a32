//! Kernel versions, as `major.minor`.

use core::fmt;

/// A Linux release, `major.minor`: when a feature appeared, or what an object demands.
///
/// Patch levels are left out because no feature of the instruction set, a helper or a map
/// type arrives in one.
///
/// ```
/// use ebpf_asm::KernelVersion;
///
/// let bounded_loops = KernelVersion::new(5, 3);
/// assert!(KernelVersion::parse("5.10") > Some(bounded_loops));
/// assert_eq!(bounded_loops.to_string(), "5.3");
/// assert_eq!(KernelVersion::parse("five"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelVersion {
    /// The first number: 6 in Linux 6.18.
    pub major: u8,
    /// The second number: 18 in Linux 6.18.
    pub minor: u8,
}

impl KernelVersion {
    /// The version that objects target when they name none: 5.10.
    pub const DEFAULT_MINIMUM: Self = Self::new(5, 10);

    /// The release `major.minor`.
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Reads `major.minor`; further parts after another `.` or a `-` are ignored, so that the
    /// output of `uname -r` can be given as it is. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.trim().split_once('.')?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let tail = &rest[end..];
        if !(tail.is_empty() || tail.starts_with(['.', '-', '+', '_'])) {
            return None;
        }
        Some(Self {
            major: major.parse().ok()?,
            minor: rest[..end].parse().ok()?,
        })
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
