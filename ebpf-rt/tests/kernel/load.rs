//! Loading: how many calls it takes, what stays behind, what options do.

use super::common::{
    counts_up, leak, load_plain, object, program, program_with_maps, returns, slots,
};
use ebpf_rt::isa::{Instruction, Register::*};
use ebpf_rt::load::{ConstantValue, MapOptions, Options, RawProgramOptions, load};
use ebpf_rt::maps::{GlobalDef, Map, RodataDef};
use ebpf_rt::object::{
    ConstantDef, ConstantField, ConstantType, LineTable, ProgramDef, ProgramKind, Relocation,
    RelocationKind,
};
use ebpf_rt::programs::{Program, RawTracepoint, SocketFilter, Tracepoint};
use ebpf_rt::{ErrorKind, Global, HashMap, KernelVersion, Object, PerCpuArray, Rodata, maps::Def};
use kernel_test::bpf::{Kind, ids};
use kernel_test::{Child, Need, Suite};
use std::os::unix::net::UnixDatagram;

const ROOT: &[Need] = &[Need::Root];
const OPENAT: ProgramKind = ProgramKind::Tracepoint {
    category: "syscalls",
    name: "sys_enter_openat",
};

pub(crate) fn add(suite: &mut Suite) {
    suite.test("load::calls_of_a_program", ROOT, calls_of_a_program);
    suite.test(
        "load::calls_of_a_program_with_a_map",
        ROOT,
        calls_with_a_map,
    );
    suite.test(
        "load::calls_of_read_only_data",
        ROOT,
        calls_of_read_only_data,
    );
    suite.test("load::nothing_stays_behind", ROOT, nothing_stays_behind);
    suite.test("load::options", ROOT, options);
    suite.test("load::constants", ROOT, constants);
    suite.test("load::large_logs_are_whole", ROOT, large_logs_are_whole);
    suite.child("load_program", || {
        let filter = program("f", ProgramKind::SocketFilter, &returns(0));
        load_plain(&object(vec![], vec![filter])).unwrap();
    });
    suite.child("load_program_with_map", || {
        static COUNTS: Def<HashMap<u32, u64>> = HashMap::with_max_entries(8);
        let filter = program_with_maps("f", ProgramKind::SocketFilter, &uses_map_0());
        load_plain(&object(vec![COUNTS.map_def("COUNTS")], vec![filter])).unwrap();
    });
    suite.child("load_read_only_data", || {
        static CONFIG: RodataDef<u32> = Rodata::new(7);
        let filter = program_with_maps("f", ProgramKind::SocketFilter, &uses_map_0());
        load_plain(&object(vec![CONFIG.map_def("CONFIG")], vec![filter])).unwrap();
    });
    suite.child("leaks", leaks);
}

fn uses_map_0() -> [Instruction; 3] {
    [
        Instruction::load_map_fd(R1, 0),
        Instruction::mov_imm(R0, 0),
        Instruction::exit(),
    ]
}

/// The bpf(2) commands that the child makes, counted by the kernel's own tracing.
pub(crate) fn bpf_commands(child: &'static str) -> Vec<u64> {
    kernel_test::trace::system_calls(Child::new(child).command())
        .unwrap()
        .into_iter()
        .filter(|(number, _)| *number == libc::SYS_bpf as u64)
        .map(|(_, command)| command)
        .collect()
}

const MAP_CREATE: u64 = 0;
const MAP_UPDATE_ELEM: u64 = 2;
const PROG_LOAD: u64 = 5;
const MAP_FREEZE: u64 = 22;

fn calls_of_a_program() {
    assert_eq!(bpf_commands("load_program"), [PROG_LOAD]);
}

fn calls_with_a_map() {
    assert_eq!(
        bpf_commands("load_program_with_map"),
        [MAP_CREATE, PROG_LOAD]
    );
}

fn calls_of_read_only_data() {
    assert_eq!(
        bpf_commands("load_read_only_data"),
        [MAP_CREATE, MAP_UPDATE_ELEM, MAP_FREEZE, PROG_LOAD]
    );
}

fn nothing_stays_behind() {
    // A process of its own, whose descriptors nobody else opens and closes.
    let output = Child::new("leaks").output();
    assert!(output.contains("nothing stays"), "{output}");
}

fn leaks() {
    static HITS: GlobalDef<u64> = Global::new(0);
    static CONFIG: RodataDef<u32> = Rodata::new(7);
    static CALLS: Def<PerCpuArray<u64>> = PerCpuArray::with_max_entries(1);
    let all_ids = || [Kind::Program, Kind::Map, Kind::Link].map(|kind| (kind, ids(kind)));
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = all_ids();
    let open = descriptors();
    let mut ours: Vec<(Kind, u32)> = Vec::new();
    {
        let raw = ProgramKind::RawTracepoint { name: "sys_enter" };
        let object = object(
            vec![
                HITS.map_def("HITS"),
                CONFIG.map_def("CONFIG"),
                CALLS.map_def("CALLS"),
            ],
            vec![
                program_with_maps("count", OPENAT, &counts_up()),
                program_with_maps("count_all", raw, &counts_up()),
                program("keep", ProgramKind::SocketFilter, &returns(4)),
                program("refused", ProgramKind::SocketFilter, &[Instruction::exit()]),
            ],
        );
        let mut optional = [(); 4].map(|()| RawProgramOptions::default());
        optional[3].optional();
        let mut loaded = load(&object, &[], &optional, &[], &Options::default()).unwrap();
        let hits: Global<u64> = loaded.map(0).unwrap();
        let config: Rodata<u32> = loaded.map(1).unwrap();
        let count: Tracepoint = loaded.program(0).unwrap();
        let all: RawTracepoint = loaded.program(1).unwrap();
        let keep: SocketFilter = loaded.program(2).unwrap();
        let refused: SocketFilter = loaded.program(3).unwrap();
        assert!(!refused.is_loaded());
        let (_a, b) = UnixDatagram::pair().unwrap();
        let _links = (
            count.attach().unwrap(),
            all.attach().unwrap(),
            keep.attach_to(&b).unwrap(),
        );
        assert_eq!(config.get().unwrap(), 7);
        super::common::make_system_calls(1);
        assert!(hits.get() > 0, "the programs run");
        count.attach_to("syscalls", "no_such").unwrap_err();
        ours.push((Kind::Map, hits.as_raw().id().unwrap()));
        ours.push((Kind::Map, config.as_raw().id().unwrap()));
        ours.push((Kind::Program, count.as_raw().id().unwrap()));
        ours.push((Kind::Program, all.as_raw().id().unwrap()));
        ours.push((Kind::Program, keep.as_raw().id().unwrap()));
        for (kind, now) in all_ids() {
            let known = &before.iter().find(|(known, _)| *known == kind).unwrap().1;
            let new: Vec<u32> = now.into_iter().filter(|id| !known.contains(id)).collect();
            assert!(!new.is_empty(), "{kind:?}: the test sees what it makes");
        }
    }
    assert_eq!(descriptors(), open, "descriptors");
    // Others may load and unload at the same time, so only what is ours counts. The kernel
    // frees some of it a moment later.
    for (kind, id) in ours {
        assert!(
            super::common::eventually(|| !ids(kind).contains(&id)),
            "{kind:?} {id} stays"
        );
    }
    println!("nothing stays");
}

fn options() {
    static COUNTS: Def<HashMap<u32, u64>> = HashMap::with_max_entries(8);
    let filter = || program_with_maps("f", ProgramKind::SocketFilter, &uses_map_0());
    let object = object(
        vec![COUNTS.map_def("COUNTS")],
        vec![
            filter(),
            program("refused", ProgramKind::SocketFilter, &[Instruction::exit()]),
        ],
    );
    // Without `optional` the second program fails the load.
    assert_eq!(load_plain(&object).unwrap_err().kind(), ErrorKind::Rejected);

    let shared = HashMap::<u32, u64>::create(3).unwrap();
    let mut maps = MapOptions::<HashMap<u32, u64>>::default();
    maps.share(&shared);
    let mut programs = [(); 2].map(|()| RawProgramOptions::default());
    programs[1].optional();
    let mut options = Options::default();
    options.log_level(1);
    let mut loaded = load(&object, &[maps.into()], &programs, &[], &options).unwrap();
    let map: HashMap<u32, u64> = loaded.map(0).unwrap();
    shared.insert(1, 2).unwrap();
    assert_eq!(map.get(&1).unwrap(), Some(2));
    let first: SocketFilter = loaded.program(0).unwrap();
    assert!(
        first.log().unwrap().contains("processed "),
        "{:?}",
        first.log()
    );
    let second: SocketFilter = loaded.program(1).unwrap();
    let (_, socket) = UnixDatagram::pair().unwrap();
    let error = second.attach_to(&socket).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotLoaded);
    assert_eq!(
        error.to_string(),
        "object `test`, program `refused`: it is not loaded: it is optional and was refused \
         (test::refused: rejected by the kernel: R0 !read_ok at instruction 0)"
    );

    programs[1] = RawProgramOptions::default();
    programs[1].skip();
    let mut loaded = load(&object, &[], &programs, &[], &Options::default()).unwrap();
    let second: SocketFilter = loaded.program(1).unwrap();
    assert!(!second.is_loaded());
    assert_eq!(
        second.attach_to(&socket).unwrap_err().kind(),
        ErrorKind::NotLoaded
    );
}

fn constants() {
    let insns = slots(&returns(0));
    let relocation = RelocationKind::Constant {
        constant: 0,
        field: ConstantField::SignedImm,
    };
    let keep = ProgramDef::new(
        "keep",
        ProgramKind::SocketFilter,
        insns,
        leak(vec![Relocation::new(0, relocation)]),
        &[],
        LineTable::EMPTY,
    );
    let object = Object::new(
        "test",
        "GPL",
        KernelVersion::DEFAULT_MINIMUM,
        &[],
        leak(vec![ConstantDef::new("BYTES", ConstantType::U8)]),
        leak(vec![keep]),
    );
    for bytes in [1u8, 3] {
        let value = Some(ConstantValue::from(bytes));
        let mut loaded = load(&object, &[], &[], &[value], &Options::default()).unwrap();
        let keep: SocketFilter = loaded.program(0).unwrap();
        let (from, to) = UnixDatagram::pair().unwrap();
        let _link = keep.attach_to(&to).unwrap();
        from.send(b"Hello").unwrap();
        assert_eq!(to.recv(&mut [0; 8]).unwrap(), usize::from(bytes));
    }
}

fn large_logs_are_whole() {
    let mut instructions = vec![Instruction::mov_imm(R0, 0); 4000];
    instructions.push(Instruction::mov_reg(R0, R9));
    instructions.push(Instruction::exit());
    let object = object(
        vec![],
        vec![program("long", ProgramKind::SocketFilter, &instructions)],
    );
    let error = load_plain(&object).unwrap_err();
    assert_eq!(
        error.to_string(),
        "test::long: rejected by the kernel: R9 !read_ok at instruction 4000"
    );
    let log = error.log().unwrap();
    assert!(log.len() > 65_536, "{}", log.len());
    // Before its first instruction newer kernels have more to say.
    let first = log
        .lines()
        .take(10)
        .any(|line| line.starts_with("0: (b7) r0 = 0"));
    assert!(first && log.contains("processed "), "not whole");
}
