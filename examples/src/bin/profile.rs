//! Where CPUs spend their time: samples of a clock, stacks, and their names.

use ebpf_examples::{Exit, Interrupt, c_string, printable, run_tool, seconds};
use ebpf_rt::context::bpf_perf_event_data;
use ebpf_rt::maps::flags::{BPF_F_USER_STACK, BPF_NOEXIST};
use ebpf_rt::programs::{PerfCounter, PerfEventPoint, PerfSample};
use ebpf_rt::symbols::{KernelSymbols, ProcessSymbol, ProcessSymbols};
use ebpf_rt::{Errno, Global, HashMap, Pod, StackTrace, ebpf};
use lexopt::prelude::*;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::{Write, stderr, stdout};
use std::num::{NonZeroU32, NonZeroU64};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const HELP: &str = "\
Samples what runs on all CPUs, and prints at the end how often each stack was seen, in the
folded form that flamegraph.pl and inferno-flamegraph read:

  process;main;outer;inner;function_of_the_kernel_[k] 42

Usage: profile [--seconds N] [--frequency HZ] [--pid PID]

Options:
      --seconds N       Sample for N seconds; without it, Ctrl-C ends it
      --frequency HZ    Samples a second on each CPU (49)
      --pid PID         Only this process
  -h, --help            Print this

Stacks of processes are whole only if they were compiled with frame pointers. Names are not
demangled: pipe the output through rustfilt or c++filt. Functions without a name are shown by
their file, [libc.so.6]; what a process did that was gone before it was looked at, by [unknown].

Needs CAP_BPF and CAP_PERFMON; CAP_SYSLOG for the kernel's names, CAP_SYS_PTRACE for those of
others' processes.
";

/// Different stacks, and how many of them with how many processes.
const MAX_STACKS: u32 = 16384;
const MAX_COUNTS: u32 = 32768;

/// How often it is looked where the functions of new processes are.
const LOOK_AT_PROCESSES: Duration = Duration::from_millis(250);

/// What is counted.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Sample {
    pid: u32,
    /// Numbers of stacks; a negative errno if there is none.
    user: i32,
    kernel: i32,
    nothing: u32,
    command: [u8; 16],
}

ebpf! {
    /// Counts stacks.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod samples {
        static STACKS: StackTrace = StackTrace::with_max_entries(MAX_STACKS);
        static COUNTS: HashMap<Sample, u64> = HashMap::with_max_entries(MAX_COUNTS);
        /// Samples for which there was no room.
        static LOST: Global<u64> = Global::new(0);
        /// Set before loading: the only process, or 0.
        const PID: u32;

        #[perf_event]
        fn sample(ctx: *mut bpf_perf_event_data) -> i32 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if r0 == 0 goto done;               // nothing runs
            r1 = PID;
            if r1 == 0 goto wanted;
            if r0 != r1 goto done;
        wanted:
            // The key: a `Sample` at r10 - 32.
            *(u32 *)(r10 - 32) = w0;
            *(u32 *)(r10 - 20) = 0;
            r1 = r10;
            r1 += -16;
            r2 = 16;
            call bpf_get_current_comm;
            r1 = r6;
            r2 = STACKS ll;
            r3 = BPF_F_USER_STACK;
            call bpf_get_stackid;
            *(u32 *)(r10 - 28) = w0;
            r1 = r6;
            r2 = STACKS ll;
            r3 = 0;
            call bpf_get_stackid;
            *(u32 *)(r10 - 24) = w0;

            *(u64 *)(r10 - 40) = 0;
            r1 = COUNTS ll;
            r2 = r10;
            r2 += -32;
            r3 = r10;
            r3 += -40;
            r4 = BPF_NOEXIST;
            call bpf_map_update_elem;           // if it is the first such sample
            r1 = COUNTS ll;
            r2 = r10;
            r2 += -32;
            call bpf_map_lookup_elem;
            if r0 != 0 goto add;
            r0 = LOST ll;                       // the table is full
        add:
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
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
    let (mut time, mut frequency, mut pid) = (None, 49, 0);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("seconds") => time = Some(arguments.value()?.parse::<NonZeroU64>()?.get()),
            Long("frequency") => frequency = arguments.value()?.parse::<NonZeroU64>()?.get(),
            Long("pid") => pid = arguments.value()?.parse::<NonZeroU32>()?.get(),
            Short('h') | Long("help") => return Err(Exit::Help),
            other => return Err(other.unexpected().into()),
        }
    }

    // Ctrl-C ends it with what was seen.
    let interrupt = Interrupt::catch()?;
    // Takes a while, which is not to be sampled.
    let mut names = Names::new();
    let mut loader = samples::loader();
    loader.consts.PID.set(pid);
    let samples = loader.load()?;
    if let Err(error) = &names.kernel {
        // It is still a profile.
        writeln!(stderr(), "Functions of the kernel have no names: {error}")?;
    }
    let point = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(frequency));
    let link = samples.progs.sample.attach_to(point)?;
    // What is for people goes to stderr: the output is for programs.
    let end = time.map_or("Ctrl-C ends it".to_owned(), |time| {
        format!("it takes {}", seconds(time))
    });
    writeln!(
        stderr(),
        "Sampling {frequency} times a second on each CPU; {end} …"
    )?;
    let start = Instant::now();
    loop {
        let left = time.map(|time| Duration::from_secs(time).saturating_sub(start.elapsed()));
        let pause = LOOK_AT_PROCESSES.min(left.unwrap_or(Duration::MAX));
        if pause.is_zero() || interrupt.wait(Some(pause))? {
            break;
        }
        // While they are there.
        for sample in samples.maps.COUNTS.keys() {
            names.meet(&sample?);
        }
    }
    // Finding names can take a while, which a second Ctrl-C ends.
    link.detach()?;
    drop(interrupt);

    // Processes of one name are shown as one.
    let mut folded = BTreeMap::<String, u64>::new();
    for entry in samples.maps.COUNTS.iter() {
        let (sample, count) = entry?;
        *folded
            .entry(names.fold(&sample, &samples.maps.STACKS)?)
            .or_default() += count;
    }
    let mut out = stdout().lock();
    for (stack, count) in folded {
        writeln!(out, "{stack} {count}")?;
    }
    match samples.maps.LOST.get() {
        0 => Ok(()),
        lost => Ok(writeln!(
            stderr(),
            "({lost} samples lost: too many stacks)"
        )?),
    }
}

/// Names of functions.
struct Names {
    kernel: Result<KernelSymbols, ebpf_rt::Error>,
    /// By number and name: a process can become another program.
    processes: BTreeMap<(u32, [u8; 16]), Process>,
}

/// What a process had in memory when it was first seen, and has now, if that is asked for.
struct Process {
    pid: u32,
    then: Option<ProcessSymbols>,
    now: OnceCell<Option<ProcessSymbols>>,
}

impl Process {
    fn find(&self, address: u64) -> Option<ProcessSymbol<'_>> {
        let then = self.then.as_ref().and_then(|then| then.find(address));
        then.or_else(|| {
            // Libraries may have come later.
            let now = self.now.get_or_init(|| ProcessSymbols::load(self.pid).ok());
            now.as_ref()?.find(address)
        })
    }
}

impl Names {
    fn new() -> Self {
        Self {
            kernel: KernelSymbols::load(),
            processes: BTreeMap::new(),
        }
    }

    /// Looks at the process of a sample if that is new.
    fn meet(&mut self, sample: &Sample) -> &Process {
        let process = self.processes.entry((sample.pid, sample.command));
        process.or_insert_with(|| Process {
            pid: sample.pid,
            then: ProcessSymbols::load(sample.pid).ok(),
            now: OnceCell::new(),
        })
    }

    /// `process;outer;inner`
    fn fold(&mut self, sample: &Sample, stacks: &StackTrace) -> Result<String, Exit> {
        let mut frames = vec![printable(c_string(&sample.command))];
        let process = self.meet(sample);
        for address in stack(stacks, sample.user)?.into_iter().rev() {
            frames.push(user_frame(process, address));
        }
        for address in stack(stacks, sample.kernel)?.into_iter().rev() {
            frames.push(self.kernel_frame(address));
        }
        // What separates frames cannot be in their names.
        for frame in &mut frames {
            *frame = frame.replace(';', ":");
        }
        Ok(frames.join(";"))
    }

    fn kernel_frame(&self, address: u64) -> String {
        let kernel = self.kernel.as_ref().ok();
        match kernel.and_then(|kernel| kernel.find(address)) {
            Some(symbol) => format!("{}_[k]", symbol.name),
            None => format!("{address:#x}_[k]"),
        }
    }
}

fn user_frame(process: &Process, address: u64) -> String {
    match process.find(address) {
        None => "[unknown]".to_owned(),
        Some(symbol) => match symbol.function {
            Some((name, _)) => printable(name.as_bytes()),
            None => {
                let file = symbol.file.rsplit('/').next().unwrap_or(symbol.file);
                format!("[{}]", printable(file.as_bytes()))
            }
        },
    }
}

/// The addresses of a stack, the innermost first.
fn stack(stacks: &StackTrace, id: i32) -> Result<Vec<u64>, Exit> {
    match u32::try_from(id) {
        Ok(id) => Ok(stacks.get(id)?.unwrap_or_default()),
        // Another stack is in its place.
        Err(_) if id == -Errno::EEXIST.raw() => Ok(Vec::new()),
        // There is none: code of the process ran, or a thread of the kernel.
        Err(_) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process, its stacks in the kernel and in itself, and how often they were seen.
    type Recorded<'a> = (u32, &'a str, &'a [u64], &'a [u64], usize);

    /// Interrupted in a system call, and outside of any; a thread of the kernel; the idle task.
    const RECORDED: [Recorded<'_>; 6] = [
        (12, "cat", &[0xffff_0001, 0xffff_0002], &[0x1001, 0x1002], 3),
        (12, "cat", &[], &[0x1003, 0x1002], 2),
        (7, "kworker", &[0xffff_0003], &[], 4),
        (0, "swapper", &[0xffff_0004], &[], 9),
        (13, "cat", &[], &[0x1003, 0x1002], 1),
        (12, "cat", &[0xffff_0001, 0xffff_0002], &[0x1001, 0x1002], 1),
    ];

    /// Samples what was recorded; only of this process, if it is not 0.
    fn sampled(mut loader: samples::Loader, pid: u32) -> Result<samples::Skeleton, Exit> {
        loader.consts.PID.set(pid);
        let samples = loader.vm()?;
        let sample = &samples.progs.sample;
        for (pid, comm, kernel, user, count) in RECORDED {
            sample.machine()?.with(|vm| {
                vm.set_process(pid, pid + 1);
                vm.set_comm(comm);
                vm.set_stacks(kernel, user);
            });
            for _ in 0..count {
                assert_eq!(sample.run(&mut [])?, 0);
            }
        }
        Ok(samples)
    }

    #[test]
    fn recorded_stacks_are_counted() -> Result<(), Exit> {
        let cat = |pid| (pid, b"cat".to_vec());
        let in_kernel = (
            cat(12),
            vec![0xffff_0001, 0xffff_0002],
            vec![0x1001, 0x1002],
            4,
        );
        let in_process = |pid, count| (cat(pid), vec![], vec![0x1003, 0x1002], count);
        let thread = ((7, b"kworker".to_vec()), vec![0xffff_0003], vec![], 4);
        for (pid, counts) in [
            (
                0,
                vec![
                    thread,
                    in_process(12, 2),
                    in_kernel.clone(),
                    in_process(13, 1),
                ],
            ),
            (12, vec![in_process(12, 2), in_kernel]),
            (14, vec![]),
        ] {
            let samples = sampled(samples::loader(), pid)?;
            let stacks = &samples.maps.STACKS;
            let mut counted = Vec::new();
            for entry in samples.maps.COUNTS.iter() {
                let (sample, count) = entry?;
                let process = (sample.pid, c_string(&sample.command).to_vec());
                let (kernel, user) = (stack(stacks, sample.kernel)?, stack(stacks, sample.user)?);
                counted.push((process, kernel, user, count));
            }
            counted.sort();
            assert_eq!(counted, counts, "process {pid}");
            assert_eq!(samples.maps.LOST.get(), 0);
        }
        Ok(())
    }

    #[test]
    fn samples_without_room_are_counted() -> Result<(), Exit> {
        let mut loader = samples::loader();
        loader.maps.COUNTS.max_entries(2);
        let samples = sampled(loader, 0)?;
        assert_eq!(samples.maps.COUNTS.keys().count(), 2);
        assert_eq!(samples.maps.LOST.get(), 5);
        Ok(())
    }

    #[test]
    fn another_stack_in_the_place_is_an_errno() -> Result<(), Exit> {
        let mut loader = samples::loader();
        loader.maps.STACKS.max_entries(1);
        let samples = sampled(loader, 0)?;
        let taken = -Errno::EEXIST.raw();
        let mut kernel = Vec::new();
        for sample in samples.maps.COUNTS.keys() {
            let sample = sample?;
            if sample.kernel != -Errno::EFAULT.raw() {
                kernel.push((sample.pid, sample.kernel));
            }
        }
        kernel.sort_unstable();
        // The first stack of all is that of process 12 in itself.
        assert_eq!(kernel, [(7, taken), (12, taken)]);
        Ok(())
    }

    #[test]
    fn listing() {
        insta::assert_snapshot!(super::samples::OBJECT);
    }
}
