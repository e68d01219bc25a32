//! Probes and perf events at work, and what the kernel says about what is loaded.

use super::common::{eventually, make_system_calls};
use core::ffi::c_void;
use core::hint::black_box;
use core::sync::atomic::{AtomicU16, Ordering};
use ebpf_rt::context::{
    PT_REGS_PARM1_OFFSET, PT_REGS_RC_OFFSET, bpf_perf_event_data, bpf_raw_tracepoint_args, pt_regs,
};
use ebpf_rt::inventory;
use ebpf_rt::links::{KprobeLink, TracepointLink, UprobeLink, UprobeMultiLink};
use ebpf_rt::programs::{
    KprobeMultiPoint, KprobePoint, PerfCounter, PerfEventPoint, PerfSample, Program, Statistics,
    TestRun, UprobeMultiPoint, UprobePoint, UsdtPoint,
};
use ebpf_rt::tracefs::Tracefs;
use ebpf_rt::{ErrorKind, Global, LinkType, ProgramType, ebpf};
use kernel_test::{Need, Suite, has_kprobes, static_probe};
use std::time::{Duration, Instant};

const ROOT: &[Need] = &[Need::Root];
const LINKS: &[Need] = &[Need::Root, Need::Kernel(5, 15)];
const KPROBES: &[Need] = &[Need::Root, Need::Matrix(has_kprobes)];
const KPROBE_LINKS: &[Need] = &[Need::Root, Need::Kernel(5, 15), Need::Matrix(has_kprobes)];
const KPROBE_MULTI: &[Need] = &[Need::Root, Need::Matrix(has_kprobe_multi)];
const KPROBE_SESSION: &[Need] = &[
    Need::Root,
    Need::Kernel(6, 10),
    Need::Matrix(has_kprobe_multi),
];
const UPROBE_MULTI: &[Need] = &[Need::Root, Need::Kernel(6, 6)];
const UPROBE_SESSION: &[Need] = &[Need::Root, Need::Kernel(6, 13)];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("tracing::uprobe", ROOT, uprobe)
        .programs(&["uprobe"]);
    suite.test("tracing::uprobe_errors", ROOT, uprobe_errors);
    suite
        .test("tracing::uretprobe", ROOT, uretprobe)
        .programs(&["uretprobe"]);
    suite
        .test("tracing::uprobe_cookie", LINKS, uprobe_cookie)
        .programs(&["uprobe"]);
    suite
        .test("tracing::uprobe_multi", UPROBE_MULTI, uprobe_multi)
        .programs(&["uprobe_multi", "uretprobe_multi"]);
    suite
        .test("tracing::uprobe_session", UPROBE_SESSION, uprobe_session)
        .programs(&["uprobe_session"]);
    suite.test("tracing::usdt", ROOT, usdt).programs(&["usdt"]);
    suite
        .test("tracing::perf_event", ROOT, perf_event)
        .programs(&["perf_event"]);
    suite
        .test("tracing::perf_event_cycles", ROOT, perf_event_cycles)
        .programs(&["perf_event"]);
    suite
        .test("tracing::raw_tracepoint_writable", ROOT, writable)
        .programs(&["raw_tracepoint_writable"]);
    suite
        .test(
            "tracing::raw_tracepoint_cookie",
            &[Need::Root, Need::Kernel(6, 10)],
            raw_tracepoint_cookie,
        )
        .programs(&["raw_tracepoint"]);
    suite
        .test("tracing::tracepoint_cookie", LINKS, tracepoint_cookie)
        .programs(&["tracepoint"]);
    suite.test("tracing::tracepoint_format", ROOT, tracepoint_format);
    suite
        .test("tracing::pinned_links", LINKS, pinned_links)
        .programs(&["tracepoint"]);
    suite.test("tracing::pinned_programs", ROOT, pinned_programs);
    suite.test("tracing::inventory", LINKS, inventory_has_it);
    suite.test("tracing::statistics", ROOT, statistics);
    suite.test("tracing::test_run", ROOT, test_run);
    suite.test("tracing::nothing_is_left", LINKS, nothing_is_left);
    suite
        .test("tracing::kprobe", KPROBES, kprobe)
        .programs(&["kprobe"]);
    suite.test("tracing::kprobe_errors", KPROBES, kprobe_errors);
    suite
        .test("tracing::kretprobe", KPROBES, kretprobe)
        .programs(&["kretprobe"]);
    suite
        .test("tracing::kprobe_cookie", KPROBE_LINKS, kprobe_cookie)
        .programs(&["kprobe"]);
    suite
        .test("tracing::kprobe_multi", KPROBE_MULTI, kprobe_multi)
        .programs(&["kprobe_multi", "kretprobe_multi"]);
    suite
        .test("tracing::kprobe_session", KPROBE_SESSION, kprobe_session)
        .programs(&["kprobe_session"]);
}

fn has_kprobe_multi() -> Result<(), String> {
    let probes = kernel_functions::load().map_err(|error| error.to_string())?;
    match probes
        .progs
        .count
        .attach_to(KprobeMultiPoint::symbols(&["do_exit"]))
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Err("many kprobes at once (CONFIG_FPROBE, Linux 5.18)".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The functions that probes are set on. They are called here only.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn ebpf_rt_probe_target_one(number: u64) -> u64 {
    black_box(number) + 1
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn ebpf_rt_probe_target_two(number: u64) -> u64 {
    black_box(number) * 3
}

fn call_targets(times: u64) {
    for number in 0..times {
        black_box(ebpf_rt_probe_target_one(black_box(number)));
        black_box(ebpf_rt_probe_target_two(black_box(number)));
    }
}

pub(crate) fn this_file() -> String {
    let path = std::env::current_exe().unwrap();
    path.into_os_string().into_string().unwrap()
}

ebpf! {
    /// Counts, and keeps the last number that it saw.
    #[license = "GPL"]
    mod probes {
        static HITS: Global<u64> = Global::new(0);
        static SEEN: Global<u64> = Global::new(0);

        #[uprobe]
        fn enter(ctx: *mut pt_regs) -> i32 {
            r2 = *(u64 *)(r1 + PT_REGS_PARM1_OFFSET);
            call keep;
            r0 = 0;
            exit;
        }

        #[uretprobe]
        fn leave(ctx: *mut pt_regs) -> i32 {
            r2 = *(u64 *)(r1 + PT_REGS_RC_OFFSET);
            call keep;
            r0 = 0;
            exit;
        }

        #[usdt]
        fn probe(ctx: *mut pt_regs) -> i32 {
            r2 = 0;
            call keep;
            r0 = 0;
            exit;
        }

        #[perf_event]
        fn sample(ctx: *mut bpf_perf_event_data) -> i32 {
            r2 = 0;
            call keep;
            r0 = 0;
            exit;
        }

        #[kprobe("do_exit")]
        fn kernel_enter(ctx: *mut pt_regs) -> i32 {
            r2 = *(u64 *)(r1 + PT_REGS_PARM1_OFFSET);
            call keep;
            r0 = 0;
            exit;
        }

        #[kretprobe("do_sys_openat2")]
        fn kernel_leave(ctx: *mut pt_regs) -> i32 {
            r2 = *(u64 *)(r1 + PT_REGS_RC_OFFSET);
            call keep;
            r0 = 0;
            exit;
        }

        #[raw_tracepoint_writable("sys_enter")]
        fn writable(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = 0;
            call keep;
            r0 = 0;
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn trace(ctx: *mut c_void) -> i32 {
            r2 = 0;
            call keep;
            r0 = 0;
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn raw(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = *(u64 *)(r1 + 8);
            call keep;
            r0 = 7;
            exit;
        }

        #[socket_filter]
        fn filter(ctx: *mut c_void) -> i32 {
            r0 = *(u32 *)(r1 + 0);
            exit;
        }

        /// Keeps r2.
        fn keep(ctx: *mut c_void, number: u64) -> i32 {
            r1 = SEEN ll;
            *(u64 *)(r1 + 0) = r2;
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// Counts, and adds up cookies.
    #[license = "GPL"]
    mod cookies {
        static HITS: Global<u64> = Global::new(0);
        static SUM: Global<u64> = Global::new(0);

        #[uprobe]
        fn user(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        #[kprobe("do_sys_openat2")]
        fn kernel(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn trace(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        #[perf_event]
        fn sample(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        fn add(ctx: *mut c_void) -> i32 {
            call bpf_get_attach_cookie;
            r1 = SUM ll;
            lock *(u64 *)(r1 + 0) += r0;
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// The same, at raw trace points.
    #[license = "GPL"]
    mod raw_cookies {
        static SUM: Global<u64> = Global::new(0);

        #[raw_tracepoint("sys_enter")]
        fn raw(ctx: *mut c_void) -> i32 {
            call bpf_get_attach_cookie;
            r1 = SUM ll;
            lock *(u64 *)(r1 + 0) += r0;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// Counts at many functions of a file, and adds up cookies.
    #[license = "GPL"]
    mod user_functions {
        static HITS: Global<u64> = Global::new(0);
        static SUM: Global<u64> = Global::new(0);

        #[uprobe_multi]
        fn count(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        #[uretprobe_multi]
        fn count_returns(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        fn add(ctx: *mut c_void) -> i32 {
            call bpf_get_attach_cookie;
            r1 = SUM ll;
            lock *(u64 *)(r1 + 0) += r0;
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// Counts entries and returns of many functions of a file.
    #[license = "GPL"]
    mod user_sessions {
        static HITS: Global<u64> = Global::new(0);

        #[uprobe_session]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// Counts at many functions of the kernel.
    #[license = "GPL"]
    mod kernel_functions {
        static HITS: Global<u64> = Global::new(0);

        #[kprobe_multi("do_sys_openat*")]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }

        #[kretprobe_multi("do_sys_openat2")]
        fn count_returns(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// Counts entries and returns of functions of the kernel.
    #[license = "GPL"]
    mod kernel_sessions {
        static HITS: Global<u64> = Global::new(0);

        #[kprobe_session("do_sys_openat2")]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

/// The object without the programs that only some kernels can load or that others test.
fn load_probes() -> probes::Skeleton {
    probes::load().unwrap()
}

fn load_cookies() -> cookies::Skeleton {
    cookies::load().unwrap()
}

fn uprobe() {
    let probes = load_probes();
    let (hits, seen) = (&probes.maps.HITS, &probes.maps.SEEN);
    let path = this_file();
    let point = UprobePoint::symbol(&path, "ebpf_rt_probe_target_one");
    let enter = &probes.progs.enter;

    call_targets(3);
    assert_eq!(hits.get(), 0, "not attached yet");
    let link: UprobeLink = enter.attach_to(point).unwrap();
    call_targets(3);
    assert_eq!((hits.get(), seen.get()), (3, 2));
    link.detach().unwrap();
    call_targets(3);
    assert_eq!(hits.get(), 3);

    // In this process only, and in another one.
    let link = enter.attach_to(point.pid(std::process::id())).unwrap();
    call_targets(2);
    assert_eq!(hits.get(), 5);
    drop(link);
    let mut other = std::process::Command::new("sleep")
        .arg("20")
        .spawn()
        .unwrap();
    let link = enter.attach_to(point.pid(other.id())).unwrap();
    call_targets(2);
    assert_eq!(hits.get(), 5);
    drop(link);
    other.kill().unwrap();
    other.wait().unwrap();

    // A library of this process by its name, where there is one.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    if maps.contains("/libc.so.6") {
        for name in ["libc.so.6", "libc"] {
            let before = hits.get();
            let point = UprobePoint::symbol(name, "getenv").pid(std::process::id());
            let link = enter.attach_to(point).unwrap();
            // SAFETY: a C string; nobody changes the environment.
            unsafe { libc::getenv(c"PATH".as_ptr()) };
            assert!(hits.get() > before, "{name}");
            drop(link);
        }
    }
}

fn uprobe_errors() {
    let probes = load_probes();
    let enter = &probes.progs.enter;
    let path = this_file();
    let error = |point: UprobePoint<'_>| enter.attach_to(point).unwrap_err();
    let wrong = error(UprobePoint::symbol(&path, "ebpf_rt_probe_target_on"));
    assert_eq!(wrong.kind(), ErrorKind::NotFound);
    assert!(
        wrong
            .to_string()
            .contains("did you mean `ebpf_rt_probe_target_one`"),
        "{wrong}"
    );
    let nowhere = error(UprobePoint::symbol("libno-such-thing.so", "x"));
    assert!(nowhere.to_string().contains("give its path"), "{nowhere}");
    let text = error(UprobePoint::symbol("/proc/version", "x"));
    assert!(text.to_string().contains("is not an ELF file"), "{text}");
    let beyond = error(UprobePoint::file_offset(&path, 1 << 40));
    assert!(
        beyond.to_string().contains("is no place for a probe"),
        "{beyond}"
    );
    let error = enter.attach().unwrap_err();
    assert_eq!(
        error.to_string(),
        "object `probes`, program `enter`: its attribute does not say where it goes; say it with \
         attach_to"
    );
    let nobody = UprobePoint::symbol(&path, "main").pid(u32::MAX >> 2);
    let error = enter.attach_to(nobody).unwrap_err();
    assert!(
        error.to_string().contains("there is no such process"),
        "{error}"
    );
}

fn uretprobe() {
    let probes = load_probes();
    let path = this_file();
    let point = UprobePoint::symbol(&path, "ebpf_rt_probe_target_two");
    let link = probes.progs.leave.attach_to(point).unwrap();
    call_targets(5);
    assert_eq!((probes.maps.HITS.get(), probes.maps.SEEN.get()), (5, 12));
    drop(link);
    let error = probes.progs.leave.attach_to(point.offset(4)).unwrap_err();
    assert!(
        error.to_string().contains("an offset makes no sense"),
        "{error}"
    );
}

fn uprobe_cookie() {
    let cookies = load_cookies();
    let path = this_file();
    let point = UprobePoint::symbol(&path, "ebpf_rt_probe_target_one").cookie(40);
    let _link = cookies.progs.user.attach_to(point).unwrap();
    let point = UprobePoint::symbol(&path, "ebpf_rt_probe_target_two").cookie(2);
    let _other = cookies.progs.user.attach_to(point).unwrap();
    call_targets(1);
    assert_eq!((cookies.maps.HITS.get(), cookies.maps.SUM.get()), (2, 42));
    let sampling = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(1000));
    let before = cookies.maps.SUM.get();
    let link = cookies
        .progs
        .sample
        .attach_to(sampling.cookie(1 << 32))
        .unwrap();
    assert!(eventually(|| cookies.maps.SUM.get() >= before + (1 << 32)));
    assert!(
        link.info()
            .unwrap()
            .iter()
            .all(|info| info.link_type == Some(LinkType::PerfEvent))
    );
}

fn uprobe_multi() {
    let functions = user_functions::load().unwrap();
    let (hits, sum) = (&functions.maps.HITS, &functions.maps.SUM);
    let path = this_file();
    let count = &functions.progs.count;
    let pattern = UprobeMultiPoint::pattern(&path, "ebpf_rt_probe_target_*");
    let link: UprobeMultiLink = count.attach_to(pattern).unwrap();
    call_targets(3);
    assert_eq!((hits.get(), sum.get()), (6, 0));
    assert_eq!(link.info().unwrap().link_type, Some(LinkType::UprobeMulti));
    drop(link);

    let names = ["ebpf_rt_probe_target_one", "ebpf_rt_probe_target_two"];
    let point = UprobeMultiPoint::symbols(&path, &names).cookies(&[1, 10]);
    let link = count.attach_to(point.pid(std::process::id())).unwrap();
    call_targets(2);
    assert_eq!((hits.get(), sum.get()), (10, 22));
    link.detach().unwrap();

    let point = UprobeMultiPoint::symbols(&path, &names[..1]);
    let _link = functions.progs.count_returns.attach_to(point).unwrap();
    call_targets(1);
    assert_eq!(hits.get(), 11);
    let error = count
        .attach_to(UprobeMultiPoint::pattern(&path, "no_such_function_*"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn uprobe_session() {
    let sessions = user_sessions::load().unwrap();
    let path = this_file();
    let point = UprobeMultiPoint::pattern(&path, "ebpf_rt_probe_target_*");
    let _link = sessions.progs.count.attach_to(point).unwrap();
    call_targets(2);
    assert_eq!(sessions.maps.HITS.get(), 8, "entries and returns");
}

/// Whether somebody listens to the probe: raised by the kernel.
#[unsafe(link_section = ".probes")]
static SEMAPHORE: AtomicU16 = AtomicU16::new(0);

/// The static probe `ebpf_rt:tick`, as `sys/sdt.h` makes it.
#[inline(never)]
fn tick() {
    static_probe!("tick", "{semaphore}", "", semaphore = sym SEMAPHORE,);
}

fn usdt() {
    let probes = load_probes();
    let hits = &probes.maps.HITS;
    let path = this_file();
    let probe = &probes.progs.probe;
    let point = UsdtPoint::new(&path, "ebpf_rt", "tick");
    assert_eq!(SEMAPHORE.load(Ordering::Relaxed), 0);
    let link = probe.attach_to(point).unwrap();
    assert_eq!(link.len(), 1);
    assert_eq!(SEMAPHORE.load(Ordering::Relaxed), 1, "somebody listens");
    for _ in 0..4 {
        tick();
    }
    assert_eq!(hits.get(), 4);
    link.detach().unwrap();
    assert!(eventually(|| SEMAPHORE.load(Ordering::Relaxed) == 0));
    tick();
    assert_eq!(hits.get(), 4);

    let _link = probe.attach_to(point.pid(std::process::id())).unwrap();
    tick();
    assert_eq!(hits.get(), 5);
    let error = probe
        .attach_to(UsdtPoint::new(&path, "ebpf_rt", "tock"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`ebpf_rt:tick`"), "{error}");
}

/// Keeps a CPU busy until it is so, for at most five seconds.
fn busy_until(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        for number in 0..1000 {
            black_box(ebpf_rt_probe_target_one(number));
        }
        if condition() {
            return true;
        }
    }
    false
}

/// A page fault for certain: what the allocator gives may have been in use before.
fn touch_new_page() {
    let (size, access) = (4096, libc::PROT_READ | libc::PROT_WRITE);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: asks for memory at a place that the kernel chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: the page is there, nobody else knows it, and it is not used after this.
    unsafe {
        page.cast::<u8>().write_volatile(1);
        assert_eq!(libc::munmap(page, size), 0);
    }
}

fn perf_event() {
    let probes = load_probes();
    let hits = &probes.maps.HITS;
    let sample = &probes.progs.sample;
    let clock = |how| PerfEventPoint::new(PerfCounter::CpuClock, how);
    let everywhere = sample
        .attach_to(clock(PerfSample::Frequency(1000)))
        .unwrap();
    assert!(everywhere.len() >= 1);
    assert!(busy_until(|| hits.get() >= 10));
    everywhere.detach().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let before = hits.get();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(hits.get(), before, "detached");

    // Of one thread, on one CPU; by period.
    // SAFETY: takes nothing.
    let thread = unsafe { libc::gettid() }.cast_unsigned();
    let period = PerfSample::Period(1_000_000);
    let of_thread = sample.attach_to(clock(period).pid(thread)).unwrap();
    assert_eq!(of_thread.len(), 1);
    assert!(busy_until(|| hits.get() >= before + 5));
    drop(of_thread);
    let on_cpu = sample.attach_to(clock(period).cpu(0)).unwrap();
    assert_eq!(on_cpu.len(), 1);
    drop(on_cpu);
    let faults = PerfEventPoint::new(PerfCounter::PageFaults, PerfSample::Period(1));
    let before = hits.get();
    let _faults = sample.attach_to(faults).unwrap();
    touch_new_page();
    assert!(hits.get() > before);
    let error = sample.attach_to(clock(period).cpu(100_000)).unwrap_err();
    assert!(error.to_string().contains("CPU 100000"), "{error}");
    let error = sample
        .attach_to(clock(PerfSample::Frequency(1 << 40)))
        .unwrap_err();
    assert!(
        error.to_string().contains("more than the kernel allows"),
        "{error}"
    );
}

/// Where the hardware counts them, they are sampled; elsewhere the error says so.
fn perf_event_cycles() {
    let probes = load_probes();
    let cycles = PerfEventPoint::new(PerfCounter::Cycles, PerfSample::Period(1_000_000));
    match probes.progs.sample.attach_to(cycles) {
        Ok(_link) => assert!(busy_until(|| probes.maps.HITS.get() > 0)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(
                error.to_string().contains("does not count Cycles"),
                "{error}"
            );
        }
    }
}

fn writable() {
    let probes = load_probes();
    let link = probes.progs.writable.attach().unwrap();
    make_system_calls(100);
    assert!(probes.maps.HITS.get() >= 100);
    drop(link);
}

fn raw_tracepoint_cookie() {
    let cookies = raw_cookies::load().unwrap();
    let raw = &cookies.progs.raw;
    let link = raw.attach_with_cookie("sys_enter", 1 << 40).unwrap();
    make_system_calls(10);
    assert!(cookies.maps.SUM.get() >= 10 << 40);
    assert_eq!(
        link.info().unwrap().link_type,
        Some(LinkType::RawTracepoint)
    );
}

fn tracepoint_cookie() {
    let cookies = load_cookies();
    let trace = &cookies.progs.trace;
    let _link = trace
        .attach_with_cookie("syscalls", "sys_enter_openat", 1 << 40)
        .unwrap();
    make_system_calls(10);
    assert!(cookies.maps.SUM.get() >= 10 << 40);
}

fn tracepoint_format() {
    use core::mem::offset_of;
    use ebpf_rt::context::syscall_trace_enter;
    let tracefs = Tracefs::open().unwrap();
    let format = tracefs.format("syscalls", "sys_enter_openat").unwrap();
    assert_eq!(
        format.id,
        tracefs
            .tracepoint_id("syscalls", "sys_enter_openat")
            .unwrap()
    );
    let field = |name: &str| format.field(name).unwrap().offset as usize;
    assert_eq!(field("common_pid"), 4);
    assert_eq!(field("__syscall_nr"), offset_of!(syscall_trace_enter, nr));
    assert_eq!(field("filename"), offset_of!(syscall_trace_enter, args) + 8);
    assert!(format.field("common_pid").unwrap().is_signed);
    let error = format.field("file_name").unwrap_err();
    assert!(
        error.to_string().contains("did you mean `filename`"),
        "{error}"
    );
    let exec = tracefs.format("sched", "sched_process_exec").unwrap();
    assert!(exec.field("filename").unwrap().is_location);
    let error = tracefs.format("syscalls", "sys_enter_opnat").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn pinned_links() {
    let (_root, directory) = kernel_test::bpf::file_system().unwrap();
    let path = directory.join("link");
    let probes = load_probes();
    let hits = &probes.maps.HITS;
    let link: TracepointLink = probes.progs.trace.attach().unwrap();
    link.pin(&path).unwrap();
    let info = link.info().unwrap();
    assert_eq!(info.link_type, Some(LinkType::PerfEvent));
    assert_eq!(info.program_id, probes.progs.trace.info().unwrap().id);
    let error = link.pin(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    // It stays attached by its name.
    drop(link);
    make_system_calls(10);
    assert!(hits.get() >= 10);

    let again = TracepointLink::from_pin(&path).unwrap();
    assert_eq!(again.info().unwrap(), info);
    let error = UprobeMultiLink::from_pin(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error
            .to_string()
            .contains("is not a link of type `uprobe_multi`"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
    again.detach().unwrap();
    assert!(eventually(|| {
        let before = hits.get();
        make_system_calls(10);
        hits.get() == before
    }));
    let error = TracepointLink::from_pin(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn pinned_programs() {
    let (_root, directory) = kernel_test::bpf::file_system().unwrap();
    let probes = load_probes();
    let id = probes.progs.filter.info().unwrap().id;
    let path = directory.join("filter");
    probes.progs.filter.pin(&path).unwrap();
    // A program is no link.
    let error = TracepointLink::from_pin(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    drop(probes);
    let is_there = || kernel_test::bpf::ids(kernel_test::bpf::Kind::Program).contains(&id);
    assert!(is_there());
    std::fs::remove_file(&path).unwrap();
    assert!(eventually(|| !is_there()));

    // Elsewhere it cannot be pinned.
    let probes = load_probes();
    let error = probes.progs.filter.pin("/proc/filter").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("a proc and not a bpffs: mount -t bpf"),
        "{text}"
    );
}

fn inventory_has_it() {
    let probes = load_probes();
    let link = probes.progs.trace.attach().unwrap();
    let program = probes.progs.trace.info().unwrap();
    assert_eq!((&*program.name, program.uid), ("trace", 0));
    assert_eq!(program.program_type, Some(ProgramType::Tracepoint));
    assert_eq!(program.map_count, 2);
    assert!(program.gpl_compatible && program.translated_size > 0);
    assert!(program.loaded_at > Duration::ZERO);
    let mut found = inventory::programs().map(Result::unwrap);
    assert!(found.any(|other| other == program));
    let link = link.info().unwrap();
    assert!(
        inventory::links()
            .map(Result::unwrap)
            .any(|other| other == link)
    );
    let mut maps = inventory::maps().map(Result::unwrap);
    assert!(maps.any(|map| map.name == "HITS" && map.value_size == 8));
}

fn statistics() {
    let probes = load_probes();
    let _link = probes.progs.raw.attach().unwrap();
    let statistics = Statistics::enable().unwrap();
    make_system_calls(100);
    let info = probes.progs.raw.info().unwrap();
    assert!(
        info.run_count >= 100 && info.run_time > Duration::ZERO,
        "{info:?}"
    );
    drop(statistics);
}

fn test_run() {
    let probes = load_probes();
    let filter = &probes.progs.filter;
    let packet = [0u8; 64];
    let result = filter
        .test_run(TestRun::new().data(&packet).repeat(100))
        .unwrap();
    // The filter begins behind the Ethernet header.
    assert_eq!(result.return_value, 50);
    assert_eq!(result.data.len(), 64);
    let error = filter
        .test_run(TestRun::new().data(&packet[..10]))
        .unwrap_err();
    assert!(
        error.to_string().contains("14 bytes of an Ethernet header"),
        "{error}"
    );

    let raw = &probes.progs.raw;
    let mut context = [0u8; 16];
    context[8..].copy_from_slice(&1234u64.to_ne_bytes());
    let result = raw.test_run(TestRun::new().context(&context)).unwrap();
    assert_eq!(result.return_value, 7);
    assert_eq!((probes.maps.HITS.get(), probes.maps.SEEN.get()), (1, 1234));
    raw.test_run(TestRun::new().context(&context).cpu(0))
        .unwrap();
    assert_eq!(probes.maps.HITS.get(), 2);
    let error = raw
        .test_run(TestRun::new().context(&context).repeat(5))
        .unwrap_err();
    assert!(error.to_string().contains("run once"), "{error}");
    let error = raw
        .test_run(TestRun::new().context(&context).cpu(100_000))
        .unwrap_err();
    assert!(error.to_string().contains("no such CPU"), "{error}");

    let error = probes
        .progs
        .enter
        .as_raw()
        .test_run(TestRun::new())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("cannot run uprobe programs"),
        "{error}"
    );
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// What this test made is gone: programs, links, maps, descriptors.
fn nothing_is_left() {
    use kernel_test::bpf::{Kind, ids};
    let files = open_files();
    let path = this_file();
    let (programs, links) = {
        let probes = load_probes();
        let clock = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(100));
        let one = UprobePoint::symbol(&path, "ebpf_rt_probe_target_one");
        let user = probes.progs.enter.attach_to(one).unwrap();
        let returns = probes.progs.leave.attach_to(one).unwrap();
        let usdt = UsdtPoint::new(&path, "ebpf_rt", "tick");
        let usdt = probes.progs.probe.attach_to(usdt).unwrap();
        let sample = probes.progs.sample.attach_to(clock).unwrap();
        let raw = probes.progs.writable.attach().unwrap();
        let trace = probes.progs.trace.attach().unwrap();
        let mut links = vec![user.info(), returns.info(), raw.info(), trace.info()];
        links.extend(usdt.info().unwrap().into_iter().map(Ok));
        links.extend(sample.info().unwrap().into_iter().map(Ok));
        let links: Vec<_> = links.into_iter().map(|info| info.unwrap().id).collect();
        let programs: Vec<_> = [
            probes.progs.enter.info(),
            probes.progs.leave.info(),
            probes.progs.probe.info(),
            probes.progs.sample.info(),
            probes.progs.writable.info(),
            probes.progs.trace.info(),
        ]
        .map(|info| info.unwrap().id)
        .into();
        (programs, links)
    };
    assert_eq!(open_files(), files);
    let gone = |kind, gone: &[u32]| {
        let there = ids(kind);
        gone.iter().all(|id| !there.contains(id))
    };
    assert!(eventually(|| gone(Kind::Link, &links)));
    assert!(eventually(|| gone(Kind::Program, &programs)));
}

fn kprobe() {
    let probes = load_probes();
    let (hits, seen) = (&probes.maps.HITS, &probes.maps.SEEN);
    let enter = &probes.progs.kernel_enter;
    let link: KprobeLink = enter.attach().unwrap();
    // do_exit's argument is the status as wait(2) has it. Others exit as well.
    let exits_with_42 = || {
        let mut shell = std::process::Command::new(this_file());
        let shell = shell.env("KERNEL_TEST_CHILD", "no such child");
        let _ = shell.output().unwrap();
        hits.get() > 0 && seen.get() & 0xff == 0
    };
    assert!(eventually(exits_with_42));
    link.detach().unwrap();
    // The function for a system call, and an offset of nothing.
    let before = hits.get();
    let link = enter.attach_to_syscall("openat").unwrap();
    make_system_calls(10);
    assert!(hits.get() >= before + 10);
    drop(link);
    let _link = enter
        .attach_to(KprobePoint::new("do_sys_openat2").offset(0))
        .unwrap();
    let before = hits.get();
    make_system_calls(10);
    assert!(hits.get() >= before + 10);
}

fn kprobe_errors() {
    let probes = load_probes();
    let error = probes
        .progs
        .kernel_enter
        .attach_to("do_sys_opneat2")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("did you mean `do_sys_openat2`"),
        "{error}"
    );
}

fn kretprobe() {
    let probes = load_probes();
    let link = probes.progs.kernel_leave.attach().unwrap();
    make_system_calls(10);
    assert!(probes.maps.HITS.get() >= 10);
    // A descriptor, of this process for certain only here.
    assert!((probes.maps.SEEN.get().cast_signed()) < 1 << 20);
    drop(link);
}

fn kprobe_cookie() {
    let cookies = load_cookies();
    let point = KprobePoint::new("do_sys_openat2").cookie(1 << 40);
    let link = cookies.progs.kernel.attach_to(point).unwrap();
    make_system_calls(10);
    assert!(cookies.maps.SUM.get() >= 10 << 40);
    assert_eq!(link.info().unwrap().link_type, Some(LinkType::PerfEvent));
}

fn kprobe_multi() {
    let functions = kernel_functions::load().unwrap();
    let hits = &functions.maps.HITS;
    let link = functions.progs.count.attach().unwrap();
    make_system_calls(10);
    assert!(hits.get() >= 10);
    assert_eq!(link.info().unwrap().link_type, Some(LinkType::KprobeMulti));
    drop(link);
    let before = hits.get();
    let link = functions.progs.count_returns.attach().unwrap();
    make_system_calls(10);
    assert!(hits.get() >= before + 10);
    drop(link);
    // By address.
    let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let line = symbols
        .lines()
        .find(|line| line.ends_with(" do_sys_openat2"));
    let address = u64::from_str_radix(line.unwrap().split(' ').next().unwrap(), 16).unwrap();
    let addresses = [address];
    let before = hits.get();
    let point = KprobeMultiPoint::addresses(&addresses).cookies(&[7]);
    let _link = functions.progs.count.attach_to(point).unwrap();
    make_system_calls(10);
    assert!(hits.get() >= before + 10);
    let error = functions
        .progs
        .count
        .attach_to(KprobeMultiPoint::symbols(&[
            "do_sys_openat2",
            "do_sys_opneat2",
        ]))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`do_sys_opneat2`"), "{error}");
    let error = functions
        .progs
        .count
        .attach_to(KprobeMultiPoint::pattern("no_such_function_*"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn kprobe_session() {
    let sessions = kernel_sessions::load().unwrap();
    let _link = sessions.progs.count.attach().unwrap();
    make_system_calls(10);
    assert!(sessions.maps.HITS.get() >= 20, "entries and returns");
}
