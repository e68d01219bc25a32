//! The kernel's program types.

use crate::kernel_enum::kernel_enum;

kernel_enum! {
    /// What kind of program it is: which hooks it attaches to, what its context is, and which helpers
    /// it may call.
    ///
    /// ```
    /// use ebpf_asm::{KernelVersion, ProgramType};
    ///
    /// let xdp = ProgramType::Xdp;
    /// assert_eq!((xdp.as_raw(), xdp.name()), (6, "xdp"));
    /// assert_eq!(xdp.since(), KernelVersion::new(4, 8));
    /// assert_eq!(ProgramType::from_raw(6), Some(xdp));
    /// assert_eq!(ProgramType::from_name("socket_filter"), Some(ProgramType::SocketFilter));
    /// ```
    pub enum ProgramType {
        /// Sees packets that a socket receives, and cuts or drops them.
        SocketFilter = 1, "BPF_PROG_TYPE_SOCKET_FILTER", "socket_filter", (3, 19);
        /// Runs at a kernel or user-space function's entry, return or inside (kprobe, uprobe and their multi forms, USDT).
        Kprobe = 2, "BPF_PROG_TYPE_KPROBE", "kprobe", (4, 1);
        /// Classifies, changes and redirects packets in traffic control (`clsact`, tcx, netkit).
        SchedCls = 3, "BPF_PROG_TYPE_SCHED_CLS", "sched_cls", (4, 1);
        /// The action of a traffic control filter.
        SchedAct = 4, "BPF_PROG_TYPE_SCHED_ACT", "sched_act", (4, 1);
        /// Runs at a static tracepoint, with its formatted record as context.
        Tracepoint = 5, "BPF_PROG_TYPE_TRACEPOINT", "tracepoint", (4, 7);
        /// Sees packets in the driver, before the network stack.
        Xdp = 6, "BPF_PROG_TYPE_XDP", "xdp", (4, 8);
        /// Runs when a perf event overflows or a timer samples.
        PerfEvent = 7, "BPF_PROG_TYPE_PERF_EVENT", "perf_event", (4, 9);
        /// Lets packets of a cgroup's sockets in or out.
        CgroupSkb = 8, "BPF_PROG_TYPE_CGROUP_SKB", "cgroup_skb", (4, 10);
        /// Runs when a cgroup's socket is created, released or bound.
        CgroupSock = 9, "BPF_PROG_TYPE_CGROUP_SOCK", "cgroup_sock", (4, 10);
        /// Sees packets that arrive on a route with a lightweight tunnel.
        LwtIn = 10, "BPF_PROG_TYPE_LWT_IN", "lwt_in", (4, 10);
        /// Sees packets that leave by a route with a lightweight tunnel.
        LwtOut = 11, "BPF_PROG_TYPE_LWT_OUT", "lwt_out", (4, 10);
        /// Sees, changes and redirects packets just before transmission by such a route.
        LwtXmit = 12, "BPF_PROG_TYPE_LWT_XMIT", "lwt_xmit", (4, 10);
        /// Follows TCP connections of a cgroup and sets their parameters.
        SockOps = 13, "BPF_PROG_TYPE_SOCK_OPS", "sock_ops", (4, 13);
        /// Parses and redirects what sockets in a sockmap receive.
        SkSkb = 14, "BPF_PROG_TYPE_SK_SKB", "sk_skb", (4, 14);
        /// Allows or refuses access to device files in a cgroup.
        CgroupDevice = 15, "BPF_PROG_TYPE_CGROUP_DEVICE", "cgroup_device", (4, 15);
        /// Judges and redirects messages that sockets in a sockmap send.
        SkMsg = 16, "BPF_PROG_TYPE_SK_MSG", "sk_msg", (4, 17);
        /// Runs at a tracepoint with the kernel's own arguments, unformatted.
        RawTracepoint = 17, "BPF_PROG_TYPE_RAW_TRACEPOINT", "raw_tracepoint", (4, 17);
        /// Sees and changes addresses in a cgroup's bind, connect, sendmsg and similar calls.
        CgroupSockAddr = 18, "BPF_PROG_TYPE_CGROUP_SOCK_ADDR", "cgroup_sock_addr", (4, 17);
        /// A segment routing (SRv6) action of its own.
        LwtSeg6local = 19, "BPF_PROG_TYPE_LWT_SEG6LOCAL", "lwt_seg6local", (4, 18);
        /// Decodes what an infrared receiver sees.
        LircMode2 = 20, "BPF_PROG_TYPE_LIRC_MODE2", "lirc_mode2", (4, 18);
        /// Chooses the socket among those that share a port.
        SkReuseport = 21, "BPF_PROG_TYPE_SK_REUSEPORT", "sk_reuseport", (4, 19);
        /// Finds addresses and ports in packets for the kernel's flow hashing.
        FlowDissector = 22, "BPF_PROG_TYPE_FLOW_DISSECTOR", "flow_dissector", (4, 20);
        /// Allows, refuses and changes reads and writes of sysctls in a cgroup.
        CgroupSysctl = 23, "BPF_PROG_TYPE_CGROUP_SYSCTL", "cgroup_sysctl", (5, 2);
        /// A raw tracepoint that may also write to the buffer it is given.
        RawTracepointWritable = 24, "BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE", "raw_tracepoint_writable", (5, 2);
        /// Sees and changes getsockopt and setsockopt calls in a cgroup.
        CgroupSockopt = 25, "BPF_PROG_TYPE_CGROUP_SOCKOPT", "cgroup_sockopt", (5, 3);
        /// Runs at kernel functions and tracepoints with typed arguments (fentry, fexit, fmod_ret, tp_btf), or walks kernel objects (iter).
        Tracing = 26, "BPF_PROG_TYPE_TRACING", "tracing", (5, 5);
        /// Implements one operation of a kernel interface, such as TCP congestion control or a scheduler.
        StructOps = 27, "BPF_PROG_TYPE_STRUCT_OPS", "struct_ops", (5, 6);
        /// Replaces a global function of a program that is already loaded (freplace).
        Ext = 28, "BPF_PROG_TYPE_EXT", "ext", (5, 6);
        /// Decides at a security hook.
        Lsm = 29, "BPF_PROG_TYPE_LSM", "lsm", (5, 7);
        /// Chooses the socket that receives a connection or datagram.
        SkLookup = 30, "BPF_PROG_TYPE_SK_LOOKUP", "sk_lookup", (5, 9);
        /// Runs when user space asks, and may make `bpf(2)` calls itself.
        Syscall = 31, "BPF_PROG_TYPE_SYSCALL", "syscall", (5, 14);
        /// Judges packets at a netfilter hook.
        Netfilter = 32, "BPF_PROG_TYPE_NETFILTER", "netfilter", (6, 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KernelVersion;
    use crate::kernel_enum::check_kernel_enum;

    #[test]
    fn rows_agree() {
        check_kernel_enum!(ProgramType, 1, "BPF_PROG_TYPE_");
    }

    #[test]
    fn spot_checks() {
        assert_eq!(ProgramType::from_raw(0), None);
        assert_eq!(ProgramType::Netfilter.as_raw(), 32);
        assert_eq!(ProgramType::Tracing.since(), KernelVersion::new(5, 5));
        assert_eq!(ProgramType::CgroupSockAddr.name(), "cgroup_sock_addr");
    }
}
