//! What the tools' programs cost in the kernel, beside the same in C (`workloads/`), made by
//! clang: how many instructions the kernel has of them after its rewriting, and how long they run.

use crate::tools;
use benchmarks::Work;
use benchmarks::raw;
use benchmarks::rounds::{Effort, Result, Side, compare, count_all};
use ebpf_rt::Object;
use ebpf_rt::load::{ConstantValue, Loaded, Options};
use ebpf_rt::object::ProgramKind;
use ebpf_rt::programs::{Program, RawProgram, RawTracepoint, Statistics, Tracepoint};
use libbpf_rs::ObjectBuilder;
use std::os::fd::{AsFd, BorrowedFd};

const CLANG: &str = "clang";

/// How a program is run to see how long it takes.
#[derive(Clone, Copy)]
enum Run {
    /// `BPF_PROG_TEST_RUN` with a packet.
    Packet,
    /// Attached, while this process opens files that there are not; by the kernel's statistics.
    Opens,
    /// Not at all: this kind has no test run, and what it is attached to is not everywhere.
    No,
}

/// A program of any kind.
struct Any(RawProgram);

impl Program for Any {
    fn from_raw(raw: RawProgram) -> std::result::Result<Self, ebpf_rt::Error> {
        Ok(Self(raw))
    }

    fn as_raw(&self) -> &RawProgram {
        &self.0
    }
}

/// A tool, its object, and how its first program is run.
type Tool = (&'static str, fn() -> &'static Object, Run);

const TOOLS: [Tool; 9] = [
    ("socket_filter", tools::socket_filter::object, Run::Packet),
    ("packets", tools::packets::object, Run::Packet),
    ("opens_by_user", tools::opens_by_user::object, Run::Opens),
    ("openat", tools::openat::object, Run::Opens),
    ("tail_calls", tools::tail_calls::object, Run::Opens),
    ("exec_events", tools::exec_events::object, Run::No),
    ("execs_by_user", tools::execs_by_user::object, Run::No),
    ("hello_kprobe", tools::hello_kprobe::object, Run::No),
    ("stream_verdict", tools::stream_verdict::object, Run::No),
];

pub fn run(work: &Work) -> Result<()> {
    for (tool, object, run) in TOOLS {
        let Some(elf) = work.object(tool)? else {
            continue;
        };
        measure(work.effort, tool, object(), &elf, run)
            .map_err(|error| format!("{tool}: {error}"))?;
    }
    Ok(())
}

/// With every load-time constant 0: no process has this number, and the tools' usual ways do.
fn load(object: &'static Object) -> Result<Loaded> {
    let zeros = vec![Some(ConstantValue::from(0)); object.constants.len()];
    Ok(ebpf_rt::load::load(
        object,
        &[],
        &[],
        &zeros,
        &Options::default(),
    )?)
}

fn measure(
    effort: Effort,
    tool: &str,
    object: &'static Object,
    elf: &[u8],
    run: Run,
) -> Result<()> {
    let mut loaded = load(object)?;
    let theirs = ObjectBuilder::default().open_memory(elf)?.load()?;
    let (mut ours_all, mut theirs_all) = (0, 0);
    let mut first = None;
    for (index, program) in object.programs.iter().enumerate() {
        let handle = loaded.program::<Any>(index)?.0;
        ours_all += raw::prog_info(handle.fd()?)?.xlated_prog_len;
        first.get_or_insert(handle);
        let same = theirs.progs().find(|theirs| theirs.name() == program.name);
        let same = same.ok_or_else(|| format!("the C has no program {}", program.name))?;
        theirs_all += raw::prog_info(same.as_fd())?.xlated_prog_len;
    }
    let insns = |bytes: u32| f64::from(bytes) / 8.0;
    count_all(
        "instructions in the kernel",
        tool,
        "instructions",
        &[("ebpf-rt", insns(ours_all)), (CLANG, insns(theirs_all))],
    );
    let first = first.ok_or("it has no program")?;
    let name = object.programs[0].name;
    match run {
        Run::No => Ok(()),
        Run::Packet => {
            let same = theirs.progs().find(|theirs| theirs.name() == name);
            let same = same.ok_or("the C has no such program")?;
            packets(effort, tool, first.fd()?, same.as_fd())
        }
        Run::Opens => opens(effort, tool, object, elf),
    }
}

/// Ethernet, IPv4, UDP.
fn packet() -> [u8; 64] {
    let mut packet = [0; 64];
    packet[12..14].copy_from_slice(&[0x08, 0x00]);
    packet[14] = 0x45;
    packet[23] = libc::IPPROTO_UDP as u8;
    packet
}

fn packets(effort: Effort, tool: &str, ours: BorrowedFd<'_>, theirs: BorrowedFd<'_>) -> Result<()> {
    let packet = packet();
    let repeat: u32 = if effort.is_full() { 500_000 } else { 50_000 };
    assert_eq!(
        raw::test_run(ours, &packet, 1)?.0,
        raw::test_run(theirs, &packet, 1)?.0,
        "both return the same"
    );
    // The kernel's own figure has whole nanoseconds only, which are too few for short programs.
    let time = |program| {
        Side::timed("", repeat as usize, move || {
            raw::test_run(program, &packet, repeat)?;
            Ok(())
        })
    };
    compare(
        "time in the kernel",
        tool,
        "ns per run",
        effort.rounds(41),
        vec![time(ours).named("ebpf-rt"), time(theirs).named(CLANG)],
    )
}

/// Opens files that there are not, so many times; the average time of a run of the program.
fn average(program: BorrowedFd<'_>) -> Result<f64> {
    const OPENS: usize = 500;
    let before = raw::prog_info(program)?;
    for _ in 0..OPENS {
        // SAFETY: the path is a C string.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_openat,
                libc::AT_FDCWD,
                c"/no/such/file".as_ptr(),
                0,
            )
        };
        assert_eq!(fd, -1, "there is no such file");
    }
    let after = raw::prog_info(program)?;
    let runs = after.run_cnt - before.run_cnt;
    if runs < OPENS as u64 {
        return Err(format!("the program ran {runs} times in {OPENS} calls").into());
    }
    Ok((after.run_time_ns - before.run_time_ns) as f64 / runs as f64)
}

fn opens(effort: Effort, tool: &str, object: &'static Object, elf: &[u8]) -> Result<()> {
    let _statistics = Statistics::enable()?;
    let name = object.programs[0].name;
    // Loaded anew in each round, since the maps of some fill up.
    compare(
        "time in the kernel",
        tool,
        "ns per run",
        effort.rounds(41),
        vec![
            Side::new("ebpf-rt", || {
                let mut loaded = load(object)?;
                match object.programs[0].kind {
                    ProgramKind::Tracepoint { .. } => {
                        let program = loaded.program::<Tracepoint>(0)?;
                        let _link = program.attach()?;
                        average(program.as_raw().fd()?)
                    }
                    _ => {
                        let program = loaded.program::<RawTracepoint>(0)?;
                        let _link = program.attach()?;
                        average(program.as_raw().fd()?)
                    }
                }
            }),
            Side::new(CLANG, || {
                let loaded = ObjectBuilder::default().open_memory(elf)?.load()?;
                let program = loaded.progs_mut().find(|theirs| theirs.name() == name);
                let program = program.ok_or("the C has no such program")?;
                let _link = program.attach()?;
                average(program.as_fd())
            }),
        ],
    )
}
