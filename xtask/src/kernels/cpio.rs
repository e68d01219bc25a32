//! Archives of the kind that the kernel takes as its first file system (cpio, "newc").

use crate::Result;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const DIRECTORY: u32 = 0o040_755;
const SYMLINK: u32 = 0o120_777;
const CHARACTER_DEVICE: u32 = 0o020_600;
const FILE: u32 = 0o100_000;

/// An archive in the making.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    directories: BTreeSet<String>,
    inodes: u32,
}

impl Archive {
    /// Adds a directory with those above it.
    pub(crate) fn directory(&mut self, path: &str) {
        let mut end = 0;
        while let Some(length) = path.get(end + 1..).map(|rest| rest.find('/')) {
            end = length.map_or(path.len(), |length| end + 1 + length);
            let part = path[..end].to_owned();
            if self.directories.insert(part.clone()) {
                self.entry(&part, DIRECTORY, (0, 0), &[]);
            }
            if end == path.len() {
                break;
            }
        }
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: &str, permissions: u32, content: &[u8]) {
        self.above(path);
        self.entry(path, FILE | permissions, (0, 0), content);
    }

    /// Adds a symbolic link.
    pub(crate) fn symlink(&mut self, path: &str, target: &str) {
        self.above(path);
        self.entry(path, SYMLINK, (0, 0), target.as_bytes());
    }

    /// Adds a character device.
    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.above(path);
        self.entry(path, CHARACTER_DEVICE, (major, minor), &[]);
    }

    /// Adds a file or a directory with all that is in it from here, at the path that it has here.
    pub(crate) fn copy(&mut self, path: &Path) -> Result<()> {
        let failed = |error| format!("{}: {error}", path.display());
        let name = path
            .to_str()
            .ok_or_else(|| format!("{}: not UTF-8", path.display()))?;
        let data = fs::metadata(path).map_err(failed)?;
        if data.is_dir() {
            self.directory(name);
            for entry in fs::read_dir(path).map_err(failed)? {
                self.copy(&entry.map_err(failed)?.path())?;
            }
        } else {
            let content = fs::read(path).map_err(failed)?;
            self.file(name, data.permissions().mode() & 0o777, &content);
        }
        Ok(())
    }

    /// Whether it has this directory already.
    pub(crate) fn has(&self, directory: &Path) -> bool {
        directory
            .to_str()
            .is_some_and(|path| self.directories.contains(path))
    }

    /// The whole archive. The kernel takes several, one after the other.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("/TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn above(&mut self, path: &str) {
        if let Some((above, _)) = path.rsplit_once('/')
            && !above.is_empty()
        {
            self.directory(above);
        }
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        let name = path.trim_start_matches('/');
        self.inodes += 1;
        let fields = [
            self.inodes,
            mode,
            0, // uid
            0, // gid
            1, // links
            0, // time
            content.len() as u32,
            0, // the device that it lies on, major
            0, // and minor
            device.0,
            device.1,
            name.len() as u32 + 1,
            0, // no checksum
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            // Writing to a vector cannot fail.
            let _ = write!(self.bytes, "{field:08x}");
        }
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        let length = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, modes and contents of an archive.
    fn entries(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            assert_eq!(&bytes[at..at + 6], b"070701");
            let field = |index: usize| {
                let start = at + 6 + 8 * index;
                let text = std::str::from_utf8(&bytes[start..start + 8]).unwrap();
                u32::from_str_radix(text, 16).unwrap()
            };
            let (mode, length, name) = (field(1), field(6) as usize, field(11) as usize);
            let start = at + 110;
            let text = String::from_utf8(bytes[start..start + name - 1].to_vec()).unwrap();
            let content = (start + name).next_multiple_of(4);
            entries.push((text, mode, bytes[content..content + length].to_vec()));
            at = (content + length).next_multiple_of(4);
        }
        entries
    }

    #[test]
    fn directories_come_first_and_once() {
        let mut archive = Archive::default();
        archive.file("/a/b/c", 0o644, b"hello");
        archive.file("/a/b/d", 0o755, b"");
        archive.symlink("/bin/sh", "busybox");
        let expected = [
            ("a", DIRECTORY, ""),
            ("a/b", DIRECTORY, ""),
            ("a/b/c", 0o100_644, "hello"),
            ("a/b/d", 0o100_755, ""),
            ("bin", DIRECTORY, ""),
            ("bin/sh", SYMLINK, "busybox"),
            ("TRAILER!!!", 0, ""),
        ]
        .map(|(name, mode, content)| (name.to_owned(), mode, content.as_bytes().to_vec()));
        assert_eq!(entries(&archive.finish()), expected);
    }
}
