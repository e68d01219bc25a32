//! The test binaries, without anything that they would need of the guest.

use crate::Result;
use kernel_test::{COVERAGE, Coverage};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const INIT: &str = "guest-init";

/// What goes into the guests.
#[derive(Debug)]
pub(crate) struct Build {
    /// The first process.
    pub(crate) init: PathBuf,
    /// The binaries of tests that need a kernel.
    pub(crate) suites: Vec<Suite>,
    /// The other binaries of their packages, which tests run: at the paths that they have here,
    /// which the tests have from cargo.
    pub(crate) binaries: Vec<PathBuf>,
}

/// The tests of a binary.
#[derive(Debug)]
pub(crate) struct Suite {
    /// Its package and its name, `ebpf-rt/kernel`.
    pub(crate) name: String,
    /// The binary.
    pub(crate) binary: PathBuf,
    /// Its package's directory, where cargo runs it.
    pub(crate) directory: PathBuf,
    /// The names of its tests.
    pub(crate) tests: Vec<String>,
    /// What they cover.
    pub(crate) coverage: Vec<Coverage>,
}

/// Builds everything that is built with the harness of kernel tests.
pub(crate) fn build() -> Result<Build> {
    let packages = packages_with_kernel_tests()?;
    let mut command = cargo();
    command.args(["test", "--no-run", "--quiet", "--target", TARGET]);
    command.args(["--message-format", "json-render-diagnostics"]);
    for package in &packages {
        command.args(["--package", package]);
    }
    let tests = artifacts(&mut command)?;
    let mut command = cargo();
    command.args(["build", "--quiet", "--target", TARGET, "--package", INIT]);
    command.args(["--message-format", "json-render-diagnostics"]);
    let init = artifacts(&mut command)?
        .into_iter()
        .find(|artifact| artifact.name == INIT)
        .ok_or_else(|| format!("cargo built no {INIT}"))?;

    let mut build = Build {
        init: init.binary,
        suites: Vec::new(),
        binaries: Vec::new(),
    };
    for artifact in tests {
        match artifact.kind.as_str() {
            "bin" if !artifact.is_test => build.binaries.push(artifact.binary),
            "test" if is_suite(&artifact.binary)? => build.suites.push(Suite {
                name: format!("{}/{}", artifact.package, artifact.name),
                tests: list(&artifact.binary)?,
                coverage: coverage(&artifact.binary)?,
                binary: artifact.binary,
                directory: artifact.directory,
            }),
            _ => {}
        }
    }
    build.suites.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(build)
}

/// Builds the first process, and a program of its package that tells something of the kernel.
pub(crate) fn teller(name: &str) -> Result<(Build, PathBuf)> {
    let mut command = cargo();
    command.args(["build", "--quiet", "--target", TARGET, "--package", INIT]);
    command.args(["--message-format", "json-render-diagnostics"]);
    let mut init = None;
    let mut teller = None;
    for artifact in artifacts(&mut command)? {
        match artifact.name.as_str() {
            INIT => init = Some(artifact.binary),
            other if other == name => teller = Some(artifact.binary),
            _ => {}
        }
    }
    let init = init.ok_or_else(|| format!("cargo built no {INIT}"))?;
    let teller = teller.ok_or_else(|| format!("cargo built no {name}"))?;
    let build = Build {
        init,
        suites: Vec::new(),
        binaries: vec![teller.clone()],
    };
    Ok((build, teller))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::workspace());
    // A directory of its own: other flags would have everything built again and again.
    let target = match std::env::var_os("CARGO_TARGET_DIR").filter(|path| !path.is_empty()) {
        Some(path) => crate::workspace().join(path),
        None => crate::workspace().join("target"),
    };
    command.env("CARGO_TARGET_DIR", target.join("kernels"));
    // For any processor: the emulated one is none of the newest.
    command.env("RUSTFLAGS", "-C target-feature=+crt-static");
    command.env_remove("CARGO_ENCODED_RUSTFLAGS");
    // All of it goes through the guest's memory.
    command.env("CARGO_PROFILE_DEV_DEBUG", "false");
    command
}

/// The packages that use the harness.
fn packages_with_kernel_tests() -> Result<Vec<String>> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = crate::debian::run(&mut command)?;
    let metadata: Value =
        serde_json::from_str(&output).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let mut names = Vec::new();
    for package in packages {
        let dependencies = package["dependencies"].as_array();
        let uses = dependencies
            .into_iter()
            .flatten()
            .any(|dependency| dependency["name"] == "kernel-test" && dependency["kind"] == "dev");
        if let (true, Some(name)) = (uses, package["name"].as_str()) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// A binary that cargo made.
struct Artifact {
    package: String,
    name: String,
    kind: String,
    is_test: bool,
    binary: PathBuf,
    directory: PathBuf,
}

/// Runs cargo; the binaries that it made. It shows itself what is wrong with the source.
fn artifacts(command: &mut Command) -> Result<Vec<Artifact>> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err("cargo could not build the tests".to_owned());
    }
    let mut artifacts = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let Some(binary) = message["executable"].as_str() else {
            continue;
        };
        let manifest = text(&message["manifest_path"]);
        let directory = Path::new(&manifest).parent().unwrap_or(Path::new("/"));
        artifacts.push(Artifact {
            package: package_of(&text(&message["package_id"]), directory),
            name: text(&message["target"]["name"]),
            kind: text(&message["target"]["kind"][0]),
            is_test: message["profile"]["test"] == true,
            binary: binary.into(),
            directory: directory.to_owned(),
        });
    }
    Ok(artifacts)
}

/// The package's name: in `path+file:///…/ebpf-rt#0.1.0` it is the directory's, otherwise it
/// stands before the version, `path+file:///…/book#book-listings@0.1.0`.
fn package_of(id: &str, directory: &Path) -> String {
    let fragment = id.rsplit_once('#').map_or("", |(_, fragment)| fragment);
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => {
            let name = directory.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        }
    }
}

/// Whether a test binary is built with the harness: then it knows of the report.
fn is_suite(binary: &Path) -> Result<bool> {
    let bytes = std::fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
    let wanted = kernel_test::report::REPORT.as_bytes();
    let first = wanted.first();
    let mut rest = bytes.as_slice();
    while let Some(at) = rest.iter().position(|byte| Some(byte) == first) {
        rest = &rest[at..];
        if rest.starts_with(wanted) {
            return Ok(true);
        }
        rest = &rest[1..];
    }
    Ok(false)
}

/// The names of a binary's tests.
fn list(binary: &Path) -> Result<Vec<String>> {
    let mut command = Command::new(binary);
    let output = crate::debian::run(command.args(["--list", "--format", "terse"]))?;
    let names: BTreeSet<String> = output
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect();
    Ok(names.into_iter().collect())
}

/// What a binary's tests cover.
fn coverage(binary: &Path) -> Result<Vec<Coverage>> {
    let mut command = Command::new(binary);
    let output = crate::debian::run(command.env(COVERAGE, "1"))?;
    let lines = output.lines().map(|line| {
        let unknown = || format!("{}: `{line}` is not about a test", binary.display());
        Coverage::parse(line).ok_or_else(unknown)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_known_by_name() {
        for (id, name) in [
            ("path+file:///home/me/ebpf/ebpf-rt#0.1.0", "ebpf-rt"),
            ("path+file:///home/me/ebpf/ebpf-rt#other@0.1.0", "other"),
        ] {
            assert_eq!(package_of(id, Path::new("/home/me/ebpf/ebpf-rt")), name);
        }
    }
}
