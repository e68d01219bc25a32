//! Counts execve(2) per user: a kprobe, and a hash map as a table of counters.

use ebpf_examples::{Exit, Users, print_user_table, run_tool, seconds};
use ebpf_rt::context::pt_regs;
use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{Global, HashMap, ebpf};
use lexopt::prelude::*;
use serde_json::json;
use std::io::{Write, stdout};
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

const HELP: &str = "\
Counts how often each user starts a program with execve(2), and prints a table every now and
then.

Usage: execs_by_user [--once] [--seconds N] [--json]

Options:
      --once         Print the table once and exit, instead of again and again
      --seconds N    Seconds between two tables, or before the only one (2)
      --json         Print a line of JSON for each user of a table
  -h, --help         Print this

Needs CAP_BPF, CAP_PERFMON, and a kernel with kprobes.
";

const MAX_USERS: u32 = 1024;

ebpf! {
    /// Counts execve(2) calls per user.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod execs {
        /// Calls by uid.
        static COUNTER_TABLE: HashMap<u32, u64> = HashMap::with_max_entries(MAX_USERS);
        /// Calls of users for whom the table had no room.
        static NOT_COUNTED: Global<u64> = Global::new(0);

        // The name of the function on x86-64; the tool looks for the architecture's.
        #[kprobe("__x64_sys_execve")]
        fn count(ctx: *mut pt_regs) -> i32 {
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 - 4) = w0;         // the key: the lower half is the uid
            // The counter, made if this is the user's first call. Reading it, adding one and
            // writing it back would lose calls: another CPU may be doing the same.
            *(u64 *)(r10 - 16) = 0;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            r4 = BPF_NOEXIST;
            r1 = COUNTER_TABLE ll;
            call bpf_map_update_elem;
            r2 = r10;
            r2 += -4;
            r1 = COUNTER_TABLE ll;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;
            r0 = NOT_COUNTED ll;            // the table is full
        add:
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
            r0 = 0;
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let (mut once, mut is_json) = (false, false);
    let mut interval = 2;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("once") => once = true,
            Long("seconds") => interval = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Long("json") => is_json = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    let execs = execs::load()?;
    let _link = execs.progs.count.attach_to_syscall("execve")?;
    let mut out = stdout().lock();
    if !is_json {
        let interval = seconds(interval);
        writeln!(
            out,
            "Counting execve(2) calls; the table comes in {interval} …"
        )?;
    }
    loop {
        sleep(Duration::from_secs(interval));
        let users = Users::read();
        let table = &execs.maps.COUNTER_TABLE;
        let rows = table.iter().collect::<Result<Vec<_>, _>>()?;
        if is_json {
            for (uid, count) in rows {
                let user = users.name(uid);
                writeln!(
                    out,
                    "{}",
                    json!({ "uid": uid, "user": user, "execs": count })
                )?;
            }
        } else {
            print_user_table(&mut out, "EXECS", rows, &users)?;
        }
        match execs.maps.NOT_COUNTED.get() {
            0 => {}
            calls if is_json => writeln!(out, "{}", json!({ "uid": null, "execs": calls }))?,
            calls => writeln!(
                out,
                "and {calls} calls of users beyond the first {MAX_USERS}"
            )?,
        }
        if once {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn recorded_calls_are_counted() -> Result<(), ebpf_rt::Error> {
        let mut loader = super::execs::loader();
        loader.maps.COUNTER_TABLE.max_entries(3);
        let execs = loader.vm()?;
        let count = &execs.progs.count;
        // Who started programs, and how many in a row. The group is another number.
        for (uid, calls) in [(0, 2), (1000, 5), (33, 1), (101, 4), (0, 1), (1000, 2)] {
            count.machine()?.with(|vm| vm.set_user(uid, 7));
            for _ in 0..calls {
                assert_eq!(count.run(&mut [])?, 0);
            }
        }
        let table = &execs.maps.COUNTER_TABLE;
        let mut rows = table.iter().collect::<Result<Vec<_>, _>>()?;
        rows.sort_unstable();
        assert_eq!(rows, [(0, 3), (33, 1), (1000, 7)]);
        // The fourth user found no room.
        assert_eq!(execs.maps.NOT_COUNTED.get(), 4);
        Ok(())
    }

    #[test]
    fn listing() {
        insta::assert_snapshot!(super::execs::OBJECT);
    }
}
