//! The kernel's context types, `#[repr(C)]`, for `{offset_of!(…)}` in instructions and for
//! reading in user space what a program copied out.
//!
//! Names of types and fields are the kernel's.
//!
//! ```
//! use core::mem::offset_of;
//! use ebpf_rt::context::{__sk_buff, syscall_trace_enter};
//!
//! assert_eq!(offset_of!(__sk_buff, protocol), 16);
//! assert_eq!(offset_of!(syscall_trace_enter, args), 16);
//! ```

mod iter;

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "s390x",
    target_arch = "loongarch64",
    target_arch = "powerpc64",
))]
mod registers;

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "s390x",
    target_arch = "loongarch64",
    target_arch = "powerpc64",
))]
pub use registers::*;

mod record;
mod usdt;

pub use iter::*;
pub use record::TracepointRecord;
#[doc(hidden)]
pub use record::{NoRecord, RecordOf};
pub use usdt::UsdtArgumentSpec;

use bytemuck::Zeroable;
use ebpf_asm::object::{BtfType, CompositeDef, MemberDef, TypeDef};

/// Where an argument is in the context of programs that get arguments as they are, eight bytes
/// each: `fentry`, `fexit`, `fmod_ret`, `tp_btf`, `lsm`, `struct_ops` and raw trace points. The
/// first is number 0. Of `fexit` the result is behind the last argument; of `fmod_ret` and `lsm`
/// what the programs before returned is there.
///
/// ```
/// use ebpf_rt::context::arg_offset;
/// use ebpf_rt::ebpf_asm;
///
/// // The second argument of `int vfs_mkdir(…, struct inode *dir, …)`.
/// let load = ebpf_asm! { r2 = *(u64 *)(r1 + {arg_offset(1)}); exit };
/// assert_eq!(load.len(), 2);
/// ```
#[must_use]
#[doc(alias = "BPF_PROG")]
pub const fn arg_offset(index: usize) -> usize {
    index * 8
}

/// Declares context types, each with its size in the kernel.
macro_rules! contexts {
    ($($(#[$meta:meta])* $name:ident: $size:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    })*) => {
        #[cfg(test)]
        pub(super) const TYPES: &[&TypeDef] = &[$(<$name as BtfType>::TYPE),*];
    $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        const _: () = assert!(size_of::<$name>() == $size, "not the kernel's size");

        // SAFETY: integers and arrays of them, for which zeros are valid.
        unsafe impl Zeroable for $name {}

        // Global functions get their context as a pointer to a struct of this name.
        impl BtfType for $name {
            const TYPE: &'static TypeDef = &TypeDef::Struct(CompositeDef::new(
                stringify!($name),
                size_of::<Self>(),
                const {
                    &[$(MemberDef::new(
                        stringify!($field),
                        <$type>::TYPE,
                        core::mem::offset_of!(Self, $field),
                    )),*]
                },
            ));
        }
    )* };
}
pub(crate) use contexts;

contexts! {
    /// What programs on packets see of a packet. The kernel translates accesses: only some
    /// fields can be read, fewer written, depending on the kind of program.
    __sk_buff: 192 {
        /// Bytes of the packet.
        len: u32,
        /// `PACKET_HOST`, `PACKET_OUTGOING`, ….
        pkt_type: u32,
        /// The mark of netfilter and routing.
        mark: u32,
        /// The transmit queue.
        queue_mapping: u32,
        /// The EtherType, in network byte order.
        protocol: u32,
        /// Whether there is a VLAN tag.
        vlan_present: u32,
        /// The VLAN tag.
        vlan_tci: u32,
        /// The VLAN protocol, in network byte order.
        vlan_proto: u32,
        /// The priority for queueing.
        priority: u32,
        /// The interface that the packet came in by.
        ingress_ifindex: u32,
        /// The interface.
        ifindex: u32,
        /// Traffic control's index.
        tc_index: u32,
        /// Scratch space.
        cb: [u32; 5],
        /// The hash of the flow.
        hash: u32,
        /// Traffic control's class.
        tc_classid: u32,
        /// Where the data begin; for direct access.
        data: u32,
        /// Where the data end.
        data_end: u32,
        /// The NAPI instance.
        napi_id: u32,
        /// The address family.
        family: u32,
        /// In network byte order.
        remote_ip4: u32,
        /// In network byte order.
        local_ip4: u32,
        /// In network byte order.
        remote_ip6: [u32; 4],
        /// In network byte order.
        local_ip6: [u32; 4],
        /// In network byte order.
        remote_port: u32,
        /// In host byte order.
        local_port: u32,
        /// Where the metadata begin; they end at `data`.
        data_meta: u32,
        /// A pointer to `struct bpf_flow_keys`.
        flow_keys: u64,
        /// The time of arrival or departure in nanoseconds.
        tstamp: u64,
        /// Bytes on the wire.
        wire_len: u32,
        /// Segments of a large packet.
        gso_segs: u32,
        /// A pointer to `struct bpf_sock`.
        sk: u64,
        /// Bytes of a segment of a large packet.
        gso_size: u32,
        /// What `tstamp` is.
        tstamp_type: u8,
        /// Nothing.
        reserved: [u8; 3],
        /// The hardware's time of arrival in nanoseconds.
        hwtstamp: u64,
    }

    /// The raw arguments of a trace point: as many as it has, eight bytes each.
    bpf_raw_tracepoint_args: 0 {
        /// The first begins here.
        args: [u64; 0],
    }

    /// How every record of a trace point begins.
    trace_entry: 8 {
        /// The trace point's number.
        r#type: u16,
        /// Interrupts and preemption.
        flags: u8,
        /// How often preemption is switched off.
        preempt_count: u8,
        /// The thread's number.
        pid: i32,
    }

    /// The record of the trace points `syscalls:sys_enter_*`.
    syscall_trace_enter: 64 {
        /// The common start.
        ent: trace_entry,
        /// The system call's number.
        nr: i32,
        /// Nothing.
        reserved: u32,
        /// The arguments; a system call with fewer has fewer.
        args: [u64; 6],
    }

    /// The record of the trace points `syscalls:sys_exit_*`.
    syscall_trace_exit: 24 {
        /// The common start.
        ent: trace_entry,
        /// The system call's number.
        nr: i32,
        /// Nothing.
        reserved: u32,
        /// The result; an error is a negative number.
        ret: i64,
    }

    /// The record of the trace point `raw_syscalls:sys_enter`.
    trace_event_raw_sys_enter: 64 {
        /// The common start.
        ent: trace_entry,
        /// The system call's number.
        id: i64,
        /// The arguments.
        args: [u64; 6],
    }

    /// The record of the trace point `raw_syscalls:sys_exit`.
    trace_event_raw_sys_exit: 24 {
        /// The common start.
        ent: trace_entry,
        /// The system call's number.
        id: i64,
        /// The result; an error is a negative number.
        ret: i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;
    use ebpf_asm::check::guessed_offset;

    /// The checker knows the offsets that programs write as `{offset_of!(…)}`.
    #[test]
    fn the_checker_knows_these_offsets() {
        let types = TYPES.iter().chain(iter::TYPES);
        #[cfg(target_arch = "x86_64")]
        let types = types.chain(registers::TYPES);
        let mut missing = Vec::new();
        for ty in types {
            let TypeDef::Struct(def) = ty else {
                panic!("{ty:?} is no struct");
            };
            for member in def.members {
                let offset = i64::from(member.offset);
                let name = member.name.strip_prefix("r#").unwrap_or(member.name);
                if guessed_offset(def.name, name) != Some(offset) {
                    missing.push(format!("({:?}, {name:?}, {offset}),", def.name));
                }
            }
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }

    /// Of registers it knows x86-64's; elsewhere rustc finds that the guess is wrong.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_checker_knows_these_registers() {
        macro_rules! compare {
            ($($name:ident)*) => {
                [$((stringify!($name), $name)),*]
            };
        }
        let registers = compare!(
            PT_REGS_PARM1_OFFSET PT_REGS_PARM2_OFFSET PT_REGS_PARM3_OFFSET PT_REGS_PARM4_OFFSET
            PT_REGS_PARM5_OFFSET PT_REGS_PARM6_OFFSET PT_REGS_RC_OFFSET PT_REGS_SP_OFFSET
            PT_REGS_IP_OFFSET PT_REGS_SYSCALL_PARM1_OFFSET PT_REGS_SYSCALL_PARM2_OFFSET
            PT_REGS_SYSCALL_PARM3_OFFSET PT_REGS_SYSCALL_PARM4_OFFSET
            PT_REGS_SYSCALL_PARM5_OFFSET PT_REGS_SYSCALL_PARM6_OFFSET
        );
        for (name, offset) in registers {
            assert_eq!(guessed_offset("", name), Some(offset as i64), "{name}");
        }
        for (field, offset) in [
            ("regs", offset_of!(bpf_perf_event_data, regs)),
            (
                "sample_period",
                offset_of!(bpf_perf_event_data, sample_period),
            ),
            ("addr", offset_of!(bpf_perf_event_data, addr)),
        ] {
            let guess = guessed_offset("bpf_perf_event_data", field);
            assert_eq!(guess, Some(offset as i64), "{field}");
        }
    }

    /// `linux/bpf.h`, as clang lays it out.
    #[test]
    fn offsets_are_the_kernels() {
        assert_eq!(offset_of!(__sk_buff, cb), 48);
        assert_eq!(offset_of!(__sk_buff, data), 76);
        assert_eq!(offset_of!(__sk_buff, local_port), 136);
        assert_eq!(offset_of!(__sk_buff, flow_keys), 144);
        assert_eq!(offset_of!(__sk_buff, sk), 168);
        assert_eq!(offset_of!(__sk_buff, hwtstamp), 184);
        assert_eq!(offset_of!(syscall_trace_exit, ret), 16);
        assert_eq!(offset_of!(trace_event_raw_sys_enter, args), 16);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn registers_are_the_kernels() {
        assert_eq!(offset_of!(pt_regs, rdi), 112);
        assert_eq!(offset_of!(pt_regs, rip), 128);
        assert_eq!(size_of::<bpf_perf_event_data>(), 184);
        // As `bpf_tracing.h` has them.
        assert_eq!((PT_REGS_PARM1_OFFSET, PT_REGS_PARM4_OFFSET), (112, 88));
        assert_eq!(
            (PT_REGS_PARM6_OFFSET, PT_REGS_SYSCALL_PARM4_OFFSET),
            (64, 56)
        );
        assert_eq!(
            (PT_REGS_RC_OFFSET, PT_REGS_SP_OFFSET, PT_REGS_IP_OFFSET),
            (80, 152, 128)
        );
    }
}
