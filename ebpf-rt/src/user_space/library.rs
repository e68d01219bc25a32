//! From the name of a library or program to its file.

use super::ld_cache;
use crate::{Errno, Error, pattern, sys};
use std::collections::BTreeSet;

/// The file of this name: a path as it is; a library by its soname (`libc.so.6`) or the part
/// before `.so` (`libc`), of those in the process, then of those in the linker's list (`/etc/ld.so.cache`)
/// and directories; else a program in `PATH`.
pub(crate) fn find(name: &str, pid: Option<u32>) -> Result<String, Error> {
    if name.contains('\0') || name.is_empty() {
        return Err(Error::invalid(format!(
            "{name:?} is not the name of a file"
        )));
    }
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    let process = pid.map_or("self".to_owned(), |pid| pid.to_string());
    let maps = match sys::fs::read_file(&format!("/proc/{process}/maps")) {
        Ok(maps) => maps,
        Err(errno) if pid.is_some() => {
            let error = Error::failed(format!("reading /proc/{process}/maps"), errno);
            return Err(match errno {
                Errno::ENOENT => error.because(format!("there is no process {process}")),
                _ => error,
            });
        }
        Err(_) => String::new(),
    };
    if let Some(path) = in_maps(&maps, name) {
        // What another process sees under this path may lie elsewhere.
        return Ok(match pid {
            Some(pid) => format!("/proc/{pid}/root{path}"),
            None => path.to_owned(),
        });
    }
    if let Some(path) = in_cache(name) {
        return Ok(path);
    }
    if let Some(path) = in_directories(&linker_directories(), name) {
        return Ok(path);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    for directory in path
        .split(':')
        .filter(|directory| directory.starts_with('/'))
    {
        let names = sys::fs::list_directory(directory).unwrap_or_default();
        if names.iter().any(|file| file == name) {
            return Ok(format!("{directory}/{name}"));
        }
    }
    let place = if pid.is_some() {
        "in the process, in the linker's directories or in PATH"
    } else {
        "in the linker's directories or in PATH"
    };
    Err(
        Error::failed(format!("looking for `{name}`"), Errno::ENOENT)
            .because(format!(
                "there is no library or program of that name {place}"
            ))
            .remedy("give its path"),
    )
}

/// How well the file is what was asked for; less is better.
fn rank(file: &str, wanted: &str) -> Option<u8> {
    let rest = file.strip_prefix(wanted)?;
    if rest.is_empty() {
        return Some(0);
    }
    if wanted.contains(".so") {
        // `libc.so` for `libc.so.6`.
        return rest.starts_with('.').then_some(1);
    }
    if rest == ".so" || rest.starts_with(".so.") {
        return Some(2);
    }
    // `libc-2.31.so`
    let version = rest.strip_prefix('-')?.strip_suffix(".so")?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(3)
}

fn in_maps<'a>(maps: &'a str, name: &str) -> Option<&'a str> {
    let paths = maps.lines().filter_map(|line| {
        let path = line.get(line.find('/')?..)?;
        let file = path.rsplit('/').next()?;
        Some((rank(file, name)?, path))
    });
    paths.min().map(|(_, path)| path)
}

/// In the dynamic linker's list, where it has one (glibc).
fn in_cache(name: &str) -> Option<String> {
    let bytes = sys::fs::read_bytes("/etc/ld.so.cache").ok()?;
    let found = ld_cache::libraries(&bytes)
        .filter_map(|library| Some((rank(library.soname, name)?, library.path)));
    // The first of those that are as good: the linker takes that one.
    let (_, path) = found.min_by_key(|(rank, _)| *rank)?;
    Some(path.to_owned())
}

fn in_directories(directories: &[String], name: &str) -> Option<String> {
    directories.iter().find_map(|directory| {
        let files = sys::fs::list_directory(directory).ok()?;
        let libraries = files.iter().filter(|file| file.contains(".so"));
        let best = libraries
            .filter_map(|file| Some((rank(file, name)?, file)))
            .min()?;
        Some(format!("{directory}/{}", best.1))
    })
}

/// The directories of `/etc/ld.so.conf`, and those that the linker knows without it.
fn linker_directories() -> Vec<String> {
    let mut directories = Vec::new();
    let mut seen = BTreeSet::new();
    configured("/etc/ld.so.conf", &mut directories, &mut seen);
    let arch = match std::env::consts::ARCH {
        "powerpc64" if cfg!(target_endian = "little") => "powerpc64le",
        arch => arch,
    };
    for directory in ["/lib", "/usr/lib"] {
        directories.push(format!("{directory}/{arch}-linux-gnu"));
        directories.push(format!("{directory}64"));
        directories.push(directory.to_owned());
    }
    directories
}

fn configured(path: &str, directories: &mut Vec<String>, seen: &mut BTreeSet<String>) {
    // A file that includes itself is read once.
    if !seen.insert(path.to_owned()) {
        return;
    }
    let text = sys::fs::read_file(path).unwrap_or_default();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(included) = line.strip_prefix("include ") {
            let included = match included.trim() {
                included if included.starts_with('/') => included.to_owned(),
                included => format!("/etc/{included}"),
            };
            let Some((directory, files)) = included.rsplit_once('/') else {
                continue;
            };
            for name in sys::fs::list_directory(directory).unwrap_or_default() {
                if pattern::matches(files, &name) {
                    configured(&format!("{directory}/{name}"), directories, seen);
                }
            }
        } else if line.starts_with('/') {
            directories.push(line.trim_end_matches('/').to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::sys::script::{Script, run};

    const MAPS: &str = "7f00-7f01 r-xp 00000000 08:01 17 /usr/lib/x86_64-linux-gnu/libc.so.6\n\
        7f02-7f03 r-xp 00000000 08:01 18 /opt/my libs/libz.so.1.3\n7f04-7f05 rw-p 0 00:00 0 [heap]\n";

    fn found(script: Script, name: &str, pid: Option<u32>) -> Result<String, Error> {
        run(script, || find(name, pid)).0
    }

    #[test]
    fn paths_are_taken_as_they_are() {
        assert_eq!(found(Script::new(), "./a.out", None).unwrap(), "./a.out");
    }

    #[test]
    fn libraries_of_the_process_come_first() {
        let script = || Script::new().file("/proc/self/maps", MAPS);
        for name in ["libc.so.6", "libc.so", "libc"] {
            assert_eq!(
                found(script(), name, None).unwrap(),
                "/usr/lib/x86_64-linux-gnu/libc.so.6"
            );
        }
        let other = Script::new().file("/proc/7/maps", MAPS);
        assert_eq!(
            found(other, "libz", Some(7)).unwrap(),
            "/proc/7/root/opt/my libs/libz.so.1.3"
        );
        let error = found(Script::new(), "libz", Some(7)).unwrap_err();
        assert!(
            error.to_string().ends_with("there is no process 7"),
            "{error}"
        );
    }

    #[test]
    fn then_the_linkers_list() {
        let list = ld_cache::for_test(&[
            ("libqq.so.1", "/lib/libqq.so.1", ld_cache::OURS, 0),
            ("libq.so.2", "/first/libq.so.2", ld_cache::OURS, 0),
            ("libq.so.2", "/second/libq.so.2", ld_cache::OURS, 0),
        ]);
        for name in ["libq", "libq.so", "libq.so.2"] {
            let script = Script::new().file("/etc/ld.so.cache", &list);
            assert_eq!(found(script, name, None).unwrap(), "/first/libq.so.2");
        }
    }

    #[test]
    fn then_the_linkers_directories() {
        let script = Script::new()
            .file("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
            .directory("/etc/ld.so.conf.d", &["a.conf", "a.old"])
            .file("/etc/ld.so.conf.d/a.conf", "# mine\n/opt/lib/\n")
            .file("/etc/ld.so.conf.d/a.old", "/opt/old\n")
            .directory("/opt/old", &["libq.so"])
            .directory("/opt/lib", &["libq-1.so", "libq.so.2", "libqq.so"]);
        assert_eq!(found(script, "libq", None).unwrap(), "/opt/lib/libq.so.2");
    }

    #[test]
    fn nothing_is_an_error() {
        let error = found(Script::new(), "libnothing.so", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "looking for `libnothing.so` failed with ENOENT: there is no library or program of \
             that name in the linker's directories or in PATH; give its path"
        );
    }
}
