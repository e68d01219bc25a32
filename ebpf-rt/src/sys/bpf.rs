//! bpf(2): one function per command, each with its own attribute struct that ends after the
//! last field it needs. What follows in the kernel's `union bpf_attr` counts as zeros.

use super::{Call, Result, call, call_for_fd};
use crate::Errno;
use bytemuck::Zeroable;
use core::mem::offset_of;
use ebpf_asm::isa::Insn;
use ebpf_asm::{AttachType, MapType, ProgramType};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

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
    ObjPin = 6,
    ObjGet = 7,
    ProgAttach = 8,
    ProgDetach = 9,
    ProgTestRun = 10,
    ProgGetNextId = 11,
    MapGetNextId = 12,
    ProgGetFdById = 13,
    MapGetFdById = 14,
    #[cfg(feature = "btf")]
    BtfGetFdById = 19,
    #[cfg(feature = "btf")]
    BtfGetNextId = 23,
    ObjGetInfoByFd = 15,
    RawTracepointOpen = 17,
    MapLookupAndDeleteElem = 21,
    #[cfg(feature = "btf")]
    BtfLoad = 18,
    MapFreeze = 22,
    MapLookupBatch = 24,
    MapLookupAndDeleteBatch = 25,
    MapUpdateBatch = 26,
    MapDeleteBatch = 27,
    LinkCreate = 28,
    LinkUpdate = 29,
    LinkGetFdById = 30,
    LinkGetNextId = 31,
    EnableStats = 32,
    #[cfg(feature = "btf")]
    IterCreate = 33,
    LinkDetach = 34,
}

impl Command {
    /// The kernel's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MapCreate => "BPF_MAP_CREATE",
            Self::MapLookupElem => "BPF_MAP_LOOKUP_ELEM",
            Self::MapUpdateElem => "BPF_MAP_UPDATE_ELEM",
            Self::MapDeleteElem => "BPF_MAP_DELETE_ELEM",
            Self::MapGetNextKey => "BPF_MAP_GET_NEXT_KEY",
            Self::ProgLoad => "BPF_PROG_LOAD",
            Self::ObjPin => "BPF_OBJ_PIN",
            Self::ObjGet => "BPF_OBJ_GET",
            Self::ProgAttach => "BPF_PROG_ATTACH",
            Self::ProgDetach => "BPF_PROG_DETACH",
            Self::ProgTestRun => "BPF_PROG_TEST_RUN",
            Self::ProgGetNextId => "BPF_PROG_GET_NEXT_ID",
            Self::MapGetNextId => "BPF_MAP_GET_NEXT_ID",
            Self::ProgGetFdById => "BPF_PROG_GET_FD_BY_ID",
            Self::MapGetFdById => "BPF_MAP_GET_FD_BY_ID",
            #[cfg(feature = "btf")]
            Self::BtfGetFdById => "BPF_BTF_GET_FD_BY_ID",
            #[cfg(feature = "btf")]
            Self::BtfGetNextId => "BPF_BTF_GET_NEXT_ID",
            Self::ObjGetInfoByFd => "BPF_OBJ_GET_INFO_BY_FD",
            Self::RawTracepointOpen => "BPF_RAW_TRACEPOINT_OPEN",
            Self::MapLookupAndDeleteElem => "BPF_MAP_LOOKUP_AND_DELETE_ELEM",
            #[cfg(feature = "btf")]
            Self::BtfLoad => "BPF_BTF_LOAD",
            Self::MapFreeze => "BPF_MAP_FREEZE",
            Self::MapLookupBatch => "BPF_MAP_LOOKUP_BATCH",
            Self::MapLookupAndDeleteBatch => "BPF_MAP_LOOKUP_AND_DELETE_BATCH",
            Self::MapDeleteBatch => "BPF_MAP_DELETE_BATCH",
            Self::MapUpdateBatch => "BPF_MAP_UPDATE_BATCH",
            Self::LinkCreate => "BPF_LINK_CREATE",
            Self::LinkUpdate => "BPF_LINK_UPDATE",
            Self::LinkGetFdById => "BPF_LINK_GET_FD_BY_ID",
            Self::LinkGetNextId => "BPF_LINK_GET_NEXT_ID",
            Self::EnableStats => "BPF_ENABLE_STATS",
            #[cfg(feature = "btf")]
            Self::IterCreate => "BPF_ITER_CREATE",
            Self::LinkDetach => "BPF_LINK_DETACH",
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
    /// Of `BPF_MAP_CREATE`, up to what only some kinds have.
    MapCreate: 80 {
        map_type: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        map_flags: u32,
        inner_map_fd: u32,
        numa_node: u32,
        map_name: [u8; 16],
        map_ifindex: u32,
        btf_fd: u32,
        btf_key_type_id: u32,
        btf_value_type_id: u32,
        btf_vmlinux_value_type_id: u32,
        map_extra: u64,
        value_type_btf_obj_fd: u32,
        map_token_fd: u32,
    }
    /// What all commands can be asked for: `struct bpf_common_attr`.
    CommonAttributes: 24 {
        log_buf: u64,
        log_size: u32,
        log_level: u32,
        log_true_size: u32,
        padding: u32,
    }
    /// Of `BPF_OBJ_PIN` and `BPF_OBJ_GET`.
    ObjectPath: 16 {
        pathname: u64,
        bpf_fd: u32,
        file_flags: u32,
    }
    /// Of the commands on numbers.
    ObjectId: 12 {
        start_id_or_id: u32,
        next_id: u32,
        open_flags: u32,
    }
    /// `struct bpf_map_info`.
    MapInfo: 88 {
        kind: u32,
        id: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        map_flags: u32,
        name: [u8; 16],
        ifindex: u32,
        btf_vmlinux_value_type_id: u32,
        netns_dev: u64,
        netns_ino: u64,
        btf_id: u32,
        btf_key_type_id: u32,
        btf_value_type_id: u32,
        reserved: u32,
        map_extra: u64,
    }
    /// Of the commands on one element.
    MapElement: 32 {
        map_fd: u32,
        reserved: u32,
        key: u64,
        value_or_next_key: u64,
        flags: u64,
    }
    /// Of the commands on many elements.
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
    /// Of `BPF_RAW_TRACEPOINT_OPEN` with a cookie. Linux 6.10.
    RawTracepointOpenCookie: 24 {
        name: u64,
        prog_fd: u32,
        reserved: u32,
        cookie: u64,
    }
    /// Of `BPF_LINK_CREATE` of a perf event with a cookie.
    LinkCreatePerfEvent: 24 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        bpf_cookie: u64,
    }
    /// Of `BPF_LINK_CREATE` of many kernel functions.
    LinkCreateKprobeMulti: 48 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        kprobe_flags: u32,
        count: u32,
        symbols: u64,
        addresses: u64,
        cookies: u64,
    }
    /// Of `BPF_LINK_CREATE` of many places in user-space code.
    LinkCreateUprobeMulti: 64 {
        prog_fd: u32,
        target_fd: u32,
        attach_type: u32,
        flags: u32,
        path: u64,
        offsets: u64,
        ref_ctr_offsets: u64,
        cookies: u64,
        count: u32,
        uprobe_flags: u32,
        pid: u32,
        reserved: u32,
    }
    /// Of `BPF_LINK_UPDATE`.
    LinkUpdate: 16 {
        link_fd: u32,
        new_prog_fd: u32,
        flags: u32,
        old_prog_fd: u32,
    }
    /// Of `BPF_PROG_ATTACH` and `BPF_PROG_DETACH`.
    ProgAttach: 16 {
        target_fd: u32,
        attach_bpf_fd: u32,
        attach_type: u32,
        attach_flags: u32,
    }
    /// Of `BPF_LINK_DETACH`.
    LinkDetach: 4 {
        link_fd: u32,
    }
    /// Of `BPF_ENABLE_STATS`.
    EnableStats: 4 {
        kind: u32,
    }
    /// Of `BPF_PROG_TEST_RUN`.
    TestRun: 80 {
        prog_fd: u32,
        retval: u32,
        data_size_in: u32,
        data_size_out: u32,
        data_in: u64,
        data_out: u64,
        repeat: u32,
        duration: u32,
        ctx_size_in: u32,
        ctx_size_out: u32,
        ctx_in: u64,
        ctx_out: u64,
        flags: u32,
        cpu: u32,
        batch_size: u32,
        reserved: u32,
    }
    /// `struct bpf_prog_info`.
    ProgInfo: 232 {
        kind: u32,
        id: u32,
        tag: [u8; 8],
        jited_prog_len: u32,
        xlated_prog_len: u32,
        jited_prog_insns: u64,
        xlated_prog_insns: u64,
        load_time: u64,
        created_by_uid: u32,
        nr_map_ids: u32,
        map_ids: u64,
        name: [u8; 16],
        ifindex: u32,
        gpl_compatible: u32,
        netns_dev: u64,
        netns_ino: u64,
        nr_jited_ksyms: u32,
        nr_jited_func_lens: u32,
        jited_ksyms: u64,
        jited_func_lens: u64,
        btf_id: u32,
        func_info_rec_size: u32,
        func_info: u64,
        nr_func_info: u32,
        nr_line_info: u32,
        line_info: u64,
        jited_line_info: u64,
        nr_jited_line_info: u32,
        line_info_rec_size: u32,
        jited_line_info_rec_size: u32,
        nr_prog_tags: u32,
        prog_tags: u64,
        run_time_ns: u64,
        run_cnt: u64,
        recursion_misses: u64,
        verified_insns: u32,
        attach_btf_obj_id: u32,
        attach_btf_id: u32,
        reserved: u32,
    }
    /// The start of `struct bpf_link_info`.
    LinkInfo: 32 {
        kind: u32,
        id: u32,
        prog_id: u32,
        reserved: u32,
        details: [u32; 4],
    }
    /// Of `BPF_OBJ_GET_INFO_BY_FD`.
    ObjectInfo: 16 {
        bpf_fd: u32,
        info_len: u32,
        info: u64,
    }
    /// Of `BPF_BTF_LOAD`, up to the level of the log.
    BtfLoad: 32 {
        btf: u64,
        btf_log_buf: u64,
        btf_size: u32,
        btf_log_size: u32,
        btf_log_level: u32,
        btf_log_true_size: u32,
    }
    /// `struct bpf_btf_info`.
    BtfInfo: 32 {
        btf: u64,
        btf_size: u32,
        id: u32,
        name: u64,
        name_len: u32,
        kernel_btf: u32,
    }
    /// The start of `struct bpf_map_info`, of `struct bpf_prog_info` and of `struct
    /// bpf_link_info`.
    Info: 8 {
        kind: u32,
        id: u32,
    }
}

#[inline]
pub(super) fn bpf(command: Command, attr: &mut impl bytemuck::Pod) -> Result<i64> {
    let attr = bytemuck::bytes_of_mut(attr);
    call(Call::Bpf { command, attr })
}

pub(super) fn bpf_for_fd(command: Command, attr: &mut impl bytemuck::Pod) -> Result<OwnedFd> {
    let attr = bytemuck::bytes_of_mut(attr);
    call_for_fd(Call::Bpf { command, attr })
}

pub(super) fn fd_field(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

pub(super) fn pointer<T>(slice: &[T]) -> u64 {
    slice.as_ptr() as usize as u64
}

/// Maps without keys take no pointer to one.
#[inline]
fn key_pointer(key: &[u8]) -> u64 {
    if key.is_empty() { 0 } else { pointer(key) }
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

/// The name that the kernel gives back.
pub(crate) fn from_kernel_name(name: &[u8; 16]) -> String {
    let end = name.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(name.get(..end.unwrap_or(16)).unwrap_or_default()).into_owned()
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
    pub(crate) inner: Option<BorrowedFd<'a>>,
    pub(crate) extra: u64,
    pub(crate) types: Option<MapTypes<'a>>,
    pub(crate) kernel_value: Option<KernelValue<'a>>,
}

/// The types of a map's keys and values, by number in BTF that is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapTypes<'a> {
    pub(crate) btf: BorrowedFd<'a>,
    pub(crate) key: u32,
    pub(crate) value: u32,
}

/// A type of the kernel that is the value of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelValue<'a> {
    /// Any BTF: the kernel wants some, and does not look into it.
    pub(crate) btf: BorrowedFd<'a>,
    pub(crate) type_id: u32,
    /// The BTF of the module that has the type, if it is not the kernel's own. Linux 6.9.
    pub(crate) module: Option<BorrowedFd<'a>>,
}

/// `BPF_F_VTYPE_BTF_OBJ_FD`
const VALUE_TYPE_IS_OF_A_MODULE: u32 = 1 << 15;

/// `BPF_MAP_CREATE`.
pub(crate) fn map_create(map: &NewMap<'_>) -> Result<OwnedFd> {
    let (mut attr, size) = map_create_attr(map);
    let (attr, _) = bytemuck::bytes_of_mut(&mut attr).split_at_mut(size);
    call_for_fd(Call::Bpf {
        command: Command::MapCreate,
        attr,
    })
}

/// `BPF_MAP_CREATE` with a log. `EINVAL` on kernels that have none for maps: before Linux 7.
pub(crate) fn map_create_with_log(map: &NewMap<'_>, buffer: &mut [u8]) -> Result<OwnedFd> {
    let (mut attr, size) = map_create_attr(map);
    let (attr, _) = bytemuck::bytes_of_mut(&mut attr).split_at_mut(size);
    let mut common = CommonAttributes {
        log_buf: buffer.as_mut_ptr() as usize as u64,
        log_size: u32::try_from(buffer.len()).unwrap_or(u32::MAX),
        log_level: 1,
        log_true_size: 0,
        padding: 0,
    };
    call_for_fd(Call::BpfWithLog {
        command: Command::MapCreate,
        attr,
        common: bytemuck::bytes_of_mut(&mut common),
    })
}

/// The attribute, and how much of it is to be said.
fn map_create_attr(map: &NewMap<'_>) -> (MapCreate, usize) {
    let mut attr = MapCreate {
        map_type: map.map_type as u32,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        map_flags: map.flags,
        map_name: kernel_name(map.name),
        inner_map_fd: map.inner.map_or(0, fd_field),
        map_extra: map.extra,
        btf_fd: map.types.map_or(0, |types| fd_field(types.btf)),
        btf_key_type_id: map.types.map_or(0, |types| types.key),
        btf_value_type_id: map.types.map_or(0, |types| types.value),
        ..Zeroable::zeroed()
    };
    if let Some(value) = map.kernel_value {
        attr.btf_fd = fd_field(value.btf);
        attr.btf_vmlinux_value_type_id = value.type_id;
        if let Some(module) = value.module {
            attr.map_flags |= VALUE_TYPE_IS_OF_A_MODULE;
            attr.value_type_btf_obj_fd = fd_field(module);
        }
    }
    // What is zero anyway is not said, so that kernels need not know it.
    let size = if attr.value_type_btf_obj_fd != 0 {
        offset_of!(MapCreate, map_token_fd)
    } else if map.extra != 0 {
        offset_of!(MapCreate, value_type_btf_obj_fd)
    } else if map.kernel_value.is_some() {
        offset_of!(MapCreate, map_extra)
    } else if map.types.is_some() {
        offset_of!(MapCreate, btf_vmlinux_value_type_id)
    } else {
        offset_of!(MapCreate, map_ifindex)
    };
    (attr, size)
}

/// `BPF_MAP_LOOKUP_ELEM`. `value` has the size that the kernel copies for this map.
#[inline]
pub(crate) fn map_lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> Result<()> {
    let mut attr = MapElement {
        map_fd: fd_field(map),
        key: key_pointer(key),
        value_or_next_key: value.as_mut_ptr() as usize as u64,
        ..Zeroable::zeroed()
    };
    bpf(Command::MapLookupElem, &mut attr).map(drop)
}

/// `BPF_MAP_LOOKUP_AND_DELETE_ELEM`. `value` has the size that the kernel copies for this map.
/// Of queues and stacks Linux 4.20, of hash tables 5.14.
pub(crate) fn map_take(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> Result<()> {
    let mut attr = MapElement {
        map_fd: fd_field(map),
        key: key_pointer(key),
        value_or_next_key: value.as_mut_ptr() as usize as u64,
        ..Zeroable::zeroed()
    };
    bpf(Command::MapLookupAndDeleteElem, &mut attr).map(drop)
}

/// `BPF_MAP_UPDATE_ELEM`. `value` has the size that the kernel copies for this map.
#[inline]
pub(crate) fn map_update(map: BorrowedFd<'_>, key: &[u8], value: &[u8], flags: u64) -> Result<()> {
    let mut attr = MapElement {
        map_fd: fd_field(map),
        reserved: 0,
        key: key_pointer(key),
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
        key: key_pointer(key),
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

/// `BPF_MAP_UPDATE_BATCH` of this many entries: the result, and how many were done. Linux 5.6.
pub(crate) fn map_update_batch(
    map: BorrowedFd<'_>,
    keys: &[u8],
    values: &[u8],
    count: u32,
    flags: u64,
) -> (Result<()>, u32) {
    let mut attr = MapBatch {
        keys: pointer(keys),
        values: pointer(values),
        count,
        map_fd: fd_field(map),
        elem_flags: flags,
        ..Zeroable::zeroed()
    };
    let result = bpf(Command::MapUpdateBatch, &mut attr).map(drop);
    (result, attr.count)
}

/// `BPF_MAP_DELETE_BATCH` of this many keys: the result, and how many were done. Linux 5.6.
pub(crate) fn map_delete_batch(map: BorrowedFd<'_>, keys: &[u8], count: u32) -> (Result<()>, u32) {
    let mut attr = MapBatch {
        keys: pointer(keys),
        count,
        map_fd: fd_field(map),
        ..Zeroable::zeroed()
    };
    let result = bpf(Command::MapDeleteBatch, &mut attr).map(drop);
    (result, attr.count)
}

/// The buffers of a batch that is read: each as large as `count` keys or values. `position`
/// is where the walk stands: as large as a key, and four bytes at least.
#[derive(Debug)]
pub(crate) struct BatchBuffers<'a> {
    pub(crate) position: &'a mut [u8],
    pub(crate) keys: &'a mut [u8],
    pub(crate) values: &'a mut [u8],
    pub(crate) count: u32,
}

/// `BPF_MAP_LOOKUP_BATCH`, or `BPF_MAP_LOOKUP_AND_DELETE_BATCH`: the result, which is `ENOENT`
/// after the last entry, and how many entries were read. Linux 5.6.
pub(crate) fn map_lookup_batch(
    map: BorrowedFd<'_>,
    buffers: &mut BatchBuffers<'_>,
    first: bool,
    delete: bool,
) -> (Result<()>, u32) {
    let position = buffers.position.as_mut_ptr() as usize as u64;
    let mut attr = MapBatch {
        in_batch: if first { 0 } else { position },
        out_batch: position,
        keys: buffers.keys.as_mut_ptr() as usize as u64,
        values: buffers.values.as_mut_ptr() as usize as u64,
        count: buffers.count,
        map_fd: fd_field(map),
        ..Zeroable::zeroed()
    };
    let command = if delete {
        Command::MapLookupAndDeleteBatch
    } else {
        Command::MapLookupBatch
    };
    let result = bpf(command, &mut attr).map(drop);
    (result, attr.count)
}

/// `BPF_OBJ_PIN`: a name for a map, program or link in a bpffs.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    let mut attr = ObjectPath {
        pathname: path.as_ptr() as usize as u64,
        bpf_fd: fd_field(fd),
        file_flags: 0,
    };
    bpf(Command::ObjPin, &mut attr).map(drop)
}

/// `BPF_OBJ_GET`: what has this name in a bpffs.
pub(crate) fn get_pinned(path: &CStr) -> Result<OwnedFd> {
    let mut attr = ObjectPath {
        pathname: path.as_ptr() as usize as u64,
        bpf_fd: 0,
        file_flags: 0,
    };
    bpf_for_fd(Command::ObjGet, &mut attr)
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
    /// A number of `AttachType`; of struct_ops programs that of the member.
    pub(crate) expected_attach_type: Option<u32>,
    pub(crate) flags: u32,
    pub(crate) license: &'a CStr,
    pub(crate) insns: &'a [Insn],
    /// What its functions and instructions are.
    pub(crate) records: Option<ProgramRecords<'a>>,
    /// The BTF of modules that instructions name by position; the first is not looked at.
    pub(crate) fd_array: &'a [RawFd],
    pub(crate) attach_to: Option<AttachTo<'a>>,
}

/// What a program is attached to that the kernel knows by its BTF.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttachTo<'a> {
    pub(crate) type_id: u32,
    /// The BTF of a module, or the program whose BTF it is, if it is not the kernel's own.
    pub(crate) owner: Option<BorrowedFd<'a>>,
}

/// What the functions and instructions of a program are, by number in BTF that is loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramRecords<'a> {
    pub(crate) btf: BorrowedFd<'a>,
    /// `struct bpf_func_info` each.
    pub(crate) functions: &'a [[u32; 2]],
    /// `struct bpf_line_info` each.
    pub(crate) lines: &'a [[u32; 4]],
}

/// `BPF_PROG_LOAD` without a log.
pub(crate) fn prog_load(program: &NewProgram<'_>) -> Result<OwnedFd> {
    let mut attr = prog_load_attr(program)?;
    // Nothing is said after the name, after where it will be attached, after the records, after
    // what it is attached to, or after the BTF of modules.
    let end = if !program.fd_array.is_empty() {
        offset_of!(ProgLoad, core_relos)
    } else if program.attach_to.is_some() {
        offset_of!(ProgLoad, core_relo_cnt)
    } else if program.records.is_some() {
        offset_of!(ProgLoad, attach_btf_id)
    } else if program.expected_attach_type.is_some() {
        offset_of!(ProgLoad, prog_btf_fd)
    } else {
        offset_of!(ProgLoad, prog_ifindex)
    };
    let (attr, _) = bytemuck::bytes_of_mut(&mut attr).split_at_mut(end);
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

/// `BPF_BTF_LOAD`, with a log if there is a buffer for one. Linux 4.18.
#[cfg(feature = "btf")]
pub(crate) fn btf_load(btf: &[u8], log: &mut [u8]) -> Result<OwnedFd> {
    let mut attr = BtfLoad {
        btf: pointer(btf),
        btf_size: u32::try_from(btf.len()).map_err(|_| Errno::E2BIG)?,
        btf_log_buf: pointer_to_write(log),
        btf_log_size: u32::try_from(log.len()).unwrap_or(u32::MAX),
        btf_log_level: u32::from(!log.is_empty()),
        btf_log_true_size: 0,
    };
    bpf_for_fd(Command::BtfLoad, &mut attr)
}

fn prog_load_attr(program: &NewProgram<'_>) -> Result<ProgLoad> {
    let records = program.records;
    let (functions, lines) = records.map_or((&[][..], &[][..]), |r| (r.functions, r.lines));
    let count = |length: usize| u32::try_from(length).map_err(|_| Errno::E2BIG);
    Ok(ProgLoad {
        prog_btf_fd: records.map_or(0, |records| fd_field(records.btf)),
        func_info_rec_size: if functions.is_empty() { 0 } else { 8 },
        func_info: pointer_if_any(functions),
        func_info_cnt: count(functions.len())?,
        line_info_rec_size: if lines.is_empty() { 0 } else { 16 },
        line_info: pointer_if_any(lines),
        line_info_cnt: count(lines.len())?,
        prog_type: program.program_type as u32,
        insn_cnt: u32::try_from(program.insns.len()).map_err(|_| Errno::E2BIG)?,
        insns: pointer(program.insns),
        license: program.license.as_ptr() as usize as u64,
        prog_flags: program.flags,
        prog_name: kernel_name(program.name),
        expected_attach_type: program.expected_attach_type.unwrap_or(0),
        attach_btf_id: program.attach_to.map_or(0, |to| to.type_id),
        attach_prog_fd: program
            .attach_to
            .and_then(|to| to.owner)
            .map_or(0, fd_field),
        fd_array: match program.fd_array {
            [] => 0,
            fds => pointer(fds),
        },
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

/// `BPF_RAW_TRACEPOINT_OPEN` with a cookie. Linux 6.10, `EINVAL` before if it is not 0.
pub(crate) fn raw_tracepoint_open_with_cookie(
    program: BorrowedFd<'_>,
    name: &CStr,
    cookie: u64,
) -> Result<OwnedFd> {
    let mut attr = RawTracepointOpenCookie {
        name: name.as_ptr() as usize as u64,
        prog_fd: fd_field(program),
        reserved: 0,
        cookie,
    };
    bpf_for_fd(Command::RawTracepointOpen, &mut attr)
}

/// `BPF_LINK_CREATE` of a program and what the descriptor is of.
pub(crate) fn link_create(
    program: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    attach_type: AttachType,
) -> Result<OwnedFd> {
    let mut attr = LinkCreate {
        prog_fd: fd_field(program),
        target_fd: fd_field(target),
        attach_type: attach_type.as_raw(),
        flags: 0,
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// `BPF_LINK_CREATE` of a program and a perf event. Linux 5.15, `EINVAL` before.
pub(crate) fn link_perf_event(
    program: BorrowedFd<'_>,
    event: BorrowedFd<'_>,
    cookie: Option<u64>,
) -> Result<OwnedFd> {
    let Some(bpf_cookie) = cookie else {
        return link_create(program, event, AttachType::PerfEvent);
    };
    let mut attr = LinkCreatePerfEvent {
        prog_fd: fd_field(program),
        target_fd: fd_field(event),
        attach_type: AttachType::PerfEvent.as_raw(),
        flags: 0,
        bpf_cookie,
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// What a program is attached to at many places: the same number of each, or none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KernelFunctions<'a> {
    /// Addresses of C strings; else `addresses`.
    pub(crate) symbols: &'a [u64],
    pub(crate) addresses: &'a [u64],
    pub(crate) cookies: &'a [u64],
    pub(crate) at_return: bool,
}

fn pointer_if_any<T>(slice: &[T]) -> u64 {
    if slice.is_empty() { 0 } else { pointer(slice) }
}

fn pointer_to_write(slice: &mut [u8]) -> u64 {
    if slice.is_empty() {
        0
    } else {
        slice.as_mut_ptr() as usize as u64
    }
}

/// `BPF_LINK_CREATE` of a program and kernel functions. Linux 5.18.
pub(crate) fn link_kprobe_multi(
    program: BorrowedFd<'_>,
    attach_type: AttachType,
    functions: &KernelFunctions<'_>,
) -> Result<OwnedFd> {
    let count = functions.symbols.len().max(functions.addresses.len());
    let mut attr = LinkCreateKprobeMulti {
        prog_fd: fd_field(program),
        attach_type: attach_type.as_raw(),
        kprobe_flags: u32::from(functions.at_return),
        count: u32::try_from(count).map_err(|_| Errno::E2BIG)?,
        symbols: pointer_if_any(functions.symbols),
        addresses: pointer_if_any(functions.addresses),
        cookies: pointer_if_any(functions.cookies),
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

#[cfg(feature = "uprobes")]
/// Places in a file of user-space code: the same number of each, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserFunctions<'a> {
    pub(crate) path: &'a CStr,
    pub(crate) offsets: &'a [u64],
    pub(crate) cookies: &'a [u64],
    pub(crate) at_return: bool,
    pub(crate) pid: Option<u32>,
}

#[cfg(feature = "uprobes")]
/// `BPF_LINK_CREATE` of a program and places in user-space code. Linux 6.6.
pub(crate) fn link_uprobe_multi(
    program: BorrowedFd<'_>,
    attach_type: AttachType,
    functions: &UserFunctions<'_>,
) -> Result<OwnedFd> {
    let mut attr = LinkCreateUprobeMulti {
        prog_fd: fd_field(program),
        attach_type: attach_type.as_raw(),
        path: functions.path.as_ptr() as usize as u64,
        offsets: pointer(functions.offsets),
        cookies: pointer_if_any(functions.cookies),
        count: u32::try_from(functions.offsets.len()).map_err(|_| Errno::E2BIG)?,
        uprobe_flags: u32::from(functions.at_return),
        pid: functions.pid.unwrap_or(0),
        ..Zeroable::zeroed()
    };
    bpf_for_fd(Command::LinkCreate, &mut attr)
}

/// `BPF_LINK_UPDATE`: another program in place of the one that is there. Linux 5.7.
pub(crate) fn link_update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    let mut attr = LinkUpdate {
        link_fd: fd_field(link),
        new_prog_fd: fd_field(program),
        ..Zeroable::zeroed()
    };
    bpf(Command::LinkUpdate, &mut attr).map(drop)
}

/// `BPF_LINK_DETACH`. Linux 5.9.
pub(crate) fn link_detach(link: BorrowedFd<'_>) -> Result<()> {
    let mut attr = LinkDetach {
        link_fd: fd_field(link),
    };
    bpf(Command::LinkDetach, &mut attr).map(drop)
}

fn prog_attach_attr(
    program: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    attach_type: AttachType,
) -> ProgAttach {
    ProgAttach {
        target_fd: fd_field(target),
        attach_bpf_fd: fd_field(program),
        attach_type: attach_type.as_raw(),
        attach_flags: 0,
    }
}

/// `BPF_PROG_ATTACH`: the program stays attached until it is detached or the target goes.
pub(crate) fn prog_attach(
    program: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    attach_type: AttachType,
) -> Result<()> {
    let mut attr = prog_attach_attr(program, target, attach_type);
    bpf(Command::ProgAttach, &mut attr).map(drop)
}

/// `BPF_PROG_DETACH` of exactly this program.
pub(crate) fn prog_detach(
    program: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    attach_type: AttachType,
) -> Result<()> {
    let mut attr = prog_attach_attr(program, target, attach_type);
    bpf(Command::ProgDetach, &mut attr).map(drop)
}

/// `BPF_*_GET_NEXT_ID`: the number after this one; `None` after the last.
pub(crate) fn next_id(command: Command, after: u32) -> Result<Option<u32>> {
    let mut attr = ObjectId {
        start_id_or_id: after,
        ..Zeroable::zeroed()
    };
    match bpf(command, &mut attr) {
        Ok(_) => Ok(Some(attr.next_id)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// `BPF_*_GET_FD_BY_ID`.
pub(crate) fn fd_by_id(command: Command, id: u32) -> Result<OwnedFd> {
    let mut attr = ObjectId {
        start_id_or_id: id,
        ..Zeroable::zeroed()
    };
    bpf_for_fd(command, &mut attr)
}

/// `BPF_ENABLE_STATS` of run time: for as long as the descriptor is open. Linux 5.8.
pub(crate) fn enable_run_time_statistics() -> Result<OwnedFd> {
    bpf_for_fd(Command::EnableStats, &mut EnableStats { kind: 0 })
}

/// What a program is run with.
#[derive(Debug, Default)]
pub(crate) struct TestInput<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) context: &'a [u8],
    pub(crate) data_out: &'a mut [u8],
    pub(crate) context_out: &'a mut [u8],
    pub(crate) repeat: u32,
    pub(crate) flags: u32,
    pub(crate) cpu: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestOutput {
    pub(crate) retval: u32,
    pub(crate) duration: u32,
    pub(crate) data_size: u32,
    pub(crate) context_size: u32,
}

/// `BPF_PROG_TEST_RUN`. Linux 4.12.
pub(crate) fn test_run(program: BorrowedFd<'_>, input: &mut TestInput<'_>) -> Result<TestOutput> {
    let size = |length: usize| u32::try_from(length).map_err(|_| Errno::E2BIG);
    let mut attr = TestRun {
        prog_fd: fd_field(program),
        data_size_in: size(input.data.len())?,
        data_size_out: size(input.data_out.len())?,
        data_in: pointer_if_any(input.data),
        data_out: pointer_to_write(input.data_out),
        repeat: input.repeat,
        ctx_size_in: size(input.context.len())?,
        ctx_size_out: size(input.context_out.len())?,
        ctx_in: pointer_if_any(input.context),
        ctx_out: pointer_to_write(input.context_out),
        flags: input.flags,
        cpu: input.cpu,
        ..Zeroable::zeroed()
    };
    bpf(Command::ProgTestRun, &mut attr)?;
    Ok(TestOutput {
        retval: attr.retval,
        duration: attr.duration,
        data_size: attr.data_size_out,
        context_size: attr.ctx_size_out,
    })
}

/// `BPF_OBJ_GET_INFO_BY_FD` into a struct that belongs to what the descriptor is of: what the
/// kernel does not know stays zero.
pub(crate) fn info<T: bytemuck::Pod>(fd: BorrowedFd<'_>) -> Result<T> {
    let mut info = T::zeroed();
    info_into(fd, &mut info)?;
    Ok(info)
}

/// What BTF in the kernel is.
#[cfg(feature = "btf")]
#[derive(Clone, Debug)]
pub(crate) struct LoadedBtf {
    pub(crate) id: u32,
    /// Of the kernel's own, what it is of: `vmlinux` or a module. Empty if a process loaded it.
    pub(crate) name: String,
    /// Whether it is the kernel's own.
    pub(crate) of_kernel: bool,
    /// Bytes.
    pub(crate) size: u32,
}

/// `BPF_OBJ_GET_INFO_BY_FD` of BTF. Its name: Linux 5.11.
#[cfg(feature = "btf")]
pub(crate) fn btf_info(fd: BorrowedFd<'_>) -> Result<LoadedBtf> {
    // Modules have names of at most 55 bytes.
    let mut name = [0_u8; 64];
    let mut info = BtfInfo {
        name: pointer_to_write(&mut name),
        name_len: name.len() as u32,
        ..Zeroable::zeroed()
    };
    match info_into(fd, &mut info) {
        // Before Linux 5.11 nothing behind the number may be set.
        Err(Errno::EINVAL | Errno::E2BIG) => {
            info = Zeroable::zeroed();
            info_into(fd, &mut info)?;
        }
        result => result?,
    }
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
    Ok(LoadedBtf {
        id: info.id,
        name: name.to_string_lossy().into_owned(),
        of_kernel: info.kernel_btf != 0,
        size: info.btf_size,
    })
}

/// `BPF_OBJ_GET_INFO_BY_FD` of BTF: its bytes, of which there are `size`.
#[cfg(feature = "btf")]
pub(crate) fn btf_bytes(fd: BorrowedFd<'_>, size: u32) -> Result<Vec<u8>> {
    let mut bytes = vec![0; size as usize];
    let mut info = BtfInfo {
        btf: pointer_to_write(&mut bytes),
        btf_size: size,
        ..Zeroable::zeroed()
    };
    info_into(fd, &mut info)?;
    bytes.truncate(info.btf_size as usize);
    Ok(bytes)
}

/// `BPF_OBJ_GET_INFO_BY_FD` into a struct that says what is wanted.
pub(crate) fn info_into<T: bytemuck::Pod>(fd: BorrowedFd<'_>, info: &mut T) -> Result<()> {
    let buffer = bytemuck::bytes_of_mut(info);
    let mut attr = ObjectInfo {
        bpf_fd: fd_field(fd),
        info_len: buffer.len() as u32,
        info: buffer.as_mut_ptr() as usize as u64,
    };
    bpf(Command::ObjGetInfoByFd, &mut attr).map(drop)
}

/// `BPF_OBJ_GET_INFO_BY_FD`: the kernel's id of a map, a program or a link.
pub(crate) fn id(fd: BorrowedFd<'_>) -> Result<u32> {
    info::<Info>(fd).map(|info| info.id)
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
