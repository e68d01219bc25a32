//! The kinds of programs: what the attribute of a function says.

use crate::{AttachType, KernelVersion, ProgramType};
use core::fmt;

/// What a program is and where its attribute says that it goes.
///
/// `Display` is the attribute as source writes it: `tracepoint("sched", "sched_switch")`.
///
/// ```
/// use ebpf_asm::object::ProgramKind;
/// use ebpf_asm::{KernelVersion, ProgramType};
///
/// let kind = ProgramKind::Fentry { function: "vfs_unlink", sleepable: false };
/// assert_eq!((kind.name(), kind.program_type()), ("fentry", ProgramType::Tracing));
/// assert!(kind.expected_attach_type().is_some() && !kind.is_sleepable());
/// assert_eq!(kind.since(), KernelVersion::new(5, 5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgramKind {
    /// `#[socket_filter]`: sees the packets of a socket and says how much of each to keep.
    #[doc(alias = "BPF_PROG_TYPE_SOCKET_FILTER")]
    SocketFilter,
    /// `#[tracepoint("category", "name")]`: runs at a stable trace point of the kernel.
    #[doc(alias = "BPF_PROG_TYPE_TRACEPOINT")]
    Tracepoint {
        /// The directory under tracefs' `events`: `syscalls`.
        category: &'static str,
        /// The trace point: `sys_enter_openat`.
        name: &'static str,
    },
    /// `#[raw_tracepoint("name")]`: runs at a trace point, with its raw arguments.
    #[doc(alias = "BPF_PROG_TYPE_RAW_TRACEPOINT")]
    RawTracepoint {
        /// The trace point: `sys_enter`.
        name: &'static str,
    },
    /// `#[raw_tracepoint_writable("name")]`: the same, and it may write to the buffer that the
    /// trace point hands it. Linux 5.2.
    #[doc(alias = "BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE")]
    RawTracepointWritable {
        /// The trace point: `nbd_send_request`.
        name: &'static str,
    },
    /// `#[kprobe("symbol")]`: runs where a function of the kernel begins, or `offset` bytes
    /// into it.
    #[doc(alias = "BPF_PROG_TYPE_KPROBE")]
    Kprobe {
        /// The function: `do_sys_openat2`.
        symbol: &'static str,
        /// Bytes into the function, where an instruction begins.
        offset: u64,
    },
    /// `#[kretprobe("symbol")]`: runs where a function of the kernel returns.
    #[doc(alias = "BPF_PROG_TYPE_KPROBE")]
    Kretprobe {
        /// The function.
        symbol: &'static str,
    },
    /// `#[kprobe_multi("pattern")]`: runs where any of many functions of the kernel begins.
    /// Linux 5.18.
    #[doc(alias = "BPF_TRACE_KPROBE_MULTI")]
    KprobeMulti {
        /// The functions, with `*` and `?` for what differs: `vfs_*`.
        pattern: &'static str,
    },
    /// `#[kretprobe_multi("pattern")]`: runs where any of them returns. Linux 5.18.
    #[doc(alias = "BPF_F_KPROBE_MULTI_RETURN")]
    KretprobeMulti {
        /// The functions.
        pattern: &'static str,
    },
    /// `#[kprobe_session("pattern")]`: runs where any of them begins and, if it returned 0
    /// there, where that call returns. Linux 6.10.
    #[doc(alias = "BPF_TRACE_KPROBE_SESSION")]
    KprobeSession {
        /// The functions.
        pattern: &'static str,
    },
    /// `#[uprobe("path", "symbol")]`: runs where a function of a program or library begins.
    #[doc(alias = "BPF_PROG_TYPE_KPROBE")]
    Uprobe {
        /// The program's path or the library's name; empty if it is said when it is attached.
        path: &'static str,
        /// The function; if it is empty, the offset is that in the file.
        symbol: &'static str,
        /// Bytes into the function, where an instruction begins.
        offset: u64,
    },
    /// `#[uretprobe("path", "symbol")]`: runs where a function of a program or library returns.
    #[doc(alias = "BPF_PROG_TYPE_KPROBE")]
    Uretprobe {
        /// The program's path or the library's name; empty if it is said when it is attached.
        path: &'static str,
        /// The function; if it is empty, the offset is that in the file.
        symbol: &'static str,
        /// The function's offset in the file, if it has no name.
        offset: u64,
    },
    /// `#[uprobe_multi("path", "pattern")]`: runs where any of many functions of a program or
    /// library begins. Linux 6.6.
    #[doc(alias = "BPF_TRACE_UPROBE_MULTI")]
    UprobeMulti {
        /// The program's path or the library's name; empty if it is said when it is attached.
        path: &'static str,
        /// The functions, with `*` and `?` for what differs.
        pattern: &'static str,
    },
    /// `#[uretprobe_multi("path", "pattern")]`: runs where any of them returns. Linux 6.6.
    #[doc(alias = "BPF_F_UPROBE_MULTI_RETURN")]
    UretprobeMulti {
        /// The program's path or the library's name; empty if it is said when it is attached.
        path: &'static str,
        /// The functions.
        pattern: &'static str,
    },
    /// `#[uprobe_session("path", "pattern")]`: runs where any of them begins and, if it
    /// returned 0 there, where that call returns. Linux 6.13.
    #[doc(alias = "BPF_TRACE_UPROBE_SESSION")]
    UprobeSession {
        /// The program's path or the library's name; empty if it is said when it is attached.
        path: &'static str,
        /// The functions.
        pattern: &'static str,
    },
    /// `#[usdt("path", "provider", "name")]`: runs at the static probes that a program or
    /// library was built with.
    #[doc(alias = "BPF_PROG_TYPE_KPROBE")]
    Usdt {
        /// The program's path or the library's name; empty if it is said when it is attached.
        path: &'static str,
        /// Who defines the probe: `libc`.
        provider: &'static str,
        /// The probe: `setjmp`.
        name: &'static str,
    },
    /// `#[perf_event]`: runs at each sample of a counter or clock.
    #[doc(alias = "BPF_PROG_TYPE_PERF_EVENT")]
    PerfEvent,
    /// `#[sk_skb_stream_parser]`: says where the messages end in what a sockmap's socket
    /// receives.
    #[doc(alias = "BPF_PROG_TYPE_SK_SKB")]
    SkSkbStreamParser,
    /// `#[sk_skb_stream_verdict]`: judges the messages that the parser found.
    #[doc(alias = "BPF_PROG_TYPE_SK_SKB")]
    SkSkbStreamVerdict,
    /// `#[sk_skb_verdict]`: judges what a sockmap's socket receives, without a parser. Linux
    /// 5.13.
    #[doc(alias = "BPF_PROG_TYPE_SK_SKB")]
    SkSkbVerdict,
    /// `#[fentry("function")]`: runs where a function of the kernel or of another program
    /// begins, with its typed arguments. Linux 5.5.
    #[doc(alias = "BPF_TRACE_FENTRY")]
    Fentry {
        /// The function, behind its module and a colon if that matters: `vfs_unlink`; empty if
        /// it is said when the program is loaded.
        function: &'static str,
        /// Whether the program may wait: for memory of user space that is not there. Linux
        /// 5.10.
        sleepable: bool,
    },
    /// `#[fexit("function")]`: runs where it returns, with its arguments and its result.
    /// Linux 5.5.
    #[doc(alias = "BPF_TRACE_FEXIT")]
    Fexit {
        /// The function; empty if it is said when the program is loaded.
        function: &'static str,
        /// Whether the program may wait. Linux 5.10.
        sleepable: bool,
    },
    /// `#[fmod_ret("function")]`: runs where a function of the kernel begins that allows it,
    /// which does not run if the program returns something other than 0. Linux 5.7.
    #[doc(alias = "BPF_MODIFY_RETURN")]
    FmodRet {
        /// The function; empty if it is said when the program is loaded.
        function: &'static str,
        /// Whether the program may wait. Linux 5.10.
        sleepable: bool,
    },
    /// `#[tp_btf("name")]`: runs at a trace point, with its typed arguments. Linux 5.5.
    #[doc(alias = "BPF_TRACE_RAW_TP")]
    BtfTracepoint {
        /// The trace point: `sched_switch`; empty if it is said when the program is loaded.
        name: &'static str,
    },
    /// `#[lsm("hook")]`: decides at a security hook, beside the other security modules. Linux
    /// 5.7.
    #[doc(alias = "BPF_PROG_TYPE_LSM")]
    Lsm {
        /// The hook: `file_open`; empty if it is said when the program is loaded.
        hook: &'static str,
        /// Whether the program may wait. Linux 5.10.
        sleepable: bool,
    },
    /// `#[lsm_cgroup("hook")]`: decides at a security hook, for the tasks of a cgroup. Linux
    /// 6.0.
    #[doc(alias = "BPF_LSM_CGROUP")]
    LsmCgroup {
        /// The hook: `socket_bind`; empty if it is said when the program is loaded.
        hook: &'static str,
    },
    /// `#[iter("target")]`: runs for each of a kind of things that the kernel has, while a file
    /// is read. Linux 5.8.
    #[doc(alias = "BPF_TRACE_ITER")]
    Iter {
        /// What is gone through: `task`, `bpf_map_elem`; empty if it is said when the program
        /// is loaded.
        target: &'static str,
        /// Whether the program may wait. Linux 5.18.
        sleepable: bool,
    },
    /// `#[freplace("function")]`: takes the place of a global function of a program that is
    /// loaded. Linux 5.6.
    #[doc(alias = "BPF_PROG_TYPE_EXT")]
    Extension {
        /// The function; empty if it is said when the program is loaded.
        function: &'static str,
    },
    /// `#[struct_ops("ops", "member")]`: is one function of a table of functions that the
    /// kernel calls. Linux 5.6.
    #[doc(alias = "BPF_PROG_TYPE_STRUCT_OPS")]
    StructOps {
        /// The kernel's type of the table: `tcp_congestion_ops`.
        ops: &'static str,
        /// The member of it that the program is: `cong_avoid`.
        member: &'static str,
        /// Whether the program may wait. Linux 6.3.
        sleepable: bool,
    },
}

impl ProgramKind {
    /// The kind with an attribute of this name, attached to nothing in particular.
    ///
    /// ```
    /// use ebpf_asm::ProgramType;
    /// use ebpf_asm::object::ProgramKind;
    ///
    /// let kind = ProgramKind::from_name("usdt").unwrap();
    /// assert_eq!(kind.program_type(), ProgramType::Kprobe);
    /// assert!(ProgramKind::from_name("relaxed").is_none());
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Each kind once, with empty names: to go through them all.
    ///
    /// ```
    /// use ebpf_asm::object::ProgramKind;
    ///
    /// assert!(ProgramKind::ALL.iter().any(|kind| kind.name() == "kprobe_multi"));
    /// ```
    pub const ALL: &'static [Self] = &[
        Self::SocketFilter,
        Self::Tracepoint {
            category: "",
            name: "",
        },
        Self::RawTracepoint { name: "" },
        Self::RawTracepointWritable { name: "" },
        Self::Kprobe {
            symbol: "",
            offset: 0,
        },
        Self::Kretprobe { symbol: "" },
        Self::KprobeMulti { pattern: "" },
        Self::KretprobeMulti { pattern: "" },
        Self::KprobeSession { pattern: "" },
        Self::Uprobe {
            path: "",
            symbol: "",
            offset: 0,
        },
        Self::Uretprobe {
            path: "",
            symbol: "",
            offset: 0,
        },
        Self::UprobeMulti {
            path: "",
            pattern: "",
        },
        Self::UretprobeMulti {
            path: "",
            pattern: "",
        },
        Self::UprobeSession {
            path: "",
            pattern: "",
        },
        Self::Usdt {
            path: "",
            provider: "",
            name: "",
        },
        Self::PerfEvent,
        Self::SkSkbStreamParser,
        Self::SkSkbStreamVerdict,
        Self::SkSkbVerdict,
        Self::Fentry {
            function: "",
            sleepable: false,
        },
        Self::Fexit {
            function: "",
            sleepable: false,
        },
        Self::FmodRet {
            function: "",
            sleepable: false,
        },
        Self::BtfTracepoint { name: "" },
        Self::Lsm {
            hook: "",
            sleepable: false,
        },
        Self::LsmCgroup { hook: "" },
        Self::Iter {
            target: "",
            sleepable: false,
        },
        Self::Extension { function: "" },
        Self::StructOps {
            ops: "",
            member: "",
            sleepable: false,
        },
    ];

    /// The program type that the kernel is told.
    #[must_use]
    pub const fn program_type(self) -> ProgramType {
        match self {
            Self::SocketFilter => ProgramType::SocketFilter,
            Self::Tracepoint { .. } => ProgramType::Tracepoint,
            Self::RawTracepoint { .. } => ProgramType::RawTracepoint,
            Self::RawTracepointWritable { .. } => ProgramType::RawTracepointWritable,
            Self::Kprobe { .. }
            | Self::Kretprobe { .. }
            | Self::KprobeMulti { .. }
            | Self::KretprobeMulti { .. }
            | Self::KprobeSession { .. }
            | Self::Uprobe { .. }
            | Self::Uretprobe { .. }
            | Self::UprobeMulti { .. }
            | Self::UretprobeMulti { .. }
            | Self::UprobeSession { .. }
            | Self::Usdt { .. } => ProgramType::Kprobe,
            Self::PerfEvent => ProgramType::PerfEvent,
            Self::SkSkbStreamParser | Self::SkSkbStreamVerdict | Self::SkSkbVerdict => {
                ProgramType::SkSkb
            }
            Self::Fentry { .. }
            | Self::Fexit { .. }
            | Self::FmodRet { .. }
            | Self::BtfTracepoint { .. }
            | Self::Iter { .. } => ProgramType::Tracing,
            Self::Lsm { .. } | Self::LsmCgroup { .. } => ProgramType::Lsm,
            Self::Extension { .. } => ProgramType::Ext,
            Self::StructOps { .. } => ProgramType::StructOps,
        }
    }

    /// What the kernel is told at load about where the program will go; `None` where it does
    /// not ask.
    #[must_use]
    pub const fn expected_attach_type(self) -> Option<AttachType> {
        Some(match self {
            Self::KprobeMulti { .. } | Self::KretprobeMulti { .. } => AttachType::TraceKprobeMulti,
            Self::KprobeSession { .. } => AttachType::TraceKprobeSession,
            Self::UprobeMulti { .. } | Self::UretprobeMulti { .. } => AttachType::TraceUprobeMulti,
            Self::UprobeSession { .. } => AttachType::TraceUprobeSession,
            Self::SkSkbStreamParser => AttachType::SkSkbStreamParser,
            Self::SkSkbStreamVerdict => AttachType::SkSkbStreamVerdict,
            Self::SkSkbVerdict => AttachType::SkSkbVerdict,
            Self::Fentry { .. } => AttachType::TraceFentry,
            Self::Fexit { .. } => AttachType::TraceFexit,
            Self::FmodRet { .. } => AttachType::ModifyReturn,
            Self::BtfTracepoint { .. } => AttachType::TraceRawTp,
            Self::Lsm { .. } => AttachType::LsmMac,
            Self::LsmCgroup { .. } => AttachType::LsmCgroup,
            Self::Iter { .. } => AttachType::TraceIter,
            _ => return None,
        })
    }

    /// Whether the program may wait, and with it the functions that it runs at.
    #[must_use]
    #[doc(alias = "BPF_F_SLEEPABLE")]
    pub const fn is_sleepable(self) -> bool {
        match self {
            Self::Fentry { sleepable, .. }
            | Self::Fexit { sleepable, .. }
            | Self::FmodRet { sleepable, .. }
            | Self::Lsm { sleepable, .. }
            | Self::Iter { sleepable, .. }
            | Self::StructOps { sleepable, .. } => sleepable,
            _ => false,
        }
    }

    /// The first kernel that has it.
    ///
    /// ```
    /// use ebpf_asm::KernelVersion;
    /// use ebpf_asm::object::ProgramKind;
    ///
    /// let multi = ProgramKind::KprobeMulti { pattern: "vfs_*" };
    /// assert_eq!(multi.since(), KernelVersion::new(5, 18));
    /// ```
    #[must_use]
    pub const fn since(self) -> KernelVersion {
        if self.is_sleepable() {
            return match self {
                Self::Iter { .. } => KernelVersion::new(5, 18),
                Self::StructOps { .. } => KernelVersion::new(6, 3),
                _ => KernelVersion::new(5, 10),
            };
        }
        match self.expected_attach_type() {
            Some(attach_type) => attach_type.since(),
            None => self.program_type().since(),
        }
    }

    /// The attribute's name: `kprobe_multi`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SocketFilter => "socket_filter",
            Self::Tracepoint { .. } => "tracepoint",
            Self::RawTracepoint { .. } => "raw_tracepoint",
            Self::RawTracepointWritable { .. } => "raw_tracepoint_writable",
            Self::Kprobe { .. } => "kprobe",
            Self::Kretprobe { .. } => "kretprobe",
            Self::KprobeMulti { .. } => "kprobe_multi",
            Self::KretprobeMulti { .. } => "kretprobe_multi",
            Self::KprobeSession { .. } => "kprobe_session",
            Self::Uprobe { .. } => "uprobe",
            Self::Uretprobe { .. } => "uretprobe",
            Self::UprobeMulti { .. } => "uprobe_multi",
            Self::UretprobeMulti { .. } => "uretprobe_multi",
            Self::UprobeSession { .. } => "uprobe_session",
            Self::Usdt { .. } => "usdt",
            Self::PerfEvent => "perf_event",
            Self::SkSkbStreamParser => "sk_skb_stream_parser",
            Self::SkSkbStreamVerdict => "sk_skb_stream_verdict",
            Self::SkSkbVerdict => "sk_skb_verdict",
            Self::Fentry { .. } => "fentry",
            Self::Fexit { .. } => "fexit",
            Self::FmodRet { .. } => "fmod_ret",
            Self::BtfTracepoint { .. } => "tp_btf",
            Self::Lsm { .. } => "lsm",
            Self::LsmCgroup { .. } => "lsm_cgroup",
            Self::Iter { .. } => "iter",
            Self::Extension { .. } => "freplace",
            Self::StructOps { .. } => "struct_ops",
        }
    }
}

impl fmt::Display for ProgramKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let (strings, offset): ([&str; 3], u64) = match *self {
            Self::SocketFilter
            | Self::PerfEvent
            | Self::SkSkbStreamParser
            | Self::SkSkbStreamVerdict
            | Self::SkSkbVerdict => return Ok(()),
            Self::Tracepoint { category, name } => ([category, name, ""], 0),
            Self::RawTracepoint { name } | Self::RawTracepointWritable { name } => {
                ([name, "", ""], 0)
            }
            Self::Kprobe { symbol, offset } => ([symbol, "", ""], offset),
            Self::Kretprobe { symbol } => ([symbol, "", ""], 0),
            Self::KprobeMulti { pattern }
            | Self::KretprobeMulti { pattern }
            | Self::KprobeSession { pattern } => ([pattern, "", ""], 0),
            Self::Uprobe {
                path,
                symbol,
                offset,
            }
            | Self::Uretprobe {
                path,
                symbol,
                offset,
            } => ([path, symbol, ""], offset),
            Self::UprobeMulti { path, pattern }
            | Self::UretprobeMulti { path, pattern }
            | Self::UprobeSession { path, pattern } => ([path, pattern, ""], 0),
            Self::Usdt {
                path,
                provider,
                name,
            } => ([path, provider, name], 0),
            Self::Fentry { function, .. }
            | Self::Fexit { function, .. }
            | Self::FmodRet { function, .. }
            | Self::Extension { function } => ([function, "", ""], 0),
            Self::BtfTracepoint { name } => ([name, "", ""], 0),
            Self::Lsm { hook, .. } | Self::LsmCgroup { hook } => ([hook, "", ""], 0),
            Self::Iter { target, .. } => ([target, "", ""], 0),
            Self::StructOps { ops, member, .. } => ([ops, member, ""], 0),
        };
        let mut separator = "(";
        for string in strings.iter().filter(|string| !string.is_empty()) {
            write!(f, "{separator}{string:?}")?;
            separator = ", ";
        }
        if offset != 0 {
            write!(f, "{separator}offset = {offset}")?;
            separator = ", ";
        }
        if self.is_sleepable() {
            write!(f, "{separator}sleepable")?;
            separator = ", ";
        }
        if separator == ", " {
            f.write_str(")")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn kinds_print_as_their_attributes() {
        let cases = [
            (ProgramKind::SocketFilter, "socket_filter"),
            (
                ProgramKind::Tracepoint {
                    category: "sched",
                    name: "sched_switch",
                },
                "tracepoint(\"sched\", \"sched_switch\")",
            ),
            (
                ProgramKind::Kprobe {
                    symbol: "do_exit",
                    offset: 4,
                },
                "kprobe(\"do_exit\", offset = 4)",
            ),
            (
                ProgramKind::Kretprobe { symbol: "do_exit" },
                "kretprobe(\"do_exit\")",
            ),
            (
                ProgramKind::KprobeSession { pattern: "vfs_*" },
                "kprobe_session(\"vfs_*\")",
            ),
            (
                ProgramKind::Uprobe {
                    path: "libc.so.6",
                    symbol: "malloc",
                    offset: 0,
                },
                "uprobe(\"libc.so.6\", \"malloc\")",
            ),
            (
                ProgramKind::Uretprobe {
                    path: "/bin/true",
                    symbol: "",
                    offset: 4096,
                },
                "uretprobe(\"/bin/true\", offset = 4096)",
            ),
            (
                ProgramKind::UprobeMulti {
                    path: "",
                    pattern: "",
                },
                "uprobe_multi",
            ),
            (
                ProgramKind::Usdt {
                    path: "libc.so.6",
                    provider: "libc",
                    name: "setjmp",
                },
                "usdt(\"libc.so.6\", \"libc\", \"setjmp\")",
            ),
            (ProgramKind::PerfEvent, "perf_event"),
            (ProgramKind::SkSkbVerdict, "sk_skb_verdict"),
            (
                ProgramKind::Fexit {
                    function: "nf_tables:nft_do_chain",
                    sleepable: false,
                },
                "fexit(\"nf_tables:nft_do_chain\")",
            ),
            (
                ProgramKind::Lsm {
                    hook: "file_open",
                    sleepable: true,
                },
                "lsm(\"file_open\", sleepable)",
            ),
            (
                ProgramKind::Iter {
                    target: "",
                    sleepable: true,
                },
                "iter(sleepable)",
            ),
            (ProgramKind::Extension { function: "" }, "freplace"),
            (
                ProgramKind::StructOps {
                    ops: "tcp_congestion_ops",
                    member: "ssthresh",
                    sleepable: false,
                },
                "struct_ops(\"tcp_congestion_ops\", \"ssthresh\")",
            ),
        ];
        for (kind, text) in cases {
            assert_eq!(kind.to_string(), text);
            assert!(text.starts_with(kind.name()));
        }
    }

    #[test]
    fn first_kernels_are_those_of_the_attach_types() {
        let uprobes = ProgramKind::UprobeSession {
            path: "",
            pattern: "",
        };
        assert_eq!(uprobes.since(), KernelVersion::new(6, 13));
        assert_eq!(ProgramKind::SkSkbVerdict.since(), KernelVersion::new(5, 13));
        assert_eq!(ProgramKind::PerfEvent.since(), KernelVersion::new(4, 9));
        let replace = ProgramKind::Extension { function: "rule" };
        assert_eq!(replace.since(), KernelVersion::new(5, 6));
        let lsm = |sleepable| ProgramKind::Lsm {
            hook: "file_open",
            sleepable,
        };
        assert_eq!(lsm(false).since(), KernelVersion::new(5, 7));
        assert_eq!(lsm(true).since(), KernelVersion::new(5, 10));
    }
}
