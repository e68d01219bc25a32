//! What the verifier refuses, at the instruction: the programs of `data/rejected.s`.

use super::common::{leak, load_plain};
use super::text_object::{TextObject, TextProgram};
use core::ffi::c_void;
use ebpf_asm::link::Linked;
use ebpf_asm::syntax::TokenList;
use ebpf_asm::syntax::ast::StaticItem;
use ebpf_rt::object::{MapDef, ProgramKind};
use ebpf_rt::verifier_log::BtfLog;
use ebpf_rt::{Array, Error, ErrorKind, KernelVersion, MapType, Object};
use kernel_test::{Need, Suite};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rejected.s");
const TEXT: &str = include_str!("../data/rejected.s");

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.test("rejections::places_and_reasons", ROOT, places_and_reasons);
    suite.test("rejections::in_the_macro", ROOT, in_the_macro);
    suite.test("rejections::type_information", ROOT, type_information);
    // Before Linux 5.16 there is no such field.
    let needs = &[Need::Root, Need::Kernel(5, 16)];
    suite.test("rejections::map", needs, map_with_extra);
}

const BPF_F_RDONLY_PROG: u32 = 1 << 7;
const BPF_F_WRONLY_PROG: u32 = 1 << 8;

fn map(name: &'static str) -> MapDef {
    let (map_type, key, value, entries) = match name {
        "COUNTS" => (MapType::Hash, 4, 8, 16),
        "RECORDS" | "READ_ONLY" | "WRITE_ONLY" => (MapType::Array, 4, 48, 4),
        "CALLS" => (MapType::ProgArray, 4, 4, 4),
        "EVENTS" => (MapType::Ringbuf, 0, 0, 4096),
        "BUFFER" => (MapType::PercpuArray, 4, 4096, 1),
        "BUFFERS" => (MapType::Hash, 4, 4096, 16),
        _ => panic!("{name}"),
    };
    let flags = match name {
        "READ_ONLY" => BPF_F_RDONLY_PROG,
        "WRITE_ONLY" => BPF_F_WRONLY_PROG,
        _ => 0,
    };
    MapDef::new(name, map_type, key, value, entries).with_flags(flags)
}

fn kind(attribute: &str) -> Option<ProgramKind> {
    Some(match attribute {
        "socket_filter" => ProgramKind::SocketFilter,
        "raw_tracepoint" => ProgramKind::RawTracepoint { name: "sys_enter" },
        "sk_skb_stream_verdict" => ProgramKind::SkSkbStreamVerdict,
        "uprobe_session" => ProgramKind::UprobeSession {
            path: "",
            pattern: "",
        },
        _ => return None,
    })
}

/// A program of the file, and what is to become of it.
pub(crate) struct Rejected {
    pub(crate) name: String,
    kind: ProgramKind,
    license: &'static str,
    /// The kernels that take it.
    pub(crate) accepted_by: Vec<String>,
    /// Position among the file's functions.
    pub(crate) function: usize,
}

/// The parsed file.
struct File(TextObject);

impl File {
    fn parse() -> Self {
        let map = |_: &TokenList, item: &StaticItem| map(item.name.text.clone().leak());
        Self(TextObject::parse(TEXT, map))
    }

    fn rejected(&self) -> Vec<Rejected> {
        let mut all = Vec::new();
        for (function, item) in self.0.functions().into_iter().enumerate() {
            let attributes = || item.attributes.iter();
            let Some(kind) = attributes().find_map(|attribute| kind(&attribute.name.text)) else {
                assert!(item.attributes.is_empty(), "{}", item.name.text);
                continue;
            };
            let accepted = attributes().find(|attribute| attribute.name.text == "accepted_by");
            let accepted = accepted.map(|attribute| {
                let range = &attribute.content;
                let text = self.0.tokens.render(range.start, range.end);
                let versions = text.split('"').skip(1).step_by(2);
                versions.map(str::to_owned).collect()
            });
            let is_gpl = attributes().all(|attribute| attribute.name.text != "proprietary");
            all.push(Rejected {
                name: item.name.text.clone(),
                kind,
                license: if is_gpl { "GPL" } else { "Proprietary" },
                accepted_by: accepted.unwrap_or_default(),
                function,
            });
        }
        all
    }

    fn link(&self, rejected: &Rejected) -> Linked {
        self.0.link(rejected.function)
    }

    /// Loads it; with a log of this level, if that is not 0.
    fn load(&self, rejected: &Rejected, level: u32) -> Result<(), Error> {
        let program = TextProgram {
            name: &rejected.name,
            kind: rejected.kind,
            license: rejected.license,
            function: rejected.function,
            file: FILE,
        };
        self.0.load(&program, level)
    }
}

/// The file's programs, for what is tested without a kernel.
pub(crate) fn programs() -> (TextObject, Vec<Rejected>) {
    let file = File::parse();
    let rejected = file.rejected();
    (file.0, rejected)
}

/// The marks of a function: place and what is said there.
fn marks(file: &File, rejected: &Rejected) -> Vec<(String, Vec<&'static str>)> {
    let linked = file.link(rejected);
    let lines: std::collections::BTreeSet<u32> = linked.spans.iter().map(|s| s.line).collect();
    let mut marks = Vec::new();
    for (number, line) in (1u32..).zip(TEXT.lines()) {
        let Some((_, reasons)) = line.split_once("# <- ").filter(|_| lines.contains(&number))
        else {
            continue;
        };
        let column = line.len() - line.trim_start().len() + 1;
        let reasons = reasons.split(" | ").map(str::trim).collect();
        marks.push((format!(" at {FILE}:{number}:{column}"), reasons));
    }
    assert!(!marks.is_empty(), "{} has no mark", rejected.name);
    marks
}

/// The kernel of the matrix that this is one of, by its version.
fn series() -> &'static str {
    let kernel = kernel_test::kernel_version();
    let known = [(5, 10), (6, 1), (6, 12), (6, 18)];
    match known.iter().position(|&version| kernel < version) {
        Some(0 | 1) => "5.10",
        Some(2) => "6.1",
        Some(3) => "6.12",
        _ if kernel < (6, 19) => "6.18",
        _ => "7.3",
    }
}

/// Each program is refused with the kernel's reason, at the instruction that is refused.
fn places_and_reasons() {
    let file = File::parse();
    let series = series();
    let (mut refused, mut wrong) = (0, Vec::new());
    for rejected in file.rejected() {
        let name = &rejected.name;
        let accepted = rejected.accepted_by.iter().any(|by| by == series);
        let error = match file.load(&rejected, 0) {
            Ok(()) if accepted => continue,
            Ok(()) => {
                wrong.push(format!("{name}: accepted"));
                continue;
            }
            Err(_) if accepted => {
                wrong.push(format!("{name}: refused, and not accepted"));
                continue;
            }
            Err(error) => error,
        };
        refused += 1;
        let line = error.to_string();
        let fits = marks(&file, &rejected).iter().any(|(place, reasons)| {
            line.ends_with(place.as_str()) && reasons.iter().any(|reason| line.contains(reason))
        });
        let start = format!("rejected::{name}: rejected by the kernel: ");
        // The log of level 2 has more in it, and says the same.
        let long = file.load(&rejected, 2).unwrap_err();
        let is_same = long.to_string() == line && long.log() != error.log();
        let drawn = format!("{error:#}");
        // The file is there, so that its lines are shown; and there is advice on each.
        let wanted = [
            format!("--> {FILE}:"),
            "# <- ".to_owned(),
            " = help: ".to_owned(),
        ];
        let is_drawn = wanted.iter().all(|part| drawn.contains(part));
        let is_right = line.starts_with(&start) && fits && is_drawn && is_same;
        if error.kind() != ErrorKind::Rejected || !is_right {
            wrong.push(format!("{name}: {error:#}"));
        }
    }
    println!(
        "{} of {refused} refused programs have the right line, column and reason on {series}",
        refused - wrong.len().min(refused)
    );
    assert!(refused >= 50, "{refused}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

ebpf_rt::ebpf! {
    #[license = "GPL"]
    mod imprecise {
        static RECORDS: Array<u64> = Array::with_max_entries(4);

        // What is added is always 0, which no run tells from a mistake; the verifier does not
        // see it.
        #[socket_filter]
        fn adds_nothing(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 4) = 1;
            r2 = r10;
            r2 += -4;
            r1 = RECORDS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto out;
            r1 = *(u64 *)(r0 + 0);
            r1 &= 7;
            r2 = *(u64 *)(r0 + 0);
            r2 |= 7;
            r1 &= r2;
            r2 = r1;
            r2 <<= 3;
            r2 >>= 3;
            r1 -= r2;
            r0 += r1;
            r0 = *(u64 *)(r0 + 0);  // <- refused
        out:
            r0 = 0;
            exit;
        }
    }
}

/// Line and column are those of the macro's tokens, several statements to a line.
fn in_the_macro() {
    let text = include_str!("rejections.rs");
    let error = imprecise::load().unwrap_err();
    let line = error.to_string();
    let (number, source) = (1..)
        .zip(text.lines())
        .find(|(_, line)| line.ends_with("// <- refused"))
        .unwrap();
    let column = source.len() - source.trim_start().len() + 1;
    let place = format!(" at {}:{number}:{column}", file!());
    assert!(
        line.starts_with("imprecise::adds_nothing: rejected by the kernel: ")
            && line.ends_with(&place),
        "{error:#}"
    );
    // In the guests of the matrix the source is not where it was compiled, and the kernel's
    // spelling of the instruction stands in its place.
    let drawn = format!("{error:#}");
    let shown = source.trim_end_matches("; // <- refused").trim();
    let spelled = "r0 = *(u64 *)(r0 +0)";
    assert!(drawn.contains(shown) || drawn.contains(spelled), "{drawn}");
    assert!(drawn.contains("\nnote: r0 got its value here\n"), "{drawn}");
    assert!(
        drawn.contains("if r0 == 0") && drawn.contains("not taken"),
        "{drawn}"
    );
}

/// Type information from its parts: the types, and names that begin with a zero byte.
fn btf(types: &[u32], names: &[u8]) -> Vec<u8> {
    let types: Vec<u8> = types.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut bytes = 0xeb9fu16.to_ne_bytes().to_vec();
    bytes.extend([1, 0]);
    for word in [24, 0, types.len(), types.len(), names.len()] {
        bytes.extend((word as u32).to_ne_bytes());
    }
    bytes.extend(types);
    bytes.extend(names);
    bytes
}

/// What the kernel says about type information is read: the type, the member, the reason.
fn type_information() {
    let kind = |kind: u32, length: u32| kind << 24 | length;
    let int = |bits: u32| [1, kind(1, 0), 4, 1 << 24 | bits];
    let names = b"\0x\0event\0pid\0";
    let structure = |of: u32, offset: u32| [3, kind(4, 1), 4, 9, of, offset];
    let cases = [
        (
            btf(&int(32), b"\0x"),
            "",
            "last byte of the strings is no zero",
        ),
        (btf(&int(99), names), "INT x: ", "a number of too many bits"),
        (
            btf(&[int(32).as_slice(), &structure(7, 0)].concat(), names),
            "STRUCT event, member pid: ",
            "a member of a type that is not there",
        ),
        (
            btf(&[int(32).as_slice(), &structure(1, 32)].concat(), names),
            "STRUCT event, member pid: ",
            "a member behind the end",
        ),
        (
            btf(&[0, kind(2, 0), 9], names),
            "PTR number 1: ",
            "a pointer to nothing",
        ),
    ];
    for (bytes, start, what) in cases {
        let (_, log) = kernel_test::bpf::load_btf(&bytes).unwrap_err();
        let read = BtfLog::parse(&log).unwrap_or_else(|| panic!("{what}: {log}"));
        let line = read.to_string();
        assert!(
            line.starts_with(start) && !read.reason.is_empty(),
            "{what}: {line}\n{log}"
        );
        assert_eq!(read.type_id.is_some(), !start.is_empty(), "{what}: {log}");
        println!("{what}: {line}");
    }
}

/// A hash table with what only Bloom filters have: the newest kernel says that.
fn map_with_extra() {
    let map = MapDef::new("COUNTS", MapType::Hash, 4, 8, 16).with_extra(1);
    let object = Object::new(
        "rejected",
        "GPL",
        KernelVersion::DEFAULT_MINIMUM,
        leak(vec![map]),
        &[],
        &[],
    );
    let error = load_plain(&object).unwrap_err();
    let (kind, expected) = match kernel_test::kernel_version() >= (7, 3) {
        true => (
            ErrorKind::Rejected,
            "rejected::COUNTS: rejected by the kernel: Invalid map_extra.",
        ),
        false => (
            ErrorKind::System,
            "object `rejected`, map `COUNTS`: BPF_MAP_CREATE failed with EINVAL: this kernel has \
             no Hash map with keys of 4 bytes, values of 8 bytes, 16 entries and flags 0x0",
        ),
    };
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected));
}
