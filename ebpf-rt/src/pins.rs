//! Names of maps, programs and links in a bpffs.

use crate::{Errno, Error, sys};
use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `BPF_OBJ_PIN`.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
    let name = c_path(path)?;
    sys::bpf::pin(fd, &name).map_err(|errno| {
        let error = Error::failed("BPF_OBJ_PIN", errno);
        match errno {
            Errno::EEXIST => error.because(format!("{} exists already", path.display())),
            _ => explain(error, errno, path),
        }
    })
}

/// `BPF_OBJ_GET`.
pub(crate) fn open(path: &Path) -> Result<OwnedFd, Error> {
    let name = c_path(path)?;
    sys::bpf::get_pinned(&name)
        .map_err(|errno| explain(Error::failed("BPF_OBJ_GET", errno), errno, path))
}

/// unlink(2).
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    let name = c_path(path)?;
    sys::fs::unlink(&name).map_err(|errno| explain(Error::failed("unlink", errno), errno, path))
}

/// mkdir(2): a directory for names.
pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    let name = c_path(path)?;
    sys::fs::make_directory(&name).map_err(|errno| {
        let error = Error::failed("mkdir", errno);
        match errno {
            Errno::EEXIST => error.because(format!("{} exists already", path.display())),
            _ => explain(error, errno, path),
        }
    })
}

/// rmdir(2).
pub(crate) fn remove_directory(path: &Path) -> Result<(), Error> {
    let name = c_path(path)?;
    sys::fs::remove_directory(&name)
        .map_err(|errno| explain(Error::failed("rmdir", errno), errno, path))
}

/// Removes all names in a directory, and the directory.
pub(crate) fn remove_all(directory: &Path) -> Result<(), Error> {
    for name in names(directory)? {
        let path = directory.join(name);
        match remove(&path) {
            // A directory of its own: a link that is several.
            Err(error) if error.errno() == Some(Errno::EISDIR) => remove_all(&path)?,
            result => result?,
        }
    }
    remove_directory(directory)
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, Error> {
    let shown = directory.display();
    sys::fs::list_directory(&shown.to_string()).map_err(|errno| {
        let error = Error::failed(format!("reading the directory {shown}"), errno);
        explain(error, errno, directory)
    })
}

/// Whether the text that the kernel has for a descriptor has this line: its numbers mean
/// something else for maps, for programs and for links.
pub(crate) fn is_of_kind(fd: BorrowedFd<'_>, line: &str) -> bool {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
    sys::fs::read_file(&path).is_ok_and(|text| text.contains(line))
}

fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes()).map_err(|error| {
        Error::invalid(format!("the path {} contains a zero byte", path.display())).caused_by(error)
    })
}

/// Says what is wrong with the path; if it is that there is no bpffs, how to get one.
fn explain(error: Error, errno: Errno, path: &Path) -> Error {
    let shown = path.display();
    if !matches!(
        errno,
        Errno::EPERM | Errno::ENOENT | Errno::EACCES | Errno::EINVAL
    ) {
        return error;
    }
    let error = match errno {
        Errno::ENOENT => error.because(format!("there is no {shown}, or no directory for it")),
        _ => error.because(format!("{shown} cannot be used")),
    };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match mount_of(&absolute) {
        Some((_, kind)) if kind == "bpf" => error,
        Some((mount, kind)) => error.remedy(format!(
            "{shown} is on {mount}, a {kind} and not a bpffs: mount -t bpf bpf /sys/fs/bpf, and \
             pin below that"
        )),
        None => error,
    }
}

/// The mount that the path is on, and its kind of file system.
fn mount_of(path: &Path) -> Option<(String, String)> {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
    let text = sys::fs::read_file("/proc/self/mountinfo").ok()?;
    let mounts = text.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mount = before.split(' ').nth(4)?;
        let kind = after.split(' ').next()?;
        path.starts_with(mount)
            .then(|| (mount.to_owned(), kind.to_owned()))
    });
    // The longest, and of several at the same place the last.
    mounts.max_by_key(|(mount, _)| mount.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Script, run};

    const MOUNTS: &str = "\
20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 20 0:20 / /sys rw - sysfs sysfs rw
22 21 0:21 / /sys/fs/bpf rw - bpf bpf rw
";

    fn opening(path: &str, errno: Errno) -> String {
        let script = Script::new()
            .file("/proc/self/mountinfo", MOUNTS)
            .fails(errno);
        let (result, _) = run(script, || open(Path::new(path)));
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_path_that_is_on_no_bpffs_is_told_how_to_get_one() {
        assert_eq!(
            opening("/sys/fs/other/map", Errno::ENOENT),
            "BPF_OBJ_GET failed with ENOENT: there is no /sys/fs/other/map, or no directory for \
             it; /sys/fs/other/map is on /sys, a sysfs and not a bpffs: mount -t bpf bpf \
             /sys/fs/bpf, and pin below that"
        );
        assert!(opening("/tmp/map", Errno::EACCES).contains("is on /, a ext4"));
        assert_eq!(
            opening("/sys/fs/bpf/map", Errno::ENOENT),
            "BPF_OBJ_GET failed with ENOENT: there is no /sys/fs/bpf/map, or no directory for it"
        );
    }

    #[test]
    fn what_has_the_name_already_is_named() {
        let (result, calls) = run(Script::new().fails(Errno::EEXIST), || {
            let null = std::fs::File::open("/dev/null").unwrap();
            pin(
                std::os::fd::AsFd::as_fd(&null),
                Path::new("/sys/fs/bpf/map"),
            )
        });
        assert_eq!(calls[0].name, "BPF_OBJ_PIN");
        assert_eq!(
            result.unwrap_err().to_string(),
            "BPF_OBJ_PIN failed with EEXIST: /sys/fs/bpf/map exists already"
        );
        let (result, _) = run(Script::new(), || open(Path::new("a\0b")));
        assert!(result.unwrap_err().to_string().contains("zero byte"));
    }
}
