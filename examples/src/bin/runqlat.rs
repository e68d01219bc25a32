//! How long tasks wait for a CPU: trace points of the scheduler, whose records are read by the
//! places that tracefs tells, and a histogram.

use core::ffi::c_void;
use ebpf_examples::{Exit, Histogram, Interrupt, run_tool, seconds};
use ebpf_rt::maps::flags::BPF_ANY;
use ebpf_rt::tracefs::{Format, Tracefs};
use ebpf_rt::{Array, Global, HashMap, ebpf};
use lexopt::prelude::*;
use serde_json::json;
use std::io::{Write, stdout};
use std::num::{NonZeroU32, NonZeroU64};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
Measures how long tasks wait for a CPU when they could run, on the whole machine, and draws a
histogram at the end.

Usage: runqlat [--seconds N] [--interval N] [--pid TID] [--milliseconds] [--json]

Options:
      --seconds N      Measure for N seconds; without it, Ctrl-C ends it
      --interval N     Draw a histogram every N seconds, each of its own time
      --pid TID        Only this thread (of a process with one thread: its number)
      --milliseconds   Count in milliseconds instead of microseconds
      --json           Print a line of JSON for each histogram
  -h, --help           Print this

Needs CAP_BPF and CAP_PERFMON, and access to tracefs.
";

/// Tasks that can be waiting at the same time.
const MAX_TASKS: u32 = 32768;
/// A slot for each power of two.
const SLOTS: u32 = 64;
/// Of a task's state in the record: it was interrupted and waits on. 0 is "it can run".
const TASK_REPORT_MAX: u32 = 0x100;

ebpf! {
    /// Measures from waking up, or from having to stop, to running.
    #[license = "GPL"]      // bpf_probe_read_kernel asks for it
    #[min_kernel = "5.10"]
    mod waits {
        /// Since when a task waits.
        static SINCE: HashMap<u32, u64> = HashMap::with_max_entries(MAX_TASKS);
        /// How many waited for how long.
        static SLOTS_OF_TIME: Array<u64> = Array::with_max_entries(SLOTS);
        /// Tasks for which `SINCE` had no room.
        static MISSED: Global<u64> = Global::new(0);
        /// Set before loading: where the fields are in the records. tracefs knows it: kernels
        /// with other options have other places.
        const WAKEUP_PID: u32;
        const WAKEUP_NEW_PID: u32;
        const PREV_PID: u32;
        const PREV_STATE: u32;
        const NEXT_PID: u32;
        /// Nanoseconds of a unit; the only task, or 0.
        const UNIT: u32;
        const TASK: u32;

        #[tracepoint("sched", "sched_wakeup")]
        fn wakeup(ctx: *mut c_void) -> i32 {
            r2 = WAKEUP_PID;
            call field;
            r1 = r0;
            call begin;
            r0 = 0;
            exit;
        }

        #[tracepoint("sched", "sched_wakeup_new")]
        fn wakeup_new(ctx: *mut c_void) -> i32 {
            r2 = WAKEUP_NEW_PID;
            call field;
            r1 = r0;
            call begin;
            r0 = 0;
            exit;
        }

        #[tracepoint("sched", "sched_switch")]
        fn switch(ctx: *mut c_void) -> i32 {
            r6 = r1;
            // Who has to go and could run waits from now on.
            r2 = PREV_STATE;
            call field;
            if r0 == 0 goto waits;
            r0 &= TASK_REPORT_MAX;
            if r0 == 0 goto next;
        waits:
            r1 = r6;
            r2 = PREV_PID;
            call field;
            r1 = r0;
            call begin;
        next:
            // Who comes has waited until now.
            r1 = r6;
            r2 = NEXT_PID;
            call field;
            r1 = r0;
            call end;
            r0 = 0;
            exit;
        }

        /// A number of 32 bits in the record. Places that are not written in the program are
        /// read by a helper.
        fn field(ctx: *mut c_void, offset: u32) -> u32 {
            r3 = r1;
            r3 += r2;
            *(u64 *)(r10 - 8) = 0;
            r1 = r10;
            r1 += -8;
            r2 = 4;
            call bpf_probe_read_kernel;
            r0 = *(u32 *)(r10 - 8);
            exit;
        }

        /// The task waits from now on.
        fn begin(task: u32) -> i64 {
            if r1 == 0 goto done;  // the idle task
            r2 = TASK;
            if r2 == 0 goto remember;
            if r1 != r2 goto done;
        remember:
            *(u32 *)(r10 - 4) = w1;
            call bpf_ktime_get_ns;
            *(u64 *)(r10 - 16) = r0;
            r1 = SINCE ll;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            r4 = BPF_ANY;
            call bpf_map_update_elem;
            if r0 == 0 goto done;
            r1 = MISSED ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }

        /// The task runs: counts how long it has waited.
        fn end(task: u32) -> i64 {
            *(u32 *)(r10 - 4) = w1;
            r1 = SINCE ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r6 = *(u64 *)(r0 + 0);
            call bpf_ktime_get_ns;
            if r0 < r6 goto forget;             // clocks of two CPUs
            r0 -= r6;
            r1 = UNIT;
            r0 /= r1;
            r1 = r0;
            call log2;
            *(u32 *)(r10 - 8) = w0;
            r1 = SLOTS_OF_TIME ll;
            r2 = r10;
            r2 += -8;
            call bpf_map_lookup_elem;
            if r0 == 0 goto forget;             // never, but the verifier wants to see it
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        forget:
            r1 = SINCE ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_delete_elem;
        done:
            r0 = 0;
            exit;
        }

        /// The place of the highest bit; 0 for 0 as well. Halves the bits that are left.
        fn log2(number: u64) -> u32 {
            r0 = 0;
            r2 = r1;
            r2 >>= 32;
            if r2 == 0 goto sixteen;
            r1 = r2;
            r0 += 32;
        sixteen:
            r2 = r1;
            r2 >>= 16;
            if r2 == 0 goto eight;
            r1 = r2;
            r0 += 16;
        eight:
            r2 = r1;
            r2 >>= 8;
            if r2 == 0 goto four;
            r1 = r2;
            r0 += 8;
        four:
            r2 = r1;
            r2 >>= 4;
            if r2 == 0 goto two;
            r1 = r2;
            r0 += 4;
        two:
            r2 = r1;
            r2 >>= 2;
            if r2 == 0 goto one;
            r1 = r2;
            r0 += 2;
        one:
            r1 >>= 1;
            if r1 == 0 goto done;
            r0 += 1;
        done:
            exit;
        }
    }
}

fn main() -> ExitCode {
    run_tool(HELP, run)
}

fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let (mut time, mut interval) = (None, None);
    let (mut task, mut is_json) = (0, false);
    let (mut unit, mut unit_name) = (1_000, "usecs");
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => time = Some(arguments.value()?.parse::<NonZeroU64>()?.get()),
            Long("interval") => interval = Some(arguments.value()?.parse::<NonZeroU64>()?.get()),
            Long("pid") => task = arguments.value()?.parse::<NonZeroU32>()?.get(),
            Long("milliseconds") => (unit, unit_name) = (1_000_000, "msecs"),
            Long("json") => is_json = true,
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    // Ctrl-C ends it with a histogram.
    let interrupt = Interrupt::catch()?;
    let waits = Places::find()?.loader(unit, task).load()?;
    let progs = &waits.progs;
    let _links = [
        progs.switch.attach()?,
        progs.wakeup.attach()?,
        progs.wakeup_new.attach()?,
    ];

    let mut out = stdout().lock();
    if !is_json {
        let end = time.map_or("Ctrl-C ends it".to_owned(), |time| {
            format!("it takes {}", seconds(time))
        });
        writeln!(out, "Measuring how long tasks wait for a CPU; {end} …")?;
    }
    let mut left = time;
    let mut before = vec![0; SLOTS as usize];
    loop {
        let step = match (interval, left) {
            (Some(interval), Some(left)) => Some(interval.min(left)),
            (interval, left) => interval.or(left),
        };
        let is_interrupted = interrupt.wait(step.map(Duration::from_secs))?;
        left = left.map(|left| left.saturating_sub(step.unwrap_or(0)));
        let slots = waits.maps.SLOTS_OF_TIME.read_all()?;
        let new = slots.iter().zip(&before).map(|(now, before)| now - before);
        let histogram = Histogram::new(unit_name, new.collect());
        before = slots;
        let missed = waits.maps.MISSED.get();
        if is_json {
            let mut line = histogram.to_json();
            line["missed"] = json!(missed);
            writeln!(out, "{line}")?;
        } else {
            write!(out, "\n{histogram}")?;
            if missed != 0 {
                writeln!(out, "({missed} not measured: too many tasks at once)")?;
            }
        }
        if is_interrupted || left == Some(0) {
            return Ok(());
        }
    }
}

/// Where the fields are.
struct Places {
    wakeup_pid: u32,
    wakeup_new_pid: u32,
    prev_pid: u32,
    prev_state: u32,
    next_pid: u32,
}

impl Places {
    fn find() -> Result<Self, Exit> {
        let tracefs = Tracefs::open()?;
        let wakeup = tracefs.format("sched", "sched_wakeup")?;
        let wakeup_new = tracefs.format("sched", "sched_wakeup_new")?;
        let switch = tracefs.format("sched", "sched_switch")?;
        Ok(Self {
            wakeup_pid: place(&wakeup, "pid", 4)?,
            wakeup_new_pid: place(&wakeup_new, "pid", 4)?,
            prev_pid: place(&switch, "prev_pid", 4)?,
            // Of a `long` the half with the bits.
            prev_state: place(&switch, "prev_state", 8)? + half(),
            next_pid: place(&switch, "next_pid", 4)?,
        })
    }

    /// The programs that find the fields there, and see only this task, or with 0 all. The unit
    /// is in nanoseconds.
    fn loader(&self, unit: u32, task: u32) -> waits::Loader {
        let mut loader = waits::loader();
        let consts = &mut loader.consts;
        consts.WAKEUP_PID.set(self.wakeup_pid);
        consts.WAKEUP_NEW_PID.set(self.wakeup_new_pid);
        consts.PREV_PID.set(self.prev_pid);
        consts.PREV_STATE.set(self.prev_state);
        consts.NEXT_PID.set(self.next_pid);
        consts.UNIT.set(unit);
        consts.TASK.set(task);
        loader
    }
}

/// Where the lower half of a number of 64 bits is in it.
const fn half() -> u32 {
    if cfg!(target_endian = "big") { 4 } else { 0 }
}

/// Where a field is, if it is as the program reads it.
fn place(format: &Format, name: &str, size: u32) -> Result<u32, Exit> {
    let field = format.field(name)?;
    if field.size != size {
        let message = format!(
            "the field {name} of {} has {} bytes on this kernel, and {size} are expected",
            format.name, field.size
        );
        return Err(Exit::Failed(message.into()));
    }
    Ok(field.offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebpf_rt::{Error, programs::Tracepoint};

    /// What tracefs says on Linux 6.12, and another place for one, as other kernels may have.
    const PLACES: Places = Places {
        wakeup_pid: 24,
        wakeup_new_pid: 28,
        prev_pid: 24,
        prev_state: 32 + half(),
        next_pid: 56,
    };

    /// States of tasks: can run, waits for an event, was interrupted and can run.
    const RUNNING: u64 = 0;
    const INTERRUPTIBLE: u64 = 1;
    const PREEMPTED: u64 = TASK_REPORT_MAX as u64;

    /// What the scheduler does.
    #[derive(Clone, Copy)]
    enum Event {
        Wakeup(u32),
        WakeupNew(u32),
        /// Who goes, in which state, and who comes.
        Switch(u32, u64, u32),
    }
    use Event::{Switch, Wakeup, WakeupNew};

    /// The programs see an event, at a time in nanoseconds.
    fn see(waits: &waits::Skeleton, time: u64, event: Event) -> Result<(), Error> {
        // What is in no field is no task's number.
        let mut record = [0xff; 64];
        let mut put = |at: u32, bytes: &[u8]| {
            record[at as usize..][..bytes.len()].copy_from_slice(bytes);
        };
        let progs = &waits.progs;
        let program: &Tracepoint = match event {
            Wakeup(task) => {
                put(PLACES.wakeup_pid, &task.to_ne_bytes());
                &progs.wakeup
            }
            WakeupNew(task) => {
                put(PLACES.wakeup_new_pid, &task.to_ne_bytes());
                &progs.wakeup_new
            }
            Switch(prev, state, next) => {
                put(PLACES.prev_pid, &prev.to_ne_bytes());
                put(PLACES.prev_state - half(), &state.to_ne_bytes());
                put(PLACES.next_pid, &next.to_ne_bytes());
                &progs.switch
            }
        };
        program.machine()?.with(|vm| vm.set_clock(time));
        assert_eq!(program.run(&mut record)?, 0);
        Ok(())
    }

    /// The slots that are not empty.
    fn slots(waits: &waits::Skeleton) -> Result<Vec<(usize, u64)>, Error> {
        let slots = waits.maps.SLOTS_OF_TIME.read_all()?.into_iter().enumerate();
        Ok(slots.filter(|&(_, count)| count != 0).collect())
    }

    const RECORDED: [(u64, Event); 14] = [
        (1_000_000, Wakeup(7)),
        // 5 µs, and the idle task waits for nothing.
        (1_005_000, Switch(0, RUNNING, 7)),
        (1_005_100, WakeupNew(8)),
        // 7 has to go, and 8 has waited for less than a unit.
        (1_006_000, Switch(7, RUNNING, 8)),
        // 8 waits for something else than a CPU, and 7 has waited for 1 ms.
        (2_006_000, Switch(8, INTERRUPTIBLE, 7)),
        (2_006_000, Switch(7, PREEMPTED, 0)),
        // 6 µs.
        (2_012_000, Switch(0, RUNNING, 7)),
        // Nobody saw 8 wake up.
        (2_013_000, Switch(7, INTERRUPTIBLE, 8)),
        // On a CPU whose clock is behind.
        (3_000_000, Wakeup(7)),
        (2_999_999, Switch(8, INTERRUPTIBLE, 7)),
        // It was forgotten.
        (4_000_000, Switch(0, RUNNING, 7)),
        // Woken up twice: the second counts.
        (5_000_000, Wakeup(8)),
        (5_090_000, Wakeup(8)),
        (5_100_000, Switch(0, RUNNING, 8)),
    ];

    #[test]
    fn recorded_waits_are_measured() -> Result<(), Error> {
        for (unit, task, counts) in [
            (1_000, 0, &[(0, 1), (2, 2), (3, 1), (9, 1)][..]),
            (1_000, 7, &[(2, 2), (9, 1)]),
            (1_000, 9, &[]),
            (1_000_000, 0, &[(0, 5)]),
        ] {
            let waits = PLACES.loader(unit, task).vm()?;
            for (time, event) in RECORDED {
                see(&waits, time, event)?;
            }
            assert_eq!(slots(&waits)?, counts, "units of {unit} ns, task {task}");
            assert_eq!(waits.maps.SINCE.keys().count(), 0);
            assert_eq!(waits.maps.MISSED.get(), 0);
        }
        Ok(())
    }

    #[test]
    fn each_power_of_two_has_its_slot() -> Result<(), Error> {
        let waits = PLACES.loader(1, 0).vm()?;
        let powers = (0..u64::BITS).map(|power| 1 << power);
        // The first and the last of each slot.
        for wait in powers.flat_map(|first: u64| [first, first + (first - 1)]) {
            see(&waits, 0, Wakeup(7))?;
            see(&waits, wait, Switch(0, RUNNING, 7))?;
        }
        assert_eq!(waits.maps.SLOTS_OF_TIME.read_all()?, [2; SLOTS as usize]);
        Ok(())
    }

    #[test]
    fn tasks_without_room_are_counted() -> Result<(), Error> {
        let mut loader = PLACES.loader(1, 0);
        loader.maps.SINCE.max_entries(2);
        let waits = loader.vm()?;
        for task in [7, 8, 9, 10, 7] {
            see(&waits, 0, Wakeup(task))?;
        }
        for task in [7, 8, 9, 10] {
            see(&waits, 1, Switch(0, RUNNING, task))?;
        }
        assert_eq!(slots(&waits)?, [(0, 2)]);
        assert_eq!(waits.maps.MISSED.get(), 2);
        Ok(())
    }

    #[test]
    fn listing() {
        insta::assert_snapshot!(super::waits::OBJECT);
    }
}
