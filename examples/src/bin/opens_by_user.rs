//! Counts openat(2) per user: a trace point, and a hash map as a table of counters.
//!
//! Where the kernel does not let it, the same program counts recorded calls without a kernel.

use core::ffi::c_void;
use ebpf_examples::{Exit, Users, print_user_table, run_tool, seconds};
use ebpf_rt::links::TracepointLink;
use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{Error, ErrorKind, Global, HashMap, ebpf};
use lexopt::prelude::*;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

const HELP: &str = "\
Counts the openat(2) calls of every user in the kernel and prints a table.

Usage: opens_by_user [--once] [--no-kernel] [--seconds N]

Options:
      --no-kernel    Count recorded calls in an interpreter; so it does where the kernel refuses
      --once         Print the table once and exit, instead of again and again
      --seconds N    Seconds between two tables, or before the only one (1)
  -h, --help         Print this

Needs CAP_BPF and CAP_PERFMON, and access to tracefs.
";

const MAX_USERS: u32 = 1024;

/// Who called openat(2), and how often in a row: recorded on a server, in one second.
const RECORDED: [(u32, u32); 12] = [
    (0, 31),
    (1000, 4),
    (33, 12),
    (0, 2),
    (1000, 118),
    (101, 3),
    (33, 7),
    (0, 55),
    (1000, 1),
    (65534, 2),
    (33, 12),
    (0, 9),
];

ebpf! {
    /// Counts openat(2) calls per user.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod opens {
        /// Calls by uid.
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(MAX_USERS);
        /// Calls of users for whom the table had no room.
        static NOT_COUNTED: Global<u64> = Global::new(0);

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn count(ctx: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 - 4) = w0;         // the key: the lower half is the uid
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;

            // The user's first call. Another CPU may be doing the same now: BPF_NOEXIST keeps
            // the counter of whoever is first, and both find it after that.
            *(u64 *)(r10 - 16) = 0;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            r4 = BPF_NOEXIST;
            r1 = COUNTS ll;
            call bpf_map_update_elem;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;
            r0 = NOT_COUNTED ll;            // the table is full

        add:
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;    // CPUs count at the same time
            r0 = 0;
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut once = false;
    let mut no_kernel = false;
    let mut interval = NonZeroU64::MIN;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("once") => once = true,
            Long("no-kernel") => no_kernel = true,
            Long("seconds") => interval = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let interval = interval.get();

    let (opens, link) = if no_kernel {
        (opens::vm()?, None)
    } else {
        match attached() {
            Ok((opens, link)) => (opens, Some(link)),
            Err(error) if is_refusal(&error) => {
                writeln!(stderr(), "Counting recorded calls: {error}")?;
                (opens::vm()?, None)
            }
            Err(error) => return Err(error.into()),
        }
    };
    let mut out = stdout().lock();
    let mut total = 0;
    writeln!(
        out,
        "Counting {}; the table comes in {} …",
        match link {
            Some(_) => "openat(2) calls",
            None => "recorded openat(2) calls, without the kernel",
        },
        seconds(interval)
    )?;
    loop {
        // Reading the names opens a file, so there is something to see on the quietest machine.
        let users = Users::read();
        sleep(Duration::from_secs(interval));
        total += interval;
        if link.is_none() {
            play(&opens)?;
        }
        if !once && out.is_terminal() {
            write!(out, "\x1b[H\x1b[2J")?;
        }
        print_table(&mut out, &opens.maps, &users)?;
        if once {
            if link.is_some() {
                writeln!(
                    out,
                    "\nAmong them is this tool's own call, to open /etc/passwd."
                )?;
            }
            return Ok(());
        }
        writeln!(
            out,
            "\nSince the start, {} ago. Ctrl-C ends it.",
            seconds(total)
        )?;
    }
}

/// The program in the kernel, at its trace point.
fn attached() -> Result<(opens::Skeleton, TracepointLink), Error> {
    let opens = opens::load()?;
    let link = opens.progs.count.attach()?;
    Ok((opens, link))
}

/// Whether there is no kernel to be had, and nothing else is wrong.
fn is_refusal(error: &Error) -> bool {
    use ErrorKind::{NotFound, Permission, Unsupported};
    matches!(error.kind(), Permission | Unsupported | NotFound)
}

/// The recorded calls, once more.
fn play(opens: &opens::Skeleton) -> Result<(), Error> {
    let count = &opens.progs.count;
    for (uid, calls) in RECORDED {
        count.machine()?.with(|vm| vm.set_user(uid, uid));
        for _ in 0..calls {
            count.run(&mut [])?;
        }
    }
    Ok(())
}

fn print_table(out: &mut impl Write, maps: &opens::Maps, users: &Users) -> Result<(), Exit> {
    let rows = maps.COUNTS.iter().collect::<Result<Vec<_>, _>>()?;
    print_user_table(out, "OPENS", rows, users)?;
    match maps.NOT_COUNTED.get() {
        0 => {}
        calls => writeln!(
            out,
            "and {calls} calls of users beyond the first {MAX_USERS}"
        )?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn listing() {
        insta::assert_snapshot!(super::opens::OBJECT);
    }

    #[test]
    fn recorded_calls_are_counted() -> Result<(), ebpf_rt::Error> {
        let mut loader = super::opens::loader();
        loader.maps.COUNTS.max_entries(4);
        let opens = loader.vm()?;
        super::play(&opens)?;
        super::play(&opens)?;
        let mut counts = opens.maps.COUNTS.iter().collect::<Result<Vec<_>, _>>()?;
        counts.sort_unstable();
        assert_eq!(counts, [(0, 194), (33, 62), (101, 6), (1000, 246)]);
        // The fifth user found no room.
        assert_eq!(opens.maps.NOT_COUNTED.get(), 4);
        Ok(())
    }
}
