//! Types and records on their way to the kernel: when they are sent, and what older kernels get.

use super::*;
use crate::maps::{Array, Def, HashMap};
use crate::sys::Call;
use crate::sys::script::{Recorded, Script, names, run};
use ebpf_asm::KernelVersion;
use ebpf_asm::btf::{Btf, Kind};
use ebpf_asm::isa::Insn;
use ebpf_asm::object::{
    BtfType, CompositeDef, EnumValueDef, FunctionRecord, LineTable, Linkage, MemberDef,
    ParameterDef, ProgramDef, ProgramKind, SignatureDef, SourceLines, TypeDef,
};
use std::cell::RefCell;
use std::rc::Rc;

/// `r2 = f ll`, the call of a helper, `exit`; and `f`.
const WITH_CALLBACK: [Insn; 6] = Insn::array_from_le_bytes(
    b"\x18\x42\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\x85\0\0\0\xb5\0\0\0\x95\0\0\0\0\0\0\0\
      \xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0",
);
const EXIT: [Insn; 2] = Insn::array_from_le_bytes(b"\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0");

static SIGNATURE: SignatureDef =
    SignatureDef::new(&[ParameterDef::new("at", <u64>::TYPE, &[])], i64::TYPE);

const fn program(
    insns: &'static [Insn],
    functions: &'static [FunctionRecord],
    lines: LineTable,
) -> ProgramDef {
    let kind = ProgramKind::SocketFilter;
    ProgramDef::new("count", kind, insns, &[], functions, lines)
}

const fn object(maps: &'static [MapDef], programs: &'static [ProgramDef]) -> Object {
    Object::new(
        "opens",
        "GPL",
        KernelVersion::new(5, 10),
        maps,
        &[],
        programs,
    )
}

static CALLBACK: Object = object(
    &[],
    &[program(
        &WITH_CALLBACK,
        &[
            FunctionRecord::new("count", 0, Linkage::Static).with_signature(&SIGNATURE),
            FunctionRecord::new("f", 4, Linkage::Static).with_signature(&SIGNATURE),
        ],
        // The second slot of the load and the function have no line.
        LineTable::new(
            "src/main.rs",
            &[
                12, 0, 0, 0, 9, 0, 12, 0, 0, 0, 9, 0, 13, 0, 0, 0, 9, 0, 14, 0, 0, 0, 9, 0, 0, 0,
                0, 0, 0, 0,
            ],
        ),
    )],
)
.with_source(SourceLines::new(12, "r2 = f ll;\n\nexit;"));

/// BTF that was to be loaded.
type Loaded = Rc<RefCell<Vec<Vec<u8>>>>;

/// Answers `BPF_BTF_LOAD`, with a log if there is a place for one; keeps the types.
fn btf_load(script: Script, loaded: &Loaded, answer: Result<(), (Errno, &'static str)>) -> Script {
    let loaded = Rc::clone(loaded);
    script.with(move |call| {
        let Call::Bpf { attr, .. } = call else {
            panic!("{call:?}")
        };
        let address: u64 = bytemuck::pod_read_unaligned(&attr[..8]);
        let size: u32 = bytemuck::pod_read_unaligned(&attr[16..20]);
        // SAFETY: the attribute says so.
        let bytes =
            unsafe { core::slice::from_raw_parts(address as usize as *const u8, size as usize) };
        loaded.borrow_mut().push(bytes.to_vec());
        let (errno, log) = match answer {
            Err(refusal) => refusal,
            Ok(()) => {
                use std::os::fd::IntoRawFd;
                let null = std::fs::File::open("/dev/null").expect("/dev/null");
                return Ok(i64::from(null.into_raw_fd()));
            }
        };
        let to: u64 = bytemuck::pod_read_unaligned(&attr[8..16]);
        let room: u32 = bytemuck::pod_read_unaligned(&attr[20..24]);
        if room as usize > log.len() {
            // SAFETY: the buffer of the log has `room` bytes.
            unsafe {
                core::ptr::copy_nonoverlapping(log.as_ptr(), to as usize as *mut u8, log.len());
            }
        }
        Err(errno)
    })
}

fn load_all(
    script: Script,
    object: &'static Object,
    options: &Options,
) -> (Result<super::Loaded, Error>, Vec<Recorded>) {
    run(script, || load(object, &[], &[], &[], options))
}

#[test]
fn a_callback_brings_types_of_functions_and_lines() {
    let loaded = Loaded::default();
    let script = btf_load(Script::new(), &loaded, Ok(())).with(|call| {
        let Call::Bpf { attr, .. } = call else {
            panic!("{call:?}")
        };
        // Up to where it would be attached.
        assert_eq!(attr.len(), 108);
        let word = |at: usize| -> u32 { bytemuck::pod_read_unaligned(&attr[at..at + 4]) };
        let address = |at: usize| -> u64 { bytemuck::pod_read_unaligned(&attr[at..at + 8]) };
        assert!(word(72) > 2, "the descriptor of the types");
        assert_eq!((word(76), word(88)), (8, 2), "functions");
        assert_eq!((word(92), word(104)), (16, 4), "lines");
        // SAFETY: as many as are said.
        let functions =
            unsafe { core::slice::from_raw_parts(address(80) as usize as *const [u32; 2], 2) };
        assert_eq!((functions[0][0], functions[1][0]), (0, 4));
        // SAFETY: as many as are said.
        let lines =
            unsafe { core::slice::from_raw_parts(address(96) as usize as *const [u32; 4], 4) };
        let places: Vec<_> = lines
            .iter()
            .map(|l| (l[0], l[3] >> 10, l[3] & 0x3ff))
            .collect();
        assert_eq!(places, [(0, 12, 9), (2, 13, 9), (3, 14, 9), (4, 0, 0)]);
        Err(Errno::EBUSY)
    });
    let script = script.fails(Errno::EBUSY);
    let (result, calls) = load_all(script, &CALLBACK, &Options::default());
    result.unwrap_err();
    assert_eq!(
        names(&calls),
        ["BPF_BTF_LOAD", "BPF_PROG_LOAD", "BPF_PROG_LOAD"]
    );
    let bytes = &loaded.borrow()[0];
    let btf = Btf::parse(bytes).unwrap();
    let f = btf.find("f", Kind::Func).unwrap();
    assert_eq!(btf.c_name(f).unwrap(), "i64 f(u64 at)");
}

#[test]
fn before_5_13_a_callback_is_an_error_that_says_so() {
    let loaded = Loaded::default();
    let script = Script::new().release("5.10.0-1-amd64");
    let script = btf_load(script, &loaded, Ok(()));
    let script = script.fails(Errno::EINVAL).fails(Errno::EINVAL);
    let (result, _) = load_all(script, &CALLBACK, &Options::default());
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "object `opens`, program `count`: BPF_PROG_LOAD failed with EINVAL: a function that is \
         passed to a helper needs Linux 5.13, and this is 5.10"
    );
}

#[test]
fn a_plain_object_has_types_only_when_they_are_asked_for() {
    static COUNTS: Def<HashMap<u32, u64>> = HashMap::with_max_entries(1);
    static MAPS: [MapDef; 1] = [COUNTS.map_def("COUNTS").with_types(u32::TYPE, u64::TYPE)];
    static PLAIN: Object = object(&MAPS, &[program(&EXIT, &[], LineTable::EMPTY)]);
    let (_, calls) = load_all(Script::new().fd().fd(), &PLAIN, &Options::default());
    assert_eq!(names(&calls), ["BPF_MAP_CREATE", "BPF_PROG_LOAD"]);
    assert_eq!((calls[0].attr.len(), calls[1].attr.len()), (44, 64));

    let mut options = Options::default();
    options.debug_info(true);
    let loaded = Loaded::default();
    let script = btf_load(Script::new(), &loaded, Ok(())).fd().fd();
    let (result, calls) = load_all(script, &PLAIN, &options);
    result.unwrap();
    assert_eq!(
        names(&calls),
        ["BPF_BTF_LOAD", "BPF_MAP_CREATE", "BPF_PROG_LOAD"]
    );
    let bytes = &loaded.borrow()[0];
    let btf = Btf::parse(bytes).unwrap();
    let ids = ["u32", "u64"].map(|name| btf.find(name, Kind::Int).unwrap().get());
    assert_eq!([calls[1].u32(52), calls[1].u32(56)], ids);
    assert_eq!(calls[1].attr.len(), 60);
}

#[test]
fn a_map_that_only_describes_itself_is_created_without() {
    static COUNTS: Def<HashMap<u32, u64>> = HashMap::with_max_entries(1);
    static MAPS: [MapDef; 1] = [COUNTS.map_def("COUNTS").with_types(u32::TYPE, u64::TYPE)];
    static PLAIN: Object = object(&MAPS, &[]);
    let mut options = Options::default();
    options.debug_info(true);
    let loaded = Loaded::default();
    let script = btf_load(Script::new(), &loaded, Ok(()));
    let (result, calls) = load_all(script.fails(Errno::EINVAL).fd(), &PLAIN, &options);
    result.unwrap();
    assert_eq!(calls[2].attr.len(), 44);
}

const WIDE: TypeDef = TypeDef::Enum {
    name: "Wide",
    size: 8,
    signed: false,
    values: &[EnumValueDef::new("ONE", 1)],
};
const LEVEL: TypeDef = TypeDef::Enum {
    name: "Level",
    size: 1,
    signed: true,
    values: &[EnumValueDef::new("LOW", -3)],
};
const LOCK: TypeDef = TypeDef::Struct(CompositeDef::new("bpf_spin_lock", 4, &[]));
const VALUE: TypeDef = TypeDef::Struct(CompositeDef::new(
    "Value",
    24,
    &[
        MemberDef::new("lock", &LOCK, 0),
        MemberDef::new("level", &LEVEL, 4),
        MemberDef::new("wide", &WIDE, 8),
        MemberDef::new("half", f64::TYPE, 16),
    ],
));
static VALUES: Def<Array<[u64; 3]>> = Array::with_max_entries(1);

#[test]
fn older_kernels_are_told_what_they_know() {
    static MAPS: [MapDef; 1] = [VALUES.map_def("VALUES").with_types(u32::TYPE, &VALUE)];
    static LOCKED: Object = object(&MAPS, &[]);
    let loaded = Loaded::default();
    let script = Script::new().release("5.10.0-1-amd64");
    let script = btf_load(script, &loaded, Err((Errno::EINVAL, "")));
    let script = btf_load(script, &loaded, Ok(())).fd();
    let (result, calls) = load_all(script, &LOCKED, &Options::default());
    result.unwrap();
    assert_eq!(
        names(&calls),
        ["BPF_BTF_LOAD", "BPF_BTF_LOAD", "BPF_MAP_CREATE"]
    );
    let loaded = loaded.borrow();
    let kinds = |bytes: &[u8]| -> Vec<Kind> {
        let btf = Btf::parse(bytes).unwrap();
        btf.own_ids()
            .map(|id| btf.kind(id).unwrap().unwrap())
            .collect()
    };
    assert!(kinds(&loaded[0]).contains(&Kind::Enum64));
    assert!(kinds(&loaded[0]).contains(&Kind::Float));
    let known = KernelVersion::new(5, 10);
    assert!(kinds(&loaded[1]).iter().all(|kind| kind.since() <= known));
    // That an enumeration has a sign came with 6.0, too.
    for (bytes, signed) in [(&loaded[0], true), (&loaded[1], false)] {
        let btf = Btf::parse(bytes).unwrap();
        let level = btf.find_enum("Level").unwrap();
        assert_eq!(btf.is_signed(level), Ok(signed));
    }
    // What is left lies where it lay.
    let btf = Btf::parse(&loaded[1]).unwrap();
    let value = btf.find("Value", Kind::Struct).unwrap();
    assert_eq!(btf.member(value, "half").unwrap().bit_offset, 128);
    assert_eq!(btf.size_of(btf.member(value, "wide").unwrap().ty), Ok(8));
    assert_eq!(btf.size_of(btf.member(value, "half").unwrap().ty), Ok(8));
}

#[test]
fn what_the_kernel_has_to_know_is_never_left_out() {
    const POINTER: TypeDef = TypeDef::TaggedPointer {
        tag: "kptr",
        to: || &LOCK,
    };
    static MAPS: [MapDef; 1] = [VALUES.map_def("VALUES").with_types(u32::TYPE, &POINTER)];
    static WATCHED: Object = object(&MAPS, &[]);
    let loaded = Loaded::default();
    let script = Script::new().release("5.10.0-1-amd64");
    let script = btf_load(script, &loaded, Err((Errno::EINVAL, "")));
    let (result, _) = load_all(script, &WATCHED, &Options::default());
    assert_eq!(
        result.unwrap_err().to_string(),
        "object `opens`: a kernel pointer to `bpf_spin_lock` needs type information of the kind \
         BTF_KIND_TYPE_TAG, which came with Linux 5.17, and this is 5.10"
    );
}

#[test]
fn a_refusal_of_types_is_told_in_the_kernels_words() {
    static MAPS: [MapDef; 1] = [VALUES.map_def("VALUES").with_types(u32::TYPE, &VALUE)];
    static LOCKED: Object = object(&MAPS, &[]);
    let log = "[1] INT u32 size=4\n[2] STRUCT Value size=24 Member exceeds struct_size\n";
    let loaded = Loaded::default();
    let script = btf_load(Script::new(), &loaded, Err((Errno::EINVAL, "")));
    let script = btf_load(script, &loaded, Err((Errno::EINVAL, log)));
    let (result, _) = load_all(script, &LOCKED, &Options::default());
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(
        error.to_string(),
        "opens: type information rejected by the kernel: STRUCT Value: Member exceeds struct_size"
    );
    assert_eq!(error.log(), Some(log));

    let script = Script::new().capabilities(0).fails(Errno::EPERM);
    let (result, _) = load_all(script, &LOCKED, &Options::default());
    let error = result.unwrap_err().to_string();
    assert!(error.contains("the process lacks CAP_BPF"), "{error}");
}

#[test]
fn names_that_the_kernel_does_not_take_are_found_before_it_is_asked() {
    const BAD: TypeDef = TypeDef::Struct(CompositeDef::new(
        "Value",
        8,
        &[
            MemberDef::new("lock", &LOCK, 0),
            MemberDef::new("größe", u32::TYPE, 4),
        ],
    ));
    static MAPS: [MapDef; 1] = [VALUES.map_def("VALUES").with_types(u32::TYPE, &BAD)];
    static LOCKED: Object = object(&MAPS, &[]);
    let (result, calls) = load_all(Script::new(), &LOCKED, &Options::default());
    assert_eq!(calls, []);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("does not take the name `größe`"));
}
