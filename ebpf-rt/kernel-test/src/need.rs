//! What tests need of the machine.

use std::process::{Command, Stdio};

/// Why a test with [`Need::Toolchain`] cannot run.
pub const NO_TOOLCHAIN: &str = "needs cargo";

/// What a test needs.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// All capabilities that eBPF asks for, as root has them.
    Root,
    /// This kernel or a later one.
    Kernel(u8, u8),
    /// What machines of developers may lack, and `cargo xtask kernels` has: kprobes, hardware
    /// counters. A test without it is ignored, named and counted, but no failure where
    /// `EBPF_REQUIRE=kernel` is set.
    Matrix(fn() -> Result<(), String>),
    /// A kernel before this one: later ones do it differently, which the text explains.
    KernelBefore(u8, u8, &'static str),
    /// Any kernel but those of this series, which cannot do it well, as the text explains.
    NotKernel(u8, u8, &'static str),
    /// An option that the kernel was built with: `CONFIG_KPROBES`.
    Config(&'static str),
    /// cargo: a test of what developers see. It runs on developers' machines and not in the
    /// guests of `cargo xtask kernels`.
    Toolchain,
    /// Whatever the function looks for; it says why it is missing.
    Other(fn() -> Result<(), String>),
}

impl Need {
    /// Whether it is no failure to be without it.
    pub(crate) const fn is_for_the_matrix(&self) -> bool {
        // A kernel that is too new cannot be helped; the matrix has older ones.
        matches!(
            self,
            Self::Matrix(_) | Self::KernelBefore(..) | Self::NotKernel(..)
        )
    }

    /// Why the test cannot run here: first what it needs, then `; ` and what there is.
    pub(crate) fn missing(&self) -> Option<String> {
        let running = kernel_version();
        let this = format!("this is {}.{}", running.0, running.1);
        match *self {
            Self::Root => {
                // NET_ADMIN, SETUID and SETGID (to be somebody else), SYS_ADMIN, PERFMON, BPF.
                const ALL: u64 = 1 << 12 | 1 << 7 | 1 << 6 | 1 << 21 | 1 << 38 | 1 << 39;
                let has = effective_capabilities();
                (has & ALL != ALL)
                    .then(|| format!("needs root's capabilities; the process has {has:#x}"))
            }
            Self::Kernel(major, minor) => {
                (running < (major, minor)).then(|| format!("needs Linux {major}.{minor}; {this}"))
            }
            Self::KernelBefore(major, minor, why) => (running >= (major, minor))
                .then(|| format!("needs Linux before {major}.{minor}: {why}; {this}")),
            Self::NotKernel(major, minor, why) => {
                (running == (major, minor)).then(|| format!("not on Linux {major}.{minor}: {why}"))
            }
            Self::Config(option) => match has_config(option) {
                Ok(true) => None,
                Ok(false) => Some(format!("needs {option}")),
                Err(error) => Some(format!("needs {option}; {error}")),
            },
            Self::Toolchain => {
                let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
                let mut command = Command::new(cargo);
                command.arg("--version").stdin(Stdio::null());
                match command.output() {
                    Ok(output) if output.status.success() => None,
                    _ => Some(NO_TOOLCHAIN.to_owned()),
                }
            }
            Self::Matrix(check) => check()
                .err()
                .map(|missing| format!("needs the kernel matrix: {missing}")),
            Self::Other(check) => check().err(),
        }
    }
}

/// Whether the running kernel was built with an option, into it or as a module.
fn has_config(option: &str) -> Result<bool, String> {
    let config = kernel_config()?;
    Ok(config.lines().any(|line| {
        line.strip_prefix(option)
            .is_some_and(|value| matches!(value, "=y" | "=m"))
    }))
}

/// The configuration where distributions put it, or as the kernel itself gives it.
fn kernel_config() -> Result<String, String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if let Ok(config) = std::fs::read_to_string(format!("/boot/config-{}", release.trim())) {
        return Ok(config);
    }
    let output = Command::new("gzip")
        .args(["-dc", "/proc/config.gz"])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        _ => Err("neither /boot nor /proc/config.gz has the configuration".to_owned()),
    }
}

fn effective_capabilities() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .unwrap_or(0)
}

/// The running kernel: major, minor. 0.0 if it cannot be told.
#[must_use]
pub fn kernel_version() -> (u8, u8) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_apart() {
        let (major, minor) = kernel_version();
        assert!(Need::Kernel(major, minor).missing().is_none());
        let newer = Need::Kernel(major + 1, 0).missing();
        let this = format!("this is {major}.{minor}");
        assert_eq!(newer, Some(format!("needs Linux {}.0; {this}", major + 1)));
        assert!(Need::KernelBefore(major + 1, 0, "").missing().is_none());
        let older = Need::KernelBefore(major, minor, "gone").missing();
        let expected = format!("needs Linux before {major}.{minor}: gone; {this}");
        assert_eq!(older, Some(expected));
        assert!(Need::NotKernel(1, 0, "").missing().is_none());
        let broken = Need::NotKernel(major, minor, "it locks up").missing();
        assert_eq!(
            broken,
            Some(format!("not on Linux {major}.{minor}: it locks up"))
        );
    }

    #[test]
    fn options_are_whole_words() {
        // Where the tests run, there is eBPF; the option's beginning is no option.
        if kernel_config().is_err() {
            let missing = Need::Config("CONFIG_BPF_SYSCALL").missing();
            assert!(missing.is_some_and(|reason| reason.starts_with("needs CONFIG_BPF_SYSCALL; ")));
            return;
        }
        assert_eq!(Need::Config("CONFIG_BPF_SYSCALL").missing(), None);
        let none = Need::Config("CONFIG_BPF_SYSCAL").missing();
        assert_eq!(none, Some("needs CONFIG_BPF_SYSCAL".to_owned()));
    }
}
