//! What tests need of the machine.

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
    /// Whatever the function looks for; it says why it is missing.
    Other(fn() -> Result<(), String>),
}

impl Need {
    /// Whether it is no failure to be without it.
    pub(crate) const fn is_for_the_matrix(&self) -> bool {
        matches!(self, Self::Matrix(_))
    }

    /// Why the test cannot run here.
    pub(crate) fn missing(&self) -> Option<String> {
        match self {
            Self::Root => {
                // NET_ADMIN, SETUID and SETGID (to be somebody else), SYS_ADMIN, PERFMON, BPF.
                const ALL: u64 = 1 << 12 | 1 << 7 | 1 << 6 | 1 << 21 | 1 << 38 | 1 << 39;
                let has = effective_capabilities();
                (has & ALL != ALL)
                    .then(|| format!("needs root's capabilities; the process has {has:#x}"))
            }
            Self::Kernel(major, minor) => {
                let running = kernel_version();
                (running < (*major, *minor)).then(|| {
                    format!(
                        "needs Linux {major}.{minor}; this is {}.{}",
                        running.0, running.1
                    )
                })
            }
            Self::Matrix(check) => check()
                .err()
                .map(|missing| format!("needs the kernel matrix: {missing}")),
            Self::Other(check) => check().err(),
        }
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
