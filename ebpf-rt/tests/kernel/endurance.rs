//! Many loads: one after the other, and at once.

use super::common::eventually;
use core::ffi::c_void;
use ebpf_rt::programs::TestRun;
use ebpf_rt::{Array, Global, HashMap, ebpf};
use kernel_test::bpf::{Kind, ids};
use kernel_test::leaks::{Before, Verdict};
use kernel_test::{Need, Suite};
use std::sync::Barrier;
use std::time::{Duration, Instant};

const LOADS: usize = 10_000;
/// An emulated machine needs minutes for what takes a machine two seconds: it does as many as it
/// can in this time.
const TIME: Duration = Duration::from_secs(30);
const THREADS: usize = 8;
const LOADS_OF_A_THREAD: usize = 100;

pub(crate) fn add(suite: &mut Suite) {
    let root = &[Need::Root];
    suite
        .test("endurance::ten_thousand_loads", root, many_loads)
        .programs(&["socket_filter"])
        .maps(&["hash", "array"]);
    suite
        .test("endurance::eight_threads", root, threads)
        .programs(&["socket_filter"])
        .maps(&["hash", "array"]);
    suite.test("endurance::leaks_are_seen", root, leaks_are_seen);
}

/// The comparison that the harness makes after each test.
fn leaks_are_seen() {
    let before = Before::now();
    let forgotten = HashMap::<u32, u64>::create(1).unwrap();
    let id = forgotten.info().unwrap().id;
    let Verdict::Leak(what) = before.compare() else {
        panic!("not seen")
    };
    assert!(what.contains("bpf-map"), "{what}");
    assert!(what.contains(&format!("map {id}")), "{what}");
    drop(forgotten);
    assert_eq!(before.compare(), Verdict::Clean);
}

ebpf! {
    #[license = "GPL"]
    mod counter {
        pub static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(8);
        static LIMITS: Array<u32> = Array::with_max_entries(2).initial(&[7, 9]);
        static RUNS: Global<u64> = Global::new(0);
        const RESULT: u32;

        #[socket_filter]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = RUNS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            *(u32 *)(r10 - 4) = 1;
            r1 = LIMITS ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            w0 = *(u32 *)(r0 + 0);
            r1 = RESULT;
            r0 += r1;
        done:
            exit;
        }
    }
}

/// Loads the object, uses it, and drops it.
fn once(number: usize) {
    let mut loader = counter::loader();
    let result = u32::try_from(number).unwrap();
    loader.consts.RESULT.set(result);
    let counter = loader.load().unwrap();
    let run = TestRun::new().data(&[0; 64]);
    let answer = counter.progs.count.test_run(run).unwrap();
    assert_eq!(answer.return_value, result + 9);
    assert_eq!(counter.maps.RUNS.get(), 1);
    counter.maps.COUNTS.insert(result, 1).unwrap();
    assert_eq!(counter.maps.COUNTS.get(&result).unwrap(), Some(1));
}

/// Kilobytes of the process that are in memory.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.unwrap().trim().trim_end_matches(" kB");
    digits.parse().unwrap()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn many_loads() {
    // What is made once, and kept.
    for number in 0..100 {
        once(number);
    }
    let (files, before) = (descriptors(), memory());
    let start = Instant::now();
    let mut loads = 0;
    while loads < LOADS && start.elapsed() < TIME {
        once(loads);
        loads += 1;
    }
    println!("{loads} loads in {:?}", start.elapsed());
    assert_eq!(descriptors(), files);
    let grown = memory().saturating_sub(before);
    // Some pages come and go.
    assert!(grown < 512, "{grown} kB more after {loads} loads");
}

fn threads() {
    let barrier = Barrier::new(THREADS);
    let files = descriptors();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                for number in 0..LOADS_OF_A_THREAD {
                    once(thread * LOADS_OF_A_THREAD + number);
                }
            });
        }
    });
    assert_eq!(descriptors(), files);
    // One that is loaded is there, and nothing of it afterwards.
    let mut loader = counter::loader();
    loader.consts.RESULT.set(1);
    let counter = loader.load().unwrap();
    let id = counter.progs.count.info().unwrap().id;
    assert!(ids(Kind::Program).contains(&id));
    drop(counter);
    assert!(eventually(|| !ids(Kind::Program).contains(&id)));
}
