//! Links: `BPF_LINK_CREATE` to nothing, where the error says whether the kernel knows the kind.

use super::program_type::{Hook, SMALLEST};
use super::{ask, map_type};
use crate::capabilities::{self, Capability};
use crate::sys::probe;
use crate::{Errno, Error, ErrorKind};
use ebpf_asm::{AttachType, KernelVersion, ProgramType};
use std::os::fd::AsFd;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident, $text:literal, ($major:literal, $minor:literal);)*) => {
        /// A way to attach a program that is a link: a descriptor that detaches it when it is
        /// closed.
        ///
        /// ```
        /// use ebpf_rt::KernelVersion;
        /// use ebpf_rt::features::LinkKind;
        ///
        /// assert_eq!(LinkKind::Tcx.since(), KernelVersion::new(6, 6));
        /// assert_eq!(LinkKind::KprobeMulti.name(), "kprobe.multi");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum LinkKind {
            $($(#[$doc])* $name,)*
        }

        impl LinkKind {
            /// Every kind, the oldest first.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The first kernel that has it.
            #[must_use]
            pub const fn since(self) -> KernelVersion {
                match self {
                    $(Self::$name => KernelVersion::new($major, $minor),)*
                }
            }

            /// What people call it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// Raw tracepoints (`BPF_RAW_TRACEPOINT_OPEN`).
    RawTracepoint, "raw tracepoint", (4, 17);
    /// Cgroups.
    Cgroup, "cgroup", (5, 7);
    /// Network namespaces: flow dissectors, socket look-up.
    Netns, "netns", (5, 8);
    /// Iterators.
    Iter, "iter", (5, 8);
    /// XDP on a network device.
    Xdp, "xdp", (5, 9);
    /// Perf events, tracepoints, kprobes and uprobes, with a cookie where it is wanted.
    Perf, "perf event", (5, 15);
    /// Many kernel functions at once.
    KprobeMulti, "kprobe.multi", (5, 18);
    /// Tables of functions that the kernel calls.
    StructOps, "struct_ops", (6, 4);
    /// Netfilter hooks.
    Netfilter, "netfilter", (6, 4);
    /// Traffic control without a qdisc.
    Tcx, "tcx", (6, 6);
    /// Many places in a user-space binary at once.
    UprobeMulti, "uprobe.multi", (6, 6);
    /// Pairs of netkit devices.
    Netkit, "netkit", (6, 7);
    /// Raw tracepoints with a cookie.
    RawTracepointCookie, "raw tracepoint with a cookie", (6, 10);
    /// Sockmaps and sockhashes.
    Sockmap, "sockmap", (6, 10);
    /// Entry and return of many kernel functions with one program.
    KprobeSession, "kprobe.session", (6, 10);
    /// Entry and return of many user-space functions with one program.
    UprobeSession, "uprobe.session", (6, 13);
}

impl core::fmt::Display for LinkKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

/// No descriptor, and no device.
const NO_FD: i32 = -1;
const NO_DEVICE: i32 = 0;
/// The number of `lo` in every network namespace.
const LOOPBACK: i32 = 1;
/// An address that no process has memory at.
const NOWHERE: u64 = 1;

/// A link that cannot be, and what a kernel says to it that has the kind.
struct Attempt {
    program_type: ProgramType,
    attach_type: AttachType,
    target: i32,
    /// What follows the flags in the attribute.
    rest: [u8; 48],
    known_by: &'static [Errno],
}

const fn attempt(
    program_type: ProgramType,
    attach_type: AttachType,
    target: i32,
    known_by: &'static [Errno],
) -> Attempt {
    Attempt {
        program_type,
        attach_type,
        target,
        rest: [0; 48],
        known_by,
    }
}

impl Attempt {
    fn with_u32(mut self, at: usize, value: u32) -> Self {
        self.rest[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        self
    }

    fn with_u64(mut self, at: usize, value: u64) -> Self {
        self.rest[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        self
    }

    /// One kernel function, whose address cannot be read.
    fn of_kernel_functions(self) -> Self {
        // flags, count, symbols, addresses, cookies
        self.with_u32(4, 1).with_u64(16, NOWHERE)
    }

    /// One place in a directory, which is no binary.
    fn of_user_functions(self, offsets: &[u64; 1]) -> Self {
        // path, offsets, reference counters, cookies, count, flags, pid
        self.with_u64(0, c"/".as_ptr() as usize as u64)
            .with_u64(8, offsets.as_ptr() as usize as u64)
            .with_u32(32, 1)
    }
}

pub(super) fn ask(kind: LinkKind) -> Result<bool, Error> {
    use AttachType as A;
    use ProgramType as P;
    const BAD_FD: &[Errno] = &[Errno::EBADF];
    const NO_SUCH_DEVICE: &[Errno] = &[Errno::ENODEV];
    const OFFSETS: &[u64; 1] = &[0];
    let attempt = match kind {
        LinkKind::RawTracepoint => return raw_tracepoint(kind, 0),
        LinkKind::RawTracepointCookie => return raw_tracepoint(kind, 1),
        LinkKind::Iter => return iter(kind),
        LinkKind::StructOps => return map_type::ask_struct_ops_links(),
        LinkKind::Cgroup => attempt(P::CgroupSkb, A::CgroupInetIngress, NO_FD, BAD_FD),
        LinkKind::Netns => attempt(P::FlowDissector, A::FlowDissector, NO_FD, BAD_FD),
        LinkKind::Perf => attempt(P::Tracepoint, A::PerfEvent, NO_FD, BAD_FD),
        LinkKind::Sockmap => attempt(P::SkMsg, A::SkMsgVerdict, NO_FD, BAD_FD),
        // A device that does not exist gives EINVAL, as an unknown kind does. `lo` exists,
        // and has no driver that could run the program; or somebody else's program is there.
        LinkKind::Xdp => attempt(
            P::Xdp,
            A::Xdp,
            LOOPBACK,
            &[Errno::EOPNOTSUPP, Errno::EBUSY, Errno::EEXIST],
        ),
        LinkKind::Tcx => attempt(P::SchedCls, A::TcxIngress, NO_DEVICE, NO_SUCH_DEVICE),
        LinkKind::Netkit => attempt(P::SchedCls, A::NetkitPrimary, NO_DEVICE, NO_SUCH_DEVICE),
        // No protocol family has this number.
        LinkKind::Netfilter => {
            attempt(P::Netfilter, A::Netfilter, 0, &[Errno::EAFNOSUPPORT]).with_u32(0, 255)
        }
        LinkKind::KprobeMulti => {
            attempt(P::Kprobe, A::TraceKprobeMulti, 0, &[Errno::EFAULT]).of_kernel_functions()
        }
        LinkKind::KprobeSession => {
            attempt(P::Kprobe, A::TraceKprobeSession, 0, &[Errno::EFAULT]).of_kernel_functions()
        }
        LinkKind::UprobeMulti => {
            attempt(P::Kprobe, A::TraceUprobeMulti, 0, BAD_FD).of_user_functions(OFFSETS)
        }
        LinkKind::UprobeSession => {
            attempt(P::Kprobe, A::TraceUprobeSession, 0, BAD_FD).of_user_functions(OFFSETS)
        }
    };
    let asked = format!("links of kind {kind}");
    let hook = Hook::at(match attempt.attach_type {
        // A load does not say it: it is where a link goes.
        A::PerfEvent | A::TcxIngress | A::NetkitPrimary | A::SkMsgVerdict => A::CgroupInetIngress,
        attach_type => attach_type,
    });
    let flags = if kind == LinkKind::Xdp {
        XDP_FLAGS_DRV_MODE
    } else {
        0
    };
    let program = match ask::load(&hook.program(attempt.program_type, SMALLEST)) {
        Ok(program) => program,
        // The kernel does not know the type, or the hook.
        Err(refusal) if refusal.is_wordless() || refusal.errno == Errno::E2BIG => {
            return Ok(false);
        }
        Err(refusal) => {
            return Err(refusal.unexpected(&asked, "BPF_PROG_LOAD", attempt.program_type));
        }
    };
    let result = probe::link_create(
        program.as_fd(),
        attempt.target,
        attempt.attach_type.as_raw(),
        flags,
        attempt.rest,
    );
    match result {
        // It lives no longer than this line.
        Ok(_) => Ok(true),
        Err(errno) if attempt.known_by.contains(&errno) => Ok(true),
        Err(Errno::EINVAL) => Ok(false),
        // The kernel is built without it.
        Err(Errno::EOPNOTSUPP | Errno::ENOTSUPP) => Ok(false),
        Err(errno) => {
            let error = ask::unexpected(&asked, "BPF_LINK_CREATE", errno);
            Err(match error.kind() {
                // Programs for cgroups' packets load with less than attaching them needs.
                ErrorKind::Permission if kind == LinkKind::Cgroup => {
                    ask::explain(error, errno, &[Capability::Bpf, Capability::NetAdmin])
                }
                ErrorKind::Permission => ask::explain(
                    error,
                    errno,
                    capabilities::for_program(attempt.program_type),
                ),
                _ => error,
            })
        }
    }
}

/// A file of no link: a kernel that has the command says that there is none.
fn iter(kind: LinkKind) -> Result<bool, Error> {
    match probe::iter_create_nothing() {
        Ok(_) | Err(Errno::EBADF) => Ok(true),
        Err(Errno::EINVAL) => Ok(false),
        Err(errno) => {
            let error = ask::unexpected(&format!("links of kind {kind}"), "BPF_ITER_CREATE", errno);
            let needs = capabilities::for_program(ProgramType::SocketFilter);
            Err(ask::explain(error, errno, needs))
        }
    }
}

/// `XDP_FLAGS_DRV_MODE`: in the driver or not at all.
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

fn raw_tracepoint(kind: LinkKind, cookie: u64) -> Result<bool, Error> {
    match probe::raw_tracepoint_open_nothing(cookie) {
        Ok(_) | Err(Errno::EBADF) => Ok(true),
        Err(Errno::EINVAL) => Ok(false),
        Err(errno) => {
            let asked = format!("links of kind {kind}");
            let error = ask::unexpected(&asked, "BPF_RAW_TRACEPOINT_OPEN", errno);
            let needs = capabilities::for_program(ProgramType::RawTracepoint);
            Err(ask::explain(error, errno, needs))
        }
    }
}
