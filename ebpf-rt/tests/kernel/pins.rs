//! Names of programs and of whole objects in a bpffs.

use super::common::make_system_calls;
use core::ffi::c_void;
use ebpf_rt::links::{PerfEventLink, TracepointLink};
use ebpf_rt::load::ObjectPins;
use ebpf_rt::object::ProgramKind;
use ebpf_rt::programs::{
    Kprobe, PerfCounter, PerfEventPoint, PerfSample, Program, RawTracepoint, SocketFilter, TestRun,
    Tracepoint,
};
use ebpf_rt::{ErrorKind, Global, HashMap, ebpf};
use kernel_test::{Need, Suite, bpf};

const ROOT: &[Need] = &[Need::Root];
const LINKS: &[Need] = &[Need::Root, Need::Kernel(5, 15)];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("pins::program", ROOT, program)
        .programs(&["socket_filter", "tracepoint"]);
    suite.test("pins::program_of_another_type", ROOT, another_type);
    suite
        .test("pins::object", ROOT, object)
        .programs(&["socket_filter", "tracepoint"])
        .maps(&["hash", "array"]);
    suite
        .test("pins::object_with_links", LINKS, object_with_links)
        .programs(&["tracepoint"]);
    suite
        .test("pins::links_of_many_places", LINKS, links_of_many_places)
        .programs(&["perf_event"]);
    suite.test("pins::object_of_another_kind", ROOT, another_object);
    suite.test("pins::nothing_stays_of_a_failure", ROOT, failures);
}

ebpf! {
    #[license = "GPL"]
    mod opens {
        static HITS: Global<u64> = Global::new(0);
        pub static TABLE: HashMap<u32, u64> = HashMap::with_max_entries(16);

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn count(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }

        #[perf_event]
        fn sample(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }

        #[socket_filter]
        fn a_filter_with_a_long_name(ctx: *mut c_void) -> i32 {
            r0 = 17;
            exit;
        }

        #[socket_filter]
        fn left_out(ctx: *mut c_void) -> i32 {
            r0 = 0;
            exit;
        }
    }
}

ebpf! {
    /// The same names for other things.
    #[license = "GPL"]
    mod others {
        static HITS: Global<u64> = Global::new(0);
        static TABLE: HashMap<u32, u32> = HashMap::with_max_entries(16);
    }
}

ebpf! {
    #[license = "GPL"]
    mod renamed {
        #[socket_filter]
        fn count(ctx: *mut c_void) -> i32 { r0 = 0; exit; }
    }
}

fn load() -> opens::Skeleton {
    let mut loader = opens::loader();
    loader.progs.left_out.skip();
    loader.maps.TABLE.max_entries(32);
    loader.load().unwrap()
}

fn runs(filter: &SocketFilter) -> u32 {
    let packet = [0; 64];
    let result = filter.test_run(TestRun::new().data(&packet)).unwrap();
    result.return_value
}

fn program() {
    let (_root, directory) = bpf::file_system().unwrap();
    let path = directory.join("filter");
    load().progs.a_filter_with_a_long_name.pin(&path).unwrap();
    let filter = SocketFilter::from_pin(&path, ProgramKind::SocketFilter).unwrap();
    assert_eq!(filter.as_raw().name(), "a_filter_with_a");
    assert_eq!(runs(&filter), 17);

    let path = directory.join("count");
    let opens = load();
    opens.progs.count.pin(&path).unwrap();
    let kind = opens.progs.count.as_raw().kind();
    let again = Tracepoint::from_pin(&path, kind).unwrap();
    let link = again.attach().unwrap();
    make_system_calls(10);
    assert!(opens.maps.HITS.get() >= 10);
    link.detach().unwrap();

    let error = SocketFilter::from_pin(directory.join("none"), ProgramKind::SocketFilter);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    let error = SocketFilter::from_pin("/proc/filter", ProgramKind::SocketFilter).unwrap_err();
    assert!(error.to_string().contains("mount -t bpf"), "{error}");
}

fn another_type() {
    let (_root, directory) = bpf::file_system().unwrap();
    let path = directory.join("count");
    let opens = load();
    opens.progs.count.pin(&path).unwrap();
    let filter = ProgramKind::SocketFilter;
    let probe = ProgramKind::Kprobe {
        symbol: "do_exit",
        offset: 0,
    };
    let error = SocketFilter::from_pin(&path, filter).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    assert!(
        text.contains("is a program of type tracepoint, and a socket_filter program is wanted"),
        "{text}"
    );
    assert!(Kprobe::from_pin(&path, probe).is_err());
    // The kind is that of another handle.
    let kind = opens.progs.count.as_raw().kind();
    let error = RawTracepoint::from_pin(&path, kind).unwrap_err();
    assert!(
        error.to_string().contains("a RawTracepoint is wanted"),
        "{error}"
    );
    let map = directory.join("map");
    opens.maps.TABLE.pin(&map).unwrap();
    let error = SocketFilter::from_pin(&map, filter).unwrap_err();
    assert!(error.to_string().contains("is not a program"), "{error}");
}

fn object() {
    let (_root, directory) = bpf::file_system().unwrap();
    let directory = directory.join("opens");
    let opens = load();
    opens.maps.TABLE.insert(7, 49).unwrap();
    let pins = opens.pin(&directory).unwrap();
    assert_eq!(pins, ObjectPins::at(&directory));
    let map = opens.maps.TABLE.info().unwrap().id;
    let program = opens.progs.count.info().unwrap().id;
    drop(opens);

    let again = opens::from_pin(&directory).unwrap();
    assert_eq!(again.maps.TABLE.get(&7).unwrap(), Some(49));
    assert_eq!(again.maps.TABLE.info().unwrap().max_entries, 32);
    assert_eq!(runs(&again.progs.a_filter_with_a_long_name), 17);
    let link = again.progs.count.attach().unwrap();
    make_system_calls(10);
    assert!(again.maps.HITS.get() >= 10);
    link.detach().unwrap();
    // It was not loaded, so that it has no name.
    let error = again.progs.left_out.test_run(TestRun::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLoaded);
    // Errors name what the object calls it.
    let error = again.maps.TABLE.pin("/proc/table").unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("object `opens`, map `TABLE`: "), "{text}");

    let error = again.pin(&directory).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(error.to_string().contains("ObjectPins::unpin"), "{error}");
    pins.unpin().unwrap();
    assert!(!directory.exists());
    drop(again);
    assert!(super::common::eventually(|| {
        !bpf::ids(bpf::Kind::Map).contains(&map) && !bpf::ids(bpf::Kind::Program).contains(&program)
    }));
    let error = opens::from_pin(&directory).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("maps/HITS"), "{error}");
    let error = renamed::from_pin(&directory).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn object_with_links() {
    let (_root, directory) = bpf::file_system().unwrap();
    let directory = directory.join("opens");
    let opens = load();
    let pins = opens.pin(&directory).unwrap();
    let link = opens.progs.count.attach().unwrap();
    pins.pin_link("count", &link).unwrap();
    let error = pins.pin_link("count", &link).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    drop(link);
    drop(opens);
    let again = opens::from_pin(&directory).unwrap();
    let before = again.maps.HITS.get();
    make_system_calls(10);
    assert!(again.maps.HITS.get() >= before + 10, "it stays attached");
    let link = TracepointLink::from_pin(pins.link_path("count")).unwrap();
    pins.unpin().unwrap();
    link.detach().unwrap();
    assert!(super::common::eventually(|| {
        let before = again.maps.HITS.get();
        make_system_calls(10);
        again.maps.HITS.get() == before
    }));
}

/// A clock on each CPU is several links under one name.
fn links_of_many_places() {
    let (_root, root) = bpf::file_system().unwrap();
    let directory = root.join("opens");
    let opens = load();
    let pins = opens.pin(&directory).unwrap();
    let clock = PerfEventPoint::new(PerfCounter::CpuClock, PerfSample::Frequency(1000));
    let link = opens.progs.sample.attach_to(clock).unwrap();
    let places = link.len();
    pins.pin_link("sample", &link).unwrap();
    let error = link.pin(pins.link_path("sample")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    drop(link);
    let before = opens.maps.HITS.get();
    let ticks = || {
        // Work for the clock to see.
        for number in 0..100_000_u64 {
            std::hint::black_box(number);
        }
        opens.maps.HITS.get() > before
    };
    assert!(super::common::eventually(ticks), "it stays attached");
    let again = PerfEventLink::from_pin(pins.link_path("sample")).unwrap();
    assert_eq!(again.len(), places);
    assert!(TracepointLink::from_pin(pins.link_path("sample")).is_err());
    pins.unpin().unwrap();
    again.detach().unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    let error = PerfEventLink::from_pin(root.join("empty")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

fn another_object() {
    let (_root, directory) = bpf::file_system().unwrap();
    let directory = directory.join("opens");
    let opens = load();
    let pins = opens.pin(&directory).unwrap();
    let error = others::from_pin(&directory).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "object `others`, map `TABLE`: its definition (Hash, keys of 4 bytes, values of 4 \
             bytes) does not fit what is pinned at "
        ),
        "{text}"
    );
    let error = renamed::from_pin(&directory).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("object `renamed`, program `count`: what is pinned at "),
        "{text}"
    );
    pins.unpin().unwrap();
}

fn failures() {
    let opens = load();
    // No bpffs: the directory can be made, and nothing be pinned in it.
    let directory = std::env::temp_dir().join(format!("ebpf-rt-pins-{}", std::process::id()));
    let error = opens.pin(&directory).unwrap_err();
    assert!(error.to_string().contains("mount -t bpf"), "{error}");
    assert!(!directory.exists(), "{}", directory.display());
    let error = opens.pin("/proc/opens").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("a proc and not a bpffs"), "{text}");
    let (_root, directory) = bpf::file_system().unwrap();
    let error = opens.pin(directory.join("a/b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
