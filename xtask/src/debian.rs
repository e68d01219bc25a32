//! Packages of other Debian suites, from the archive that this machine's apt is set up for.
//!
//! apt works here on directories of its own under the user's cache, so neither root nor a change
//! to the machine's sources is needed, and no archive is named: whichever mirror serves the
//! running release serves the other suites too.

use crate::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's own keys, which sign every suite.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Some suites of the Debian archive, for one architecture.
pub(crate) struct Archive {
    /// Where apt's state and the packages lie.
    directory: PathBuf,
    /// The options that keep apt to that directory.
    options: Vec<String>,
}

impl Archive {
    /// Fetches the package lists of `suites` for `architecture`.
    pub(crate) fn open(architecture: &str, suites: &[&str]) -> Result<Self> {
        let uri = archive_uri()?;
        let directory = cache()?
            .join("debian")
            .join(format!("{architecture}-{}", suites.join("-")));
        for part in [
            "state/lists/partial",
            "cache/archives/partial",
            "etc/sources.d",
            "etc/preferences.d",
            "packages",
        ] {
            make_directory(&directory.join(part))?;
        }
        let sources: String = suites
            .iter()
            .map(|suite| {
                format!("deb [arch={architecture} signed-by={KEYRING}] {uri} {suite} main\n")
            })
            .collect();
        write(&directory.join("etc/sources.list"), &sources)?;
        // An empty status file: what this machine has installed must not sway the choice.
        write(&directory.join("status"), "")?;

        let at = |part: &str| directory.join(part).display().to_string();
        let mut options = vec!["--quiet=2".to_owned()];
        for option in [
            format!("Dir::State={}", at("state")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", at("cache")),
            format!("Dir::Etc::sourcelist={}", at("etc/sources.list")),
            format!("Dir::Etc::sourceparts={}", at("etc/sources.d")),
            format!("Dir::Etc::preferencesparts={}", at("etc/preferences.d")),
            format!("APT::Architecture={architecture}"),
            format!("APT::Architectures={architecture}"),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        ] {
            options.extend(["-o".to_owned(), option]);
        }
        // As root, apt would fetch as another user, who cannot write to root's cache.
        options.extend(["-o".to_owned(), "APT::Sandbox::User=".to_owned()]);
        let archive = Self { directory, options };
        archive.apt_get("packages", &["update"])?;
        Ok(archive)
    }

    /// The names of the packages that begin so.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let names = run(Command::new("apt-cache")
            .args(&self.options)
            .args(["pkgnames", prefix]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Downloads the newest version of `package` unless it is cached, and unpacks it; returns the
    /// directory that holds its files.
    pub(crate) fn unpack(&self, package: &str) -> Result<PathBuf> {
        // One line per file: 'address' name size hash. Asked where no package lies, since apt
        // lists only what it would have to fetch.
        let listed = self.apt_get("state", &["--print-uris", "download", package])?;
        let name = listed
            .lines()
            .filter(|line| line.starts_with('\''))
            .find_map(|line| line.split_whitespace().nth(1))
            .ok_or_else(|| format!("apt knows no file of the package {package}"))?;
        let packages = self.directory.join("packages");
        let unpacked = packages.join(name.trim_end_matches(".deb"));
        if unpacked.is_dir() {
            return Ok(unpacked);
        }
        self.apt_get("packages", &["download", package])?;
        // Unpacked under another name first, so that an interrupted run leaves nothing half done.
        let partial = packages.join("partial");
        if partial.is_dir() {
            fs::remove_dir_all(&partial)
                .map_err(|error| format!("{}: {error}", partial.display()))?;
        }
        let deb = packages.join(name);
        run(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&partial))?;
        fs::rename(&partial, &unpacked)
            .map_err(|error| format!("{}: {error}", unpacked.display()))?;
        Ok(unpacked)
    }

    /// Runs apt-get in a part of the directory.
    fn apt_get(&self, part: &str, arguments: &[&str]) -> Result<String> {
        run(Command::new("apt-get")
            .current_dir(self.directory.join(part))
            .args(&self.options)
            .args(arguments))
    }
}

/// The address of the archive that serves the running release, whichever mirror it is.
fn archive_uri() -> Result<String> {
    let release = crate::read(Path::new("/etc/os-release"))?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"'))
        .unwrap_or_default();
    let targets = run(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(REPO_URI)|$(CODENAME)|$(ORIGIN)|$(IDENTIFIER)",
    ]))?;
    targets
        .lines()
        .find_map(|line| {
            let fields: Vec<&str> = line.split('|').collect();
            match fields[..] {
                [uri, name, "Debian", "Packages"] if name == codename => Some(uri.to_owned()),
                _ => None,
            }
        })
        .ok_or_else(|| "this machine's apt sources have no Debian archive".to_owned())
}

/// The user's cache of this project.
fn cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
        .map(|base| base.join("ebpf-asm"))
        .ok_or_else(|| "neither XDG_CACHE_HOME nor HOME is set".to_owned())
}

/// Runs a command; returns what it printed, or an error with what it complained about.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} failed: {}", complaint.trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{program}: {error}"))
}

fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
