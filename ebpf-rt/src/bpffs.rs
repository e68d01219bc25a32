//! Pinning: names for what is in the kernel, in a file system for it.

use crate::capabilities::{self, Capability};
use crate::{Errno, Error, sys};
use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes()).map_err(|error| {
        Error::invalid(format!("{:?} is not a path", path.display().to_string())).caused_by(error)
    })
}

/// `BPF_OBJ_PIN`.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
    let c_path = c_path(path)?;
    sys::bpf::pin(fd, &c_path).map_err(|errno| explain("BPF_OBJ_PIN", errno, path))
}

/// `BPF_OBJ_GET`.
pub(crate) fn get(path: &Path) -> Result<OwnedFd, Error> {
    let c_path = c_path(path)?;
    sys::bpf::get_pinned(&c_path).map_err(|errno| explain("BPF_OBJ_GET", errno, path))
}

fn explain(command: &str, errno: Errno, path: &Path) -> Error {
    let shown = path.display();
    let error = Error::failed(format!("{command} of {shown}"), errno);
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    };
    let is_bpffs = |directory: &Path| {
        let directory = c_path(directory).ok()?;
        sys::fs::is_bpffs(&directory).ok()
    };
    match (errno, is_bpffs(directory)) {
        (Errno::ENOENT, Some(true)) if command == "BPF_OBJ_GET" => {
            error.because("nothing is pinned there")
        }
        (_, Some(false)) => error
            .because(format!(
                "{} is not in a file system for eBPF objects",
                directory.display()
            ))
            .remedy("mount -t bpf bpf /sys/fs/bpf, and pin below that"),
        (Errno::ENOENT, None) => {
            error.because(format!("there is no directory {}", directory.display()))
        }
        (Errno::EEXIST, _) => error.because("something is pinned there already"),
        (Errno::EPERM, _) => capabilities::explain(error, &[Capability::Bpf]),
        (Errno::EINVAL, Some(true)) if path.to_string_lossy().contains('.') => {
            error.because("names of pinned objects have no `.`")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Script, run};
    use std::os::fd::AsFd;

    fn pinned(script: Script) -> String {
        let null = std::fs::File::open("/dev/null").unwrap();
        let (result, _) = run(script, || pin(null.as_fd(), Path::new("/sys/fs/bpf/x")));
        result.unwrap_err().to_string()
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(
            pinned(Script::new().fails(Errno::EPERM).value(0x6265_6572)),
            "BPF_OBJ_PIN of /sys/fs/bpf/x failed with EPERM: /sys/fs/bpf is not in a file system \
             for eBPF objects; mount -t bpf bpf /sys/fs/bpf, and pin below that"
        );
        assert_eq!(
            pinned(Script::new().fails(Errno::EEXIST).value(0xcafe_4a11)),
            "BPF_OBJ_PIN of /sys/fs/bpf/x failed with EEXIST: something is pinned there already"
        );
        let (result, _) = run(
            Script::new().fails(Errno::ENOENT).value(0xcafe_4a11),
            || get(Path::new("/sys/fs/bpf/x")),
        );
        assert_eq!(
            result.unwrap_err().to_string(),
            "BPF_OBJ_GET of /sys/fs/bpf/x failed with ENOENT: nothing is pinned there"
        );
    }
}
