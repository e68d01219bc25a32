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
            if r3 > BYTES_MAX goto forget;  // never, but the verifier cannot know
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
    let mut wanted = Wanted::default();
    let (mut count, mut is_json) = (u64::MAX, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("failed") => wanted.failed = true,
            Long("uid") => wanted.uid = Some(arguments.value()?.parse()?),
            Long("count") => count = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Long("json") => is_json = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let execs = wanted.loader().load()?;
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

/// Which calls are wanted: all that succeed, if nothing is said.
#[derive(Default)]
struct Wanted {
    failed: bool,
    uid: Option<u32>,
}

impl Wanted {
    /// The programs that see only these.
    fn loader(&self) -> execs::Loader {
        let mut loader = execs::loader();
        let consts = &mut loader.consts;
        consts.FAILED.set(self.failed.into());
        consts.IS_ONE_USER.set(self.uid.is_some().into());
        consts.UID.set(self.uid.unwrap_or(0));
        loader
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
    use ebpf_examples::recorded::{syscall_enter, syscall_exit, user_memory};
    use ebpf_rt::{Error, vm::Machine};

    /// No memory is there.
    const NOWHERE: u64 = 1;
    const ENOENT: i64 = -(libc::ENOENT as i64);

    /// Process 12 of user 33, which is `sh` before it is something else.
    fn loaded(wanted: &Wanted) -> Result<execs::Skeleton, Error> {
        let execs = wanted.loader().vm()?;
        machine(&execs)?.with(|vm| {
            vm.set_process(12, 13);
            vm.set_user(33, 44);
            vm.set_comm("sh");
        });
        Ok(execs)
    }

    fn machine(execs: &execs::Skeleton) -> Result<&Machine, Error> {
        execs.progs.leave.machine()
    }

    /// A text of the process; where it is.
    fn text(execs: &execs::Skeleton, text: &str) -> Result<u64, Error> {
        let bytes = [text.as_bytes(), b"\0"].concat();
        Ok(user_memory(machine(execs)?, "a text", bytes))
    }

    /// A list of texts, as execve(2) gets it; where it is.
    fn list(execs: &execs::Skeleton, texts: &[&str]) -> Result<u64, Error> {
        let texts = texts.iter().map(|&argument| text(execs, argument));
        let mut list = texts.collect::<Result<Vec<_>, _>>()?;
        list.push(0);
        let bytes = list.into_iter().flat_map(u64::to_ne_bytes).collect();
        Ok(user_memory(machine(execs)?, "the arguments", bytes))
    }

    /// execve(2) begins.
    fn begin(execs: &execs::Skeleton, path: u64, argv: u64) -> Result<(), Error> {
        let record = &mut syscall_enter([path, argv, NOWHERE]);
        assert_eq!(execs.progs.enter_execve.run(record)?, 0);
        Ok(())
    }

    /// The call ends.
    fn end(execs: &execs::Skeleton, result: i64) -> Result<(), Error> {
        assert_eq!(execs.progs.leave.run(&mut syscall_exit(result))?, 0);
        Ok(())
    }

    /// execve(2), from beginning to end.
    fn execve(execs: &execs::Skeleton, argv: &[&str], result: i64) -> Result<(), Error> {
        begin(execs, text(execs, argv[0])?, list(execs, argv)?)?;
        end(execs, result)
    }

    /// What was recorded by now.
    fn told(execs: &execs::Skeleton) -> Result<Vec<(Call, Vec<String>)>, Error> {
        let mut told = Vec::new();
        execs.maps.CALLS.consume(|record| {
            let (call, arguments) = parse(record.bytes()).expect("a call");
            let arguments = arguments.into_iter().map(printable).collect();
            told.push((*call, arguments));
        })?;
        Ok(told)
    }

    /// Of each its arguments, and whether something is missing.
    fn told_arguments(execs: &execs::Skeleton) -> Result<Vec<(Vec<String>, u32)>, Error> {
        let told = told(execs)?.into_iter();
        Ok(told
            .map(|(call, arguments)| (arguments, call.is_cut))
            .collect())
    }

    #[test]
    fn recorded_calls_are_joined() -> Result<(), Exit> {
        let execs = loaded(&Wanted::default())?;
        let machine = machine(&execs)?;
        // The path stands for the first argument.
        let path = text(&execs, "/usr/bin/ls")?;
        begin(&execs, path, list(&execs, &["ls", "-l", "", "/tmp"])?)?;
        // Meanwhile another process fails, and a third begins and dies.
        machine.with(|vm| vm.set_process(99, 99));
        execve(&execs, &["/no/such/file"], ENOENT)?;
        machine.with(|vm| vm.set_process(98, 98));
        begin(&execs, path, list(&execs, &["ls"])?)?;
        // The thread of the first has become another one, and the process has another name.
        machine.with(|vm| {
            vm.set_process(12, 12);
            vm.set_comm("ls");
        });
        end(&execs, 0)?;
        // With a directory before, and flags behind.
        let (at, cat) = (libc::AT_FDCWD as u64, text(&execs, "cat")?);
        let begin = &mut syscall_enter([at, cat, list(&execs, &["-", "file"])?, NOWHERE, 0]);
        execs.progs.enter_execveat.run(begin)?;
        end(&execs, 0)?;
        // One whose beginning was not seen.
        end(&execs, 0)?;

        let told = told(&execs)?;
        let arguments: Vec<_> = told
            .iter()
            .map(|(_, arguments)| arguments.clone())
            .collect();
        assert_eq!(
            arguments,
            [&["/usr/bin/ls", "-l", "", "/tmp"][..], &["cat", "file"]]
        );
        for (call, _) in told {
            assert_eq!((call.pid, call.uid, call.result), (12, 33, 0));
            assert_eq!((c_string(&call.command), call.is_cut), (&b"ls"[..], 0));
        }
        // Only the one that died is left.
        let begun = execs.maps.BEGUN.keys().collect::<Result<Vec<_>, _>>()?;
        assert_eq!((begun, execs.maps.LOST.get()), (vec![98], 0));
        Ok(())
    }

    #[test]
    fn only_what_is_wanted_is_recorded() -> Result<(), Exit> {
        for (failed, uid, results) in [
            (false, None, &[0][..]),
            (true, None, &[ENOENT, 0]),
            (true, Some(33), &[ENOENT, 0]),
            (true, Some(0), &[]),
        ] {
            let execs = loaded(&Wanted { failed, uid })?;
            execve(&execs, &["/usr/local/bin/ls"], ENOENT)?;
            execve(&execs, &["/usr/bin/ls"], 0)?;
            let told: Vec<i64> = told(&execs)?.iter().map(|(call, _)| call.result).collect();
            assert_eq!(told, results, "{failed} {uid:?}");
            assert_eq!(execs.maps.BEGUN.keys().count(), 0);
        }
        Ok(())
    }

    #[test]
    fn long_arguments_are_cut() -> Result<(), Exit> {
        let execs = loaded(&Wanted::default())?;
        let fits = "x".repeat(ARGUMENT_MAX - 2);
        let long = "x".repeat(ARGUMENT_MAX);
        execve(&execs, &["echo", &fits, "end"], 0)?;
        execve(&execs, &["echo", &long, "end"], 0)?;
        // As many as there can be, and one more.
        let many = vec!["x"; ARGUMENTS_MAX as usize + 2];
        execve(&execs, &many[1..], 0)?;
        execve(&execs, &many, 0)?;
        // As long in all as there is room for, and longer.
        let large = vec![&fits[..]; BYTES_MAX / ARGUMENT_MAX + 1];
        execve(&execs, &large[1..], 0)?;
        execve(&execs, &large, 0)?;

        let told = told_arguments(&execs)?;
        let cut: Vec<u32> = told.iter().map(|&(_, is_cut)| is_cut).collect();
        assert_eq!(cut, [0, 1, 0, 1, 0, 1]);
        let lengths = told.iter().map(|(arguments, _)| arguments.len());
        let most = ARGUMENTS_MAX as usize + 1;
        assert_eq!(lengths.collect::<Vec<_>>(), [3, 3, most, most, 8, 8]);
        assert_eq!(told[0].0[1], fits);
        assert_eq!(told[1].0[1], long[1..]);
        Ok(())
    }

    #[test]
    fn memory_that_cannot_be_read_ends_the_arguments() -> Result<(), Exit> {
        let execs = loaded(&Wanted::default())?;
        let path = text(&execs, "/bin/ls")?;
        begin(&execs, NOWHERE, list(&execs, &["ls"])?)?;
        end(&execs, 0)?;
        begin(&execs, path, NOWHERE)?;
        end(&execs, 0)?;
        let argv = [path, text(&execs, "-l")?, NOWHERE, path, 0].map(u64::to_ne_bytes);
        let argv = user_memory(machine(&execs)?, "the arguments", argv.concat());
        begin(&execs, path, argv)?;
        end(&execs, 0)?;
        let told = told_arguments(&execs)?;
        let arguments = |arguments: &[&str]| arguments.iter().map(|&a| a.to_owned()).collect();
        assert_eq!(
            told,
            [
                (Vec::new(), 0),
                (arguments(&["/bin/ls"]), 0),
                (arguments(&["/bin/ls", "-l"]), 1),
            ]
        );
        Ok(())
    }

    #[test]
    fn calls_without_room_are_counted() -> Result<(), Exit> {
        let execs = loaded(&Wanted::default())?;
        let long = "x".repeat(ARGUMENT_MAX - 1);
        let argv = vec![&long[..]; BYTES_MAX / ARGUMENT_MAX];
        // A header of eight bytes; one byte of the buffer stays free.
        let room = (execs.maps.CALLS.byte_size() as usize - 1) / (8 + size_of::<Record>());
        for _ in 0..room + 2 {
            execve(&execs, &argv, 0)?;
        }
        assert_eq!(execs.maps.LOST.get(), 2);
        assert_eq!(told(&execs)?.len(), room);
        Ok(())
    }

    #[test]
    fn the_oldest_calls_make_room() -> Result<(), Exit> {
        let mut loader = Wanted::default().loader();
        loader.maps.BEGUN.max_entries(2);
        let execs = loader.vm()?;
        let machine = machine(&execs)?;
        let (path, argv) = (text(&execs, "/bin/ls")?, list(&execs, &["ls"])?);
        for pid in 1..4 {
            machine.with(|vm| vm.set_process(pid, pid));
            begin(&execs, path, argv)?;
        }
        for pid in 1..4 {
            machine.with(|vm| vm.set_process(pid, pid));
            end(&execs, 0)?;
        }
        let told: Vec<u32> = told(&execs)?.iter().map(|(call, _)| call.pid).collect();
        assert_eq!((told, execs.maps.LOST.get()), (vec![2, 3], 0));
        Ok(())
    }

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
