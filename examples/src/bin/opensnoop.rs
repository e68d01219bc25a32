//! Shows every file that is opened, with what became of it: trace points at entry and exit of
//! the system calls, and records of any length.

use core::mem::offset_of;
use ebpf_examples::{Exit, Losses, errno_name, json_text, printable, run_tool};
use ebpf_rt::context::{syscall_trace_enter, syscall_trace_exit};
use ebpf_rt::maps::flags::BPF_ANY;
use ebpf_rt::{ErrorKind, Global, LruHashMap, PerCpuArray, Pod, RingBuf, bytemuck, ebpf};
use lexopt::prelude::*;
use serde_json::json;
use std::io::{Write, stdout};
use std::num::{NonZeroU32, NonZeroU64};
use std::process::ExitCode;

const HELP: &str = "\
Prints every open(2), openat(2) and openat2(2) call on the machine, when it is done: process,
the descriptor or why there is none, and the path.

Usage: opensnoop [--pid PID] [--uid UID] [--failed] [--count N] [--json]

Options:
      --pid PID    Only calls of this process
      --uid UID    Only calls of this user, by number
      --failed     Only calls that failed
      --count N    Stop after N calls
      --json       Print a line of JSON for each call
  -h, --help       Print this

Needs CAP_BPF and CAP_PERFMON, and access to tracefs.
";

const PATH_MAX: usize = libc::PATH_MAX as usize;
/// Calls that can be going on at the same time.
const AT_ONCE: u32 = 8192;

/// What is known when a call begins. The path is read when it is done: the kernel has read it
/// then, so that it is in memory.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Begun {
    path: u64,
    flags: u64,
}

/// How a record begins; the path follows, as long as it is.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Call {
    thread: u32,
    process: u32,
    uid: u32,
    /// Whether the path could be read.
    has_path: u32,
    flags: u64,
    result: i64,
    command: [u8; 16],
}

/// A record with the longest path.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Record {
    call: Call,
    path: [u8; PATH_MAX],
}

/// Where a field of [`Call`] is in a [`Record`]: at its beginning.
const PATH: usize = size_of::<Call>();

ebpf! {
    /// Joins the two ends of each call.
    #[license = "GPL"]      // bpf_probe_read_user_str asks for it
    #[min_kernel = "5.10"]
    mod opens {
        /// Calls that are going on, by thread. Of those who die meanwhile the oldest make room.
        static BEGUN: LruHashMap<u64, Begun> = LruHashMap::with_max_entries(AT_ONCE);
        /// Where a record is made, which is larger than the stack.
        static BUFFER: PerCpuArray<Record> = PerCpuArray::with_max_entries(1);
        static CALLS: RingBuf = RingBuf::with_byte_size(1 << 20);
        /// Calls for which there was no room.
        static LOST: Global<u64> = Global::new(0);
        /// Set before loading: the only process, or 0.
        const PID: u32;
        /// Whether there is only one user, and who.
        const IS_ONE_USER: u8;
        const UID: u32;
        /// Whether calls that succeed are left out.
        const FAILED: u8;

        #[tracepoint("syscalls", "sys_enter_open")]
        fn enter_open(ctx: *mut syscall_trace_enter) -> i32 {
            r2 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args) + 8});
            r1 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args)});
            call begin;
            r0 = 0;
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn enter_openat(ctx: *mut syscall_trace_enter) -> i32 {
            r2 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args) + 16});
            r1 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args) + 8});
            call begin;
            r0 = 0;
            exit;
        }

        /// Has its flags in `struct open_how`, at the beginning.
        #[tracepoint("syscalls", "sys_enter_openat2")]
        fn enter_openat2(ctx: *mut syscall_trace_enter) -> i32 {
            r6 = r1;
            *(u64 *)(r10 - 8) = 0;
            r1 = r10;
            r1 += -8;
            r2 = 8;
            r3 = *(u64 *)(r6 + {offset_of!(syscall_trace_enter, args) + 16});
            call bpf_probe_read_user;
            r1 = *(u64 *)(r6 + {offset_of!(syscall_trace_enter, args) + 8});
            r2 = *(u64 *)(r10 - 8);
            call begin;
            r0 = 0;
            exit;
        }

        /// Remembers the call, if it is wanted.
        fn begin(path: u64, flags: u64) -> i64 {
            *(u64 *)(r10 - {16 - offset_of!(Begun, path)}) = r1;
            *(u64 *)(r10 - {16 - offset_of!(Begun, flags)}) = r2;
            call bpf_get_current_pid_tgid;
            *(u64 *)(r10 - 24) = r0;
            r0 >>= 32;
            r1 = PID;
            if r1 == 0 goto user;
            if r0 != r1 goto done;
        user:
            r1 = IS_ONE_USER;
            if r1 == 0 goto remember;
            call bpf_get_current_uid_gid;
            w1 = UID;
            if w0 != w1 goto done;              // the lower half is the user
        remember:
            r1 = BEGUN ll;
            r2 = r10;
            r2 += -24;
            r3 = r10;
            r3 += -16;
            r4 = BPF_ANY;
            call bpf_map_update_elem;
            if r0 == 0 goto done;
            r1 = LOST ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }

        /// The end of each of the three.
        #[tracepoint("syscalls", "sys_exit_openat")]
        fn leave(ctx: *mut syscall_trace_exit) -> i32 {
            r9 = *(u64 *)(r1 + {offset_of!(syscall_trace_exit, ret)});
            call bpf_get_current_pid_tgid;
            *(u64 *)(r10 - 8) = r0;
            r1 = BEGUN ll;
            r2 = r10;
            r2 += -8;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r7 = r0;
            r1 = FAILED;
            if r1 == 0 goto record;
            if r9 s>= 0 goto forget;
        record:
            *(u32 *)(r10 - 12) = 0;             // the index
            r1 = BUFFER ll;
            r2 = r10;
            r2 += -12;
            call bpf_map_lookup_elem;
            if r0 == 0 goto forget;             // never, but the verifier wants to see it
            r6 = r0;
            *(u64 *)(r6 + {offset_of!(Call, result)}) = r9;
            r1 = *(u64 *)(r7 + {offset_of!(Begun, flags)});
            *(u64 *)(r6 + {offset_of!(Call, flags)}) = r1;
            r1 = *(u64 *)(r10 - 8);
            *(u32 *)(r6 + {offset_of!(Call, thread)}) = w1;
            r1 >>= 32;
            *(u32 *)(r6 + {offset_of!(Call, process)}) = w1;
            call bpf_get_current_uid_gid;
            *(u32 *)(r6 + {offset_of!(Call, uid)}) = w0;
            r1 = r6;
            r1 += {offset_of!(Call, command)};
            r2 = 16;
            call bpf_get_current_comm;

            r1 = r6;
            r1 += PATH;
            r2 = PATH_MAX;
            r3 = *(u64 *)(r7 + {offset_of!(Begun, path)});
            call bpf_probe_read_user_str;
            *(u32 *)(r6 + {offset_of!(Call, has_path)}) = 1;
            if r0 s>= 0 goto output;            // of an empty text older kernels say 0
            *(u32 *)(r6 + {offset_of!(Call, has_path)}) = 0;
            r0 = 0;
        output:
            if r0 > PATH_MAX goto forget;       // never, but not every verifier knows
            r3 = r0;
            r3 += PATH;
            r1 = CALLS ll;
            r2 = r6;
            r4 = 0;
            call bpf_ringbuf_output;
            if r0 == 0 goto forget;
            r1 = LOST ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        forget:
            r1 = BEGUN ll;
            r2 = r10;
            r2 += -8;
            call bpf_map_delete_elem;
        done:
            r0 = 0;
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let (mut pid, mut uid, mut failed) = (None::<NonZeroU32>, None::<u32>, false);
    let (mut count, mut is_json) = (u64::MAX, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pid") => pid = Some(arguments.value()?.parse()?),
            Long("uid") => uid = Some(arguments.value()?.parse()?),
            Long("failed") => failed = true,
            Long("count") => count = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Long("json") => is_json = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let mut loader = opens::loader();
    loader.consts.PID.set(pid.map_or(0, NonZeroU32::get));
    loader.consts.IS_ONE_USER.set(uid.is_some().into());
    loader.consts.UID.set(uid.unwrap_or(0));
    loader.consts.FAILED.set(failed.into());
    let opens = loader.load()?;
    let progs = &opens.progs;
    let mut calls = opens.maps.CALLS.reader()?;
    // The ends first: a call that begins before them would look as if it never ended.
    let mut links = vec![
        progs.leave.attach()?,
        progs.leave.attach_to("syscalls", "sys_exit_openat2")?,
    ];
    // Newer architectures have no open(2).
    match progs.leave.attach_to("syscalls", "sys_exit_open") {
        Ok(link) => links.extend([link, progs.enter_open.attach()?]),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    links.push(progs.enter_openat2.attach()?);
    // Last, for attaching opens files.
    links.push(progs.enter_openat.attach()?);

    let mut out = stdout().lock();
    if !is_json {
        writeln!(
            out,
            "{:>8}  {:<16} {:>4} {:<14} PATH",
            "PID", "PROCESS", "FD", "ERROR"
        )?;
    }
    let mut losses = Losses::default();
    loop {
        opens.maps.CALLS.wait(None)?;
        while let Some(record) = calls.next()? {
            losses.tell("calls", opens.maps.LOST.get())?;
            let Some((call, path)) = parse(record.bytes()) else {
                continue; // the program makes no others
            };
            match is_json {
                true => print_json(&mut out, call, path)?,
                false => print(&mut out, call, path)?,
            }
            count -= 1;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

/// The call, and the path if it could be read.
fn parse(record: &[u8]) -> Option<(&Call, Option<&[u8]>)> {
    let (call, path) = record.split_at_checked(size_of::<Call>())?;
    let call: &Call = bytemuck::try_from_bytes(call).ok()?;
    let path = path.strip_suffix(b"\0").unwrap_or(path);
    Some((call, (call.has_path != 0).then_some(path)))
}

fn print(out: &mut impl Write, call: &Call, path: Option<&[u8]>) -> Result<(), Exit> {
    let fd = match call.result {
        fd @ 0.. => fd.to_string(),
        _ => "-".to_owned(),
    };
    let error = errno_name(call.result).unwrap_or_default();
    let command = printable(ebpf_examples::c_string(&call.command));
    let path = path.map_or("(the path could not be read)".to_owned(), printable);
    let pid = call.process;
    writeln!(out, "{pid:>8}  {command:<16} {fd:>4} {error:<14} {path}")?;
    Ok(())
}

fn print_json(out: &mut impl Write, call: &Call, path: Option<&[u8]>) -> Result<(), Exit> {
    let call = json!({
        "pid": call.process,
        "tid": call.thread,
        "uid": call.uid,
        "command": json_text(&call.command),
        "flags": call.flags,
        "fd": (call.result >= 0).then_some(call.result),
        "error": errno_name(call.result),
        "path": path.map(json_text),
    });
    Ok(writeln!(out, "{call}")?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::opens::OBJECT);
    }
}
