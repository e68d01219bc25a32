//! The real system calls.

use super::{Call, Result};
use crate::Errno;
use core::ffi::{c_int, c_long, c_uint, c_ulong};
use std::io::Read;
use std::os::fd::AsRawFd;

const FSOPEN_CLOEXEC: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;
const FSMOUNT_CLOEXEC: c_uint = 1;
/// Read-only, no device files, nothing to execute: we only read.
const MOUNT_ATTRIBUTES: c_uint = 0x1 | 0x2 | 0x4 | 0x8;
const PERF_FLAG_FD_CLOEXEC: c_ulong = 1 << 3;

/// In the command of bpf(2): two more arguments follow, which are the same for all commands.
const BPF_COMMON_ATTRS: c_int = 1 << 16;

/// Makes the system call once.
#[inline]
pub(super) fn once(call: &mut Call<'_>) -> Result<i64> {
    match call {
        // Map operations are many and short: for them the match disappears at compile time.
        Call::Bpf { command, attr } => {
            // SAFETY: the kernel reads and writes at most `len` bytes of the attribute, which
            // is borrowed mutably. Pointers inside it point to buffers that `sys::bpf`
            // borrows for the duration of the call, with the sizes the kernel goes by.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_bpf,
                    c_long::from(*command as c_int),
                    attr.as_mut_ptr(),
                    attr.len(),
                )
            };
            checked(result)
        }
        call => rare(call),
    }
}

fn rare(call: &mut Call<'_>) -> Result<i64> {
    match call {
        // Answered above.
        Call::Bpf { .. } => Err(Errno::ENOSYS),
        Call::BpfWithLog {
            command,
            attr,
            common,
        } => {
            // SAFETY: as for bpf(2) above; of the second attribute, which is borrowed mutably,
            // the kernel reads and writes at most its length, and the buffer that it points to
            // is borrowed by `sys::bpf` for the duration of the call, with its size.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_bpf,
                    c_long::from(*command as c_int | BPF_COMMON_ATTRS),
                    attr.as_mut_ptr(),
                    attr.len(),
                    common.as_mut_ptr(),
                    common.len(),
                )
            };
            checked(result)
        }
        Call::PerfEventOpen { attr, pid, cpu } => {
            let group: c_int = -1;
            // SAFETY: the attribute begins with its own size, which is the slice's; the
            // kernel reads that many bytes and writes only the size. Pointers inside it are
            // to C strings that `sys::perf` borrows for the duration of the call.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_perf_event_open,
                    attr.as_mut_ptr(),
                    *pid,
                    *cpu,
                    group,
                    PERF_FLAG_FD_CLOEXEC,
                )
            };
            checked(result)
        }
        Call::Ioctl {
            fd,
            request,
            argument,
        } => {
            // SAFETY: the requests that `sys::perf` makes take a number, not a pointer.
            let result =
                unsafe { libc::ioctl(fd.as_raw_fd(), (*request) as _, *argument as c_ulong) };
            checked(c_long::from(result))
        }
        Call::SetSockOpt { fd, option, value } => {
            // SAFETY: the value is an `int` on our stack and its size is given.
            let result = unsafe {
                libc::setsockopt(
                    fd.as_raw_fd(),
                    libc::SOL_SOCKET,
                    *option,
                    core::ptr::from_ref(value).cast(),
                    size_of::<c_int>() as libc::socklen_t,
                )
            };
            checked(c_long::from(result))
        }
        Call::Duplicate { fd } => {
            // SAFETY: takes numbers only.
            let result = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
            checked(c_long::from(result))
        }
        Call::Map {
            fd,
            offset,
            length,
            writable,
        } => {
            let write = if *writable { libc::PROT_WRITE } else { 0 };
            let offset = libc::off_t::try_from(*offset).map_err(|_| Errno::EINVAL)?;
            // SAFETY: a new mapping where the kernel likes it cannot touch existing memory.
            let address = unsafe {
                libc::mmap(
                    core::ptr::null_mut(),
                    *length,
                    libc::PROT_READ | write,
                    libc::MAP_SHARED,
                    fd.as_raw_fd(),
                    offset,
                )
            };
            if address == libc::MAP_FAILED {
                return Err(last_errno());
            }
            Ok(address as usize as i64)
        }
        #[cfg(feature = "vm")]
        Call::MemoryFile { length } => {
            let length = libc::off_t::try_from(*length).map_err(|_| Errno::EINVAL)?;
            // SAFETY: the name is a C string.
            let fd = unsafe { libc::memfd_create(c"ebpf".as_ptr(), libc::MFD_CLOEXEC) };
            let fd = checked(c_long::from(fd))?;
            // SAFETY: takes numbers only.
            let result = unsafe { libc::ftruncate(fd as c_int, length) };
            checked(c_long::from(result)).inspect_err(|_| {
                // SAFETY: the descriptor was just made, and nobody else knows it.
                unsafe { libc::close(fd as c_int) };
            })?;
            Ok(fd)
        }
        #[cfg(feature = "vm")]
        Call::ReadAt { fd, offset, buffer } => {
            let offset = libc::off_t::try_from(*offset).map_err(|_| Errno::EINVAL)?;
            let (start, length) = (buffer.as_mut_ptr(), buffer.len());
            // SAFETY: the kernel writes at most `length` bytes into the buffer.
            let result = unsafe { libc::pread(fd.as_raw_fd(), start.cast(), length, offset) };
            checked(result as c_long)
        }
        #[cfg(feature = "vm")]
        Call::WriteAt { fd, offset, bytes } => {
            let offset = libc::off_t::try_from(*offset).map_err(|_| Errno::EINVAL)?;
            let (start, length) = (bytes.as_ptr(), bytes.len());
            // SAFETY: the kernel reads at most `length` bytes of the slice.
            let result = unsafe { libc::pwrite(fd.as_raw_fd(), start.cast(), length, offset) };
            checked(result as c_long)
        }
        #[cfg(feature = "btf")]
        Call::MapFile { fd, length } => {
            // SAFETY: a new mapping where the kernel likes it cannot touch existing memory.
            let address = unsafe {
                libc::mmap(
                    core::ptr::null_mut(),
                    *length,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE,
                    fd.as_raw_fd(),
                    0,
                )
            };
            if address == libc::MAP_FAILED {
                return Err(last_errno());
            }
            Ok(address as usize as i64)
        }
        #[cfg(feature = "btf")]
        Call::FileSize { fd } => {
            // SAFETY: `stat` is integers, for which zeros are valid.
            let mut stat: libc::stat = unsafe { core::mem::zeroed() };
            // SAFETY: the kernel fills the struct we own.
            checked(c_long::from(unsafe {
                libc::fstat(fd.as_raw_fd(), &mut stat)
            }))?;
            Ok(stat.st_size as i64)
        }
        Call::Unmap { address, length } => {
            // SAFETY: `sys::memory::Mapping` owns these pages and is being dropped.
            let result = unsafe { libc::munmap(*address as *mut _, *length) };
            checked(c_long::from(result))
        }
        Call::FsOpen { name } => {
            // SAFETY: the name is a C string.
            checked(unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC) })
        }
        Call::FsCreate { fd } => {
            let null = core::ptr::null::<u8>();
            // SAFETY: this command takes neither key nor value.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_fsconfig,
                    fd.as_raw_fd(),
                    FSCONFIG_CMD_CREATE,
                    null,
                    null,
                    0 as c_int,
                )
            };
            checked(result)
        }
        Call::FsMount { fd } => {
            // SAFETY: takes numbers only.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_fsmount,
                    fd.as_raw_fd(),
                    FSMOUNT_CLOEXEC,
                    MOUNT_ATTRIBUTES,
                )
            };
            checked(result)
        }
        Call::OpenAt {
            directory,
            path,
            flags,
        } => {
            let directory = directory.map_or(libc::AT_FDCWD, |fd| fd.as_raw_fd());
            // SAFETY: the path is a C string.
            let result =
                unsafe { libc::openat(directory, path.as_ptr(), *flags | libc::O_CLOEXEC) };
            checked(c_long::from(result))
        }
        Call::Read { fd, buffer } => {
            // SAFETY: the kernel writes at most `len` bytes into the buffer.
            let result =
                unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
            checked(result as c_long)
        }
        Call::Poll { fd, milliseconds } => {
            let mut pollfd = libc::pollfd {
                fd: fd.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one element, on our stack.
            checked(c_long::from(unsafe {
                libc::poll(&mut pollfd, 1, *milliseconds)
            }))
        }
        Call::PollMany {
            fds,
            output,
            ready,
            milliseconds,
        } => {
            let events = if *output { libc::POLLOUT } else { libc::POLLIN };
            let mut polled: Vec<_> = fds
                .iter()
                .map(|fd| libc::pollfd {
                    fd: fd.as_raw_fd(),
                    events,
                    revents: 0,
                })
                .collect();
            let count = polled.len() as libc::nfds_t;
            // SAFETY: as many elements as stated, in our vector.
            let result = unsafe { libc::poll(polled.as_mut_ptr(), count, *milliseconds) };
            for (ready, polled) in ready.iter_mut().zip(&polled) {
                *ready = polled.revents != 0;
            }
            checked(c_long::from(result))
        }
        // SAFETY: the path is a C string.
        Call::Unlink { path } => checked(c_long::from(unsafe { libc::unlink(path.as_ptr()) })),
        Call::MakeDirectory { path } => {
            // SAFETY: the path is a C string that outlives the call.
            checked(c_long::from(unsafe { libc::mkdir(path.as_ptr(), 0o700) }))
        }
        Call::RemoveDirectory { path } => {
            // SAFETY: the path is a C string that outlives the call.
            checked(c_long::from(unsafe { libc::rmdir(path.as_ptr()) }))
        }
        Call::ReadFile { path, into } => {
            let mut read = || std::fs::File::open(*path)?.read_to_end(into);
            match read() {
                Ok(length) => Ok(length as i64),
                Err(error) => Err(Errno::from_io(&error)),
            }
        }
        Call::ListDirectory { path, into } => {
            let entries = std::fs::read_dir(*path).map_err(|error| Errno::from_io(&error))?;
            into.extend(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()));
            Ok(into.len() as i64)
        }
        Call::Release { into } => {
            // SAFETY: `utsname` is arrays of `c_char`, for which zeros are valid.
            let mut name: libc::utsname = unsafe { core::mem::zeroed() };
            // SAFETY: the kernel fills the struct we own.
            checked(c_long::from(unsafe { libc::uname(&mut name) }))?;
            into.extend(
                name.release
                    .iter()
                    .map(|&c| c as u8)
                    .take_while(|&c| c != 0)
                    .map(char::from),
            );
            Ok(0)
        }
        Call::UnlimitMemlock => {
            let limit = libc::rlimit {
                rlim_cur: libc::RLIM_INFINITY,
                rlim_max: libc::RLIM_INFINITY,
            };
            // SAFETY: reads the struct on our stack.
            checked(c_long::from(unsafe {
                libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit)
            }))
        }
    }
}

#[inline]
fn checked(result: c_long) -> Result<i64> {
    if result < 0 {
        Err(last_errno())
    } else {
        #[allow(
            clippy::useless_conversion,
            reason = "`c_long` has 32 bits on some targets"
        )]
        Ok(i64::from(result))
    }
}

fn last_errno() -> Errno {
    Errno::from_io(&std::io::Error::last_os_error())
}
