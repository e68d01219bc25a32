//! The kernel's attach types.

use crate::kernel_enum::kernel_enum;

kernel_enum! {
    /// Where a program is attached: the `expected_attach_type` of a load and the type of a link.
    ///
    /// Kinds that need none (such as classic tracepoints or socket filters) give 0 at load, which is
    /// also the number of [`CgroupInetIngress`](Self::CgroupInetIngress).
    ///
    /// ```
    /// use ebpf_asm::{AttachType, KernelVersion};
    ///
    /// let entry = AttachType::TraceFentry;
    /// assert_eq!((entry.as_raw(), entry.name()), (24, "trace_fentry"));
    /// assert_eq!(entry.since(), KernelVersion::new(5, 5));
    /// assert_eq!(AttachType::from_name("xdp"), Some(AttachType::Xdp));
    /// ```
    pub enum AttachType {
        /// Packets that a cgroup's sockets receive.
        CgroupInetIngress = 0, "BPF_CGROUP_INET_INGRESS", "cgroup_inet_ingress", (4, 10);
        /// Packets that a cgroup's sockets send.
        CgroupInetEgress = 1, "BPF_CGROUP_INET_EGRESS", "cgroup_inet_egress", (4, 10);
        /// The creation of an inet socket in a cgroup.
        CgroupInetSockCreate = 2, "BPF_CGROUP_INET_SOCK_CREATE", "cgroup_inet_sock_create", (4, 10);
        /// Events of TCP connections in a cgroup.
        CgroupSockOps = 3, "BPF_CGROUP_SOCK_OPS", "cgroup_sock_ops", (4, 13);
        /// Finds where messages end in a stream of a sockmap's socket.
        SkSkbStreamParser = 4, "BPF_SK_SKB_STREAM_PARSER", "sk_skb_stream_parser", (4, 14);
        /// Judges each message that the stream parser found.
        SkSkbStreamVerdict = 5, "BPF_SK_SKB_STREAM_VERDICT", "sk_skb_stream_verdict", (4, 14);
        /// Access to device files in a cgroup.
        CgroupDevice = 6, "BPF_CGROUP_DEVICE", "cgroup_device", (4, 15);
        /// Messages that a sockmap's socket sends.
        SkMsgVerdict = 7, "BPF_SK_MSG_VERDICT", "sk_msg_verdict", (4, 17);
        /// `bind(2)` to an IPv4 address in a cgroup.
        CgroupInet4Bind = 8, "BPF_CGROUP_INET4_BIND", "cgroup_inet4_bind", (4, 17);
        /// `bind(2)` to an IPv6 address in a cgroup.
        CgroupInet6Bind = 9, "BPF_CGROUP_INET6_BIND", "cgroup_inet6_bind", (4, 17);
        /// `connect(2)` to an IPv4 address in a cgroup.
        CgroupInet4Connect = 10, "BPF_CGROUP_INET4_CONNECT", "cgroup_inet4_connect", (4, 17);
        /// `connect(2)` to an IPv6 address in a cgroup.
        CgroupInet6Connect = 11, "BPF_CGROUP_INET6_CONNECT", "cgroup_inet6_connect", (4, 17);
        /// After a socket in a cgroup was bound to an IPv4 address.
        CgroupInet4PostBind = 12, "BPF_CGROUP_INET4_POST_BIND", "cgroup_inet4_post_bind", (4, 17);
        /// After a socket in a cgroup was bound to an IPv6 address.
        CgroupInet6PostBind = 13, "BPF_CGROUP_INET6_POST_BIND", "cgroup_inet6_post_bind", (4, 17);
        /// Unconnected UDP sends to IPv4 addresses in a cgroup.
        CgroupUdp4Sendmsg = 14, "BPF_CGROUP_UDP4_SENDMSG", "cgroup_udp4_sendmsg", (4, 18);
        /// Unconnected UDP sends to IPv6 addresses in a cgroup.
        CgroupUdp6Sendmsg = 15, "BPF_CGROUP_UDP6_SENDMSG", "cgroup_udp6_sendmsg", (4, 18);
        /// An infrared receiver.
        LircMode2 = 16, "BPF_LIRC_MODE2", "lirc_mode2", (4, 18);
        /// A network namespace's flow dissector.
        FlowDissector = 17, "BPF_FLOW_DISSECTOR", "flow_dissector", (4, 20);
        /// Access to sysctls in a cgroup.
        CgroupSysctl = 18, "BPF_CGROUP_SYSCTL", "cgroup_sysctl", (5, 2);
        /// The IPv4 sender's address that a UDP receive in a cgroup reports.
        CgroupUdp4Recvmsg = 19, "BPF_CGROUP_UDP4_RECVMSG", "cgroup_udp4_recvmsg", (5, 2);
        /// The IPv6 sender's address that a UDP receive in a cgroup reports.
        CgroupUdp6Recvmsg = 20, "BPF_CGROUP_UDP6_RECVMSG", "cgroup_udp6_recvmsg", (5, 2);
        /// `getsockopt(2)` in a cgroup.
        CgroupGetsockopt = 21, "BPF_CGROUP_GETSOCKOPT", "cgroup_getsockopt", (5, 3);
        /// `setsockopt(2)` in a cgroup.
        CgroupSetsockopt = 22, "BPF_CGROUP_SETSOCKOPT", "cgroup_setsockopt", (5, 3);
        /// A tracepoint with typed arguments (tp_btf).
        TraceRawTp = 23, "BPF_TRACE_RAW_TP", "trace_raw_tp", (5, 5);
        /// The entry of a kernel function.
        TraceFentry = 24, "BPF_TRACE_FENTRY", "trace_fentry", (5, 5);
        /// The return of a kernel function, with its arguments and result.
        TraceFexit = 25, "BPF_TRACE_FEXIT", "trace_fexit", (5, 5);
        /// A kernel function that may be skipped by returning an error instead (fmod_ret).
        ModifyReturn = 26, "BPF_MODIFY_RETURN", "modify_return", (5, 7);
        /// A security hook.
        LsmMac = 27, "BPF_LSM_MAC", "lsm_mac", (5, 7);
        /// An iterator over kernel objects.
        TraceIter = 28, "BPF_TRACE_ITER", "trace_iter", (5, 8);
        /// `getpeername(2)` on IPv4 sockets in a cgroup.
        CgroupInet4Getpeername = 29, "BPF_CGROUP_INET4_GETPEERNAME", "cgroup_inet4_getpeername", (5, 8);
        /// `getpeername(2)` on IPv6 sockets in a cgroup.
        CgroupInet6Getpeername = 30, "BPF_CGROUP_INET6_GETPEERNAME", "cgroup_inet6_getpeername", (5, 8);
        /// `getsockname(2)` on IPv4 sockets in a cgroup.
        CgroupInet4Getsockname = 31, "BPF_CGROUP_INET4_GETSOCKNAME", "cgroup_inet4_getsockname", (5, 8);
        /// `getsockname(2)` on IPv6 sockets in a cgroup.
        CgroupInet6Getsockname = 32, "BPF_CGROUP_INET6_GETSOCKNAME", "cgroup_inet6_getsockname", (5, 8);
        /// Packets on their way out through a devmap's entry.
        XdpDevmap = 33, "BPF_XDP_DEVMAP", "xdp_devmap", (5, 8);
        /// The release of an inet socket in a cgroup.
        CgroupInetSockRelease = 34, "BPF_CGROUP_INET_SOCK_RELEASE", "cgroup_inet_sock_release", (5, 9);
        /// Packets that a cpumap's entry handed to another CPU.
        XdpCpumap = 35, "BPF_XDP_CPUMAP", "xdp_cpumap", (5, 9);
        /// A network namespace's socket look-up.
        SkLookup = 36, "BPF_SK_LOOKUP", "sk_lookup", (5, 9);
        /// A network device, by link.
        Xdp = 37, "BPF_XDP", "xdp", (5, 9);
        /// Judges what a sockmap's socket receives, with no parser.
        SkSkbVerdict = 38, "BPF_SK_SKB_VERDICT", "sk_skb_verdict", (5, 13);
        /// The choice of a socket among those that share a port.
        SkReuseportSelect = 39, "BPF_SK_REUSEPORT_SELECT", "sk_reuseport_select", (5, 14);
        /// That choice, also when a listening socket closes and its connections move on.
        SkReuseportSelectOrMigrate = 40, "BPF_SK_REUSEPORT_SELECT_OR_MIGRATE", "sk_reuseport_select_or_migrate", (5, 14);
        /// A perf event, by link: also classic kprobes, uprobes and tracepoints.
        PerfEvent = 41, "BPF_PERF_EVENT", "perf_event", (5, 15);
        /// Many kernel functions at once.
        TraceKprobeMulti = 42, "BPF_TRACE_KPROBE_MULTI", "trace_kprobe_multi", (5, 18);
        /// A security hook, for tasks of a cgroup.
        LsmCgroup = 43, "BPF_LSM_CGROUP", "lsm_cgroup", (6, 0);
        /// A kernel interface that a struct_ops map implements, by link.
        StructOps = 44, "BPF_STRUCT_OPS", "struct_ops", (6, 4);
        /// A netfilter hook.
        Netfilter = 45, "BPF_NETFILTER", "netfilter", (6, 4);
        /// Packets that arrive at a device, in traffic control without a qdisc.
        TcxIngress = 46, "BPF_TCX_INGRESS", "tcx_ingress", (6, 6);
        /// Packets that leave by a device, in traffic control without a qdisc.
        TcxEgress = 47, "BPF_TCX_EGRESS", "tcx_egress", (6, 6);
        /// Many places in user-space code at once.
        TraceUprobeMulti = 48, "BPF_TRACE_UPROBE_MULTI", "trace_uprobe_multi", (6, 6);
        /// `connect(2)` on Unix sockets in a cgroup.
        CgroupUnixConnect = 49, "BPF_CGROUP_UNIX_CONNECT", "cgroup_unix_connect", (6, 7);
        /// `sendmsg(2)` on Unix datagram sockets in a cgroup.
        CgroupUnixSendmsg = 50, "BPF_CGROUP_UNIX_SENDMSG", "cgroup_unix_sendmsg", (6, 7);
        /// The sender's address that `recvmsg(2)` on Unix sockets in a cgroup reports.
        CgroupUnixRecvmsg = 51, "BPF_CGROUP_UNIX_RECVMSG", "cgroup_unix_recvmsg", (6, 7);
        /// `getpeername(2)` on Unix sockets in a cgroup.
        CgroupUnixGetpeername = 52, "BPF_CGROUP_UNIX_GETPEERNAME", "cgroup_unix_getpeername", (6, 7);
        /// `getsockname(2)` on Unix sockets in a cgroup.
        CgroupUnixGetsockname = 53, "BPF_CGROUP_UNIX_GETSOCKNAME", "cgroup_unix_getsockname", (6, 7);
        /// Packets that leave by the primary device of a netkit pair.
        NetkitPrimary = 54, "BPF_NETKIT_PRIMARY", "netkit_primary", (6, 7);
        /// Packets that leave by the peer device of a netkit pair.
        NetkitPeer = 55, "BPF_NETKIT_PEER", "netkit_peer", (6, 7);
        /// Entry and return of many kernel functions, with one program and a shared cookie.
        TraceKprobeSession = 56, "BPF_TRACE_KPROBE_SESSION", "trace_kprobe_session", (6, 10);
        /// Entry and return of many user-space functions, with one program and a shared cookie.
        TraceUprobeSession = 57, "BPF_TRACE_UPROBE_SESSION", "trace_uprobe_session", (6, 13);
        /// Entry and return of a kernel function, with one program and typed arguments.
        TraceFsession = 58, "BPF_TRACE_FSESSION", "trace_fsession", (7, 0);
        /// The entries of many kernel functions at once, with typed arguments.
        TraceFentryMulti = 59, "BPF_TRACE_FENTRY_MULTI", "trace_fentry_multi", (7, 2);
        /// The returns of many kernel functions at once, with typed arguments.
        TraceFexitMulti = 60, "BPF_TRACE_FEXIT_MULTI", "trace_fexit_multi", (7, 2);
        /// Entry and return of many kernel functions at once, with typed arguments.
        TraceFsessionMulti = 61, "BPF_TRACE_FSESSION_MULTI", "trace_fsession_multi", (7, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KernelVersion;
    use crate::kernel_enum::check_kernel_enum;

    #[test]
    fn rows_agree() {
        check_kernel_enum!(AttachType, 0, "BPF_");
    }

    #[test]
    fn spot_checks() {
        assert_eq!(AttachType::SkLookup.as_raw(), 36);
        assert_eq!(AttachType::Netfilter.as_raw(), 45);
        assert_eq!(AttachType::TcxIngress.since(), KernelVersion::new(6, 6));
        assert_eq!(
            AttachType::CgroupInet4Connect.name(),
            "cgroup_inet4_connect"
        );
    }
}
