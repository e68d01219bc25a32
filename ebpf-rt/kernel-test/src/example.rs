//! Examples in docs that need a kernel.

use crate::Need;

/// In an example (a function that returns a `Result`): leaves it with the reason where the machine
/// lacks what the example needs. [`Need::Root`] always, and these besides. With
/// `EBPF_REQUIRE=kernel` that is a failure, with the exceptions of [`Suite`](crate::Suite).
///
/// ```
/// # kernel_test::example!(Kernel(5, 8));
/// assert!(kernel_test::kernel_version() >= (5, 8));
/// # Ok::<(), std::io::Error>(())
/// ```
#[macro_export]
macro_rules! example {
    ($($need:ident $(($($argument:expr),*))?),* $(,)?) => {
        if !$crate::can_run_example(&[
            $crate::Need::Root,
            $($crate::Need::$need $(($($argument),*))?),*
        ]) {
            return Ok(());
        }
    };
}

/// Whether an example with these needs can run here; if not, it says so.
///
/// # Panics
/// If it cannot, and `EBPF_REQUIRE=kernel` says that it has to.
#[must_use]
pub fn can_run_example(needs: &[Need]) -> bool {
    let Some((need, missing)) = needs.iter().find_map(|need| Some((need, need.missing()?))) else {
        return true;
    };
    let required = std::env::var("EBPF_REQUIRE").is_ok_and(|what| what == "kernel");
    assert!(
        !required || need.is_for_the_matrix(),
        "EBPF_REQUIRE=kernel: this example has to run, and it {missing}"
    );
    println!("the example did not run: it {missing}");
    false
}

/// Says why an example ends early: what it shows is for the kernel matrix.
pub fn for_the_matrix(missing: &str) {
    println!("the example did not run to its end: it needs {missing}");
}

/// Where cgroup2 is mounted, if it is.
#[must_use]
pub fn cgroup2() -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let path = words.next()?;
        (words.next()? == "cgroup2").then(|| path.to_owned())
    })
}

/// For [`Need::Matrix`]: kprobes.
///
/// # Errors
/// If the machine has none.
pub fn has_kprobes() -> Result<(), String> {
    match std::path::Path::new("/sys/bus/event_source/devices/kprobe/type").exists() {
        true => Ok(()),
        false => Err("kprobes (CONFIG_KPROBES)".to_owned()),
    }
}

/// For [`Need::Matrix`]: security modules that are programs.
///
/// # Errors
/// If BPF is not among the machine's security modules.
pub fn has_bpf_lsm() -> Result<(), String> {
    let path = "/sys/kernel/security/lsm";
    match std::fs::read_to_string(path) {
        Ok(list) if list.trim().split(',').any(|name| name == "bpf") => Ok(()),
        Ok(list) => Err(format!("BPF among the security modules; {path} has {list}")),
        Err(error) => Err(format!("BPF among the security modules; {path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_seen() {
        assert!(can_run_example(&[Need::Kernel(0, 0)]));
        let missing = Need::Matrix(|| Err("a moon".to_owned()));
        assert!(!can_run_example(&[Need::Kernel(0, 0), missing]));
    }
}
