//! bpf(2) as bare as it can be called: what everything is compared with.

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

const MAP_CREATE: i32 = 0;
const MAP_LOOKUP_ELEM: i32 = 1;
const MAP_UPDATE_ELEM: i32 = 2;
const MAP_GET_NEXT_KEY: i32 = 4;
const PROG_LOAD: i32 = 5;
const OBJ_GET_INFO_BY_FD: i32 = 15;
const MAP_LOOKUP_BATCH: i32 = 24;
const MAP_UPDATE_BATCH: i32 = 26;

#[inline]
fn bpf<T>(command: i32, attr: &mut T) -> libc::c_long {
    let attr: *mut T = attr;
    // SAFETY: the attributes of this module are as the kernel knows them, and what they point to
    // is borrowed by the functions that make them.
    unsafe { libc::syscall(libc::SYS_bpf, command, attr, size_of::<T>()) }
}

fn fd(command: i32, attr: &mut impl Sized) -> Result<OwnedFd> {
    match bpf(command, attr) {
        fd @ 0.. => {
            // SAFETY: the kernel has just made the descriptor for us.
            Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
        }
        _ => Err(Error::last_os_error()),
    }
}

/// `union bpf_attr` of `BPF_MAP_CREATE`, as far as it is needed.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    name: [u8; 16],
}

pub fn map_create(map_type: u32, sizes: [u32; 2], max_entries: u32, name: &str) -> Result<OwnedFd> {
    let mut attr = MapCreate {
        map_type,
        key_size: sizes[0],
        value_size: sizes[1],
        max_entries,
        map_flags: 0,
        inner_map_fd: 0,
        numa_node: 0,
        name: [0; 16],
    };
    attr.name[..name.len()].copy_from_slice(name.as_bytes());
    fd(MAP_CREATE, &mut attr)
}

/// `union bpf_attr` of `BPF_PROG_LOAD`, as far as it is needed.
#[repr(C)]
struct ProgLoad {
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
}

/// Loads instructions, eight bytes each.
pub fn prog_load<T>(
    prog_type: u32,
    insns: &[T],
    license: &std::ffi::CStr,
    name: &str,
) -> Result<OwnedFd> {
    const { assert!(size_of::<T>() == 8, "an instruction has eight bytes") }
    let mut attr = ProgLoad {
        prog_type,
        insn_cnt: insns.len() as u32,
        insns: insns.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name: [0; 16],
    };
    attr.prog_name[..name.len()].copy_from_slice(name.as_bytes());
    fd(PROG_LOAD, &mut attr)
}

/// `union bpf_attr` of the operations on one entry.
#[repr(C)]
struct Element {
    map_fd: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[inline]
fn element<K, V>(command: i32, map: BorrowedFd<'_>, key: *const K, value: *mut V) -> Result<()> {
    let mut attr = Element {
        map_fd: map.as_raw_fd() as u32,
        key: key as u64,
        value: value as u64,
        flags: 0,
    };
    match bpf(command, &mut attr) {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// The map has keys and values of these types.
#[inline]
pub fn map_lookup(map: BorrowedFd<'_>, key: &u32, value: &mut u64) -> Result<()> {
    element(MAP_LOOKUP_ELEM, map, key, value)
}

#[inline]
pub fn map_update(map: BorrowedFd<'_>, key: &u32, value: &u64) -> Result<()> {
    // The kernel only reads it.
    element(
        MAP_UPDATE_ELEM,
        map,
        key,
        std::ptr::from_ref(value).cast_mut(),
    )
}

/// `false` behind the last one.
#[inline]
pub fn map_next_key(map: BorrowedFd<'_>, key: Option<&u32>, next: &mut u32) -> Result<bool> {
    let key = key.map_or(std::ptr::null(), std::ptr::from_ref);
    match element(MAP_GET_NEXT_KEY, map, key, next) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `union bpf_attr` of the operations on many entries.
#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// Reads all entries into buffers that have room for them.
pub fn map_lookup_batch(
    map: BorrowedFd<'_>,
    keys: &mut [u32],
    values: &mut [u64],
) -> Result<usize> {
    let mut place = 0_u32;
    let mut attr = Batch {
        in_batch: 0,
        out_batch: &raw mut place as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count: keys.len().min(values.len()) as u32,
        map_fd: map.as_raw_fd() as u32,
        elem_flags: 0,
        flags: 0,
    };
    match bpf(MAP_LOOKUP_BATCH, &mut attr) {
        0 => Ok(attr.count as usize),
        _ => match Error::last_os_error() {
            // These were the last.
            error if error.raw_os_error() == Some(libc::ENOENT) => Ok(attr.count as usize),
            error => Err(error),
        },
    }
}

pub fn map_update_batch(map: BorrowedFd<'_>, keys: &[u32], values: &[u64]) -> Result<()> {
    let mut attr = Batch {
        in_batch: 0,
        out_batch: 0,
        keys: keys.as_ptr() as u64,
        values: values.as_ptr() as u64,
        count: keys.len().min(values.len()) as u32,
        map_fd: map.as_raw_fd() as u32,
        elem_flags: 0,
        flags: 0,
    };
    match bpf(MAP_UPDATE_BATCH, &mut attr) {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// The beginning of `struct bpf_prog_info`.
#[derive(Default)]
#[repr(C)]
pub struct ProgInfo {
    pub prog_type: u32,
    pub id: u32,
    pub tag: [u8; 8],
    pub jited_prog_len: u32,
    pub xlated_prog_len: u32,
    pub jited_prog_insns: u64,
    pub xlated_prog_insns: u64,
    pub load_time: u64,
    pub created_by_uid: u32,
    pub nr_map_ids: u32,
    pub map_ids: u64,
    pub name: [u8; 16],
    pub ifindex: u32,
    pub gpl_compatible: u32,
    pub netns_dev: u64,
    pub netns_ino: u64,
    pub nr_jited_ksyms: u32,
    pub nr_jited_func_lens: u32,
    pub jited_ksyms: u64,
    pub jited_func_lens: u64,
    pub btf_id: u32,
    pub func_info_rec_size: u32,
    pub func_info: u64,
    pub nr_func_info: u32,
    pub nr_line_info: u32,
    pub line_info: u64,
    pub jited_line_info: u64,
    pub nr_jited_line_info: u32,
    pub line_info_rec_size: u32,
    pub jited_line_info_rec_size: u32,
    pub nr_prog_tags: u32,
    pub prog_tags: u64,
    pub run_time_ns: u64,
    pub run_cnt: u64,
}

#[repr(C)]
struct Info {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// What the kernel knows of a program.
pub fn prog_info(program: BorrowedFd<'_>) -> Result<ProgInfo> {
    let mut info = ProgInfo::default();
    let mut attr = Info {
        bpf_fd: program.as_raw_fd() as u32,
        info_len: size_of::<ProgInfo>() as u32,
        info: &raw mut info as u64,
    };
    match bpf(OBJ_GET_INFO_BY_FD, &mut attr) {
        0 => Ok(info),
        _ => Err(Error::last_os_error()),
    }
}

/// `union bpf_attr` of `BPF_PROG_TEST_RUN`.
#[repr(C)]
struct TestRun {
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
}

/// Runs a program on a packet so many times: what it returns, and how many nanoseconds a run
/// takes on average.
pub fn test_run(program: BorrowedFd<'_>, data: &[u8], times: u32) -> Result<(u32, u32)> {
    const PROG_TEST_RUN: i32 = 10;
    let mut attr = TestRun {
        prog_fd: program.as_raw_fd() as u32,
        retval: 0,
        data_size_in: data.len() as u32,
        data_size_out: 0,
        data_in: data.as_ptr() as u64,
        data_out: 0,
        repeat: times,
        duration: 0,
        ctx_size_in: 0,
        ctx_size_out: 0,
        ctx_in: 0,
        ctx_out: 0,
    };
    match bpf(PROG_TEST_RUN, &mut attr) {
        0 => Ok((attr.retval, attr.duration)),
        _ => Err(Error::last_os_error()),
    }
}
