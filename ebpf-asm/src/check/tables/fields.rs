//! Offsets in the context that programs write as `{offset_of!(…)}`, which only rustc knows.
//!
//! A macro sees names and not types: that `__sk_buff` is the kernel's is a guess, and so is the
//! architecture of registers.

/// The offset of a field of one of the kernel's context types, or of a register that has a name of
/// its own (with an empty type), on x86-64: a guess for a checker that does not know what the names
/// mean, to be [confirmed](super::super::Assumption::OffsetIsGuessed) by whoever does.
///
/// ```
/// use ebpf_asm::check::guessed_offset;
///
/// assert_eq!(guessed_offset("__sk_buff", "protocol"), Some(16));
/// assert_eq!(guessed_offset("", "PT_REGS_PARM1_OFFSET"), Some(112));
/// assert_eq!(guessed_offset("__sk_buff", "nonsense"), None);
/// ```
#[must_use]
pub fn guessed_offset(type_name: &str, field: &str) -> Option<i64> {
    let (_, fields) = ROWS.iter().find(|(name, _)| *name == type_name)?;
    let (_, offset) = fields.iter().find(|(name, _)| *name == field)?;
    Some(i64::from(*offset))
}

/// Of each type the fields and their offsets. A test of `ebpf-rt`, which has the types, compares.
const ROWS: &[(&str, &[(&str, u16)])] = &[
    ("__sk_buff", &[
        ("len", 0), ("pkt_type", 4), ("mark", 8), ("queue_mapping", 12), ("protocol", 16),
        ("vlan_present", 20), ("vlan_tci", 24), ("vlan_proto", 28), ("priority", 32),
        ("ingress_ifindex", 36), ("ifindex", 40), ("tc_index", 44), ("cb", 48), ("hash", 68),
        ("tc_classid", 72), ("data", 76), ("data_end", 80), ("napi_id", 84), ("family", 88),
        ("remote_ip4", 92), ("local_ip4", 96), ("remote_ip6", 100), ("local_ip6", 116),
        ("remote_port", 132), ("local_port", 136), ("data_meta", 140), ("flow_keys", 144),
        ("tstamp", 152), ("wire_len", 160), ("gso_segs", 164), ("sk", 168), ("gso_size", 176),
        ("tstamp_type", 180), ("reserved", 181), ("hwtstamp", 184),
    ]),
    ("bpf_raw_tracepoint_args", &[("args", 0)]),
    ("trace_entry", &[("type", 0), ("flags", 2), ("preempt_count", 3), ("pid", 4)]),
    ("syscall_trace_enter", &[("ent", 0), ("nr", 8), ("reserved", 12), ("args", 16)]),
    ("syscall_trace_exit", &[("ent", 0), ("nr", 8), ("reserved", 12), ("ret", 16)]),
    ("trace_event_raw_sys_enter", &[("ent", 0), ("id", 8), ("args", 16)]),
    ("trace_event_raw_sys_exit", &[("ent", 0), ("id", 8), ("ret", 16)]),
    ("bpf_iter_meta", &[("seq", 0), ("session_id", 8), ("seq_num", 16)]),
    ("bpf_iter__task", &[("meta", 0), ("task", 8)]),
    ("bpf_iter__task_file", &[("meta", 0), ("task", 8), ("fd", 16), ("reserved", 20), ("file", 24)]),
    ("bpf_iter__task_vma", &[("meta", 0), ("task", 8), ("vma", 16)]),
    ("bpf_iter__bpf_map", &[("meta", 0), ("map", 8)]),
    ("bpf_iter__bpf_map_elem", &[("meta", 0), ("map", 8), ("key", 16), ("value", 24)]),
    ("bpf_iter__bpf_sk_storage_map", &[("meta", 0), ("map", 8), ("sk", 16), ("value", 24)]),
    ("bpf_iter__bpf_prog", &[("meta", 0), ("prog", 8)]),
    ("bpf_iter__bpf_link", &[("meta", 0), ("link", 8)]),
    ("bpf_iter__cgroup", &[("meta", 0), ("cgroup", 8)]),
    ("bpf_iter__tcp", &[("meta", 0), ("sk_common", 8), ("uid", 16), ("reserved", 20)]),
    ("bpf_iter__udp", &[
        ("meta", 0), ("udp_sk", 8), ("uid", 16), ("reserved", 20), ("bucket", 24), ("reserved2", 28),
    ]),
    ("bpf_iter__unix", &[("meta", 0), ("unix_sk", 8), ("uid", 16), ("reserved", 20)]),
    ("bpf_iter__netlink", &[("meta", 0), ("sk", 8)]),
    ("bpf_iter__ksym", &[("meta", 0), ("ksym", 8)]),
    ("pt_regs", &[
        ("r15", 0), ("r14", 8), ("r13", 16), ("r12", 24), ("rbp", 32), ("rbx", 40), ("r11", 48),
        ("r10", 56), ("r9", 64), ("r8", 72), ("rax", 80), ("rcx", 88), ("rdx", 96), ("rsi", 104),
        ("rdi", 112), ("orig_rax", 120), ("rip", 128), ("cs", 136), ("eflags", 144), ("rsp", 152),
        ("ss", 160),
    ]),
    ("bpf_perf_event_data", &[("regs", 0), ("sample_period", 168), ("addr", 176)]),
    ("", &[
        ("PT_REGS_PARM1_OFFSET", 112), ("PT_REGS_PARM2_OFFSET", 104), ("PT_REGS_PARM3_OFFSET", 96),
        ("PT_REGS_PARM4_OFFSET", 88), ("PT_REGS_PARM5_OFFSET", 72), ("PT_REGS_PARM6_OFFSET", 64),
        ("PT_REGS_RC_OFFSET", 80), ("PT_REGS_SP_OFFSET", 152), ("PT_REGS_IP_OFFSET", 128),
        ("PT_REGS_SYSCALL_PARM1_OFFSET", 112), ("PT_REGS_SYSCALL_PARM2_OFFSET", 104),
        ("PT_REGS_SYSCALL_PARM3_OFFSET", 96), ("PT_REGS_SYSCALL_PARM4_OFFSET", 56),
        ("PT_REGS_SYSCALL_PARM5_OFFSET", 72), ("PT_REGS_SYSCALL_PARM6_OFFSET", 64),
    ]),
];
