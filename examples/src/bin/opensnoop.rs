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
            if w0 != w1 goto done;  // the lower half is the user
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
    let mut wanted = Wanted::default();
    let (mut count, mut is_json) = (u64::MAX, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("pid") => wanted.pid = Some(arguments.value()?.parse()?),
            Long("uid") => wanted.uid = Some(arguments.value()?.parse()?),
            Long("failed") => wanted.failed = true,
            Long("count") => count = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Long("json") => is_json = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let opens = wanted.loader().load()?;
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

/// Which calls are wanted: all, if nothing is said.
#[derive(Default)]
struct Wanted {
    pid: Option<NonZeroU32>,
    uid: Option<u32>,
    failed: bool,
}

impl Wanted {
    /// The programs that see only these.
    fn loader(&self) -> opens::Loader {
        let mut loader = opens::loader();
        let consts = &mut loader.consts;
        consts.PID.set(self.pid.map_or(0, NonZeroU32::get));
        consts.IS_ONE_USER.set(self.uid.is_some().into());
        consts.UID.set(self.uid.unwrap_or(0));
        consts.FAILED.set(self.failed.into());
        loader
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
    use super::*;
    use ebpf_examples::recorded::{syscall_enter, syscall_exit, user_memory};
    use ebpf_rt::Error;
    use ebpf_rt::vm::Machine;

    const O_RDONLY: u64 = libc::O_RDONLY as u64;
    const O_CREAT: u64 = libc::O_CREAT as u64;
    const ENOENT: i64 = -(libc::ENOENT as i64);

    /// Process 12 of user 33, whose second thread it is.
    fn set_process(machine: &Machine) {
        machine.with(|vm| {
            vm.set_process(12, 13);
            vm.set_user(33, 44);
            vm.set_comm("cat");
        });
    }

    fn machine(opens: &opens::Skeleton) -> Result<&Machine, Error> {
        opens.progs.leave.machine()
    }

    /// An openat(2) call, from beginning to end.
    fn openat(opens: &opens::Skeleton, path: &[u8], result: i64) -> Result<(), Error> {
        let path = user_memory(machine(opens)?, "the path", path.to_vec());
        let at = libc::AT_FDCWD as u64;
        let begin = &mut syscall_enter([at, path, O_RDONLY]);
        assert_eq!(opens.progs.enter_openat.run(begin)?, 0);
        assert_eq!(opens.progs.leave.run(&mut syscall_exit(result))?, 0);
        Ok(())
    }

    /// What the tool would print by now.
    fn printed(opens: &opens::Skeleton) -> Result<Vec<String>, Exit> {
        let mut out = Vec::new();
        let mut calls = opens.maps.CALLS.reader()?;
        while let Some(record) = calls.next()? {
            let (call, path) = parse(record.bytes()).expect("a call");
            print(&mut out, call, path)?;
        }
        let out = String::from_utf8(out).expect("text");
        Ok(out.lines().map(str::to_owned).collect())
    }

    #[test]
    fn recorded_calls_are_joined() -> Result<(), Exit> {
        let opens = Wanted::default().loader().vm()?;
        let machine = machine(&opens)?;
        set_process(machine);
        let (progs, at) = (&opens.progs, libc::AT_FDCWD as u64);
        let path = user_memory(machine, "the path", b"/etc/passwd\0".to_vec());
        // struct open_how: flags, mode, resolve.
        let how = [O_CREAT, 0o600, 0].map(u64::to_ne_bytes).concat();
        let how = user_memory(machine, "how", how);
        progs.enter_open.run(&mut syscall_enter([path, O_CREAT]))?;
        progs.leave.run(&mut syscall_exit(3))?;
        progs
            .enter_openat
            .run(&mut syscall_enter([at, path, O_CREAT]))?;
        // Meanwhile another thread begins one, and ends after it.
        let other = user_memory(machine, "another path", b"/dev/null\0".to_vec());
        machine.with(|vm| vm.set_process(12, 14));
        progs
            .enter_openat
            .run(&mut syscall_enter([at, other, O_CREAT]))?;
        machine.with(|vm| vm.set_process(12, 13));
        progs.leave.run(&mut syscall_exit(ENOENT))?;
        machine.with(|vm| vm.set_process(12, 14));
        progs.leave.run(&mut syscall_exit(4))?;
        machine.with(|vm| vm.set_process(12, 13));
        let size = 24;
        progs
            .enter_openat2
            .run(&mut syscall_enter([at, path, how, size]))?;
        progs.leave.run(&mut syscall_exit(5))?;
        // One whose beginning was not seen.
        progs.leave.run(&mut syscall_exit(6))?;

        let mut told = Vec::new();
        opens.maps.CALLS.consume(|record| {
            let (call, path) = parse(record.bytes()).expect("a call");
            assert_eq!((call.process, call.uid, call.flags), (12, 33, O_CREAT));
            assert_eq!(ebpf_examples::c_string(&call.command), b"cat");
            let path = path.map(|path| String::from_utf8_lossy(path).into_owned());
            told.push((call.thread, call.result, path.expect("a path")));
        })?;
        let call = |thread, result, path: &str| (thread, result, path.to_owned());
        assert_eq!(
            told,
            [
                call(13, 3, "/etc/passwd"),
                call(13, ENOENT, "/etc/passwd"),
                call(14, 4, "/dev/null"),
                call(13, 5, "/etc/passwd"),
            ]
        );
        // Nothing is left of them.
        assert_eq!(opens.maps.BEGUN.keys().count(), 0);
        assert_eq!(opens.maps.LOST.get(), 0);
        Ok(())
    }

    #[test]
    fn recorded_calls_are_printed() -> Result<(), Exit> {
        let opens = Wanted::default().loader().vm()?;
        set_process(machine(&opens)?);
        openat(&opens, b"/etc/passwd\0", 3)?;
        openat(&opens, b"/no/such\nfile\0", ENOENT)?;
        openat(&opens, b"\0", ENOENT)?;
        openat(&opens, b"/without/an/end", -i64::from(libc::EFAULT))?;
        assert_eq!(
            printed(&opens)?,
            [
                "      12  cat                 3                /etc/passwd",
                "      12  cat                 - ENOENT         /no/such\\nfile",
                "      12  cat                 - ENOENT         ",
                "      12  cat                 - EFAULT         (the path could not be read)",
            ]
        );
        Ok(())
    }

    #[test]
    fn only_what_is_wanted_is_recorded() -> Result<(), Exit> {
        let both = ["/there", "/not/there"];
        for (pid, uid, failed, paths) in [
            (NonZeroU32::new(12), None, false, &both[..]),
            (NonZeroU32::new(13), None, false, &[]),
            (None, Some(33), false, &both),
            (None, Some(0), false, &[]),
            (None, None, true, &both[1..]),
        ] {
            let opens = Wanted { pid, uid, failed }.loader().vm()?;
            set_process(machine(&opens)?);
            openat(&opens, b"/there\0", 3)?;
            openat(&opens, b"/not/there\0", ENOENT)?;
            let told = printed(&opens)?;
            let told: Vec<_> = told
                .iter()
                .filter_map(|line| line.rsplit(' ').next())
                .collect();
            assert_eq!(told, paths, "{pid:?} {uid:?} {failed}");
            assert_eq!(opens.maps.BEGUN.keys().count(), 0);
        }
        Ok(())
    }

    #[test]
    fn calls_without_room_are_counted() -> Result<(), Exit> {
        let opens = Wanted::default().loader().vm()?;
        let path = [&[b'x'; PATH_MAX - 1][..], b"\0"].concat();
        // A header of eight bytes; one byte of the buffer stays free.
        let room = (opens.maps.CALLS.byte_size() as usize - 1) / (8 + size_of::<Record>());
        for _ in 0..room + 2 {
            openat(&opens, &path, 3)?;
        }
        assert_eq!(opens.maps.LOST.get(), 2);
        assert_eq!(printed(&opens)?.len(), room);
        Ok(())
    }

    #[test]
    fn listing() {
        insta::assert_snapshot!(super::opens::OBJECT);
    }
}
