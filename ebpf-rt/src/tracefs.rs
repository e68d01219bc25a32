//! tracefs: the kernel's list of trace points, and its trace buffer.
//!
//! ```
//! use ebpf_rt::tracefs::Tracefs;
//!
//! # kernel_test::example!();
//! // Does this kernel have the trace point, and the field that the tool reads?
//! let format = Tracefs::open()?.format("sched", "sched_switch")?;
//! assert!(format.field("next_pid").is_ok());
//! # Ok::<(), ebpf_rt::Error>(())
//! ```

use crate::capabilities::{self, Capability};
use crate::{Errno, Error, ErrorKind, sys};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

mod format;

pub use format::{Field, Format};

/// The kernel's trace file system.
///
/// Where it is not mounted, [`open`](Self::open) makes an instance that is attached nowhere:
/// nothing in the system changes, and it goes away with this value.
///
/// ```
/// use ebpf_rt::tracefs::Tracefs;
///
/// # kernel_test::example!();
/// let tracefs = Tracefs::open()?;
/// let id = tracefs.tracepoint_id("syscalls", "sys_enter_openat")?;
/// println!("sys_enter_openat is number {id}; tracing is on: {}", tracefs.tracing_on()?);
/// assert_eq!(tracefs.format("syscalls", "sys_enter_openat")?.id, id);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
pub struct Tracefs {
    root: OwnedFd,
}

const PLACES: [(&std::ffi::CStr, &std::ffi::CStr); 2] = [
    (c"/sys/kernel/tracing", c"/sys/kernel/tracing/events"),
    (
        c"/sys/kernel/debug/tracing",
        c"/sys/kernel/debug/tracing/events",
    ),
];

impl Tracefs {
    /// Opens the mounted instance (`/sys/kernel/tracing` or `/sys/kernel/debug/tracing`), else
    /// one of its own (Linux 5.2).
    ///
    /// # Errors
    /// [`ErrorKind::Permission`] if it is mounted for root only, or if it is not mounted and
    /// the process lacks `CAP_SYS_ADMIN`; [`ErrorKind::Unsupported`] if the kernel has none.
    pub fn open() -> Result<Self, Error> {
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        for (place, events) in PLACES {
            // The directory is there, and empty, when nothing is mounted on it.
            match sys::fs::open_at(None, events, flags) {
                Ok(_) => {}
                Err(Errno::EACCES | Errno::EPERM) => {
                    let path = place.to_string_lossy();
                    return Err(failed(format!("opening {path}"), Errno::EACCES));
                }
                Err(_) => continue,
            }
            if let Ok(root) = sys::fs::open_at(None, place, flags) {
                return Ok(Self { root });
            }
        }
        match sys::fs::detached_mount(c"tracefs") {
            Ok(root) => Ok(Self { root }),
            Err(errno @ (Errno::EPERM | Errno::EACCES)) => {
                let error = Error::failed("making an instance of tracefs", errno);
                Err(capabilities::explain_for(
                    error,
                    &[Capability::SysAdmin],
                    "tracefs is not mounted, and for an instance of its own ",
                    "",
                    Some("let root mount it: mount -t tracefs none /sys/kernel/tracing"),
                ))
            }
            Err(errno) => Err(Error::failed("making an instance of tracefs", errno)
                .with_kind(ErrorKind::Unsupported)
                .because("tracefs is not mounted, and this kernel makes no instance of it")
                .remedy("mount -t tracefs none /sys/kernel/tracing")),
        }
    }

    /// Opens a file below the root for reading.
    pub(crate) fn open_file(&self, path: &str) -> Result<OwnedFd, Errno> {
        let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
        sys::fs::open_at(Some(self.root.as_fd()), &path, libc::O_RDONLY)
    }

    fn read(&self, path: &str) -> Result<String, Errno> {
        let file = self.open_file(path)?;
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match sys::fs::read(file.as_fd(), &mut buffer)? {
                0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
                // A short file of the kernel comes in one read; the loop is for the others.
                length => text.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            }
        }
    }

    fn list(&self, path: &str) -> Vec<String> {
        let root = self.root.as_raw_fd();
        // Only for suggestions, so that no list is no error.
        sys::fs::list_directory(&format!("/proc/self/fd/{root}/{path}")).unwrap_or_default()
    }

    /// The number of a trace point, which perf events are opened with.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with names that are spelled alike, if there is none of that
    /// name.
    pub fn tracepoint_id(&self, category: &str, name: &str) -> Result<u64, Error> {
        let text = self.read_of_tracepoint(category, name, "id")?;
        text.trim().parse().map_err(|error| {
            Error::failed(looking_up(category, name), Errno::EIO)
                .because(format!("tracefs gives its number as `{}`", text.trim()))
                .caused_by(error)
        })
    }

    /// The record of a trace point: the names, offsets and sizes of its fields.
    ///
    /// # Errors
    /// As of [`tracepoint_id`](Self::tracepoint_id).
    pub fn format(&self, category: &str, name: &str) -> Result<Format, Error> {
        let text = self.read_of_tracepoint(category, name, "format")?;
        format::parse(format!("{category}:{name}"), &text).ok_or_else(|| {
            Error::failed(looking_up(category, name), Errno::EIO)
                .because("tracefs describes its record in a way that is not known")
        })
    }

    /// Reads a file of a trace point.
    fn read_of_tracepoint(&self, category: &str, name: &str, file: &str) -> Result<String, Error> {
        let is_name = |text: &str| {
            let valid = |c: char| !matches!(c, '/' | '\0');
            !text.is_empty() && !text.starts_with('.') && text.chars().all(valid)
        };
        if !is_name(category) || !is_name(name) {
            return Err(Error::invalid(format!(
                "`{category}:{name}` is not the name of a trace point"
            )));
        }
        self.read(&format!("events/{category}/{name}/{file}"))
            .map_err(|errno| {
                let error = failed(looking_up(category, name), errno);
                match errno {
                    Errno::ENOENT => self.explain_missing(error, category, name),
                    _ => error,
                }
            })
    }

    /// The functions that can be traced, one a line, some with their module behind.
    pub(crate) fn functions(&self) -> Result<String, Errno> {
        self.read("available_filter_functions")
    }

    fn explain_missing(&self, error: Error, category: &str, name: &str) -> Error {
        let categories = self.list("events");
        let error = error.because("this kernel has no trace point of that name");
        let names = self.list(&format!("events/{category}"));
        let similar = if names.is_empty() {
            // The same name in a category that is spelled right.
            let near = crate::similar::names(category, &categories);
            self.with_name(&near, name)
        } else {
            let mut found: Vec<_> = crate::similar::names(name, &names)
                .into_iter()
                .map(|near| format!("{category}:{near}"))
                .collect();
            if found.is_empty() {
                found = self.with_name(&categories, name);
            }
            found
        };
        did_you_mean(error, &similar)
    }

    /// The trace points of exactly this name in any category.
    fn with_name(&self, categories: &[String], name: &str) -> Vec<String> {
        let has = |category: &&String| {
            self.list(&format!("events/{category}"))
                .iter()
                .any(|event| event == name)
        };
        let named = |category: &String| format!("{category}:{name}");
        categories.iter().filter(has).map(named).collect()
    }

    /// Names like this one among all trace points that a raw trace point program can have.
    pub(crate) fn similar_raw_tracepoints(&self, name: &str) -> Vec<String> {
        let all: Vec<String> = self
            .list("events")
            .iter()
            // Its events stand on `raw_syscalls:sys_enter` and `sys_exit`.
            .filter(|category| *category != "syscalls")
            .flat_map(|category| self.list(&format!("events/{category}")))
            .collect();
        crate::similar::names(name, &all)
    }

    /// Whether the kernel writes to the trace buffer: `bpf_trace_printk` is silent where it
    /// does not. Root switches it (`echo 1 > tracing_on`); an oops of the kernel switches it
    /// off.
    ///
    /// # Errors
    /// [`ErrorKind::System`] if the file cannot be read.
    pub fn tracing_on(&self) -> Result<bool, Error> {
        match self.read("tracing_on") {
            Ok(text) => Ok(text.trim() != "0"),
            Err(errno) => Err(failed("reading tracing_on of tracefs", errno)),
        }
    }
}

/// What failed in a mounted instance. Most kernels let only root in, some (6.18) let everybody
/// look around and nobody read.
pub(crate) fn failed(operation: impl Into<String>, errno: Errno) -> Error {
    let error = Error::failed(operation, errno);
    match errno {
        Errno::EACCES | Errno::EPERM => error
            .because("only root may look into tracefs")
            .remedy("run as root, or mount it with a gid= of a group of yours"),
        _ => error,
    }
}

fn looking_up(category: &str, name: &str) -> String {
    format!("looking up the trace point {category}:{name}")
}

/// Adds the names, if there are any, as the remedy.
pub(crate) fn did_you_mean(error: Error, names: &[String]) -> Error {
    match names.is_empty() {
        true => error.remedy("tracefs lists those it has under events/"),
        false => crate::similar::did_you_mean(error, names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Call;
    use crate::sys::script::{Script, names, run};

    /// Answers a read with this text.
    fn text(script: Script, text: &'static str) -> Script {
        script
            .with(move |call| {
                let Call::Read { buffer, .. } = call else {
                    panic!("{call:?}")
                };
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                Ok(text.len() as i64)
            })
            .value(0)
    }

    #[test]
    fn the_mounted_instance_is_taken() {
        let script = text(Script::new().fd().fd().fd(), "631\n");
        let (id, calls) = run(script, || {
            Tracefs::open()?.tracepoint_id("syscalls", "sys_enter_openat")
        });
        assert_eq!(id.unwrap(), 631);
        let paths: Vec<_> = calls[..3].iter().map(|c| c.attr.clone()).collect();
        assert_eq!(paths[1], b"/sys/kernel/tracing");
        assert_eq!(paths[2], b"events/syscalls/sys_enter_openat/id");
    }

    #[test]
    fn else_a_detached_one() {
        let script = Script::new()
            .fails(Errno::ENOENT)
            .fails(Errno::ENOENT)
            .fd()
            .value(0)
            .fd();
        let (tracefs, calls) = run(script, Tracefs::open);
        tracefs.unwrap();
        assert_eq!(
            names(&calls),
            ["openat", "openat", "fsopen", "fsconfig", "fsmount"]
        );
    }

    #[test]
    fn who_may_not_is_told_why() {
        let script = Script::new()
            .capabilities(1 << 39)
            .fails(Errno::ENOENT)
            .fails(Errno::ENOENT)
            .fails(Errno::EPERM);
        let (result, _) = run(script, Tracefs::open);
        assert_eq!(
            result.unwrap_err().to_string(),
            "making an instance of tracefs failed with EPERM: tracefs is not mounted, and for an \
             instance of its own the process lacks CAP_SYS_ADMIN; let root mount it: mount -t \
             tracefs none /sys/kernel/tracing"
        );
    }

    #[test]
    fn who_may_only_look_around_is_told_why() {
        let (result, _) = run(Script::new().fd().fd().fails(Errno::EACCES), || {
            Tracefs::open()?.tracing_on()
        });
        assert_eq!(
            result.unwrap_err().to_string(),
            "reading tracing_on of tracefs failed with EACCES: only root may look into tracefs; \
             run as root, or mount it with a gid= of a group of yours"
        );
    }

    #[test]
    fn a_wrong_name_brings_the_right_one() {
        let script = Script::new()
            .directory("/events", &["sched", "syscalls"])
            .directory(
                "/events/syscalls",
                &["sys_enter_open", "sys_enter_openat", "sys_exit_openat"],
            )
            .fd()
            .fd()
            .fails(Errno::ENOENT);
        let (result, _) = run(script, || {
            Tracefs::open()?.tracepoint_id("syscalls", "sys_entr_openat")
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "looking up the trace point syscalls:sys_entr_openat failed with ENOENT: this kernel \
             has no trace point of that name; did you mean `syscalls:sys_enter_openat`?"
        );
    }

    #[test]
    fn names_cannot_leave_the_directory() {
        for name in ["..", "", "a/b", "a\0b"] {
            let (result, _) = run(Script::new().fd().fd(), || {
                Tracefs::open()?.tracepoint_id("sched", name)
            });
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
        }
    }
}
