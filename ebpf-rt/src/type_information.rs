//! Types that the kernel is told: `BPF_BTF_LOAD`, for older kernels in fewer words.

use crate::capabilities::{self, Capability};
use crate::maps::raw::with_memlock;
use crate::sys::bpf;
use crate::{Errno, Error, ErrorKind};
use ebpf_asm::KernelVersion;
use ebpf_asm::btf::{DescribeError, Kind, ObjectBtf};
use std::os::fd::OwnedFd;

/// Loads what `describe` makes for a kernel: with everything first, and after a refusal with what
/// the running kernel knows, if it is an older one.
pub(crate) fn load(
    describe: impl Fn(Option<KernelVersion>) -> Result<ObjectBtf, DescribeError>,
) -> Result<(OwnedFd, ObjectBtf), Error> {
    // The kind that came last.
    let complete = Kind::Enum64.since();
    let whole = describe(None).map_err(|error| undescribed(error, None))?;
    let errno = match try_load(&whole) {
        Ok(fd) => return Ok((fd, whole)),
        Err(errno) => errno,
    };
    let older = match capabilities::running_kernel() {
        Some(kernel) if kernel < complete && errno != Errno::EPERM => kernel,
        _ => return Err(refused(&whole, errno)),
    };
    let less = describe(Some(older)).map_err(|error| undescribed(error, Some(older)))?;
    match try_load(&less) {
        Ok(fd) => Ok((fd, less)),
        Err(errno) => Err(refused(&less, errno)),
    }
}

fn try_load(btf: &ObjectBtf) -> Result<OwnedFd, Errno> {
    with_memlock(|| bpf::btf_load(&btf.bytes, &mut []))
}

fn undescribed(error: DescribeError, kernel: Option<KernelVersion>) -> Error {
    let (kind, running) = match (&error, kernel) {
        (DescribeError::Unsupported { .. }, Some(kernel)) => {
            (ErrorKind::Unsupported, format!(", and this is {kernel}"))
        }
        _ => (ErrorKind::Invalid, String::new()),
    };
    Error::new(kind)
        .because(format!("{error}{running}"))
        .caused_by(error)
}

/// Why the kernel does not take the types: in its own words.
fn refused(btf: &ObjectBtf, errno: Errno) -> Error {
    const SMALLEST: usize = 64 * 1024;
    const LARGEST: usize = 64 * 1024 * 1024;
    let error = Error::failed("BPF_BTF_LOAD", errno);
    if errno == Errno::EPERM {
        return capabilities::explain(error, &[Capability::Bpf]);
    }
    let mut size = SMALLEST;
    loop {
        let mut log = vec![0; size];
        let result = with_memlock(|| bpf::btf_load(&btf.bytes, &mut log));
        if matches!(result, Err(Errno::ENOSPC)) && size < LARGEST {
            size *= 8;
            continue;
        }
        return crate::load::of_btf(errno, &crate::load::text(&log));
    }
}
