//! What the benchmarks need of the machine: clang, llvm-mc, and the headers that libbpf is built
//! with. What is not there is installed if we may, or told.

use super::results::Results;
use super::time::output;
use crate::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// LLVM's version: a peer, and so fixed.
const LLVM: &str = "19";

/// The tools that were found.
pub(super) struct Tools {
    pub(super) clang: Option<PathBuf>,
    pub(super) llvm_mc: Option<PathBuf>,
}

/// Finds the tools; installs what is missing.
pub(super) fn tools(results: &mut Results) -> Result<Tools> {
    let clang = format!("clang-{LLVM}");
    let llvm_mc = format!("llvm-mc-{LLVM}");
    let mut packages = Vec::new();
    for (is_there, package) in [
        (find(&clang).is_some(), clang.clone()),
        (find(&llvm_mc).is_some(), format!("llvm-{LLVM}")),
        (find("cc").is_some(), "gcc".to_owned()),
        (find("make").is_some(), "make".to_owned()),
        (find("pkg-config").is_some(), "pkg-config".to_owned()),
        (is_header("libelf.h"), "libelf-dev".to_owned()),
        (is_header("zlib.h"), "zlib1g-dev".to_owned()),
        (is_header("linux/bpf.h"), "linux-libc-dev".to_owned()),
    ] {
        if !is_there {
            packages.push(package);
        }
    }
    if !packages.is_empty() {
        install(&packages);
    }
    let tools = Tools {
        clang: find(&clang),
        llvm_mc: find(&llvm_mc),
    };
    for (name, found) in [("clang", &tools.clang), ("llvm-mc", &tools.llvm_mc)] {
        let version = match found {
            Some(path) => version(path)?,
            None => format!("not there: the Debian package of {name} {LLVM} is missing"),
        };
        results.fact(name, version);
    }
    Ok(tools)
}

fn install(packages: &[String]) {
    println!("installing: {}", packages.join(" "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments)
            .args(["-q", "-y"]);
        // Another apt may be at work.
        command.args(["-o", "DPkg::Lock::Timeout=300"]);
        output(&mut command).map(drop)
    };
    // What cannot be had is named where it is missed.
    let outcome = apt(&["update"]).and_then(|()| {
        let mut arguments = vec!["install"];
        arguments.extend(packages.iter().map(String::as_str));
        apt(&arguments)
    });
    if let Err(error) = outcome {
        println!("not installed: {error}");
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|directory| directory.join(program));
    places.find(|place| place.is_file())
}

fn is_header(name: &str) -> bool {
    Path::new("/usr/include").join(name).is_file()
}

/// The line that has a version in it.
fn version(program: &Path) -> Result<String> {
    let text = output(Command::new(program).arg("--version"))?;
    let line = text.lines().find(|line| line.contains("version"));
    Ok(line.unwrap_or_default().trim().to_owned())
}

/// Makes the objects for the peers that read ELF files, and says where.
pub(super) fn objects(tools: &Tools, workloads: &Path, into: &Path) -> Result<Option<PathBuf>> {
    let Some(clang) = &tools.clang else {
        return Ok(None);
    };
    let architecture = std::env::consts::ARCH;
    let failed = |error: std::io::Error| format!("{}: {error}", workloads.display());
    std::fs::create_dir_all(into).map_err(|error| format!("{}: {error}", into.display()))?;
    for file in std::fs::read_dir(workloads).map_err(failed)? {
        let source = file.map_err(failed)?.path();
        if source.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let name = source.file_stem().unwrap_or_default();
        let mut command = Command::new(clang);
        command.args(["-target", "bpf", "-O2", "-g", "-Wall", "-Werror"]);
        // As which machine the kernel's headers see themselves.
        command.arg(format!("-D__{architecture}__"));
        command.arg(format!("-I/usr/include/{architecture}-linux-gnu"));
        command
            .arg("-c")
            .arg(&source)
            .arg("-o")
            .arg(into.join(name).with_extension("o"));
        output(&mut command)?;
    }
    Ok(Some(into.to_owned()))
}
