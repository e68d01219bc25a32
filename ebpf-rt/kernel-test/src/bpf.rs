//! bpf(2) without the runtime: what the runtime did is looked at from outside.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

const MAP_CREATE: i32 = 0;
const MAP_UPDATE_ELEM: i32 = 2;
const PROG_GET_NEXT_ID: i32 = 11;
const MAP_GET_NEXT_ID: i32 = 12;
const LINK_GET_NEXT_ID: i32 = 31;
const PROG_LOAD: i32 = 5;
const BTF_LOAD: i32 = 18;
const PROG_GET_FD_BY_ID: i32 = 13;
const MAP_GET_FD_BY_ID: i32 = 14;
const OBJ_GET_INFO_BY_FD: i32 = 15;
const BTF_GET_FD_BY_ID: i32 = 19;
const BTF_GET_NEXT_ID: i32 = 23;
const LINK_GET_FD_BY_ID: i32 = 30;

/// Kinds of things in the kernel that have numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Programs.
    Program,
    /// Maps.
    Map,
    /// Links. Linux 5.8.
    Link,
    /// Type information.
    Btf,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Program, Self::Map, Self::Link, Self::Btf];
}

fn bpf<T>(command: i32, attr: &mut T) -> io::Result<i64> {
    bpf_sized(command, attr, size_of::<T>())
}

/// As [`bpf`] with the beginning of the attributes only: what a kernel does not know, it refuses.
fn bpf_sized<T>(command: i32, attr: &mut T, size: usize) -> io::Result<i64> {
    assert!(size <= size_of::<T>());
    // SAFETY: the attributes below are `repr(C)` and at least as large as stated; pointers in
    // them are to buffers that outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attr, size) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        #[allow(
            clippy::unnecessary_cast,
            reason = "`c_long` has 32 bits on some targets"
        )]
        result => Ok(result as i64),
    }
}

/// The numbers of everything of a kind in the kernel.
///
/// # Panics
/// If the kernel does not say.
#[must_use]
pub fn ids(kind: Kind) -> Vec<u32> {
    try_ids(kind).unwrap_or_else(|error| panic!("{kind:?} numbers: {error}"))
}

pub(crate) fn try_ids(kind: Kind) -> io::Result<Vec<u32>> {
    let command = match kind {
        Kind::Program => PROG_GET_NEXT_ID,
        Kind::Map => MAP_GET_NEXT_ID,
        Kind::Link => LINK_GET_NEXT_ID,
        Kind::Btf => BTF_GET_NEXT_ID,
    };
    // start_id, next_id, open_flags
    let mut attr = [0u32; 3];
    let mut ids = Vec::new();
    loop {
        match bpf(command, &mut attr) {
            Ok(_) => ids.push(attr[1]),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(ids),
            Err(error) => return Err(error),
        }
        attr[0] = attr[1];
    }
}

fn fd_by_id(command: i32, id: u32) -> io::Result<OwnedFd> {
    // id, next_id, open_flags
    let mut attr = [id, 0, 0];
    let fd = bpf(command, &mut attr)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Fills in as much of the kernel's information as there is room for.
fn info<T>(fd: &OwnedFd, info: &mut T) -> io::Result<()> {
    let length = size_of::<T>();
    // SAFETY: the kernel writes plain data into it, and it is borrowed for that long.
    let bytes =
        unsafe { core::slice::from_raw_parts_mut(core::ptr::from_mut(info).cast(), length) };
    info_by_fd(fd, bytes)
}

/// Whether type information is the kernel's own or that of a module. Linux 5.11.
pub(crate) fn is_kernel_btf(id: u32) -> bool {
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        btf: u64,
        btf_size: u32,
        id: u32,
        name: u64,
        name_len: u32,
        kernel_btf: u32,
    }
    let mut all = Info::default();
    fd_by_id(BTF_GET_FD_BY_ID, id)
        .and_then(|fd| info(&fd, &mut all))
        .is_ok()
        && all.kernel_btf != 0
}

/// What something in the kernel holds: a link its program, a program its maps and its types.
pub(crate) fn held_by(kind: Kind, id: u32) -> Vec<(Kind, u32)> {
    match kind {
        Kind::Link => {
            // type, id, prog_id
            let mut words = [0u32; 3];
            fd_by_id(LINK_GET_FD_BY_ID, id)
                .and_then(|fd| info(&fd, &mut words))
                .map(|()| vec![(Kind::Program, words[2])])
                .unwrap_or_default()
        }
        Kind::Program => {
            // `struct bpf_prog_info` in words of four bytes: `nr_map_ids`, `map_ids`, `btf_id`.
            const MAPS: usize = 13;
            const MAP_IDS: usize = 14;
            const BTF: usize = 32;
            let Ok(fd) = fd_by_id(PROG_GET_FD_BY_ID, id) else {
                return Vec::new();
            };
            let mut maps = [0u32; 64];
            let mut words = [0u32; 40];
            words[MAPS] = maps.len() as u32;
            let address = (maps.as_mut_ptr() as u64).to_ne_bytes();
            for (word, bytes) in words[MAP_IDS..].iter_mut().zip(address.chunks(4)) {
                *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
            if info(&fd, &mut words).is_err() {
                return Vec::new();
            }
            let count = (words[MAPS] as usize).min(maps.len());
            let maps = maps[..count].iter().map(|&id| (Kind::Map, id));
            maps.chain([(Kind::Btf, words[BTF])]).collect()
        }
        Kind::Map => {
            // `struct bpf_map_info` in words of four bytes: `btf_id`.
            const BTF: usize = 16;
            let mut words = [0u32; 20];
            fd_by_id(MAP_GET_FD_BY_ID, id)
                .and_then(|fd| info(&fd, &mut words))
                .map(|()| vec![(Kind::Btf, words[BTF])])
                .unwrap_or_default()
        }
        Kind::Btf => Vec::new(),
    }
}

/// A sockmap with room for so many sockets.
///
/// # Errors
/// The kernel's.
pub fn sockmap(entries: u32) -> io::Result<OwnedFd> {
    // map_type, key_size, value_size, max_entries
    let mut attr = [15u32, 4, 4, entries];
    raise_memlock();
    let fd = bpf(MAP_CREATE, &mut attr)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Puts a socket into a sockmap.
///
/// # Errors
/// The kernel's.
pub fn put_socket(map: BorrowedFd<'_>, index: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
    let value = socket.as_raw_fd();
    // map_fd, key, value, flags
    let mut attr = [
        u64::from(map.as_raw_fd().cast_unsigned()),
        &raw const index as u64,
        &raw const value as u64,
        0,
    ];
    #[cfg(target_endian = "big")]
    {
        attr[0] <<= 32;
    }
    bpf(MAP_UPDATE_ELEM, &mut attr).map(drop)
}

/// A file system for eBPF objects that is mounted nowhere; its path, which is good for as long
/// as the descriptor is open. Linux 5.2.
///
/// # Errors
/// The kernel's.
pub fn file_system() -> io::Result<(OwnedFd, std::path::PathBuf)> {
    const CMD_CREATE: libc::c_uint = 6;
    let fd = |result: libc::c_long| match result {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the kernel just made this descriptor for us.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) }),
    };
    // SAFETY: takes a C string and a number.
    let context = fd(unsafe { libc::syscall(libc::SYS_fsopen, c"bpf".as_ptr(), 1) })?;
    let null = core::ptr::null::<u8>();
    // SAFETY: this command takes neither key nor value.
    let created = unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            context.as_raw_fd(),
            CMD_CREATE,
            null,
            null,
            0,
        )
    };
    if created == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: takes numbers only.
    let root = fd(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), 1, 0) })?;
    let path = format!("/proc/self/fd/{}", root.as_raw_fd());
    Ok((root, path.into()))
}

#[repr(C)]
#[derive(Default)]
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
    rest: [u64; 9],
    fd_array: u64,
}

/// Lets programs and maps take as much memory as they need: before Linux 5.11 they count against a limit
/// of the process, and for a while also those that are gone.
pub(crate) fn raise_memlock() {
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // Where it is refused, it may not be needed; where it is, the kernel says so.
    // SAFETY: the limit is ours, and only read.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}

/// A program as bpf(2) takes it.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The kernel's number of the program type.
    pub program_type: u32,
    /// The kernel's number of the attach type, 0 where there is none.
    pub attach_type: u32,
    /// The slots, as the machine has them.
    pub insns: &'a [u8],
    /// The licence.
    pub license: &'a core::ffi::CStr,
    /// `BPF_F_*` flags of loading.
    pub flags: u32,
    /// Its functions' types, if they are needed.
    pub functions: Option<Functions<'a>>,
}

/// The types of a program's functions.
#[derive(Clone, Copy, Debug)]
pub struct Functions<'a> {
    /// The type information that has them.
    pub btf: BorrowedFd<'a>,
    /// `struct bpf_func_info` each: slot, type.
    pub records: &'a [[u32; 2]],
}

/// Loads a program; with a buffer for the log it is filled at level 2, else there is none.
///
/// # Errors
/// The kernel's.
pub fn load(program: &Program<'_>, log: Option<&mut [u8]>) -> io::Result<OwnedFd> {
    let (log_level, log_size, log_buf) = match log {
        Some(log) => {
            log.fill(0);
            (2, log.len() as u32, log.as_mut_ptr() as u64)
        }
        None => (0, 0, 0),
    };
    let mut rest = [0; 9];
    // After the name of 16 bytes: the device's index and the attach type.
    rest[2] = u64::from(program.attach_type)
        << if cfg!(target_endian = "little") {
            32
        } else {
            0
        };
    if let Some(functions) = program.functions {
        let pair = |first: u32, second: u32| {
            let bytes = [first.to_ne_bytes(), second.to_ne_bytes()].concat();
            u64::from_ne_bytes(bytes.try_into().unwrap_or_default())
        };
        // The descriptor and the size of a record, the records, their count.
        rest[3] = pair(functions.btf.as_raw_fd().cast_unsigned(), 8);
        rest[4] = functions.records.as_ptr() as u64;
        rest[5] = pair(functions.records.len() as u32, 0);
    }
    let mut attr = ProgLoad {
        prog_type: program.program_type,
        insn_cnt: (program.insns.len() / 8) as u32,
        insns: program.insns.as_ptr() as u64,
        license: program.license.as_ptr() as u64,
        log_level,
        log_size,
        log_buf,
        prog_flags: program.flags,
        rest,
        ..Default::default()
    };
    // Up to the attach type, or the functions.
    let words = if program.functions.is_some() { 6 } else { 3 };
    let size = core::mem::offset_of!(ProgLoad, rest) + 8 * words;
    match bpf_sized(PROG_LOAD, &mut attr, size) {
        // SAFETY: the kernel just made this descriptor for us.
        Ok(fd) => Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) }),
        Err(error) => Err(error),
    }
}

/// Creates a map.
///
/// # Errors
/// The kernel's.
pub fn create_map(
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
) -> io::Result<OwnedFd> {
    let mut attr = [map_type, key_size, value_size, max_entries, flags];
    raise_memlock();
    let fd = bpf(MAP_CREATE, &mut attr)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Creates an array whose values have a type.
///
/// # Errors
/// The kernel's.
pub fn create_array_of(
    value_size: u32,
    max_entries: u32,
    btf: BorrowedFd<'_>,
    [key, value]: [u32; 2],
) -> io::Result<OwnedFd> {
    let btf = btf.as_raw_fd().cast_unsigned();
    // map_type, sizes, entries, flags, inner map, node, name, interface, then the types.
    let mut attr = [
        2,
        4,
        value_size,
        max_entries,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        btf,
        key,
        value,
    ];
    raise_memlock();
    let fd = bpf(MAP_CREATE, &mut attr)?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Loads a socket filter from its bytes; the verifier's log if it is refused. Descriptors for
/// maps by index, if there are any, need Linux 5.14.
///
/// # Errors
/// The kernel's error and the log.
pub fn load_socket_filter(insns: &[u8], fd_array: &[i32]) -> Result<OwnedFd, (io::Error, String)> {
    if crate::kernel_version() < (5, 11) {
        raise_memlock();
    }
    let mut log = vec![0u8; 1 << 16];
    let mut attr = ProgLoad {
        prog_type: 1,
        insn_cnt: (insns.len() / 8) as u32,
        insns: insns.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log_level: 1,
        log_size: log.len() as u32,
        log_buf: log.as_mut_ptr() as u64,
        fd_array: fd_array.as_ptr() as u64,
        ..Default::default()
    };
    let size = match fd_array {
        [] => core::mem::offset_of!(ProgLoad, fd_array),
        _ => size_of::<ProgLoad>(),
    };
    match bpf_sized(PROG_LOAD, &mut attr, size) {
        // SAFETY: the kernel just made this descriptor for us.
        Ok(fd) => Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) }),
        Err(error) => Err((error, text(&log))),
    }
}

/// What the kernel knows of a program's functions and lines, and the types that it was told.
#[derive(Clone, Debug)]
pub struct Records {
    /// `struct bpf_func_info` each: slot, type.
    pub functions: Vec<[u32; 2]>,
    /// `struct bpf_line_info` each: slot, file, text, line and column.
    pub lines: Vec<[u32; 4]>,
    /// The encoded types.
    pub btf: Vec<u8>,
}

/// Reads back what was loaded with the program of this number.
///
/// # Errors
/// The kernel's.
pub fn records(program: u32) -> io::Result<Records> {
    const PROG_GET_FD_BY_ID: i32 = 13;
    const BTF_GET_FD_BY_ID: i32 = 19;
    const BTF_ID: usize = 128;
    const FUNCTIONS: usize = 132;
    const LINES: usize = 148;
    let program = fd_by_id(PROG_GET_FD_BY_ID, program)?;
    // `struct bpf_prog_info`, as far as needed.
    let word = |info: &[u8; 184], at: usize| {
        u32::from_ne_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]])
    };
    let mut info = [0u8; 184];
    info_by_fd(&program, &mut info)?;
    let mut functions = vec![[0u32; 2]; word(&info, FUNCTIONS + 12) as usize];
    let mut lines = vec![[0u32; 4]; word(&info, LINES) as usize];
    let btf_id = word(&info, BTF_ID);
    let mut wanted = [0u8; 184];
    let mut put = |at: usize, bytes: &[u8]| wanted[at..at + bytes.len()].copy_from_slice(bytes);
    put(FUNCTIONS, &8u32.to_ne_bytes());
    put(
        FUNCTIONS + 4,
        &(functions.as_mut_ptr() as u64).to_ne_bytes(),
    );
    put(FUNCTIONS + 12, &(functions.len() as u32).to_ne_bytes());
    put(LINES, &(lines.len() as u32).to_ne_bytes());
    put(LINES + 4, &(lines.as_mut_ptr() as u64).to_ne_bytes());
    put(LINES + 24, &16u32.to_ne_bytes());
    info_by_fd(&program, &mut wanted)?;

    let btf = fd_by_id(BTF_GET_FD_BY_ID, btf_id)?;
    // `struct bpf_btf_info`: address, size, number.
    let mut info = [0u8; 16];
    info_by_fd(&btf, &mut info)?;
    let size = u32::from_ne_bytes([info[8], info[9], info[10], info[11]]);
    let mut bytes = vec![0u8; size as usize];
    info[..8].copy_from_slice(&(bytes.as_mut_ptr() as u64).to_ne_bytes());
    info_by_fd(&btf, &mut info)?;
    Ok(Records {
        functions,
        lines,
        btf: bytes,
    })
}

fn info_by_fd(fd: &OwnedFd, info: &mut [u8]) -> io::Result<()> {
    #[repr(C)]
    struct Attributes {
        fd: u32,
        length: u32,
        info: u64,
    }
    let mut attr = Attributes {
        fd: fd.as_raw_fd().cast_unsigned(),
        length: info.len() as u32,
        info: info.as_mut_ptr() as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut attr).map(drop)
}

#[derive(Default)]
#[repr(C)]
struct BtfLoad {
    btf: u64,
    btf_log_buf: u64,
    btf_size: u32,
    btf_log_size: u32,
    btf_log_level: u32,
}

/// Loads type information; the kernel's log of it if it is refused.
///
/// # Errors
/// The kernel's error and the log.
pub fn load_btf(btf: &[u8]) -> Result<OwnedFd, (io::Error, String)> {
    let mut log = vec![0u8; 1 << 16];
    let mut attr = BtfLoad {
        btf: btf.as_ptr() as u64,
        btf_size: btf.len() as u32,
        btf_log_buf: log.as_mut_ptr() as u64,
        btf_log_size: log.len() as u32,
        btf_log_level: 1,
    };
    let size = core::mem::offset_of!(BtfLoad, btf_log_level) + size_of::<u32>();
    match bpf_sized(BTF_LOAD, &mut attr, size) {
        // SAFETY: the kernel just made this descriptor for us.
        Ok(fd) => Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) }),
        Err(error) => Err((error, text(&log))),
    }
}

/// A log up to the zero byte that ends it.
fn text(log: &[u8]) -> String {
    let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    String::from_utf8_lossy(&log[..end]).into_owned()
}
