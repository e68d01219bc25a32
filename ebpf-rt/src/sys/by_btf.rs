//! bpf(2) for what attaches by BTF: tracing, security hooks, iterators, tables of functions.

use super::Result;
use super::bpf::{Command, attributes, bpf, bpf_for_fd, fd_field, pointer};
use bytemuck::Zeroable;
use ebpf_asm::AttachType;
use std::os::fd::{BorrowedFd, OwnedFd};

attributes! {
    /// Of `BPF_RAW_TRACEPOINT_OPEN` of a program whose load said where it goes.
    OpenTracing: 16 {
        name: u64,
        prog_fd: u32,
        reserved: u32,
    }
    /// Of `BPF_LINK_CREATE` of a tracing program.
    LinkCreateTracing: 32 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        target_btf_id: u32,
        reserved: u32,
        cookie: u64,
    }
    /// Of `BPF_LINK_CREATE` of an iterator.
    LinkCreateIter: 32 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        iter_info: u64,
        iter_info_len: u32,
        reserved: u32,
    }
    /// Of `BPF_LINK_CREATE` of a table of functions.
    LinkCreateStructOps: 16 {
        map_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
    }
    /// Of `BPF_ITER_CREATE`.
    IterCreate: 8 {
        link_fd: u32,
        flags: u32,
    }
    /// Of `BPF_LINK_UPDATE` of a table of functions.
    LinkUpdateStructOps: 16 {
        link_fd: u32,
        new_map_fd: u32,
        flags: u32,
        old_map_fd: u32,
    }
}

/// `BPF_RAW_TRACEPOINT_OPEN` of a program whose load said where it goes. Linux 5.5.
pub(crate) fn open_tracing(program: BorrowedFd<'_>) -> Result<OwnedFd> {
    let mut attr = OpenTracing {
        prog_fd: fd_field(program),
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::RawTracepointOpen, &mut attr)
}

/// `BPF_LINK_CREATE` of a tracing program with a cookie.
pub(crate) fn link_tracing(
    program: BorrowedFd<'_>,
    attach_type: AttachType,
    cookie: u64,
) -> Result<OwnedFd> {
    let mut attr = LinkCreateTracing {
        prog_fd: fd_field(program),
        attach_type: attach_type.as_raw(),
        cookie,
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// `BPF_LINK_CREATE` of a program and a function of another program. Linux 5.10.
pub(crate) fn link_to_program(
    program: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    function: u32,
) -> Result<OwnedFd> {
    let mut attr = LinkCreateTracing {
        prog_fd: fd_field(program),
        target_fd: fd_field(target),
        target_btf_id: function,
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// `BPF_LINK_CREATE` of an iterator with these parameters (`union bpf_iter_link_info`). Linux
/// 5.8, with parameters 5.9.
pub(crate) fn link_iter(program: BorrowedFd<'_>, parameters: &[u8]) -> Result<OwnedFd> {
    let mut attr = LinkCreateIter {
        prog_fd: fd_field(program),
        attach_type: AttachType::TraceIter.as_raw(),
        iter_info: match parameters {
            [] => 0,
            _ => pointer(parameters),
        },
        iter_info_len: parameters.len() as u32,
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// `BPF_ITER_CREATE`: a file to read. Linux 5.8.
pub(crate) fn iter_create(link: BorrowedFd<'_>) -> Result<OwnedFd> {
    let mut attr = IterCreate {
        link_fd: fd_field(link),
        flags: 0,
    };
    bpf_for_fd(Command::IterCreate, &mut attr)
}

/// `BPF_LINK_CREATE` of a table of functions that was made for it. Linux 6.4.
pub(crate) fn link_struct_ops(map: BorrowedFd<'_>) -> Result<OwnedFd> {
    let mut attr = LinkCreateStructOps {
        map_fd: fd_field(map),
        attach_type: AttachType::StructOps.as_raw(),
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// `BPF_LINK_UPDATE` of a table of functions: another one in its place. Linux 6.4.
pub(crate) fn update_struct_ops(link: BorrowedFd<'_>, map: BorrowedFd<'_>) -> Result<()> {
    let mut attr = LinkUpdateStructOps {
        link_fd: fd_field(link),
        new_map_fd: fd_field(map),
        ..Zeroable::zeroed()
    };
    bpf(Command::LinkUpdate, &mut attr).map(drop)
}
