//! Which privileges an operation needs and which the process has: asked only after the kernel
//! has refused, to say what is missing.

use crate::{Error, ErrorKind, KernelVersion, sys};
use ebpf_asm::{MapType, Object, ProgramType};

/// A capability that eBPF operations ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Capability {
    NetAdmin = 12,
    SysAdmin = 21,
    Perfmon = 38,
    Bpf = 39,
}

impl Capability {
    const fn name(self) -> &'static str {
        match self {
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
        }
    }

    /// Whether the set of effective capabilities allows what this one allows.
    const fn is_in(self, effective: u64) -> bool {
        // CAP_SYS_ADMIN stands for the two that were split off from it.
        has_bit(effective, self)
            || matches!(self, Self::Bpf | Self::Perfmon) && has_bit(effective, Self::SysAdmin)
    }
}

const fn has_bit(effective: u64, capability: Capability) -> bool {
    effective & (1 << capability as u8) != 0
}

/// What loading a program of this type needs where unprivileged use is switched off.
pub(crate) fn for_program(program_type: ProgramType) -> &'static [Capability] {
    match program_type {
        ProgramType::SocketFilter
        | ProgramType::CgroupSkb
        | ProgramType::SkReuseport
        | ProgramType::Syscall => &[Capability::Bpf],
        ProgramType::Ext => &[Capability::Bpf, Capability::Perfmon, Capability::NetAdmin],
        ProgramType::Kprobe
        | ProgramType::Tracepoint
        | ProgramType::PerfEvent
        | ProgramType::RawTracepoint
        | ProgramType::RawTracepointWritable
        | ProgramType::Tracing
        | ProgramType::StructOps
        | ProgramType::Lsm => &[Capability::Bpf, Capability::Perfmon],
        // What works on packets, sockets and devices.
        _ => &[Capability::Bpf, Capability::NetAdmin],
    }
}

/// What making a map of this type needs.
pub(crate) fn for_map(map_type: MapType) -> &'static [Capability] {
    match map_type {
        MapType::Devmap
        | MapType::DevmapHash
        | MapType::Xskmap
        | MapType::Sockmap
        | MapType::Sockhash => &[Capability::Bpf, Capability::NetAdmin],
        _ => &[Capability::Bpf],
    }
}

/// What loading an object needs: its maps, and all of its programs.
pub(crate) fn for_object(object: &Object) -> &'static [Capability] {
    let programs = object.programs.iter();
    programs
        .map(|program| for_program(program.kind.program_type()))
        .fold(&[Capability::Bpf], union)
}

/// What both need. One of them is among those that maps and programs need.
pub(crate) fn union(
    one: &'static [Capability],
    other: &'static [Capability],
) -> &'static [Capability] {
    let has = |capability| one.contains(&capability) || other.contains(&capability);
    match (has(Capability::Perfmon), has(Capability::NetAdmin)) {
        (false, false) => &[Capability::Bpf],
        (true, false) => &[Capability::Bpf, Capability::Perfmon],
        (false, true) => &[Capability::Bpf, Capability::NetAdmin],
        (true, true) => &[Capability::Bpf, Capability::Perfmon, Capability::NetAdmin],
    }
}

/// The capabilities in force for this thread.
fn effective() -> Option<u64> {
    let status = sys::fs::read_file("/proc/thread-self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// What this thread lacks for the kernel to tell it whether it has a helper; `None` if it
/// lacks nothing.
#[cfg(feature = "features")]
pub(crate) fn hides_helper(id: u32) -> Option<String> {
    /// `bpf_probe_write_user`
    const WRITES_TO_PROCESSES: u32 = 36;
    let needs: &[Capability] = match id {
        WRITES_TO_PROCESSES => &[Capability::SysAdmin],
        _ => &[Capability::Bpf, Capability::Perfmon],
    };
    // What cannot be read is not there.
    let effective = effective().unwrap_or(0);
    let missing: Vec<_> = needs
        .iter()
        .copied()
        .filter(|capability| !capability.is_in(effective))
        .collect();
    (!missing.is_empty()).then(|| names(&missing, " and ", Capability::name))
}

/// The running kernel; `None` if its release cannot be read.
pub(crate) fn running_kernel() -> Option<KernelVersion> {
    KernelVersion::parse(&sys::process::release().ok()?)
}

/// Completes an error of something that came with a later kernel: only if this is an older
/// one, or cannot be told.
pub(crate) fn explain_since(error: Error, major: u8, minor: u8, what: &str) -> Error {
    let since = KernelVersion::new(major, minor);
    match running_kernel() {
        Some(version) if version >= since => error,
        Some(version) => error
            .with_kind(ErrorKind::Unsupported)
            .because(format!("{what} needs Linux {since}, and this is {version}")),
        None => error
            .with_kind(ErrorKind::Unsupported)
            .because(format!("{what} needs Linux {since}")),
    }
}

/// Whether this kernel counts the memory of maps and programs as locked memory.
pub(crate) fn counts_memlock() -> bool {
    running_kernel().is_some_and(|version| version < KernelVersion::new(5, 11))
}

/// Completes an error of `EPERM` or `EACCES` of bpf(2): which of the capabilities is missing,
/// what the system's switch says, how to get them.
pub(crate) fn explain(error: Error, needs: &[Capability]) -> Error {
    let switch = sys::fs::read_file("/proc/sys/kernel/unprivileged_bpf_disabled")
        .map(|text| format!(" (unprivileged_bpf_disabled is {})", text.trim()))
        .unwrap_or_else(|_| " (unprivileged_bpf_disabled cannot be read)".to_owned());
    explain_for(error, needs, "", &switch, None)
}

/// The same for perf_event_open(2), which has a switch of its own.
pub(crate) fn explain_perf(error: Error) -> Error {
    let switch = sys::fs::read_file("/proc/sys/kernel/perf_event_paranoid")
        .map(|text| format!(" (perf_event_paranoid is {})", text.trim()))
        .unwrap_or_default();
    explain_for(error, &[Capability::Perfmon], "", &switch, None)
}

/// Completes an error of `EPERM` or `EACCES`: which of the capabilities is missing, between
/// the words given, and how to get them if there is no better remedy.
pub(crate) fn explain_for(
    error: Error,
    needs: &[Capability],
    before: &str,
    after: &str,
    remedy: Option<&str>,
) -> Error {
    // CAP_BPF and CAP_PERFMON came with Linux 5.8.
    let old = running_kernel().is_some_and(|version| version < KernelVersion::new(5, 8));
    let needs = match needs {
        _ if !old => needs,
        [.., Capability::NetAdmin] => &[Capability::SysAdmin, Capability::NetAdmin],
        _ => &[Capability::SysAdmin],
    };
    let needed = names(needs, " and ", Capability::name);
    let Some(effective) = effective() else {
        return error.because(format!(
            "{before}the process needs {needed}, and /proc/thread-self/status does not say what \
             it has{after}"
        ));
    };
    let missing: Vec<_> = needs
        .iter()
        .copied()
        .filter(|capability| !capability.is_in(effective))
        .collect();
    if missing.is_empty() && counts_memlock() {
        return error
            .because(format!(
                "{before}the process has {needed}, but this kernel counts maps and programs as \
                 locked memory, of which it may have no more{after}"
            ))
            .remedy("raise RLIMIT_MEMLOCK: ulimit -l unlimited");
    }
    if missing.is_empty() {
        return error
            .because(format!(
                "{before}the process has {needed}, so something else forbids it{after}"
            ))
            .remedy(
                "look at kernel lockdown, seccomp filters, security modules, and whether the \
                 process is in a user namespace, where capabilities do not count",
            );
    }
    let error = error.because(format!(
        "{before}the process lacks {}{after}",
        names(&missing, " and ", Capability::name)
    ));
    if let Some(remedy) = remedy {
        return error.remedy(remedy);
    }
    let lower = |capability: Capability| capability.name().to_ascii_lowercase();
    error.remedy(format!(
        "run it as root or give the executable the capability: setcap {}+ep FILE",
        names(&missing, ",", lower)
    ))
}

fn names<T: AsRef<str>>(
    capabilities: &[Capability],
    separator: &str,
    name: impl Fn(Capability) -> T,
) -> String {
    let names: Vec<_> = capabilities
        .iter()
        .map(|&capability| name(capability))
        .collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;
    use crate::sys::script::{Script, run};

    fn explained(script: Script, needs: &[Capability]) -> String {
        let (error, _) = run(script, || {
            explain(Error::failed("BPF_PROG_LOAD", Errno::EPERM), needs)
        });
        error.to_string()
    }

    const BOTH: &[Capability] = &[Capability::Bpf, Capability::Perfmon];

    #[test]
    fn names_exactly_what_is_missing() {
        assert_eq!(
            explained(Script::new().capabilities(0), BOTH),
            "BPF_PROG_LOAD failed with EPERM: the process lacks CAP_BPF and CAP_PERFMON \
             (unprivileged_bpf_disabled is 2); run it as root or give the executable the \
             capability: setcap cap_bpf,cap_perfmon+ep FILE"
        );
        let perfmon_only = Script::new().capabilities(1 << 38);
        assert!(explained(perfmon_only, BOTH).contains("lacks CAP_BPF (unpriv"));
    }

    #[test]
    fn the_old_capability_stands_for_the_new_ones() {
        let admin = Script::new().capabilities(1 << 21);
        assert!(explained(admin, BOTH).contains("the process has CAP_BPF and CAP_PERFMON, so"));
    }

    #[test]
    fn old_kernels_know_only_the_old_capability() {
        let old = Script::new().release("5.4.0-generic").capabilities(1 << 39);
        assert!(explained(old, BOTH).contains("lacks CAP_SYS_ADMIN"));
    }

    #[test]
    fn the_memory_limit_is_named_only_where_it_counts() {
        let line = explained(Script::new().release("5.10.0"), BOTH);
        assert!(line.contains("raise RLIMIT_MEMLOCK"), "{line}");
        let line = explained(Script::new().release("5.10.0").capabilities(0), BOTH);
        assert!(!line.contains("MEMLOCK"), "{line}");
        assert!(!explained(Script::new(), BOTH).contains("MEMLOCK"));
    }

    #[test]
    fn without_proc_it_says_what_is_needed() {
        let script = Script::default().release("6.18.0");
        assert!(explained(script, BOTH).contains("the process needs CAP_BPF and CAP_PERFMON, and"));
    }
}
