//! bpf(2), as little of it as a comparison needs.

use ebpf_asm::isa::Insn;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const MAP_CREATE: i32 = 0;
const MAP_LOOKUP_ELEM: i32 = 1;
const MAP_UPDATE_ELEM: i32 = 2;
const MAP_DELETE_ELEM: i32 = 3;
const PROG_LOAD: i32 = 5;
const PROG_TEST_RUN: i32 = 10;

/// Of programs that see packets on their way in, whole.
const SCHED_CLS: u32 = 3;

fn bpf<T>(command: i32, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the attributes below are `repr(C)` and as large as stated; pointers in them are to
    // buffers that outlive the call, of the sizes that the kernel goes by.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attr, size_of::<T>()) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result as i32),
    }
}

fn descriptor(number: i32) -> OwnedFd {
    // SAFETY: the kernel just made this descriptor for us.
    unsafe { OwnedFd::from_raw_fd(number) }
}

pub(crate) fn map(kind: u32, key: u32, value: u32, entries: u32) -> io::Result<OwnedFd> {
    let mut attr = [kind, key, value, entries];
    bpf(MAP_CREATE, &mut attr).map(descriptor)
}

#[repr(C)]
struct Element {
    map: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

fn element(command: i32, map: &OwnedFd, key: u32, value: u64) -> io::Result<()> {
    let mut attr = Element {
        map: map.as_raw_fd().cast_unsigned(),
        reserved: 0,
        key: &raw const key as u64,
        value,
        flags: 0,
    };
    bpf(command, &mut attr).map(drop)
}

/// The value has the map's size.
pub(crate) fn update(map: &OwnedFd, key: u32, value: &[u8]) -> io::Result<()> {
    element(MAP_UPDATE_ELEM, map, key, value.as_ptr() as u64)
}

/// The value has the map's size; `false` if there is no such key.
pub(crate) fn lookup(map: &OwnedFd, key: u32, value: &mut [u8]) -> io::Result<bool> {
    match element(MAP_LOOKUP_ELEM, map, key, value.as_mut_ptr() as u64) {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(crate) fn delete(map: &OwnedFd, key: u32) -> io::Result<()> {
    match element(MAP_DELETE_ELEM, map, key, 0) {
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
        _ => Ok(()),
    }
}

#[repr(C)]
#[derive(Default)]
struct Load {
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

/// Loads a program; the error, and with a log what the verifier says.
pub(crate) fn load(insns: &[Insn], maps: &[i32], log: &mut [u8]) -> Result<OwnedFd, io::Error> {
    let mut attr = Load {
        prog_type: SCHED_CLS,
        insn_cnt: insns.len() as u32,
        insns: insns.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log_level: u32::from(!log.is_empty()),
        log_size: log.len() as u32,
        log_buf: if log.is_empty() {
            0
        } else {
            log.as_mut_ptr() as u64
        },
        // Kernels that do not know the field (before 5.14) take it as long as it is zero.
        fd_array: if maps.is_empty() {
            0
        } else {
            maps.as_ptr() as u64
        },
        ..Load::default()
    };
    bpf(PROG_LOAD, &mut attr).map(descriptor)
}

#[repr(C)]
#[derive(Default)]
struct TestRun {
    prog: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
}

/// Runs a program on a packet, which is then as the program left it; the result.
pub(crate) fn run(program: &OwnedFd, packet: &mut [u8]) -> io::Result<u32> {
    let input = packet.to_vec();
    let mut attr = TestRun {
        prog: program.as_raw_fd().cast_unsigned(),
        data_size_in: input.len() as u32,
        data_size_out: packet.len() as u32,
        data_in: input.as_ptr() as u64,
        data_out: packet.as_mut_ptr() as u64,
        repeat: 1,
        ..TestRun::default()
    };
    bpf(PROG_TEST_RUN, &mut attr)?;
    Ok(attr.retval)
}
