//! Loading, through the seam: which calls are made, in which order, with what in them.

use super::*;
use crate::maps::{Array, Def, Global, GlobalDef, HashMap, Rodata, RodataDef};
use crate::programs::{SocketFilter, Tracepoint};
use crate::sys::Call;
use crate::sys::script::{Script, names, run};
use crate::{Errno, ErrorKind, KernelVersion};
use ebpf_asm::isa::Insn;
use ebpf_asm::object::{
    ConstantDef, ConstantField, ConstantType, LineTable, ProgramDef, ProgramKind, Relocation,
    RelocationKind,
};

const EXIT: [Insn; 2] = Insn::array_from_le_bytes(b"\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0");
const WITH_MAP: [Insn; 4] = Insn::array_from_le_bytes(
    b"\x18\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0",
);

static COUNTS: Def<HashMap<u32, u64>> = HashMap::with_max_entries(16);
static PRIMES: Def<Array<u32>> = Array::with_max_entries(4).initial(&[2, 3, 5]).read_only();
static CONFIG: RodataDef<u32> = Rodata::new(7);
static ZERO: GlobalDef<u64> = Global::new(0);

const fn filter(insns: &'static [Insn], relocations: &'static [Relocation]) -> ProgramDef {
    let lines = LineTable::new("src/main.rs", &[12, 0, 0, 0, 9, 0, 13, 0, 0, 0, 5, 0]);
    ProgramDef::new(
        "count",
        ProgramKind::SocketFilter,
        insns,
        relocations,
        &[],
        lines,
    )
}

const fn object(
    maps: &'static [MapDef],
    constants: &'static [ConstantDef],
    programs: &'static [ProgramDef],
) -> Object {
    Object::new(
        "opens",
        "GPL",
        KernelVersion::new(5, 10),
        maps,
        constants,
        programs,
    )
}

static PLAIN: Object = object(&[], &[], &[filter(&EXIT, &[])]);

fn load_plain(script: Script) -> (Result<Loaded, Error>, Vec<crate::sys::script::Recorded>) {
    run(script, || load(&PLAIN, &[], &[], &[], &Options::default()))
}

/// Answers `BPF_PROG_LOAD` with a log and an error.
fn refused(script: Script, log: &'static str, errno: Errno) -> Script {
    script.with(move |call| {
        let Call::Bpf { attr, .. } = call else {
            panic!("{call:?}")
        };
        let size: u32 = bytemuck::pod_read_unaligned(&attr[28..32]);
        let to: u64 = bytemuck::pod_read_unaligned(&attr[32..40]);
        assert!(size as usize > log.len());
        // SAFETY: the buffer of the log has `size` bytes.
        unsafe { core::ptr::copy_nonoverlapping(log.as_ptr(), to as usize as *mut u8, log.len()) };
        Err(errno)
    })
}

#[test]
fn a_program_is_one_call_without_a_log() {
    let (loaded, calls) = load_plain(Script::new().fd());
    let program: SocketFilter = loaded.unwrap().program(0).unwrap();
    assert!(program.is_loaded());
    assert_eq!(program.log(), None);
    assert_eq!(names(&calls), ["BPF_PROG_LOAD"]);
    assert_eq!((calls[0].u32(0), calls[0].u32(4)), (1, 2));
    assert_eq!(calls[0].u32(24), 0, "the level of the log");
    assert_eq!(&calls[0].attr[48..54], b"count\0");
    assert_eq!(calls[0].attr.len(), 64, "only what is needed");
}

#[test]
fn a_map_is_one_call_more_and_its_descriptor_is_filled_in() {
    static RELOCATIONS: [Relocation; 1] = [Relocation::new(0, RelocationKind::MapFd { map: 0 })];
    static PROGRAM: [ProgramDef; 1] = [filter(&WITH_MAP, &RELOCATIONS)];
    static MAPS: [MapDef; 1] = [COUNTS.map_def("COUNTS_OF_OPENAT_CALLS")];
    static OBJECT: Object = object(&MAPS, &[], &PROGRAM);
    let script = Script::new().fd().with(|call| {
        let Call::Bpf { attr, .. } = call else {
            panic!("{call:?}")
        };
        let insns: u64 = bytemuck::pod_read_unaligned(&attr[8..16]);
        // SAFETY: four instructions are being loaded.
        let first = unsafe { *(insns as usize as *const Insn) };
        assert_eq!((first.opcode(), first.src()), (0x18, 1));
        // The script gives real descriptors; this is the map's.
        assert!(first.imm() > 2);
        Err(Errno::EBUSY)
    });
    let script = refused(script, "", Errno::EBUSY);
    let (result, calls) = run(script, || load(&OBJECT, &[], &[], &[], &Options::default()));
    result.unwrap_err();
    assert_eq!(names(&calls[..2]), ["BPF_MAP_CREATE", "BPF_PROG_LOAD"]);
    let map = &calls[0];
    assert_eq!(
        [map.u32(0), map.u32(4), map.u32(8), map.u32(12)],
        [1, 4, 8, 16]
    );
    assert_eq!(&map.attr[28..], b"COUNTS_OF_OPENA\0");
}

#[test]
fn read_only_data_is_filled_and_frozen() {
    static MAPS: [MapDef; 1] = [CONFIG.map_def("CONFIG")];
    static OBJECT: Object = object(&MAPS, &[], &[]);
    let script = Script::new().fd().value(0).value(0);
    let (_, calls) = run(script, || {
        load(&OBJECT, &[], &[], &[], &Options::default()).unwrap()
    });
    assert_eq!(
        names(&calls),
        ["BPF_MAP_CREATE", "BPF_MAP_UPDATE_ELEM", "BPF_MAP_FREEZE"]
    );
    assert_eq!(calls[0].u32(16), 1 << 7, "BPF_F_RDONLY_PROG");
}

#[test]
fn several_initial_values_are_one_call_and_zeros_are_none() {
    static MAPS: [MapDef; 2] = [PRIMES.map_def("PRIMES"), ZERO.map_def("ZERO")];
    static OBJECT: Object = object(&MAPS, &[], &[]);
    let script = Script::new().fd().value(0).value(0).fd();
    let (_, calls) = run(script, || {
        load(&OBJECT, &[], &[], &[], &Options::default()).unwrap()
    });
    assert_eq!(
        names(&calls),
        [
            "BPF_MAP_CREATE",
            "BPF_MAP_UPDATE_BATCH",
            "BPF_MAP_FREEZE",
            "BPF_MAP_CREATE"
        ]
    );
    assert_eq!(calls[1].u32(32), 3, "the number of values");
    assert_eq!(calls[3].u32(16), 1 << 10, "BPF_F_MMAPABLE");
}

#[test]
fn a_rejection_has_reason_place_and_log() {
    let log = "0: R1=ctx() R10=fp0\n0: (b7) r0 = 0\n1: (95) exit\nR2 !read_ok\nprocessed 2 insns\n";
    let script = refused(Script::new().fails(Errno::EACCES), log, Errno::EACCES);
    let (result, calls) = load_plain(script);
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "opens::count: rejected by the kernel: R2 !read_ok at src/main.rs:13:5"
    );
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.errno(), Some(Errno::EACCES));
    assert_eq!(error.log(), Some(log));
    assert_eq!(
        [calls[0].u32(24), calls[1].u32(24)],
        [0, 1],
        "the levels of the log"
    );
}

#[test]
fn the_log_grows_until_it_is_whole() {
    let full = |true_size: u32| {
        move |call: &mut Call<'_>| {
            let Call::Bpf { attr, .. } = call else {
                panic!("{call:?}")
            };
            attr[140..144].copy_from_slice(&true_size.to_ne_bytes());
            Err(Errno::ENOSPC)
        }
    };
    // A kernel that says how large the log is, and one that does not.
    let script = Script::new()
        .fails(Errno::EINVAL)
        .with(full(1_000_000))
        .with(full(0));
    let (result, calls) = load_plain(refused(script, "0: (95) exit\nno\n", Errno::EINVAL));
    assert!(
        result
            .unwrap_err()
            .to_string()
            .contains("rejected by the kernel: no at src/main.rs:12:9")
    );
    let sizes: Vec<u32> = calls.iter().map(|call| call.u32(28)).collect();
    assert_eq!(sizes, [0, 65_536, 1_000_000, 4_000_000]);
}

#[test]
fn a_log_that_was_asked_for_comes_with_the_first_call() {
    let mut options = Options::default();
    options.log_level(2);
    let script = Script::new().fd();
    let (program, calls) = run(script, || {
        let mut loaded = load(&PLAIN, &[], &[], &[], &options).unwrap();
        loaded.program::<SocketFilter>(0).unwrap()
    });
    assert_eq!(program.log(), Some(""));
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].u32(24), 2);
}

#[test]
fn statistics_alone_are_not_enough_for_a_refusal() {
    let log = "0: R1=ctx() R10=fp0\n0: (b7) r0 = 0\n1: (95) exit\nR2 !read_ok\nprocessed 2 insns\n";
    let script = refused(Script::new().fails(Errno::EACCES), log, Errno::EACCES);
    let mut options = Options::default();
    options.log_level(4);
    let (result, calls) = run(script, || load(&PLAIN, &[], &[], &[], &options).map(drop));
    assert_eq!(
        result.unwrap_err().to_string(),
        "opens::count: rejected by the kernel: R2 !read_ok at src/main.rs:13:5"
    );
    assert_eq!([calls[0].u32(24), calls[1].u32(24)], [4, 5]);
}

#[test]
fn a_pending_signal_and_an_interruption_are_tried_again() {
    let mut script = Script::new().fails(Errno::EINTR);
    for _ in 0..4 {
        script = script.fails(Errno::EAGAIN);
    }
    let (result, calls) = load_plain(script.fd());
    result.unwrap();
    assert_eq!(calls.len(), 6);
}

#[test]
fn memory_limits_are_lifted_where_the_kernel_counts() {
    let old = Script::new().release("5.10.0-1-amd64");
    let (result, calls) = load_plain(old.fails(Errno::EPERM).value(0).fd());
    result.unwrap();
    assert_eq!(
        names(&calls),
        ["BPF_PROG_LOAD", "setrlimit", "BPF_PROG_LOAD"]
    );

    let new = Script::new()
        .capabilities(0)
        .fails(Errno::EPERM)
        .fails(Errno::EPERM);
    let (result, calls) = load_plain(new);
    assert_eq!(names(&calls), ["BPF_PROG_LOAD", "BPF_PROG_LOAD"]);
    assert_eq!(
        result.unwrap_err().to_string(),
        "object `opens`, program `count`: BPF_PROG_LOAD failed with EPERM: the process lacks \
         CAP_BPF (unprivileged_bpf_disabled is 2); run it as root or give the executable the \
         capability: setcap cap_bpf+ep FILE"
    );
}

#[test]
fn an_old_kernel_is_named_only_after_a_failure() {
    let script = Script::new()
        .release("5.4.0")
        .fails(Errno::EINVAL)
        .fails(Errno::EINVAL);
    let (result, _) = load_plain(script);
    let line = result.unwrap_err().to_string();
    assert!(
        line.ends_with("; the object needs Linux 5.10, and this is 5.4"),
        "{line}"
    );
    load_plain(Script::new().release("5.4.0").fd()).0.unwrap();
}

static PORT: [ConstantDef; 1] = [ConstantDef::new("PORT", ConstantType::U16)];
static PORT_IN_SLOT_0: [Relocation; 1] = [Relocation::new(
    0,
    RelocationKind::Constant {
        constant: 0,
        field: ConstantField::Offset,
    },
)];
static NEEDS_PORT: Object = object(&[], &PORT, &[filter(&EXIT, &PORT_IN_SLOT_0)]);

fn load_with_port(port: Option<ConstantValue>) -> String {
    let (result, calls) = run(Script::new(), || {
        load(&NEEDS_PORT, &[], &[], &[port], &Options::default())
    });
    assert_eq!(calls, [], "it is found before the kernel is asked");
    result.unwrap_err().to_string()
}

#[test]
fn a_constant_without_a_value_is_named() {
    assert_eq!(
        load_with_port(None),
        "object `opens`, program `count`: the constant `PORT` has no value; set it before \
         loading: loader.consts.PORT.set(…)"
    );
}

#[test]
fn a_constant_that_does_not_fit_is_refused() {
    assert_eq!(
        load_with_port(Some(40_000u16.into())),
        "object `opens`, program `count`: the constant `PORT` is 40000: a 16-bit \
         offset holds -32768 to 32767 at src/main.rs:12:9"
    );
    assert!(load_with_port(Some((-1).into())).contains("its type u16 holds 0 to 65535"));
}

#[test]
fn a_program_that_is_left_out_has_a_handle_that_says_so() {
    let mut options = RawProgramOptions::default();
    options.skip();
    let (result, calls) = run(Script::new(), || {
        let mut loaded = load(&NEEDS_PORT, &[], &[options], &[], &Options::default())?;
        loaded.program::<SocketFilter>(0)
    });
    let program = result.unwrap();
    assert_eq!(calls, []);
    assert!(!program.is_loaded());
    let socket = std::fs::File::open("/dev/null").unwrap();
    let error = program.attach_to(&socket).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLoaded);
    assert_eq!(
        error.to_string(),
        "object `opens`, program `count`: it is not loaded: it was left out with skip()"
    );
}

#[test]
fn an_optional_program_that_is_refused_has_a_handle_that_says_why() {
    let mut options = RawProgramOptions::default();
    options.optional();
    let script = refused(
        Script::new().fails(Errno::EINVAL),
        "0: (95) exit\nno\n",
        Errno::EINVAL,
    );
    let (program, _) = run(script, || {
        let mut loaded = load(&PLAIN, &[], &[options], &[], &Options::default()).unwrap();
        loaded.program::<SocketFilter>(0).unwrap()
    });
    assert_eq!(program.load_error().unwrap().kind(), ErrorKind::Rejected);
    assert_eq!(program.log(), Some("0: (95) exit\nno\n"));
}

#[test]
fn maps_are_shared_if_they_fit() {
    static MAPS: [MapDef; 1] = [COUNTS.map_def("COUNTS")];
    static OBJECT: Object = object(&MAPS, &[], &[]);
    let (result, calls) = run(Script::new().fd().fd(), || {
        let counts = HashMap::<u32, u64>::create(4).unwrap();
        let mut options = MapOptions::<HashMap<u32, u64>>::default();
        options.share(&counts);
        let loaded = load(&OBJECT, &[options.into()], &[], &[], &Options::default()).unwrap();
        let map: HashMap<u32, u64> = loaded.map(0).unwrap();
        assert_eq!(map.as_raw().max_entries(), 4);

        let other = Array::<u64>::create(4).unwrap();
        let mut options = RawMapOptions::default();
        options.share(other.as_raw());
        load(&OBJECT, &[options], &[], &[], &Options::default())
    });
    assert_eq!(names(&calls), ["BPF_MAP_CREATE", "BPF_MAP_CREATE"]);
    assert_eq!(
        result.unwrap_err().to_string(),
        "object `opens`, map `COUNTS`: its definition (Hash, keys of 4 bytes, values of 8 \
         bytes) does not fit the map it is to be shared with: map `array` (Array, keys of 4 \
         bytes, values of 8 bytes)"
    );
}

#[test]
fn sizes_are_changed_and_wrong_types_are_refused() {
    static MAPS: [MapDef; 1] = [COUNTS.map_def("COUNTS")];
    static OBJECT: Object = object(&MAPS, &[], &[filter(&EXIT, &[])]);
    let (_, calls) = run(Script::new().fd().fd(), || {
        let mut options = MapOptions::<HashMap<u32, u64>>::default();
        options.max_entries(99);
        let mut loaded = load(&OBJECT, &[options.into()], &[], &[], &Options::default()).unwrap();
        let wrong = loaded.map::<HashMap<u32, u32>>(0).unwrap_err();
        assert!(
            wrong.to_string().contains("values of 4 bytes is wanted"),
            "{wrong}"
        );
        loaded.map::<HashMap<u32, u64>>(1).unwrap_err();
        let wrong = loaded.program::<Tracepoint>(0).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "object `opens`, program `count`: a Tracepoint is wanted, and this is a \
             socket_filter program"
        );
        loaded.program::<SocketFilter>(0).unwrap_err();
    });
    assert_eq!(calls[0].u32(12), 99);
}

#[test]
fn too_many_options_are_an_error() {
    let (result, _) = run(Script::new(), || {
        load(&PLAIN, &[], &[], &[None], &Options::default())
    });
    assert_eq!(
        result.unwrap_err().to_string(),
        "object `opens`: options for 1 constants are given, and it has 0"
    );
}

#[test]
fn handles_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<HashMap<u32, u64>>();
    check::<crate::LruHashMap<u32, u64>>();
    check::<crate::PerCpuHashMap<u32, u64>>();
    check::<crate::LruPerCpuHashMap<u32, u64>>();
    check::<Array<u64>>();
    check::<crate::PerCpuArray<u64>>();
    check::<Rodata<u64>>();
    check::<Global<u64>>();
    check::<crate::RingBuf>();
    check::<crate::maps::Reader<'static, u64>>();
    check::<crate::maps::MappedArray<u64>>();
    check::<crate::PerfEventArray<u64>>();
    check::<crate::maps::PerfRings<u64>>();
    check::<crate::UserRingBuf>();
    check::<crate::maps::Writer<'static>>();
    check::<crate::LpmTrie<core::net::Ipv4Addr, u64>>();
    check::<crate::ArrayOfMaps<HashMap<u32, u64>>>();
    check::<SocketFilter>();
    check::<Tracepoint>();
    check::<crate::programs::RawTracepoint>();
    check::<crate::links::SocketFilterLink>();
    check::<crate::links::ReuseportLink>();
    check::<crate::links::TracepointLink>();
    check::<crate::links::RawTracepointLink>();
    check::<Loaded>();
    check::<crate::TracePipe>();
}

#[test]
fn a_refused_map_names_all_that_the_programs_will_need() {
    const TRACEPOINT: ProgramDef = ProgramDef::new(
        "count",
        ProgramKind::Tracepoint {
            category: "syscalls",
            name: "sys_enter_openat",
        },
        &EXIT,
        &[],
        &[],
        LineTable::EMPTY,
    );
    static TRACING: Object = object(
        &[MapDef::new("COUNTS", ebpf_asm::MapType::Hash, 4, 8, 16)],
        &[],
        &[TRACEPOINT],
    );
    let script = Script::new().fails(Errno::EPERM).capabilities(0);
    let (result, _) = run(script, || {
        load(&TRACING, &[], &[], &[], &Options::default())
    });
    let line = result.unwrap_err().to_string();
    assert!(
        line.contains("the process lacks CAP_BPF and CAP_PERFMON"),
        "{line}"
    );
}

/// Loads a program that goes to this function, or to none, with these options.
#[cfg(feature = "btf")]
fn load_fentry(script: Script, kind: ProgramKind, options: RawProgramOptions) -> String {
    let def = ProgramDef::new("enter", kind, &EXIT, &[], &[], LineTable::EMPTY);
    let object = object(&[], &[], vec![def].leak());
    let (result, _) = run(script, || {
        load(&object, &[], &[options], &[], &Options::default())
    });
    result.unwrap_err().to_string()
}

#[cfg(feature = "btf")]
#[test]
fn what_programs_go_to_is_asked_for_and_looked_up() {
    let fentry = |function| ProgramKind::Fentry {
        function,
        sleepable: false,
    };
    let plain = RawProgramOptions::default;
    assert_eq!(
        load_fentry(Script::new(), fentry(""), plain()),
        "object `opens`, program `enter`: its attribute does not say where it goes; say it before \
         loading: loader.progs.enter.target(…)"
    );
    let replaces = ProgramKind::Extension { function: "rule" };
    assert_eq!(
        load_fentry(Script::new(), replaces, plain()),
        "object `opens`, program `enter`: the program that it is to replace a function of is not \
         said; say it before loading: loader.progs.enter.target_program(&program)?"
    );
    let mut target = plain();
    target.target("vfs_read");
    let error = load_fentry(Script::new(), ProgramKind::SocketFilter, target);
    assert!(
        error.contains("a socket_filter program has none"),
        "{error}"
    );
    let without = || Script::new().fails(Errno::ENOENT);
    let error = load_fentry(without(), fentry("vfs_read"), plain());
    assert!(
        error.contains("this kernel has no type information") && error.contains("INFO_BTF"),
        "{error}"
    );
    let error = load_fentry(without().release("5.3.0"), fentry("vfs_read"), plain());
    assert!(
        error.contains("a fentry program needs Linux 5.5, and this is 5.3"),
        "{error}"
    );
}
