//! Shows every program that is executed, with its arguments: a loop in a program, which walks
//! through memory of a process.

use core::ffi::c_char;
use core::mem::offset_of;
use ebpf_examples::{Exit, Losses, c_string, errno_name, json_text, printable, run_tool};
use ebpf_rt::context::{syscall_trace_enter, syscall_trace_exit};
use ebpf_rt::maps::flags::BPF_ANY;
use ebpf_rt::{Global, LruHashMap, PerCpuArray, Pod, RingBuf, bytemuck, ebpf};
use lexopt::prelude::*;
use serde_json::json;
use std::io::{Write, stdout};
use std::num::NonZeroU64;
use std::process::ExitCode;

const HELP: &str = "\
Prints every execve(2) and execveat(2) call on the machine, when it is done: process, its
parent, the result, and the program with its arguments. Long ones are cut, which ends in \"…\".

Usage: execsnoop [--failed] [--uid UID] [--count N] [--json]

Options:
      --failed     Also calls that failed: shells try directory after directory
      --uid UID    Only calls of this user, by number
      --count N    Stop after N calls
      --json       Print a line of JSON for each call
  -h, --help       Print this

The parent is looked up in /proc: of a process that is gone by then it is not known.

Needs CAP_BPF and CAP_PERFMON, and access to tracefs.
";

/// The longest argument, with its NUL; how many there can be, and how long in all.
const ARGUMENT_MAX: usize = 512;
const ARGUMENTS_MAX: u32 = 60;
const BYTES_MAX: usize = 4096;
/// The last place where the longest argument fits.
const LAST_PLACE: usize = BYTES_MAX - ARGUMENT_MAX;
/// Calls that can be going on at the same time.
const AT_ONCE: u32 = 512;

/// How a record begins; the program's path and the arguments follow, each with a NUL.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Call {
    pid: u32,
    uid: u32,
    result: i64,
    /// How long what follows is.
    length: u32,
    /// Whether something of it is missing.
    is_cut: u32,
    command: [u8; 16],
}

/// A record with as many arguments as there is room for.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Record {
    call: Call,
    arguments: [u8; BYTES_MAX],
}

const ARGUMENTS: usize = size_of::<Call>();

ebpf! {
    /// Joins the two ends of each call.
    #[license = "GPL"]      // bpf_probe_read_user_str asks for it
    #[min_kernel = "5.10"]
    mod execs {
        /// Calls that are going on, by process: afterwards the memory with the arguments is
        /// gone, and the thread has another number. Of those who die meanwhile the oldest make
        /// room.
        static BEGUN: LruHashMap<u32, Record> = LruHashMap::with_max_entries(AT_ONCE);
        /// Where a record is made, which is larger than the stack.
        static BUFFER: PerCpuArray<Record> = PerCpuArray::with_max_entries(1);
        static CALLS: RingBuf = RingBuf::with_byte_size(1 << 20);
        /// Calls for which there was no room.
        static LOST: Global<u64> = Global::new(0);
        /// Set before loading: whether calls that fail are wanted, whether those of only one
        /// user are, and whose.
        const FAILED: u8;
        const IS_ONE_USER: u8;
        const UID: u32;

        #[tracepoint("syscalls", "sys_enter_execve")]
        fn enter_execve(ctx: *mut syscall_trace_enter) -> i32 {
            r2 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args) + 8});
            r1 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args)});
            call begin;
            r0 = 0;
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_execveat")]
        fn enter_execveat(ctx: *mut syscall_trace_enter) -> i32 {
            r2 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args) + 16});
            r1 = *(u64 *)(r1 + {offset_of!(syscall_trace_enter, args) + 8});
            call begin;
            r0 = 0;
            exit;
        }

        /// Remembers the call, if it is wanted.
        fn begin(path: *const c_char, argv: *const *const c_char) -> i64 {
            r6 = r2;
            r7 = r1;
            *(u32 *)(r10 - 12) = 0;             // the index
            r1 = BUFFER ll;
            r2 = r10;
            r2 += -12;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;               // never, but the verifier wants to see it
            r8 = r0;
            call bpf_get_current_uid_gid;
            *(u32 *)(r8 + {offset_of!(Call, uid)}) = w0;
            r1 = IS_ONE_USER;
            if r1 == 0 goto read;
            w1 = UID;
            if w0 != w1 goto done;              // the lower half is the user
        read:
            *(u32 *)(r8 + {offset_of!(Call, is_cut)}) = 0;
            *(u32 *)(r8 + {offset_of!(Call, length)}) = 0;
            r1 = r8;
            r1 += ARGUMENTS;
            *(u8 *)(r1 + 0) = 0;
            r2 = ARGUMENT_MAX;
            r3 = r7;
            call bpf_probe_read_user_str;
            if r0 s< 0 goto remember;           // the path cannot be read
            if r0 != 0 goto path;
            r0 = 1;                             // of an empty text older kernels say 0
        path:
            *(u32 *)(r8 + {offset_of!(Call, length)}) = w0;
            r7 = ARGUMENTS_MAX;
        next:
            r6 += 8;                            // the path stands for the first argument
            r1 = r10;
            r1 += -8;
            r2 = 8;
            r3 = r6;
            call bpf_probe_read_user;
            if r0 != 0 goto remember;
            r3 = *(u64 *)(r10 - 8);
            if r3 == 0 goto remember;           // the end of the list
            if r7 == 0 goto cut;
            r7 += -1;
            // Kept in memory, of which the verifier knows nothing: what it knows about a
            // register would make each way through the loop another one to look at.
            r9 = *(u32 *)(r8 + {offset_of!(Call, length)});
            if r9 > LAST_PLACE goto cut;
            r1 = r8;
            r1 += r9;
            r1 += ARGUMENTS;
            *(u8 *)(r1 + 0) = 0;
            r2 = ARGUMENT_MAX;
            call bpf_probe_read_user_str;
            if r0 s< 0 goto cut;
            if r0 != 0 goto add;
            r0 = 1;                             // as above
        add:
            r9 += r0;
            *(u32 *)(r8 + {offset_of!(Call, length)}) = w9;
            if r0 != ARGUMENT_MAX goto next;
            *(u32 *)(r8 + {offset_of!(Call, is_cut)}) = 1;
            goto next;
        cut:
            *(u32 *)(r8 + {offset_of!(Call, is_cut)}) = 1;
        remember:
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r8 + {offset_of!(Call, pid)}) = w0;
            *(u32 *)(r10 - 12) = w0;
            r1 = BEGUN ll;
            r2 = r10;
            r2 += -12;
            r3 = r8;
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

        /// The end of both.
        #[tracepoint("syscalls", "sys_exit_execve")]
        fn leave(ctx: *mut syscall_trace_exit) -> i32 {
            r7 = *(u64 *)(r1 + {offset_of!(syscall_trace_exit, ret)});
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r10 - 4) = w0;
            r1 = BEGUN ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r6 = r0;
            if r7 s>= 0 goto record;
            r1 = FAILED;
            if r1 == 0 goto forget;
        record:
            *(u64 *)(r6 + {offset_of!(Call, result)}) = r7;
            r1 = r6;
            r1 += {offset_of!(Call, command)};
            r2 = 16;
            call bpf_get_current_comm;
            r3 = *(u32 *)(r6 + {offset_of!(Call, length)});
            if r3 > BYTES_MAX goto forget;      // never, but the verifier cannot know
            r3 += ARGUMENTS;
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
            r2 += -4;
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
    let (mut failed, mut uid) = (false, None::<u32>);
    let (mut count, mut is_json) = (u64::MAX, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("failed") => failed = true,
            Long("uid") => uid = Some(arguments.value()?.parse()?),
            Long("count") => count = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Long("json") => is_json = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let mut loader = execs::loader();
    loader.consts.FAILED.set(failed.into());
    loader.consts.IS_ONE_USER.set(uid.is_some().into());
    loader.consts.UID.set(uid.unwrap_or(0));
    let execs = loader.load()?;
    let progs = &execs.progs;
    let mut calls = execs.maps.CALLS.reader()?;
    // The ends first: a call that begins before them would look as if it never ended.
    let _links = [
        progs.leave.attach()?,
        progs.leave.attach_to("syscalls", "sys_exit_execveat")?,
        progs.enter_execve.attach()?,
        progs.enter_execveat.attach()?,
    ];

    let mut out = stdout().lock();
    if !is_json {
        let [pid, parent, result] = ["PID", "PARENT", "RESULT"];
        writeln!(
            out,
            "{pid:>8} {parent:>8}  {:<16} {result:<8} ARGUMENTS",
            "PROCESS"
        )?;
    }
    let mut losses = Losses::default();
    loop {
        execs.maps.CALLS.wait(None)?;
        while let Some(record) = calls.next()? {
            losses.tell("calls", execs.maps.LOST.get())?;
            let Some((call, arguments)) = parse(record.bytes()) else {
                continue; // the program makes no others
            };
            match is_json {
                true => print_json(&mut out, call, &arguments)?,
                false => print(&mut out, call, &arguments)?,
            }
            count -= 1;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

/// The call, and the program's path with its arguments.
fn parse(record: &[u8]) -> Option<(&Call, Vec<&[u8]>)> {
    let (call, bytes) = record.split_at_checked(size_of::<Call>())?;
    let bytes = bytes.strip_suffix(b"\0");
    let arguments = bytes.map(|bytes| bytes.split(|&byte| byte == 0).collect());
    Some((
        bytemuck::try_from_bytes(call).ok()?,
        arguments.unwrap_or_default(),
    ))
}

/// The process's parent, if it is still there.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which can contain anything: the state, the parent.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// For a shell's reader: what has spaces in it stands in quotes.
fn quoted(argument: &[u8]) -> String {
    let text = printable(argument);
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\');
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("\"{}\"", text.replace('"', "\\\"")),
    }
}

fn print(out: &mut impl Write, call: &Call, arguments: &[&[u8]]) -> Result<(), Exit> {
    let parent = parent_of(call.pid).map_or("-".to_owned(), |pid| pid.to_string());
    let result = errno_name(call.result).unwrap_or_else(|| call.result.to_string());
    let command = printable(c_string(&call.command));
    write!(
        out,
        "{:>8} {parent:>8}  {command:<16} {result:<8}",
        call.pid
    )?;
    if arguments.is_empty() {
        write!(out, " (the path could not be read)")?;
    }
    for argument in arguments {
        write!(out, " {}", quoted(argument))?;
    }
    Ok(writeln!(
        out,
        "{}",
        if call.is_cut != 0 { " …" } else { "" }
    )?)
}

fn print_json(out: &mut impl Write, call: &Call, arguments: &[&[u8]]) -> Result<(), Exit> {
    let arguments: Vec<_> = arguments
        .iter()
        .map(|argument| json_text(argument))
        .collect();
    let call = json!({
        "pid": call.pid,
        "parent": parent_of(call.pid),
        "uid": call.uid,
        "command": json_text(&call.command),
        "error": errno_name(call.result),
        "arguments": arguments,
        "is_cut": call.is_cut != 0,
    });
    Ok(writeln!(out, "{call}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listing() {
        insta::assert_snapshot!(execs::OBJECT);
    }

    #[test]
    fn arguments_with_spaces_are_quoted() {
        assert_eq!(quoted(b"-la"), "-la");
        assert_eq!(quoted(b""), "\"\"");
        assert_eq!(quoted(b"say \"hi\""), "\"say \\\"hi\\\"\"");
        assert_eq!(quoted(b"\x1b"), "\"\\u{1b}\"");
    }

    #[test]
    fn a_process_knows_its_parent() {
        let parent = parent_of(std::process::id());
        assert_eq!(parent, Some(std::os::unix::process::parent_id()));
        assert_eq!(parent_of(u32::MAX), None);
    }
}
