//! The kernel's link types.

use crate::kernel_enum::kernel_enum;

kernel_enum! {
    /// What kind of link it is: how a program that is attached by one is attached.
    ///
    /// ```
    /// use ebpf_asm::{KernelVersion, LinkType};
    ///
    /// let link = LinkType::PerfEvent;
    /// assert_eq!((link.as_raw(), link.name()), (7, "perf_event"));
    /// assert_eq!(link.since(), KernelVersion::new(5, 15));
    /// ```
    pub enum LinkType {
        /// A raw trace point. (Such descriptors are older; links have numbers since 5.8.)
        RawTracepoint = 1, "BPF_LINK_TYPE_RAW_TRACEPOINT", "raw_tracepoint", (5, 8);
        /// fentry, fexit, fmod_ret, trace points by BTF, LSM hooks.
        Tracing = 2, "BPF_LINK_TYPE_TRACING", "tracing", (5, 8);
        /// A hook of a cgroup.
        Cgroup = 3, "BPF_LINK_TYPE_CGROUP", "cgroup", (5, 8);
        /// An iterator.
        Iter = 4, "BPF_LINK_TYPE_ITER", "iter", (5, 8);
        /// A hook of a network namespace.
        Netns = 5, "BPF_LINK_TYPE_NETNS", "netns", (5, 8);
        /// A network device, by XDP.
        Xdp = 6, "BPF_LINK_TYPE_XDP", "xdp", (5, 9);
        /// A perf event: trace points, kprobes, uprobes, samples.
        PerfEvent = 7, "BPF_LINK_TYPE_PERF_EVENT", "perf_event", (5, 15);
        /// Many kernel functions.
        KprobeMulti = 8, "BPF_LINK_TYPE_KPROBE_MULTI", "kprobe_multi", (5, 18);
        /// A kernel interface that a struct_ops map implements.
        StructOps = 9, "BPF_LINK_TYPE_STRUCT_OPS", "struct_ops", (6, 4);
        /// A netfilter hook.
        Netfilter = 10, "BPF_LINK_TYPE_NETFILTER", "netfilter", (6, 4);
        /// A network device, in traffic control.
        Tcx = 11, "BPF_LINK_TYPE_TCX", "tcx", (6, 6);
        /// Many places in user-space code.
        UprobeMulti = 12, "BPF_LINK_TYPE_UPROBE_MULTI", "uprobe_multi", (6, 6);
        /// A netkit device.
        Netkit = 13, "BPF_LINK_TYPE_NETKIT", "netkit", (6, 7);
        /// A sockmap.
        Sockmap = 14, "BPF_LINK_TYPE_SOCKMAP", "sockmap", (6, 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel_enum::check_kernel_enum;

    #[test]
    fn rows_agree() {
        check_kernel_enum!(LinkType, 1, "BPF_LINK_TYPE_");
    }
}
