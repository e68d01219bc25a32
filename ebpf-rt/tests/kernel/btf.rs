//! Types that the kernel is told: what needs them works, and what it was told is what it shows.

use core::ffi::c_void;
use ebpf_rt::Array;
use ebpf_rt::kernel_types::{bpf_spin_lock, bpf_timer};
use ebpf_rt::programs::TestRun;
use ebpf_rt::{Btf, Global, HashMap, Pod, SockMap, ebpf};
use kernel_test::{Need, Suite};

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.test("btf::spin_lock", ROOT, spin_lock);
    suite.test(
        "btf::bpf_loop",
        &[Need::Root, Need::Kernel(5, 17)],
        bpf_loop,
    );
    suite.test(
        "btf::for_each_map_elem",
        &[Need::Root, Need::Kernel(5, 13)],
        for_each_map_elem,
    );
    suite.test("btf::timer", &[Need::Root, Need::Kernel(5, 15)], timer);
    suite.test("btf::global_function", ROOT, global_function);
}

#[derive(Clone, Copy, Pod, Btf)]
#[repr(C)]
struct Locked {
    lock: bpf_spin_lock,
    packets: u32,
    bytes: u64,
}

ebpf! {
    #[license = "GPL"]
    mod locked {
        static COUNTS: Array<Locked> = Array::with_max_entries(1);
        static SOCKETS: SockMap = SockMap::with_max_entries(1);

        #[sk_skb_verdict]
        fn count(ctx: *mut c_void) -> i32 {
            r6 = *(u32 *)(r1 + 0);
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto pass;
            r7 = r0;
            r1 = r7;
            call bpf_spin_lock;
            r2 = *(u32 *)(r7 + {core::mem::offset_of!(Locked, packets)});
            r2 += 1;
            *(u32 *)(r7 + {core::mem::offset_of!(Locked, packets)}) = r2;
            r2 = *(u64 *)(r7 + {core::mem::offset_of!(Locked, bytes)});
            r2 += r6;
            *(u64 *)(r7 + {core::mem::offset_of!(Locked, bytes)}) = r2;
            r1 = r7;
            call bpf_spin_unlock;
        pass:
            r0 = 1;
            exit;
        }
    }
}

fn spin_lock() {
    let locked = locked::load().unwrap();
    let counts = locked.maps.COUNTS.get(0).unwrap();
    assert_eq!((counts.packets, counts.bytes), (0, 0));
    assert!(locked.progs.count.is_loaded());
}

ebpf! {
    #[license = "GPL"]
    mod looping {
        #[socket_filter]
        fn sum(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = 10;
            r2 = add ll;
            r3 = r10;
            r3 += -8;
            r4 = 0;
            call bpf_loop;
            r0 = *(u64 *)(r10 - 8);
            exit;
        }

        fn add(index: u32, context: *mut u64) -> i64 {
            r3 = *(u64 *)(r2 + 0);
            r3 += r1;
            *(u64 *)(r2 + 0) = r3;
            r0 = 0;
            exit;
        }
    }
}

fn bpf_loop() {
    let looping = looping::load().unwrap();
    let result = looping
        .progs
        .sum
        .test_run(TestRun::new().data(&[0; 14]))
        .unwrap();
    assert_eq!(result.return_value, 45);
}

ebpf! {
    #[license = "GPL"]
    mod walking {
        static NUMBERS: HashMap<u32, u64> = HashMap::with_max_entries(8);

        #[socket_filter]
        fn sum(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = NUMBERS ll;
            r2 = add ll;
            r3 = r10;
            r3 += -8;
            r4 = 0;
            call bpf_for_each_map_elem;
            r0 = *(u64 *)(r10 - 8);
            exit;
        }

        fn add(map: *mut c_void, key: *mut u32, value: *mut u64, context: *mut u64) -> i64 {
            r3 = *(u64 *)(r3 + 0);
            r5 = *(u64 *)(r4 + 0);
            r5 += r3;
            *(u64 *)(r4 + 0) = r5;
            r0 = 0;
            exit;
        }
    }
}

fn for_each_map_elem() {
    let walking = walking::load().unwrap();
    for number in 1..=4 {
        walking
            .maps
            .NUMBERS
            .insert(number, 100 + u64::from(number))
            .unwrap();
    }
    let result = walking
        .progs
        .sum
        .test_run(TestRun::new().data(&[0; 14]))
        .unwrap();
    assert_eq!(result.return_value, 410);
}

#[derive(Clone, Copy, Pod, Btf)]
#[repr(C)]
struct Alarm {
    rung: u64,
    timer: bpf_timer,
}

ebpf! {
    #[license = "GPL"]
    mod alarm {
        static ALARMS: Array<Alarm> = Array::with_max_entries(1);
        static RUNG: Global<u64> = Global::new(0);

        #[socket_filter]
        fn set(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 4) = 0;
            r2 = r10;
            r2 += -4;
            r1 = ALARMS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r6 = r0;
            r6 += 8;
            r1 = r6;
            r2 = ALARMS ll;
            r3 = 1;                     // CLOCK_MONOTONIC
            call bpf_timer_init;
            r1 = r6;
            r2 = ring ll;
            call bpf_timer_set_callback;
            r1 = r6;
            r2 = 1000;
            r3 = 0;
            call bpf_timer_start;
        out:
            exit;
        }

        fn ring(map: *mut c_void, key: *mut u32, value: *mut Alarm) -> i64 {
            r1 = RUNG ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

fn timer() {
    let alarm = alarm::load().unwrap();
    let result = alarm
        .progs
        .set
        .test_run(TestRun::new().data(&[0; 14]))
        .unwrap();
    assert_eq!(result.return_value, 0);
    let rung = alarm.maps.RUNG.as_atomic();
    assert!(super::common::eventually(|| {
        rung.load(std::sync::atomic::Ordering::Relaxed) == 1
    }));
}

#[derive(Clone, Copy, Pod, Btf)]
#[repr(C)]
struct Pair {
    first: u32,
    second: u32,
}

ebpf! {
    #[license = "GPL"]
    mod global {
        #[socket_filter]
        fn sum(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 8) = 40;
            *(u32 *)(r10 - 4) = 2;
            r1 = r10;
            r1 += -8;
            call add;
            exit;
        }

        pub fn add(pair: *mut Pair) -> i32 {
            r0 = 0;
            if r1 == 0 goto out;
            r0 = *(u32 *)(r1 + 0);
            r1 = *(u32 *)(r1 + 4);
            r0 += r1;
        out:
            exit;
        }
    }
}

fn global_function() {
    let global = global::load().unwrap();
    let result = global
        .progs
        .sum
        .test_run(TestRun::new().data(&[0; 14]))
        .unwrap();
    assert_eq!(result.return_value, 42);
}
