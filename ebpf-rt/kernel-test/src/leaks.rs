//! What a test leaves behind: descriptors of the process, and programs, maps, links and types in
//! the kernel.
//!
//! Descriptors are the process's own and are always compared. What is in the kernel has no owner
//! that could be asked for: a new number counts as the test's when nothing of it is held by
//! another process, by descriptors or by what those hold. Where others use eBPF at the same time
//! and hold things that have no descriptor, that cannot be told apart; such a test is counted as
//! not decided, and the run says so. The guests of `cargo xtask kernels` have no others.

use crate::bpf::{self, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

/// The kernel takes its time to free what nobody holds any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// What there was before a test.
pub struct Before {
    files: BTreeMap<i32, String>,
    /// Nothing without the privilege to ask.
    objects: Option<BTreeSet<Object>>,
}

/// Something in the kernel with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    kind: Kind,
    id: u32,
}

/// What became of the comparison.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is left.
    Clean,
    /// This is left.
    Leak(String),
    /// Something is left that may be another process's.
    Undecided,
}

impl Before {
    /// What there is now.
    #[must_use]
    pub fn now() -> Self {
        Self {
            files: open_files(),
            objects: objects(),
        }
    }

    /// Compares with what there is now, or a little later.
    #[must_use]
    pub fn compare(&self) -> Verdict {
        let start = Instant::now();
        loop {
            let files = self.new_files();
            let objects = self.new_objects();
            if files.is_empty() && objects.is_empty() {
                return Verdict::Clean;
            }
            let others = Others::now();
            let ours: Vec<Object> = objects
                .into_iter()
                .filter(|object| !others.held.contains(object))
                .collect();
            if files.is_empty() && ours.is_empty() {
                return Verdict::Clean;
            }
            if start.elapsed() >= PATIENCE {
                return match files.is_empty() && others.any {
                    true => Verdict::Undecided,
                    false => Verdict::Leak(describe(&files, &ours)),
                };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn new_files(&self) -> Vec<String> {
        open_files()
            .into_iter()
            .filter(|(fd, target)| self.files.get(fd) != Some(target))
            .map(|(fd, target)| format!("descriptor {fd} ({target})"))
            .collect()
    }

    fn new_objects(&self) -> Vec<Object> {
        let (Some(before), Some(now)) = (&self.objects, objects()) else {
            return Vec::new();
        };
        now.difference(before)
            // Modules of the kernel bring their types.
            .filter(|object| object.kind != Kind::Btf || !bpf::is_kernel_btf(object.id))
            .copied()
            .collect()
    }
}

fn describe(files: &[String], objects: &[Object]) -> String {
    let objects = objects
        .iter()
        .map(|object| format!("{:?} {}", object.kind, object.id).to_lowercase());
    let all: Vec<String> = files.iter().cloned().chain(objects).collect();
    format!("the test leaves behind: {}", all.join(", "))
}

/// The descriptors of this process, and what they are of.
fn open_files() -> BTreeMap<i32, String> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return BTreeMap::new();
    };
    let files = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let fd = entry.file_name().to_str()?.parse().ok()?;
        let target = fs::read_link(entry.path()).ok()?;
        Some((fd, target.to_string_lossy().into_owned()))
    });
    // The directory that is being read is open as well.
    files.filter(|(_, target)| !is_listing(target)).collect()
}

fn is_listing(target: &str) -> bool {
    target.starts_with("/proc/") && target.ends_with("/fd")
}

fn objects() -> Option<BTreeSet<Object>> {
    let mut objects = BTreeSet::new();
    for kind in Kind::ALL {
        let ids = bpf::try_ids(kind).ok()?;
        objects.extend(ids.into_iter().map(|id| Object { kind, id }));
    }
    Some(objects)
}

/// What other processes have.
struct Others {
    /// By descriptors, and what those hold: links their programs, programs their maps and types.
    held: BTreeSet<Object>,
    /// Whether they have anything.
    any: bool,
}

impl Others {
    fn now() -> Self {
        let own = std::process::id().to_string();
        let mut held = BTreeSet::new();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        for process in processes {
            let name = process.file_name();
            let is_process = name
                .to_str()
                .is_some_and(|name| name != own && name.bytes().all(|byte| byte.is_ascii_digit()));
            if !is_process {
                continue;
            }
            let descriptors = fs::read_dir(process.path().join("fdinfo"));
            for descriptor in descriptors.into_iter().flatten().flatten() {
                let text = fs::read_to_string(descriptor.path()).unwrap_or_default();
                held.extend(text.lines().filter_map(object_of));
            }
        }
        let any = !held.is_empty();
        let mut pending: Vec<Object> = held.iter().copied().collect();
        while let Some(object) = pending.pop() {
            for next in bpf::held_by(object.kind, object.id) {
                let next = Object {
                    kind: next.0,
                    id: next.1,
                };
                if held.insert(next) {
                    pending.push(next);
                }
            }
        }
        Self { held, any }
    }
}

/// `map_id:` and a number behind a tab
fn object_of(line: &str) -> Option<Object> {
    let (name, id) = line.split_once(':')?;
    let kind = match name {
        "prog_id" => Kind::Program,
        "map_id" => Kind::Map,
        "link_id" => Kind::Link,
        "btf_id" => Kind::Btf,
        _ => return None,
    };
    let id = id.trim().parse().ok()?;
    Some(Object { kind, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_file_is_seen() {
        let before = Before::now();
        let file = fs::File::open("/dev/null").expect("/dev/null");
        let new = before.new_files();
        assert!(new.iter().any(|text| text.contains("/dev/null")), "{new:?}");
        drop(file);
    }

    #[test]
    fn lines_about_objects() {
        let object = |kind, id| Some(Object { kind, id });
        assert_eq!(object_of("map_id:\t17"), object(Kind::Map, 17));
        assert_eq!(object_of("link_id:\t3"), object(Kind::Link, 3));
        for line in ["map_type:\t2", "pos:\t0", "map_id", "map_id:\tx"] {
            assert_eq!(object_of(line), None, "{line}");
        }
    }
}
