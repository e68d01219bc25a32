//! Mounts, network, modules, and the end.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

/// What is mounted: source, target, type, data.
const MOUNTS: [(&str, &str, &str, &str); 8] = [
    ("proc", "/proc", "proc", ""),
    ("sys", "/sys", "sysfs", ""),
    ("dev", "/dev", "devtmpfs", ""),
    ("devpts", "/dev/pts", "devpts", ""),
    ("tmp", "/tmp", "tmpfs", "mode=1777"),
    ("run", "/run", "tmpfs", "mode=0755"),
    ("cgroup", "/sys/fs/cgroup", "cgroup2", ""),
    ("bpf", "/sys/fs/bpf", "bpf", ""),
];

pub(crate) fn mount_all() -> Result<(), String> {
    for (source, target, kind, data) in MOUNTS {
        mount(source, target, kind, data)?;
    }
    Ok(())
}

pub(crate) fn mount(source: &str, target: &str, kind: &str, data: &str) -> Result<(), String> {
    // In sysfs the directory is there, if the kernel has what belongs there.
    if !target.starts_with("/sys/") {
        fs::create_dir_all(target).map_err(|error| format!("{target}: {error}"))?;
    }
    let text = |text: &str| CString::new(text).map_err(|error| error.to_string());
    let strings = (text(source)?, text(target)?, text(kind)?, text(data)?);
    // SAFETY: C strings that outlive the call.
    let result = unsafe {
        libc::mount(
            strings.0.as_ptr(),
            strings.1.as_ptr(),
            strings.2.as_ptr(),
            0,
            strings.3.as_ptr().cast(),
        )
    };
    check(result).map_err(|error| format!("mounting {kind} at {target}: {error}"))
}

/// Brings `lo` up; its addresses come by themselves.
pub(crate) fn loopback_up() -> Result<(), String> {
    let up = || {
        // SAFETY: takes numbers only.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        check(fd)?;
        // SAFETY: the kernel just made it for us.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: a plain struct of integers and bytes, for which zeros are valid.
        let mut request: libc::ifreq = unsafe { core::mem::zeroed() };
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        // SAFETY: the request is a whole `ifreq`, which the call only reads.
        check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })
    };
    up().map_err(|error| format!("bringing lo up: {error}"))
}

pub(crate) fn load_module(path: &str) -> Result<(), String> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    // SAFETY: an open descriptor, an empty C string, no flags.
    let result =
        unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    match check(result as i32) {
        // Built into this kernel, or needed by another before.
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        result => result.map_err(|error| format!("loading {path}: {error}")),
    }
}

/// The kernel's own account of what has gone wrong so far.
pub(crate) fn taint() -> u64 {
    let text = fs::read_to_string("/proc/sys/kernel/tainted").unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

/// No translation of what is written to the terminal.
pub(crate) fn make_raw(port: &File) -> Result<(), String> {
    let fd = port.as_raw_fd();
    let raw = || {
        // SAFETY: a plain struct of integers, for which zeros are valid.
        let mut settings: libc::termios = unsafe { core::mem::zeroed() };
        // SAFETY: the settings are ours, and the calls read or write no more.
        unsafe {
            check(libc::tcgetattr(fd, &raw mut settings))?;
            libc::cfmakeraw(&raw mut settings);
            check(libc::tcsetattr(fd, libc::TCSANOW, &raw const settings))
        }
    };
    raw().map_err(|error| format!("setting the serial port up: {error}"))
}

/// Waits until everything written is out.
pub(crate) fn drain(port: &File) {
    // SAFETY: takes a number only.
    unsafe { libc::tcdrain(port.as_raw_fd()) };
}

/// Ends the guest. Returns only if the kernel refuses.
pub(crate) fn power_off() {
    // SAFETY: both take numbers only; nothing here is worth more than the guest.
    unsafe {
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
}

/// A directory of its own for a test's files, which everybody may enter.
pub(crate) fn make_directory(path: &str) -> io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn check(result: i32) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
