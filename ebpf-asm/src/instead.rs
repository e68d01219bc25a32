//! What does the same on an older kernel, where something well known does.

use crate::MapType;
use crate::object::ProgramKind;

#[cfg(feature = "syntax")]
use crate::isa::{AtomicOp, EndianOp, Form};

/// In place of a helper.
#[cfg(feature = "syntax")]
pub(crate) fn of_helper(name: &str) -> Option<&'static str> {
    HELPERS
        .iter()
        .find(|(helper, _)| *helper == name)
        .map(|(_, instead)| *instead)
}

#[cfg(feature = "syntax")]
const HELPERS: &[(&str, &str)] = &[
    ("bpf_probe_read_user", "`bpf_probe_read`"),
    ("bpf_probe_read_kernel", "`bpf_probe_read`"),
    ("bpf_probe_read_user_str", "`bpf_probe_read_str`"),
    ("bpf_probe_read_kernel_str", "`bpf_probe_read_str`"),
    (
        "bpf_ringbuf_output",
        "a `PerfEventArray` and `bpf_perf_event_output`",
    ),
    (
        "bpf_ringbuf_reserve",
        "a `PerfEventArray` and `bpf_perf_event_output`",
    ),
    (
        "bpf_ringbuf_submit",
        "a `PerfEventArray` and `bpf_perf_event_output`",
    ),
    (
        "bpf_loop",
        "a loop with a bound that the verifier sees (Linux 5.3)",
    ),
    (
        "bpf_strncmp",
        "a loop over the bytes with a bound that the verifier sees (Linux 5.3)",
    ),
    (
        "bpf_trace_vprintk",
        "`bpf_trace_printk`, which prints up to three values",
    ),
    (
        "bpf_ktime_get_boot_ns",
        "`bpf_ktime_get_ns`, which stands still while the machine is suspended",
    ),
    ("bpf_ktime_get_coarse_ns", "`bpf_ktime_get_ns`"),
    (
        "bpf_get_current_task_btf",
        "`bpf_get_current_task`, and read its fields with `bpf_probe_read_kernel`",
    ),
    (
        "bpf_get_ns_current_pid_tgid",
        "`bpf_get_current_pid_tgid`, whose numbers are those of the first namespace",
    ),
    (
        "bpf_task_storage_get",
        "a `HashMap` with what `bpf_get_current_pid_tgid` gives as the key",
    ),
    (
        "bpf_xdp_load_bytes",
        "direct access to the packet between `data` and `data_end`",
    ),
    (
        "bpf_xdp_store_bytes",
        "direct access to the packet between `data` and `data_end`",
    ),
];

/// In place of an instruction.
#[cfg(feature = "syntax")]
pub(crate) const fn of_instruction(form: Form) -> Option<&'static str> {
    Some(match form {
        Form::SignExtend(_) => "a shift to the left and `s>>=` by as many bits",
        Form::LoadSigned(_) => "a load, then a shift to the left and `s>>=` by as many bits",
        Form::GotoLong => "`goto`, which reaches 32767 slots, in steps",
        Form::MayGoto => "a loop with a bound that the verifier sees (Linux 5.3)",
        Form::Endian(EndianOp::Bswap, _) => {
            "`be16`, `be32` and `be64`, which swap on little-endian machines, or `le16`, … on big-endian ones"
        }
        Form::Atomic(AtomicOp::FetchAdd, _) => "`lock … +=` if the old value does not matter",
        _ => return None,
    })
}

impl MapType {
    /// The kind of map that serves on kernels without this one, if there is one.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    ///
    /// assert!(MapType::Ringbuf.instead().unwrap().contains("PerfEventArray"));
    /// assert_eq!(MapType::Array.instead(), None);
    /// ```
    #[must_use]
    pub const fn instead(self) -> Option<&'static str> {
        Some(match self {
            Self::Ringbuf => "a `PerfEventArray`",
            Self::BloomFilter => "a `HashMap`",
            Self::TaskStorage => {
                "a `HashMap` with what `bpf_get_current_pid_tgid` gives as the key"
            }
            Self::CgrpStorage => {
                "a `HashMap` with what `bpf_get_current_cgroup_id` gives as the key"
            }
            Self::LruHash | Self::Rhash => "a `HashMap`",
            Self::LruPercpuHash => "a `PerCpuHashMap`",
            Self::DevmapHash => "a `DevMap`",
            _ => return None,
        })
    }
}

impl ProgramKind {
    /// The kind of program that serves on kernels without this one, if there is one.
    ///
    /// ```
    /// use ebpf_asm::object::ProgramKind;
    ///
    /// let many = ProgramKind::KprobeMulti { pattern: "vfs_*" };
    /// assert_eq!(many.instead(), Some("a `#[kprobe]` that is attached to each function"));
    /// ```
    #[must_use]
    pub const fn instead(self) -> Option<&'static str> {
        Some(match self {
            Self::KprobeMulti { .. } => "a `#[kprobe]` that is attached to each function",
            Self::KretprobeMulti { .. } => "a `#[kretprobe]` that is attached to each function",
            Self::KprobeSession { .. } => "a `#[kprobe_multi]` and a `#[kretprobe_multi]`",
            Self::UprobeMulti { .. } => "a `#[uprobe]` that is attached to each function",
            Self::UretprobeMulti { .. } => "a `#[uretprobe]` that is attached to each function",
            Self::UprobeSession { .. } => "a `#[uprobe_multi]` and a `#[uretprobe_multi]`",
            Self::SkSkbVerdict => "`#[sk_skb_stream_parser]` and `#[sk_skb_stream_verdict]`",
            Self::RawTracepoint { .. } => "a `#[tracepoint]`",
            _ => return None,
        })
    }
}

#[cfg(all(test, feature = "syntax"))]
mod tests {
    use super::*;
    use crate::helpers;

    /// The names between backquotes that begin like a helper's.
    fn helpers_in(text: &str) -> impl Iterator<Item = &'static helpers::Helper> {
        text.split('`')
            .filter(|word| word.starts_with("bpf_"))
            .map(|name| helpers::by_name(name).unwrap_or_else(|| panic!("{name}")))
    }

    #[test]
    fn what_serves_instead_is_older() {
        for (name, instead) in HELPERS {
            let helper = helpers::by_name(name).unwrap_or_else(|| panic!("{name}"));
            for other in helpers_in(instead) {
                assert!(other.since < helper.since, "{name}: {}", other.name);
            }
        }
        for map in MapType::ALL {
            for helper in map.instead().into_iter().flat_map(helpers_in) {
                assert!(helper.since < map.since(), "{map:?}: {}", helper.name);
            }
        }
    }
}
