//! Types that the kernel is told: what needs them works, and what it was told is what it shows.

use core::ffi::c_void;
use ebpf_rt::Array;
use ebpf_rt::btf::{Btf as Types, Definition, Kind, TypeId};
use ebpf_rt::context::__sk_buff;
use ebpf_rt::kernel_types::{bpf_kptr, bpf_list_head, bpf_list_node, bpf_spin_lock, bpf_timer};
use ebpf_rt::programs::TestRun;
use ebpf_rt::{
    Btf, CgrpStorage, Global, HashMap, InodeStorage, Object, Pod, SkStorage, SockMap, TaskStorage,
    ebpf,
};
use kernel_test::bpf::records;
use kernel_test::{Need, Suite};
use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

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
    // Pointers to anything but the context: Linux 5.12.
    const POINTERS: &[Need] = &[Need::Root, Need::Kernel(5, 12)];
    suite.test("btf::global_function", POINTERS, global_function);
    suite.test(
        "btf::global_function_with_context",
        ROOT,
        global_function_with_context,
    );
    suite.test("btf::functions_read_back", POINTERS, functions_read_back);
    suite.test("btf::lines_read_back", POINTERS, lines_read_back);
    suite.test("btf::calls", ROOT, calls);
    const BPFTOOL: &[Need] = &[Need::Root, Need::Toolchain, Need::Other(bpftool_is_there)];
    suite.test("btf::bpftool_shows_lines", BPFTOOL, bpftool_shows_lines);
    suite.test("btf::bpftool_shows_types", BPFTOOL, bpftool_shows_types);
    suite.test("btf::bpftool_shows_fields", BPFTOOL, bpftool_shows_fields);
    suite.test("btf::sk_storage", ROOT, sk_storage);
    suite.test(
        "btf::inode_storage",
        &[Need::Root, Need::Kernel(5, 10)],
        inode_storage,
    );
    suite.test(
        "btf::task_storage",
        &[Need::Root, Need::Kernel(5, 11)],
        task_storage,
    );
    suite.test(
        "btf::cgrp_storage",
        &[Need::Root, Need::Kernel(6, 2)],
        cgrp_storage,
    );
    suite.test("btf::all_kinds_of_types", ROOT, all_kinds_of_types);
    suite.test(
        "btf::notes_on_parameters",
        &[Need::Root, Need::Kernel(6, 8)],
        notes_on_parameters,
    );
    suite.test(
        "btf::notes_on_parameters_before",
        &[
            Need::Root,
            Need::KernelBefore(5, 16, "notes came with 5.16"),
        ],
        notes_on_parameters_before,
    );
    suite.test(
        "btf::kernel_pointer",
        &[Need::Root, Need::Kernel(6, 2)],
        kernel_pointer,
    );
    suite.test(
        "btf::kernel_pointer_before",
        &[
            Need::Root,
            Need::KernelBefore(5, 17, "notes on types came with 5.17"),
        ],
        kernel_pointer_before,
    );
    suite.test("btf::list", &[Need::Root, Need::Kernel(6, 6)], list);
    suite.test(
        "btf::callbacks_before",
        &[
            Need::Root,
            Need::KernelBefore(5, 13, "callbacks came with 5.13"),
        ],
        callbacks_before,
    );
    suite.child("load_plain_object", || {
        plain::load().unwrap();
    });
    suite.child("load_with_debug_info", || {
        plain::loader().debug_info(true).load().unwrap();
    });
    suite.child("load_callback", || {
        walking::load().unwrap();
    });
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
    if kernel_test::kernel_version() < (6, 1) {
        // Verdicts on datagrams of Unix sockets came later; that it loads shows the lock.
        return;
    }
    let sockets = SockMap::create(1).unwrap();
    let (from, to) = UnixDatagram::pair().unwrap();
    // A socket gets the programs that the map has when it is put there.
    let _link = locked.progs.count.attach_to(&sockets).unwrap();
    sockets.set(0, &to).unwrap();
    for length in [3, 4] {
        from.send(&[0; 8][..length]).unwrap();
    }
    let counted = super::common::eventually(|| {
        let counts = locked.maps.COUNTS.get(0).unwrap();
        (counts.packets, counts.bytes) == (2, 7)
    });
    assert!(counted);
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
            r3 = 1;  // CLOCK_MONOTONIC
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

#[derive(Clone, Copy, Debug, Pod, Btf)]
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

ebpf! {
    #[license = "GPL"]
    mod with_context {
        #[socket_filter]
        fn length(ctx: *mut c_void) -> i32 {
            call of_packet;
            exit;
        }

        /// By the type of its parameter the kernel knows that it gets the context.
        pub fn of_packet(packet: *mut __sk_buff) -> i32 {
            r0 = *(u32 *)(r1 + {core::mem::offset_of!(__sk_buff, len)});
            exit;
        }
    }
}

fn global_function_with_context() {
    let program = with_context::load().unwrap().progs.length;
    let result = program.test_run(TestRun::new().data(&[0; 34])).unwrap();
    // The Ethernet header does not count.
    assert_eq!(result.return_value, 20);
}

/// The number of a program that is loaded as a socket filter.
fn id(program: &ebpf_rt::programs::SocketFilter) -> u32 {
    program.info().unwrap().id
}

fn functions_read_back() {
    let global = global::load().unwrap();
    let records = records(id(&global.progs.sum)).unwrap();
    let btf = Types::parse(&records.btf).unwrap();
    let functions: Vec<String> = records
        .functions
        .iter()
        .map(|&[slot, ty]| {
            let function = btf.function_prototype(TypeId::new(ty)).unwrap();
            let linkage = function.linkage.unwrap();
            format!(
                "{slot} {linkage:?} {}",
                btf.c_name(TypeId::new(ty)).unwrap()
            )
        })
        .collect();
    assert_eq!(
        functions,
        [
            "0 Static i32 sum(void *ctx)",
            "6 Global i32 add(struct Pair *pair)"
        ]
    );
    let pair = btf.find("Pair", Kind::Struct).unwrap();
    assert_eq!(btf.member(pair, "second").unwrap().bit_offset, 32);
}

fn lines_read_back() {
    let source: Vec<&str> = include_str!("btf.rs").lines().collect();
    let global = global::load().unwrap();
    let records = records(id(&global.progs.sum)).unwrap();
    let btf = Types::parse(&records.btf).unwrap();
    // Six of the program and six of the function, each with its own line.
    assert_eq!(records.lines.len(), 12);
    for (slot, &[at, file, text, position]) in (0..).zip(&records.lines) {
        assert_eq!(at, slot);
        assert_eq!(btf.string(file), Ok(file!()));
        let (line, column) = (position >> 10, position & 0x3ff);
        let written = source[line as usize - 1];
        assert_eq!(btf.string(text), Ok(written.trim()));
        assert_eq!(
            written.len() - written.trim_start().len() + 1,
            column as usize
        );
    }
    assert_eq!(
        btf.string(records.lines[0][2]),
        Ok("*(u32 *)(r10 - 8) = 40;")
    );
}

ebpf! {
    #[license = "GPL"]
    mod plain {
        static PAIRS: HashMap<u32, Pair> = HashMap::with_max_entries(4);

        #[socket_filter]
        fn keep(ctx: *mut c_void) -> i32 {
            r1 = PAIRS ll;  // used
            r0 = 7;
            exit;
        }
    }
}

fn calls() {
    const MAP_CREATE: u64 = 0;
    const PROG_LOAD: u64 = 5;
    const BTF_LOAD: u64 = 18;
    let commands = super::load::bpf_commands;
    assert_eq!(commands("load_plain_object"), [MAP_CREATE, PROG_LOAD]);
    assert_eq!(
        commands("load_with_debug_info"),
        [BTF_LOAD, MAP_CREATE, PROG_LOAD]
    );
    if kernel_test::kernel_version() >= (5, 13) {
        // The map has nothing that the kernel has to know, the program has.
        assert_eq!(commands("load_callback"), [BTF_LOAD, MAP_CREATE, PROG_LOAD]);
    }
}

fn bpftool_is_there() -> Result<(), String> {
    match Command::new("bpftool").arg("version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err("needs bpftool".to_owned()),
    }
}

fn bpftool(arguments: &[&str]) -> String {
    let output = Command::new("bpftool").args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn with_debug_info() -> plain::Skeleton {
    plain::loader().debug_info(true).load().unwrap()
}

fn bpftool_shows_lines() {
    let plain = with_debug_info();
    let id = id(&plain.progs.keep).to_string();
    let text = bpftool(&["prog", "dump", "xlated", "id", &id, "linum"]);
    let source = include_str!("btf.rs");
    let line = source
        .lines()
        .position(|line| line.ends_with("// used"))
        .unwrap()
        + 1;
    for (line, statement) in (line..).zip(["r1 = PAIRS ll;", "r0 = 7;", "exit;"]) {
        let shown = format!(
            "; {statement} [file:{} line_num:{line} line_col:13]",
            file!()
        );
        assert!(text.contains(&shown), "{shown}\n{text}");
    }
    assert!(text.contains("i32 keep(void * ctx):"), "{text}");
}

fn bpftool_shows_types() {
    let plain = with_debug_info();
    let btf = plain.progs.keep.info().unwrap().btf_id.unwrap();
    let text = bpftool(&["btf", "dump", "id", &btf.to_string()]);
    for shown in [
        "STRUCT 'Pair' size=8 vlen=2",
        "'second' type_id=",
        "FUNC 'keep' type_id=",
        "INT 'u32' size=4 bits_offset=0 nr_bits=32",
    ] {
        assert!(text.contains(shown), "{shown}\n{text}");
    }
}

fn bpftool_shows_fields() {
    let plain = with_debug_info();
    let pair = Pair {
        first: 3,
        second: 4,
    };
    plain.maps.PAIRS.insert(9, pair).unwrap();
    let id = plain.maps.PAIRS.info().unwrap().id.to_string();
    let text = bpftool(&["map", "dump", "id", &id]);
    let text: String = text.split_whitespace().collect();
    assert!(
        text.contains(r#"{"key":9,"value":{"first":3,"second":4}}"#),
        "{text}"
    );
}

fn sk_storage() {
    let marks = SkStorage::<Pair>::create().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let pair = Pair {
        first: 1,
        second: 2,
    };
    assert!(marks.get(&socket).unwrap().is_none());
    marks.insert(&socket, pair).unwrap();
    assert_eq!(marks.get(&socket).unwrap().unwrap().second, 2);
    assert!(marks.remove(&socket).unwrap());
    assert!(!marks.remove(&socket).unwrap());
    let error = marks
        .get(&File::open("/").unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("the file descriptor is not a socket"),
        "{error}"
    );
}

fn inode_storage() {
    let marks = InodeStorage::<u64>::create().unwrap();
    let path = std::env::temp_dir().join(format!("inode_storage_{}", std::process::id()));
    let file = File::create(&path).unwrap();
    marks.insert(&file, 42).unwrap();
    // By another descriptor of the same file.
    assert_eq!(marks.get(&File::open(&path).unwrap()).unwrap(), Some(42));
    assert!(marks.remove(&file).unwrap());
    std::fs::remove_file(&path).unwrap();
}

fn task_storage() {
    let calls = TaskStorage::<u64>::create().unwrap();
    let pid = std::process::id();
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel just made this descriptor for us.
    let process = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    calls.insert(&process, 5).unwrap();
    assert_eq!(calls.get(&process).unwrap(), Some(5));
    assert!(calls.remove(&process).unwrap());
    assert_eq!(calls.get(&process).unwrap(), None);
}

fn cgrp_storage() {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let cgroup2 = mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some("cgroup2"));
    let path = cgroup2.unwrap().split(' ').nth(1).unwrap();
    let marks = CgrpStorage::<u64>::create().unwrap();
    let root = File::open(path).unwrap();
    marks.insert(&root, 6).unwrap();
    assert_eq!(marks.get(&root).unwrap(), Some(6));
    assert!(marks.remove(&root).unwrap());
}

#[derive(Clone, Copy, Btf)]
#[repr(u64)]
enum Wide {
    Small = 1,
    Large = u64::MAX,
}

#[derive(Clone, Copy, Btf)]
#[repr(i8)]
enum Level {
    Low = -3,
    High = 3,
}

#[derive(Clone, Copy, Btf)]
#[repr(C)]
union Either {
    number: u64,
    bytes: [u8; 8],
}

/// A struct that points to itself.
#[derive(Clone, Copy, Btf)]
#[repr(C)]
struct Everything {
    next: *mut Everything,
    call: extern "C" fn(*mut Everything, i32) -> bool,
    level: Level,
    flag: bool,
    signed: i16,
    either: Either,
    wide: Wide,
    float: f64,
    matrix: [[u16; 3]; 2],
    unknown: std::net::Ipv4Addr,
}

ebpf! {
    #[license = "GPL"]
    mod kinds {
        #[socket_filter]
        fn keep(ctx: *mut c_void) -> i32 {
            r1 = 0;
            call look;
            exit;
        }

        fn look(at: *mut Everything) -> i64 {
            r0 = 0;
            exit;
        }
    }
}

/// The kernel takes all that can be told it, and gives it back as it lies in memory.
fn all_kinds_of_types() {
    let kinds = kinds::loader().debug_info(true).load().unwrap();
    let records = records(id(&kinds.progs.keep)).unwrap();
    let btf = Types::parse(&records.btf).unwrap();
    let everything = btf.find("Everything", Kind::Struct).unwrap();
    let place = |path: &str| {
        let found = btf.member(everything, path).unwrap();
        (found.bit_offset as usize / 8, btf.c_name(found.ty).unwrap())
    };
    macro_rules! compare {
        ($($field:ident: $name:literal),* $(,)?) => { $(
            assert_eq!(
                place(stringify!($field)),
                (core::mem::offset_of!(Everything, $field), $name.to_owned())
            );
        )* };
    }
    compare! {
        next: "struct Everything *",
        call: "bool (*)(struct Everything *, i32)",
        level: "enum Level",
        flag: "bool",
        signed: "i16",
        either: "union Either",
        matrix: "u16 [2][3]",
        unknown: "u8 [4]",
    }
    assert_eq!(btf.size_of(everything), Ok(size_of::<Everything>() as u64));
    let level = btf.find_enum("Level").unwrap();
    let new = kernel_test::kernel_version() >= (6, 0);
    // Before, enumerations could not say that they have a sign.
    let low = if new {
        -3
    } else {
        i128::from((-3_i32).cast_unsigned())
    };
    assert_eq!(btf.enum_value(level, "Low").unwrap().value, low);
    assert_eq!(btf.find("Wide", Kind::Enum64).is_ok(), new);
    assert_eq!(btf.find("Wide", Kind::Int).is_ok(), !new, "in other words");
    // Every type is there once.
    let mut seen = std::collections::HashSet::new();
    for id in btf.own_ids() {
        let ty = btf.get(id).unwrap();
        if let Definition::Struct { .. } | Definition::Int { .. } = ty.definition {
            assert!(seen.insert(ty.name), "{}", ty.name);
        }
    }
    let again = ebpf_rt::btf::ObjectBtf::new(objects()[0], None).unwrap();
    let first = ebpf_rt::btf::ObjectBtf::new(objects()[0], None).unwrap();
    assert_eq!(again.bytes, first.bytes);
}

fn objects() -> [&'static Object; 1] {
    [&kinds::OBJECT]
}

ebpf! {
    #[license = "GPL"]
    mod notes {
        #[raw_tracepoint("sys_enter")]
        fn first(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 8) = 40;
            *(u32 *)(r10 - 4) = 2;
            r2 = r10;
            r2 += -8;
            call add;
            exit;
        }

        pub fn add(#[arg(ctx)] ctx: *mut c_void, #[arg(nonnull)] pair: *mut Pair) -> i32 {
            r0 = *(u32 *)(r2 + 0);          // no test: it is never null
            r3 = *(u64 *)(r1 + 0);          // of the context
            r2 = *(u32 *)(r2 + 4);
            r0 += r2;
            exit;
        }
    }
}

fn notes_on_parameters() {
    let notes = notes::load().unwrap();
    let id = notes.progs.first.info().unwrap().id;
    let records = records(id).unwrap();
    let btf = Types::parse(&records.btf).unwrap();
    let add = btf.find("add", Kind::Func).unwrap();
    let tags: Vec<_> = btf.tags(add).collect();
    assert_eq!(tags, [(Some(0), "arg:ctx"), (Some(1), "arg:nonnull")]);
}

fn notes_on_parameters_before() {
    let error = notes::load().unwrap_err();
    assert_eq!(error.kind(), ebpf_rt::ErrorKind::Unsupported);
    let error = error.to_string();
    assert!(
        error.contains(
            "the note `arg:ctx` on a parameter of the function `add` needs type information of \
             the kind BTF_KIND_DECL_TAG, which came with Linux 5.16, and this is"
        ),
        "{error}"
    );
}

/// The kernel's own, of which only the name counts.
#[derive(Clone, Copy, Btf)]
#[btf(name = "task_struct")]
#[repr(C)]
struct Task {}

#[derive(Clone, Copy, Pod, Btf)]
#[repr(C)]
struct Watched {
    task: bpf_kptr<Task>,
    since: u64,
}

ebpf! {
    #[license = "GPL"]
    mod watching {
        static WATCHED: HashMap<u32, Watched> = HashMap::with_max_entries(4);

        #[socket_filter]
        fn keep(ctx: *mut c_void) -> i32 {
            r1 = WATCHED ll;
            r0 = 0;
            exit;
        }
    }
}

fn kernel_pointer() {
    let watching = watching::load().unwrap();
    let mut value = watching.maps.WATCHED.get(&1).unwrap();
    assert!(value.is_none());
    watching.maps.WATCHED.insert(1, bytemuck_zeroed()).unwrap();
    value = watching.maps.WATCHED.get(&1).unwrap();
    assert_eq!(value.unwrap().since, 0);
}

fn bytemuck_zeroed() -> Watched {
    ebpf_rt::bytemuck::Zeroable::zeroed()
}

fn kernel_pointer_before() {
    let error = watching::load().unwrap_err().to_string();
    assert!(
        error.contains(
            "a kernel pointer to `task_struct` needs type information of the kind BTF_KIND_TYPE_TAG"
        ),
        "{error}"
    );
}

#[derive(Clone, Copy, Pod, Btf)]
#[repr(C)]
struct Node {
    number: u64,
    link: bpf_list_node,
}

#[derive(Clone, Copy, Pod, Btf)]
#[repr(C)]
struct List {
    lock: bpf_spin_lock,
    length: u32,
    #[btf(contains(Node, link))]
    head: bpf_list_head,
}

ebpf! {
    #[license = "GPL"]
    mod listing {
        static LISTS: Array<List> = Array::with_max_entries(1);

        #[sk_skb_verdict]
        fn keep(ctx: *mut c_void) -> i32 {
            r1 = LISTS ll;
            r0 = 0;
            exit;
        }
    }
}

/// The kernel refuses a list of which it does not know what it holds.
fn list() {
    let listing = listing::load().unwrap();
    assert_eq!(listing.maps.LISTS.get(0).unwrap().length, 0);
}

fn callbacks_before() {
    let error = walking::load().unwrap_err();
    assert_eq!(error.kind(), ebpf_rt::ErrorKind::Unsupported);
    let error = error.to_string();
    assert!(
        error.contains("a function that is passed to a helper needs Linux 5.13, and this is"),
        "{error}"
    );
}
