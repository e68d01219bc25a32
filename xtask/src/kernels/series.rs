//! The kernels of the matrix, as Debian builds them for virtual machines.

use crate::Result;
use crate::debian::Archive;
use std::fs;
use std::path::{Path, PathBuf};

/// A column of the matrix.
#[derive(Debug)]
pub(crate) struct Series {
    /// Its name on the command line and in the table.
    pub(crate) label: &'static str,
    /// Where its packages are looked for, in order.
    suites: &'static [&'static str],
    /// How releases of the series begin.
    release: &'static str,
    /// What `qemu -cpu` is told.
    pub(crate) cpu: &'static str,
    /// More words for the kernel's command line.
    pub(crate) command_line: &'static str,
    /// Whether tracefs is mounted when tests begin. Users have it either way.
    pub(crate) tracefs: bool,
}

/// Every kernel of the matrix, oldest first.
pub(crate) const ALL: [Series; 5] = [
    Series {
        label: "5.10",
        suites: &["bullseye"],
        release: "5.10.",
        cpu: "max",
        // BPF is not in the list by default here: such programs would be attached and never run.
        command_line: "lsm=lockdown,yama,apparmor,bpf",
        tracefs: true,
    },
    Series {
        label: "6.1",
        suites: &["bookworm"],
        release: "6.1.",
        cpu: "max",
        command_line: "",
        tracefs: true,
    },
    Series {
        label: "6.12",
        suites: &["bookworm-backports", "trixie"],
        release: "6.12.",
        // With 16-byte compare and exchange half of its boots fail under emulation. Later kernels
        // need it: their timers and work queues stop without.
        cpu: "max,cx16=off",
        command_line: "",
        tracefs: false,
    },
    Series {
        label: "6.18",
        suites: &["trixie-backports"],
        release: "6.18.",
        cpu: "max",
        command_line: "",
        tracefs: true,
    },
    Series {
        label: "newest",
        suites: &["trixie-backports"],
        release: "",
        cpu: "max",
        command_line: "",
        tracefs: true,
    },
];

/// Modules that tests use, each after those that it needs.
const MODULES: [&str; 3] = ["veth", "sch_ingress", "cls_bpf"];

/// Before and after the release in the names of packages with a kernel.
const IMAGE: (&str, &str) = ("linux-image-", "-cloud-amd64");
/// Newer kernels come in parts, and the package of the name above is empty.
const PARTS: [&str; 3] = ["linux-binary-", "linux-modules-", "linux-base-"];

/// The files of a kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// The column.
    pub(crate) series: &'static Series,
    /// What `uname -r` says.
    pub(crate) release: String,
    /// The kernel.
    pub(crate) image: PathBuf,
    /// Its configuration, where the package has it.
    pub(crate) config: Option<PathBuf>,
    /// Modules in the order in which they have to be loaded.
    pub(crate) modules: Vec<PathBuf>,
}

impl Series {
    /// The column of this name. The newest kernel also answers to the version that it has.
    pub(crate) fn named(name: &str) -> Result<&'static Self> {
        ALL.iter()
            .find(|series| series.label == name)
            .ok_or_else(|| {
                let all: Vec<&str> = ALL.iter().map(|series| series.label).collect();
                format!(
                    "the matrix has no kernel `{name}`; it has {}",
                    all.join(", ")
                )
            })
    }

    /// Fetches the newest kernel of the series unless it is cached.
    pub(crate) fn fetch(&'static self) -> Result<Kernel> {
        for suite in self.suites {
            let archive = Archive::open("amd64", &[suite])?;
            let names = archive.names(&format!("{}{}", IMAGE.0, self.release))?;
            let Some(release) = newest(&names) else {
                continue;
            };
            return self.unpack(&archive, release);
        }
        Err(format!(
            "no kernel of the series {} in {}",
            self.label,
            self.suites.join(", ")
        ))
    }

    fn unpack(&'static self, archive: &Archive, release: &str) -> Result<Kernel> {
        let part = |prefix: &str| format!("{prefix}{release}{}", IMAGE.1);
        let is_split = archive.names(PARTS[0])?.contains(&part(PARTS[0]));
        let parts: &[&str] = if is_split { &PARTS } else { &[IMAGE.0] };
        let mut roots = Vec::new();
        for prefix in parts {
            roots.push(archive.unpack(&part(prefix))?);
        }
        let release = format!("{release}{}", IMAGE.1);
        let find = |paths: &[String]| {
            let places = roots
                .iter()
                .flat_map(|root| paths.iter().map(|path| root.join(path)));
            places.into_iter().find(|path| path.exists())
        };
        let image = find(&[
            format!("boot/vmlinuz-{release}"),
            format!("usr/lib/modules/{release}/vmlinuz"),
        ])
        .ok_or_else(|| format!("the packages of {release} have no vmlinuz"))?;
        let config = find(&[
            format!("boot/config-{release}"),
            format!("usr/lib/modules/{release}/config"),
        ]);
        let directory = find(&[
            format!("lib/modules/{release}/kernel"),
            format!("usr/lib/modules/{release}/kernel"),
        ])
        .ok_or_else(|| format!("the packages of {release} have no modules"))?;
        let mut modules = Vec::new();
        for name in MODULES {
            let file = find_module(&directory, name)
                .ok_or_else(|| format!("{}: no module {name}", directory.display()))?;
            modules.push(file);
        }
        Ok(Kernel {
            series: self,
            release,
            image,
            config,
            modules,
        })
    }
}

/// The newest release among the packages of kernels.
fn newest(names: &[String]) -> Option<&str> {
    let releases = names.iter().filter_map(|name| {
        let release = name.strip_prefix(IMAGE.0)?.strip_suffix(IMAGE.1)?;
        release
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some(release)
    });
    releases.max_by_key(|release| numbers(release))
}

/// The numbers in a version, which are what it is compared by.
fn numbers(version: &str) -> Vec<u32> {
    let runs = version.split(|c: char| !c.is_ascii_digit());
    runs.filter_map(|digits| digits.parse().ok()).collect()
}

/// The file of a module, plain or compressed.
fn find_module(directory: &Path, name: &str) -> Option<PathBuf> {
    let wanted = [format!("{name}.ko"), format!("{name}.ko.xz")];
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if wanted.iter().any(|name| entry.file_name() == name.as_str()) {
                return Some(path);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_release_is_found_by_number() {
        let names = [
            "linux-image-6.12.94+deb12-cloud-amd64",
            "linux-image-6.12.107+deb13-cloud-amd64",
            "linux-image-6.12.107+deb13-cloud-amd64-unsigned",
            "linux-image-6.12.95+deb12-cloud-amd64",
            "linux-image-cloud-amd64",
        ]
        .map(str::to_owned);
        assert_eq!(newest(&names), Some("6.12.107+deb13"));
        assert_eq!(newest(&names[4..]), None);
    }

    #[test]
    fn unknown_kernels_are_refused() {
        assert_eq!(Series::named("6.1").unwrap().label, "6.1");
        assert_eq!(
            Series::named("6.2").unwrap_err(),
            "the matrix has no kernel `6.2`; it has 5.10, 6.1, 6.12, 6.18, newest"
        );
    }
}
