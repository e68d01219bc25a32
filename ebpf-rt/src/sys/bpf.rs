//! bpf(2): one function per command, each with its own attribute struct that ends after the
//! last field it needs. What follows in the kernel's `union bpf_attr` counts as zeros.

use super::{Call, Result, call, call_for_fd};
use crate::Errno;
use bytemuck::Zeroable;
use core::mem::offset_of;
use ebpf_asm::isa::Insn;
use ebpf_asm::{MapType, ProgramType};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// The commands that are used; the numbers are the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Command {
    MapCreate = 0,
    MapLookupElem = 1,
    MapUpdateElem = 2,
    MapDeleteElem = 3,
    MapGetNextKey = 4,
    ProgLoad = 5,
    ObjGetInfoByFd = 15,
    RawTracepointOpen = 17,
    BtfLoad = 18,
    MapFreeze = 22,
    MapUpdateBatch = 26,
    LinkCreate = 28,
}

impl Command {
    /// The kernel's name.
    #[cfg(test)]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MapCreate => "BPF_MAP_CREATE",
            Self::MapLookupElem => "BPF_MAP_LOOKUP_ELEM",
            Self::MapUpdateElem => "BPF_MAP_UPDATE_ELEM",
            Self::MapDeleteElem => "BPF_MAP_DELETE_ELEM",
            Self::MapGetNextKey => "BPF_MAP_GET_NEXT_KEY",
            Self::ProgLoad => "BPF_PROG_LOAD",
            Self::ObjGetInfoByFd => "BPF_OBJ_GET_INFO_BY_FD",
            Self::RawTracepointOpen => "BPF_RAW_TRACEPOINT_OPEN",
            Self::BtfLoad => "BPF_BTF_LOAD",
            Self::MapFreeze => "BPF_MAP_FREEZE",
            Self::MapUpdateBatch => "BPF_MAP_UPDATE_BATCH",
            Self::LinkCreate => "BPF_LINK_CREATE",
        }
    }
}

/// An attribute struct: `#[repr(C)]`, of integers, without padding, of the stated size.
macro_rules! attributes {
    ($($(#[$meta:meta])* $name:ident: $size:literal { $($field:ident: $type:ty,)* })*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[repr(C)]
        pub(crate) struct $name { $(pub(crate) $field: $type,)* }

        const _: () = assert!(
            size_of::<$name>() == $size && 0 $(+ size_of::<$type>())* == $size,
            "the attribute has padding or the wrong size"
        );

        // SAFETY: integers and arrays of them, for which zeros are valid.
        unsafe impl Zeroable for $name {}
        // SAFETY: `repr(C)`, integers and arrays of them, no padding (asserted above).
        unsafe impl bytemuck::Pod for $name {}
    )* };
}
pub(crate) use attributes;

attributes! {
    /// Of `BPF_MAP_CREATE`, up to the name.
    MapCreate: 44 {
        map_type: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        map_flags: u32,
        inner_map_fd: u32,
        numa_node: u32,
        map_name: [u8; 16],
    }
    /// Of the commands on one element.
    MapElement: 32 {
        map_fd: u32,
        reserved: u32,
        key: u64,
        value_or_next_key: u64,
        flags: u64,
    }
    /// Of `BPF_MAP_UPDATE_BATCH`.
    MapBatch: 56 {
        in_batch: u64,
        out_batch: u64,
        keys: u64,
        values: u64,
        count: u32,
        map_fd: u32,
        elem_flags: u64,
        flags: u64,
    }
    /// Of `BPF_MAP_FREEZE`.
    MapFreeze: 4 {
        map_fd: u32,
    }
    /// Of `BPF_PROG_LOAD`, up to the size of the log.
    ProgLoad: 144 {
        prog_type: u32,
        insn_cnt: u32,
        insns: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log_buf: u64,
        kern_version: u32,
        prog_flags: u32,
        prog_name: [u8; 16],
        prog_ifindex: u32,
        expected_attach_type: u32,
        prog_btf_fd: u32,
        func_info_rec_size: u32,
        func_info: u64,
        func_info_cnt: u32,
        line_info_rec_size: u32,
        line_info: u64,
        line_info_cnt: u32,
        attach_btf_id: u32,
        attach_prog_fd: u32,
        core_relo_cnt: u32,
        fd_array: u64,
        core_relos: u64,
        core_relo_rec_size: u32,
        log_true_size: u32,
    }
    /// Of `BPF_RAW_TRACEPOINT_OPEN`, without a cookie.
    RawTracepointOpen: 16 {
        name: u64,
        prog_fd: u32,
        reserved: u32,
    }
    /// Of `BPF_LINK_CREATE`, without what depends on the kind of link.
    LinkCreate: 16 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
    }
    /// Of `BPF_OBJ_GET_INFO_BY_FD`.
    ObjectInfo: 16 {
        bpf_fd: u32,
        info_len: u32,
        info: u64,
    }
    /// The start of `struct bpf_map_info` and of `struct bpf_prog_info`.
    Info: 8 {
        kind: u32,
        id: u32,
    }
}

const BPF_PERF_EVENT: u32 = 41;

#[inline]
fn bpf(command: Command, attr: &mut impl bytemuck::Pod) -> Result<i64> {
    let attr = bytemuck::bytes_of_mut(attr);
    call(Call::Bpf { command, attr })
}

fn bpf_for_fd(command: Command, attr: &mut impl bytemuck::Pod) -> Result<OwnedFd> {
    let attr = bytemuck::bytes_of_mut(attr);
    call_for_fd(Call::Bpf { command, attr })
}

fn fd_field(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

fn pointer<T>(slice: &[T]) -> u64 {
    slice.as_ptr() as usize as u64
}

/// What the kernel makes of a name: its first 15 bytes; a byte that is not a letter, a digit,
/// `_` or `.` becomes `_`.
pub(crate) fn kernel_name(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes[..15].iter_mut().zip(name.bytes()) {
        let valid = from.is_ascii_alphanumeric() || from == b'_' || from == b'.';
        *to = if valid { from } else { b'_' };
    }
    bytes
}

/// What a map is created from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewMap<'a> {
    pub(crate) name: &'a str,
    pub(crate) map_type: MapType,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
}

/// `BPF_MAP_CREATE`.
pub(crate) fn map_create(map: &NewMap<'_>) -> Result<OwnedFd> {
    let mut attr = MapCreate {
        map_type: map.map_type as u32,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        map_flags: map.flags,
        map_name: kernel_name(map.name),
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::MapCreate, &mut attr)
}

/// `BPF_MAP_LOOKUP_ELEM`. `value` has the size that the kernel copies for this map.
#[inline]
pub(crate) fn map_lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> Result<()> {
    let mut attr = MapElement {
        map_fd: fd_field(map),
        key: pointer(key),
        value_or_next_key: value.as_mut_ptr() as usize as u64,
        ..Zeroable::zeroed()
    };
    bpf(Command::MapLookupElem, &mut attr).map(drop)
}

/// `BPF_MAP_UPDATE_ELEM`. `value` has the size that the kernel copies for this map.
#[inline]
pub(crate) fn map_update(map: BorrowedFd<'_>, key: &[u8], value: &[u8], flags: u64) -> Result<()> {
    let mut attr = MapElement {
        map_fd: fd_field(map),
        reserved: 0,
        key: pointer(key),
        value_or_next_key: pointer(value),
        flags,
    };
    bpf(Command::MapUpdateElem, &mut attr).map(drop)
}

/// `BPF_MAP_DELETE_ELEM`.
#[inline]
pub(crate) fn map_delete(map: BorrowedFd<'_>, key: &[u8]) -> Result<()> {
    let mut attr = MapElement {
        map_fd: fd_field(map),
        key: pointer(key),
        ..Zeroable::zeroed()
    };
    bpf(Command::MapDeleteElem, &mut attr).map(drop)
}

/// `BPF_MAP_GET_NEXT_KEY`; from the first if there is no `key`. `false` after the last.
#[inline]
pub(crate) fn map_next_key(
    map: BorrowedFd<'_>,
    key: Option<&[u8]>,
    next: &mut [u8],
) -> Result<bool> {
    let mut attr = MapElement {
        map_fd: fd_field(map),
        key: key.map_or(0, pointer),
        value_or_next_key: next.as_mut_ptr() as usize as u64,
        ..Zeroable::zeroed()
    };
    match bpf(Command::MapGetNextKey, &mut attr) {
        Ok(_) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// `BPF_MAP_UPDATE_BATCH` of the entries 0, 1, … of an array. Linux 5.6.
pub(crate) fn map_fill(map: BorrowedFd<'_>, keys: &[u32], values: &[u8]) -> Result<()> {
    let mut attr = MapBatch {
        keys: pointer(keys),
        values: pointer(values),
        count: u32::try_from(keys.len()).map_err(|_| Errno::E2BIG)?,
        map_fd: fd_field(map),
        ..Zeroable::zeroed()
    };
    bpf(Command::MapUpdateBatch, &mut attr).map(drop)
}

/// `BPF_MAP_FREEZE`. Linux 5.2.
pub(crate) fn map_freeze(map: BorrowedFd<'_>) -> Result<()> {
    let mut attr = MapFreeze {
        map_fd: fd_field(map),
    };
    bpf(Command::MapFreeze, &mut attr).map(drop)
}

/// What a program is loaded from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewProgram<'a> {
    pub(crate) name: &'a str,
    pub(crate) program_type: ProgramType,
    pub(crate) license: &'a CStr,
    pub(crate) insns: &'a [Insn],
}

/// `BPF_PROG_LOAD` without a log.
pub(crate) fn prog_load(program: &NewProgram<'_>) -> Result<OwnedFd> {
    let mut attr = prog_load_attr(program)?;
    // Nothing is said after the name.
    let (attr, _) =
        bytemuck::bytes_of_mut(&mut attr).split_at_mut(offset_of!(ProgLoad, prog_ifindex));
    call_for_fd(Call::Bpf {
        command: Command::ProgLoad,
        attr,
    })
}

/// `BPF_PROG_LOAD` with a log: the result, and how large the whole log is where the kernel
/// says so (Linux 6.4; else 0).
pub(crate) fn prog_load_with_log(
    program: &NewProgram<'_>,
    level: u32,
    buffer: &mut [u8],
) -> (Result<OwnedFd>, u32) {
    let mut attr = match prog_load_attr(program) {
        Ok(attr) => attr,
        Err(errno) => return (Err(errno), 0),
    };
    attr.log_level = level;
    attr.log_size = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
    attr.log_buf = buffer.as_mut_ptr() as usize as u64;
    let result = bpf_for_fd(Command::ProgLoad, &mut attr);
    (result, attr.log_true_size)
}

fn prog_load_attr(program: &NewProgram<'_>) -> Result<ProgLoad> {
    Ok(ProgLoad {
        prog_type: program.program_type as u32,
        insn_cnt: u32::try_from(program.insns.len()).map_err(|_| Errno::E2BIG)?,
        insns: pointer(program.insns),
        license: program.license.as_ptr() as usize as u64,
        prog_name: kernel_name(program.name),
        ..Zeroable::zeroed()
    })
}

/// `BPF_RAW_TRACEPOINT_OPEN`. Linux 4.17.
pub(crate) fn raw_tracepoint_open(program: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    let mut attr = RawTracepointOpen {
        name: name.as_ptr() as usize as u64,
        prog_fd: fd_field(program),
        reserved: 0,
    };
    bpf_for_fd(Command::RawTracepointOpen, &mut attr)
}

/// `BPF_LINK_CREATE` of a program and a perf event. Linux 5.15, `EINVAL` before.
pub(crate) fn link_perf_event(program: BorrowedFd<'_>, event: BorrowedFd<'_>) -> Result<OwnedFd> {
    let mut attr = LinkCreate {
        prog_fd: fd_field(program),
        target_fd: fd_field(event),
        attach_type: BPF_PERF_EVENT,
        flags: 0,
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// `BPF_OBJ_GET_INFO_BY_FD`: the kernel's id of a map or a program.
pub(crate) fn id(fd: BorrowedFd<'_>) -> Result<u32> {
    let mut info = Info { kind: 0, id: 0 };
    let buffer = bytemuck::bytes_of_mut(&mut info);
    let mut attr = ObjectInfo {
        bpf_fd: fd_field(fd),
        info_len: 8,
        info: buffer.as_mut_ptr() as usize as u64,
    };
    bpf(Command::ObjGetInfoByFd, &mut attr)?;
    Ok(info.id)
}

#[cfg(test)]
mod tests {
    use super::kernel_name;

    #[test]
    fn names_are_cut_to_what_the_kernel_takes() {
        assert_eq!(&kernel_name("count"), b"count\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(&kernel_name("a_name_of_twenty_one_"), b"a_name_of_twent\0");
        assert_eq!(&kernel_name("zähler-1"), b"z__hler_1\0\0\0\0\0\0\0");
    }
}
