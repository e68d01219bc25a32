//! bpf(2) as feature probes need it: with fields that a load does not use, and with
//! descriptors that are wrong on purpose.

use super::bpf::{Command, LinkCreate, MapCreate, ProgLoad, RawTracepointOpenCookie, attributes};
use super::by_btf::IterCreate;
use super::{Call, Result, call_for_fd};
use crate::Errno;
use bytemuck::Zeroable;
use core::ffi::CStr;
use ebpf_asm::isa::Insn;
use ebpf_asm::{MapType, ProgramType};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

attributes! {
    /// Of `BPF_LINK_CREATE`, with what depends on the kind of link as bytes.
    ProbeLinkCreate: 64 {
        base: [u8; 16],
        rest: [u8; 48],
    }
}

/// A program for the verifier to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProbeProgram<'a> {
    pub(crate) program_type: ProgramType,
    /// The number of the attach type; 0 for none.
    pub(crate) attach_type: u32,
    pub(crate) flags: u32,
    pub(crate) insns: &'a [Insn],
    pub(crate) fd_array: &'a [RawFd],
    /// What Linux before 5.0 compares for kprobes.
    pub(crate) kernel_version: u32,
    pub(crate) attach_btf_id: u32,
}

/// `BPF_PROG_LOAD` with a log, as `GPL`.
pub(crate) fn prog_load(program: &ProbeProgram<'_>, log: &mut [u8]) -> Result<OwnedFd> {
    const LICENSE: &CStr = c"GPL";
    let mut attr = ProgLoad {
        prog_type: program.program_type as u32,
        insn_cnt: u32::try_from(program.insns.len()).map_err(|_| Errno::E2BIG)?,
        insns: pointer(program.insns),
        license: LICENSE.as_ptr() as usize as u64,
        log_level: 1,
        log_size: size(log),
        log_buf: log.as_mut_ptr() as usize as u64,
        kern_version: program.kernel_version,
        prog_flags: program.flags,
        expected_attach_type: program.attach_type,
        attach_btf_id: program.attach_btf_id,
        fd_array: match program.fd_array {
            [] => 0,
            fds => pointer(fds),
        },
        ..Zeroable::zeroed()
    };
    call_for_fd(Call::Bpf {
        command: Command::ProgLoad,
        attr: bytemuck::bytes_of_mut(&mut attr),
    })
}

/// A map to try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProbeMap<'a> {
    pub(crate) map_type: MapType,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
    pub(crate) inner: Option<BorrowedFd<'a>>,
    /// The BTF whose type 1 is that of key and value.
    pub(crate) btf: Option<BorrowedFd<'a>>,
    /// The number of a type in the kernel's BTF.
    pub(crate) kernel_type: u32,
}

/// `BPF_MAP_CREATE`.
pub(crate) fn map_create(map: &ProbeMap<'_>) -> Result<OwnedFd> {
    let type_id = u32::from(map.btf.is_some());
    let mut attr = MapCreate {
        map_type: map.map_type as u32,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        map_flags: map.flags,
        inner_map_fd: map.inner.map_or(0, |fd| fd.as_raw_fd().cast_unsigned()),
        btf_fd: map.btf.map_or(0, |fd| fd.as_raw_fd().cast_unsigned()),
        btf_key_type_id: type_id,
        btf_value_type_id: type_id,
        btf_vmlinux_value_type_id: map.kernel_type,
        ..Zeroable::zeroed()
    };
    call_for_fd(Call::Bpf {
        command: Command::MapCreate,
        attr: bytemuck::bytes_of_mut(&mut attr),
    })
}

/// `BPF_LINK_CREATE` to a target that need not exist.
pub(crate) fn link_create(
    program: BorrowedFd<'_>,
    target: i32,
    attach_type: u32,
    flags: u32,
    rest: [u8; 48],
) -> Result<OwnedFd> {
    let base = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_fd: target.cast_unsigned(),
        attach_type,
        flags,
    };
    let mut attr = ProbeLinkCreate {
        base: bytemuck::cast(base),
        rest,
    };
    call_for_fd(Call::Bpf {
        command: Command::LinkCreate,
        attr: bytemuck::bytes_of_mut(&mut attr),
    })
}

/// `BPF_ITER_CREATE` of no link.
pub(crate) fn iter_create_nothing() -> Result<OwnedFd> {
    let mut attr = IterCreate {
        link_fd: (-1i32).cast_unsigned(),
        flags: 0,
    };
    call_for_fd(Call::Bpf {
        command: Command::IterCreate,
        attr: bytemuck::bytes_of_mut(&mut attr),
    })
}

/// `BPF_RAW_TRACEPOINT_OPEN` of no program, with a cookie if it is not 0.
pub(crate) fn raw_tracepoint_open_nothing(cookie: u64) -> Result<OwnedFd> {
    let mut attr = RawTracepointOpenCookie {
        name: c"".as_ptr() as usize as u64,
        prog_fd: (-1i32).cast_unsigned(),
        cookie,
        ..Zeroable::zeroed()
    };
    call_for_fd(Call::Bpf {
        command: Command::RawTracepointOpen,
        attr: bytemuck::bytes_of_mut(&mut attr),
    })
}

fn pointer<T>(slice: &[T]) -> u64 {
    slice.as_ptr() as usize as u64
}

fn size(slice: &[u8]) -> u32 {
    u32::try_from(slice.len()).unwrap_or(u32::MAX)
}
